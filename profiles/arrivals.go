package profiles

import (
	"fmt"

	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/qtune/qtune/bench"
)

var (
	openWords = words{attrs: []string{
		"rate", "rate_end", "steps", "arrival", "burstiness", "output_tokens", "requests", "duration", "warmup", "max_in_flight",
	}}
	replayWords  = words{attrs: []string{"speedup", "requests", "duration", "warmup", "max_in_flight"}}
	highestWords = words{attrs: []string{
		"rate", "rate_end", "arrival", "burstiness", "output_tokens", "requests", "duration", "warmup", "max_in_flight",
	}}
)

// highestRate is the highest rate that may be asked for, in requests per second.
const highestRate = 1_000_000

// open reads a load whose requests arrive whether or not the server keeps up.
func (l *loader) open(b *hclsyntax.Block, w *bench.Workload) []bench.Level {
	s := l.section(b, openWords)
	level := bench.Level{Kind: bench.KindOpen}
	s.arrivals(&level, w, "open { rate = [0.5, 1, 2], output_tokens = 200 }")
	s.whole("steps", &level.Steps, 2, maxRequests)
	if !s.has("rate") {
		s.missing("rate", "Write open { rate = [0.5, 1, 2], output_tokens = 200 }.")
	}
	var all []bench.Level
	for _, rate := range s.decimals("rate", highestRate) {
		level.Rate = rate
		all = append(all, s.limits(level))
	}
	return all
}

// arrivals reads how requests are spaced, and how long their answers are.
func (s *section) arrivals(level *bench.Level, w *bench.Workload, example string) {
	arrival := string(bench.ArrivalPoisson)
	s.choice("arrival", &arrival, string(bench.ArrivalPoisson), string(bench.ArrivalConstant), string(bench.ArrivalGamma))
	level.Arrival = bench.Arrival(arrival)
	s.decimal("burstiness", &level.Burstiness)
	s.decimal("rate_end", &level.RateEnd)
	s.whole("output_tokens", &level.OutputTokens, 1, maxTokens)
	s.whole("max_in_flight", &level.MaxInFlight, 1, maxUsers)
	if !s.has("output_tokens") && !recorded(w) {
		s.missing("output_tokens", fmt.Sprintf("Write %s.", example))
	}
}

// replay reads a load that follows a trace.
func (l *loader) replay(b *hclsyntax.Block, w *bench.Workload) []bench.Level {
	s := l.section(b, replayWords)
	level := bench.Level{Kind: bench.KindTrace}
	if t := w.Prompts.Trace; t != nil && !s.has("requests") && !s.has("duration") {
		level.Requests = len(t.Entries)
	}
	s.decimal("speedup", &level.Speedup)
	s.whole("max_in_flight", &level.MaxInFlight, 1, maxUsers)
	return []bench.Level{s.limits(level)}
}

// highest reads a search for the highest rate under the workload's SLO.
func (l *loader) highest(b *hclsyntax.Block, w *bench.Workload) []bench.Level {
	s := l.section(b, highestWords)
	level := bench.Level{Kind: bench.KindMaxRate}
	s.arrivals(&level, w, "max_rate { output_tokens = 200 }")
	s.decimal("rate", &level.Rate)
	return []bench.Level{s.limits(level)}
}

// decimal reads a number above 0 and up to highestRate.
func (s *section) decimal(name string, target *float64) {
	if f, ok := s.given(name); ok {
		f.decimal(target, highestRate)
	}
}

func (f field) decimal(target *float64, high float64) bool {
	n, ok := f.number()
	if !ok {
		return false
	}
	v, _ := n.Float64()
	if !(v > 0 && v <= high) {
		f.wrong(codeBadValue, fmt.Sprintf("%s is out of range", f.name), fmt.Sprintf("This is %s. Write a number above 0 and up to %s.", shortNumberText(n), grouped(int(high))))
		return false
	}
	*target = v
	return true
}

// decimals reads one number or a list of them.
func (s *section) decimals(name string, high float64) []float64 {
	f, ok := s.field(name)
	if !ok {
		return nil
	}
	elems, ok := f.list()
	if !ok {
		elems = []field{f}
	}
	if len(elems) == 0 {
		f.wrong(codeBadValue, fmt.Sprintf("%s is empty", name), "Write at least one number, as in [0.5, 1, 2].")
	}
	var all []float64
	for _, e := range elems {
		var v float64
		if e.decimal(&v, high) {
			all = append(all, v)
		}
	}
	return all
}
