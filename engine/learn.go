package engine

import (
	"fmt"

	"github.com/qtune/qtune/catalog"
	"github.com/qtune/qtune/profiles"
)

// maxStarts bounds what is kept of the starts of an engine block: the last ones.
const maxStarts = 64

// Learn takes in how many tokens the KV cache of a start held by its log; what is
// worked out for other candidates of the same engine block, on as many cards, is
// corrected by it. A start whose cache was given, or is not reckoned, teaches nothing.
func (s *Site) Learn(e *profiles.Engine, c profiles.Candidate, tokens int) {
	if s.Card == nil || s.Model == nil || tokens <= 0 {
		return
	}
	r := newReading(e.Kind, c)
	r.block = e.Label()
	for _, name := range unreckonedFlags {
		if r.has(name) {
			return
		}
	}
	start, ok := s.start(r, tokens)
	if !ok || len(r.odd) > 0 {
		return
	}
	if s.starts == nil {
		s.starts = map[string][]catalog.Start{}
	}
	known := append(s.starts[r.place()], start)
	s.starts[r.place()] = known[max(0, len(known)-maxStarts):]
}

// start compares the log of a start with what is worked out for it.
func (s *Site) start(r *reading, tokens int) (catalog.Start, bool) {
	model := s.modelOf(r)
	switch r.kind {
	case "vllm":
		f := r.vllm(s.Card.CPU)
		logged, ok := f.LoggedKV(*s.Card, model, tokens)
		return catalog.Start{Estimate: catalog.VLLMMemory(*s.Card, model, f).KVBytes, Logged: logged}, ok
	case "sglang":
		f := r.sglang()
		logged, ok := f.LoggedKV(*s.Card, model, tokens)
		return catalog.Start{Estimate: catalog.SGLangMemory(*s.Card, model, f).KVBytes, Logged: logged}, ok
	}
	return catalog.Start{}, false
}

func (s *Site) learned(r *reading) catalog.Correction {
	if len(s.starts) == 0 {
		return catalog.Correction{}
	}
	return catalog.Correct(s.starts[r.place()])
}

// place is where what a start says holds: for the same engine on as many cards.
func (r *reading) place() string {
	p := r.parallel()
	return fmt.Sprintf("%s %d %d", r.block, p.Tensor, p.Pipeline)
}
