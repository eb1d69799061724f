package profiles

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/qtune/qtune/bench"
)

var (
	workloadWords = words{
		attrs:  []string{"api", "stream", "seed", "slo", "reset_cache"},
		blocks: []string{"prompts", "single", "closed", "open", "trace", "max_rate", "timeouts"},
		once:   []string{"prompts", "timeouts", "trace", "max_rate"},
		later:  []string{"sessions"},
	}
	promptWords = words{
		attrs: []string{"input_tokens", "input_spread", "output_spread", "shared_prefix", "file", "trace"},
		later: []string{"dataset"},
	}
	timeoutWords = words{attrs: []string{"first_token", "between_tokens", "request"}}
	singleWords  = words{attrs: []string{"output_tokens", "requests", "duration", "warmup"}}
	closedWords  = words{attrs: []string{"users", "output_tokens", "requests", "duration", "warmup", "burst"}, later: []string{"think_time"}}
)

func (l *loader) workload(p *Profile, b *hclsyntax.Block) {
	if !l.labels(b, "name") {
		return
	}
	w := bench.Workload{Name: b.Labels[0], API: DefaultAPI, Seed: DefaultSeed}
	twice := slices.ContainsFunc(p.Workloads, func(o bench.Workload) bool { return o.Name == w.Name })
	if twice {
		l.errorf(codeTwice, b.DefRange(), fmt.Sprintf("A second workload %q", w.Name), "Give each workload its own name.")
	}
	s := l.section(b, workloadWords)
	s.api(&w)
	s.slo(&w)
	s.truth("reset_cache", &w.ResetCache)
	s.prompts(&w.Prompts)
	s.timeouts(&w.Timeouts)
	s.levels(&w, p)
	if !twice {
		p.Workloads = append(p.Workloads, w)
	}
}

// api reads which interface is spoken, and how.
func (s *section) api(w *bench.Workload) {
	api, seed, stream := string(w.API), DefaultSeed, true
	var known []string
	for _, a := range bench.APIs() {
		known = append(known, string(a))
	}
	s.choice("api", &api, known...)
	s.whole("seed", &seed, 0, math.MaxInt)
	s.truth("stream", &stream)
	w.API, w.Seed, w.Whole = bench.API(api), uint64(seed), !stream
	if w.Whole && w.API != bench.APICompletions && w.API != bench.APIChat {
		s.l.errorf(codeConflict, s.body.Attributes["stream"].SrcRange, fmt.Sprintf("%s is only spoken as a stream", api),
			"Answers in one piece are known of completions and chat. Take stream out.")
	}
}

// slo reads slo = { ttft_p95 = "2s", e2e = "10s" }.
func (s *section) slo(w *bench.Workload) {
	f, ok := s.given("slo")
	if !ok {
		return
	}
	if !f.isObject() {
		f.wrong(codeWrongType, "slo takes an object", fmt.Sprintf("This is %s. Write slo = { ttft_p95 = \"2s\", tpot = \"50ms\" }.", describe(f.value)))
		return
	}
	for _, e := range f.l.entries(exprOf(f), f.value) {
		v := field{l: s.l, name: e.name, value: e.value, expr: e.expr, at: e.at}
		d, ok := v.duration()
		if !ok {
			continue
		}
		limit, err := bench.ParseLimit(e.name, d.String())
		if err != nil {
			s.l.errorf(codeUnknownWord, e.at, fmt.Sprintf("Unknown limit %s", clip(e.name)), "A limit is on ttft, tpot or e2e, and perhaps on its _mean, _p50, _p90, _p95 or _p99: ttft_p95 = \"2s\".")
			continue
		}
		w.SLO = append(w.SLO, limit)
	}
}

func (s *section) timeouts(t *bench.Timeouts) {
	b := s.child("timeouts")
	if b == nil {
		return
	}
	inner := s.l.section(b, timeoutWords)
	inner.duration("first_token", &t.FirstToken)
	inner.duration("between_tokens", &t.BetweenTokens)
	inner.duration("request", &t.Request)
}

func (s *section) levels(w *bench.Workload, p *Profile) {
	loaded, there := false, len(matches(p, selector{}))
	for _, b := range s.body.Blocks {
		read := s.l.loads()[b.Type]
		if read == nil {
			continue
		}
		loaded = true
		more := read(b, w)
		if there += len(more); there > maxLoads {
			s.l.errorf(codeTooLarge, b.DefRange(), "Too many loads", fmt.Sprintf("A profile has at most %s. Take some out.", grouped(maxLoads)))
			return
		}
		for _, level := range more {
			s.addLevel(w, level, b.DefRange())
		}
		s.l.valid(w, b.DefRange(), more)
	}
	if !loaded {
		s.missing("load", "Write closed { users = [1, 4, 16], output_tokens = 50 }, or single { output_tokens = 50 }.")
	}
}

// loads are the blocks that say how requests arrive.
func (l *loader) loads() map[string]func(*hclsyntax.Block, *bench.Workload) []bench.Level {
	return map[string]func(*hclsyntax.Block, *bench.Workload) []bench.Level{
		"single": l.single, "closed": l.closed, "open": l.open, "trace": l.replay, "max_rate": l.highest,
	}
}

func (s *section) addLevel(w *bench.Workload, level bench.Level, at hcl.Range) {
	for _, o := range w.Levels {
		if sameLoad(o, level) {
			s.l.errorf(codeTwice, at, fmt.Sprintf("The load %q stands there twice", level), "Measuring the same load twice tells nothing new. Take one of them out.")
			return
		}
	}
	w.Levels = append(w.Levels, level)
}

// sameLoad says whether two levels differ at most in how long they go on.
func sameLoad(a, b bench.Level) bool {
	a.Requests, a.Duration, a.Warmup = b.Requests, b.Duration, b.Warmup
	return a == b
}

// valid reports what no server could make of a block's levels, once.
func (l *loader) valid(w *bench.Workload, at hcl.Range, levels []bench.Level) {
	if l.diags.HasErrors() {
		return // it may be a consequence of those
	}
	for _, level := range levels {
		if err := w.Check(level); err != nil {
			hint := "Change it."
			if h, ok := errors.AsType[interface {
				error
				Hint() string
			}](err); ok {
				hint = sentence(h.Hint())
			}
			l.errorf(codeBadValue, at, strings.TrimSuffix(sentence(err.Error()), "."), hint)
			return
		}
	}
}

// recorded says whether a workload's prompts bring the lengths of their answers.
func recorded(w *bench.Workload) bool { return w.Prompts.File != nil || w.Prompts.Trace != nil }

func (l *loader) single(b *hclsyntax.Block, w *bench.Workload) []bench.Level {
	s := l.section(b, singleWords)
	var all []bench.Level
	for _, n := range s.wholes("output_tokens", 1, maxTokens) {
		all = append(all, s.limits(bench.Level{Kind: bench.KindSingle, Users: 1, OutputTokens: n}))
	}
	switch {
	case !s.has("output_tokens") && recorded(w):
		all = append(all, s.limits(bench.Level{Kind: bench.KindSingle, Users: 1}))
	case !s.has("output_tokens"):
		s.missing("output_tokens", "Write how long the answers are, in tokens: output_tokens = [50, 200].")
	}
	return all
}

func (l *loader) closed(b *hclsyntax.Block, w *bench.Workload) []bench.Level {
	s := l.section(b, closedWords)
	level := bench.Level{Kind: bench.KindClosed}
	burst := false
	if s.truth("burst", &burst); burst {
		level.Kind = bench.KindBurst
		for _, name := range []string{"requests", "duration"} {
			if s.has(name) {
				l.errorf(codeConflict, s.body.Attributes[name].NameRange, fmt.Sprintf("A burst takes no %s", name),
					"In a burst each user sends one request, once. Take it out, or take burst out.")
			}
		}
	}
	s.whole("output_tokens", &level.OutputTokens, 1, maxTokens)
	for _, name := range []string{"users", "output_tokens"} {
		if !s.has(name) && (name == "users" || !recorded(w)) {
			s.missing(name, "Write closed { users = [1, 4, 16], output_tokens = 50 }.")
		}
	}
	var all []bench.Level
	for _, n := range s.wholes("users", 1, maxUsers) {
		level.Users = n
		all = append(all, s.limits(level))
	}
	return all
}

// limits reads how long a level goes on.
func (s *section) limits(level bench.Level) bench.Level {
	level.Warmup = defaultWarmup(level.Kind, level.Users)
	s.whole("warmup", &level.Warmup, 0, maxRequests)
	if level.Kind != bench.KindBurst {
		s.whole("requests", &level.Requests, 1, maxRequests)
		s.duration("duration", &level.Duration)
	}
	return level
}
