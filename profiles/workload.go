package profiles

import (
	"fmt"
	"math"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/qtune/qtune/bench"
)

var (
	workloadWords = words{
		attrs:  []string{"api", "seed"},
		blocks: []string{"prompts", "single", "closed", "timeouts"},
		once:   []string{"prompts", "timeouts"},
		later:  []string{"open", "trace", "sessions"},
	}
	promptWords  = words{attrs: []string{"input_tokens"}, later: []string{"file", "trace", "dataset", "shared_prefix", "prefix_tokens", "distribution"}}
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
		l.errorf(b.DefRange(), fmt.Sprintf("A second workload %q", w.Name), "Give each workload its own name.")
	}
	s := l.section(b, workloadWords)
	api, seed := string(w.API), DefaultSeed
	s.choice("api", &api, string(bench.APICompletions), string(bench.APIChat))
	s.whole("seed", &seed, 0, math.MaxInt)
	w.API, w.Seed = bench.API(api), uint64(seed)
	s.prompts(&w.Prompts)
	s.timeouts(&w.Timeouts)
	s.levels(&w, p)
	if !twice {
		p.Workloads = append(p.Workloads, w)
	}
}

func (s *section) prompts(p *bench.Prompts) {
	b := s.child("prompts")
	if b == nil {
		s.missing("prompts", "Write prompts { input_tokens = 128 }.")
		return
	}
	inner := s.l.section(b, promptWords)
	inner.whole("input_tokens", &p.InputTokens, 1, maxTokens)
	if len(inner.body.Attributes) == 0 {
		inner.missing("input_tokens", "Write how long each prompt is, in tokens: input_tokens = 128.")
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
		var more []bench.Level
		switch b.Type {
		case "single":
			more = s.l.single(b)
		case "closed":
			more = s.l.closed(b)
		case "open":
			loaded = true // that it is not built yet has been said
		}
		if there += len(more); there > maxLoads {
			s.l.errorf(b.DefRange(), "Too many loads", fmt.Sprintf("A profile has at most %s. Take some out.", grouped(maxLoads)))
			return
		}
		for _, level := range more {
			s.addLevel(w, level, b.DefRange())
		}
		loaded = loaded || b.Type == "single" || b.Type == "closed"
	}
	if !loaded {
		s.missing("load", "Write closed { users = [1, 4, 16], output_tokens = 50 }, or single { output_tokens = 50 }.")
	}
}

func (s *section) addLevel(w *bench.Workload, level bench.Level, at hcl.Range) {
	for _, o := range w.Levels {
		if o.Kind == level.Kind && o.Users == level.Users && o.OutputTokens == level.OutputTokens {
			s.l.errorf(at, fmt.Sprintf("The load %q stands there twice", level), "Measuring the same load twice tells nothing new. Take one of them out.")
			return
		}
	}
	w.Levels = append(w.Levels, level)
}

func (l *loader) single(b *hclsyntax.Block) []bench.Level {
	s := l.section(b, singleWords)
	var all []bench.Level
	for _, n := range s.wholes("output_tokens", 1, maxTokens) {
		all = append(all, s.limits(bench.Level{Kind: bench.KindSingle, Users: 1, OutputTokens: n}))
	}
	if !s.has("output_tokens") {
		s.missing("output_tokens", "Write how long the answers are, in tokens: output_tokens = [50, 200].")
	}
	return all
}

func (l *loader) closed(b *hclsyntax.Block) []bench.Level {
	s := l.section(b, closedWords)
	level := bench.Level{Kind: bench.KindClosed}
	burst := false
	if s.truth("burst", &burst); burst {
		level.Kind = bench.KindBurst
		for _, name := range []string{"requests", "duration"} {
			if s.has(name) {
				l.errorf(s.body.Attributes[name].NameRange, fmt.Sprintf("A burst takes no %s", name),
					"In a burst each user sends one request, once. Take it out, or take burst out.")
			}
		}
	}
	s.whole("output_tokens", &level.OutputTokens, 1, maxTokens)
	for _, name := range []string{"users", "output_tokens"} {
		if !s.has(name) {
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
