package search

import (
	"math"
	"slices"
	"testing"
)

// bowl is a problem whose best candidate is known: few sequences are slow, many
// break the limit, fp8 helps, and one combination does not start.
func bowl(prior bool) (Problem, func(Point) Trial) {
	s := NewSpace(Part{
		Name: "bowl",
		Axes: []Axis{{"seqs", numbers(8, 16, 32, 64, 128, 256)}, {"dtype", []Value{Off(), Category("fp8")}}, {"eager", []Value{Off(), Category("on")}}},
		Own:  []Value{Number(16), Off(), Off()},
	})
	truth := func(p Point) Trial {
		seqs := s.Value(p, 0).Number
		t := Trial{Point: p, Value: 100 * math.Log2(seqs), Limits: []float64{seqs / 100}}
		if p.At[1] == 1 {
			t.Value *= 1.2
		}
		if p.At[2] == 1 {
			t.Value *= .8
		}
		if p.At[1] == 1 && p.At[2] == 1 {
			return Trial{Point: p, Failed: true, Value: math.NaN()}
		}
		return t
	}
	problem := Problem{Space: s, Baseline: s.Baseline(0), Limits: 1, Seed: 7}
	if prior {
		problem.Prior = func(p Point) (Prediction, bool) {
			t := truth(p)
			if t.Failed {
				return Prediction{Value: math.NaN()}, true
			}
			return Prediction{Starts: 1, Value: 1.1 * t.Value, Limits: []float64{.9 * t.Limits[0]}}, true
		}
	}
	return problem, truth
}

func run(t *testing.T, name string, p Problem, truth func(Point) Trial) (h []Trial, end string) {
	t.Helper()
	s, err := New(name, p)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for {
		at, why, ok := s.Next(h)
		if !ok {
			return h, why
		}
		if key := p.Space.Key(at); seen[key] {
			t.Fatalf("%s proposed %s twice", name, p.Space.Describe(at))
		} else {
			seen[key] = true
		}
		if why == "" {
			t.Errorf("%s gave no reason for %s", name, p.Space.Describe(at))
		}
		h = append(h, truth(at))
	}
}

func TestStrategiesFindTheBest(t *testing.T) {
	for _, prior := range []bool{false, true} {
		for _, name := range Names() {
			p, truth := bowl(prior)
			h, end := run(t, name, p, truth)
			best := h[p.best(h)]
			if got := p.Space.Describe(best.Point); got != "seqs=64 dtype=fp8 eager=off" {
				t.Errorf("%s (prior: %v) found %s after %d trials, end: %s", name, prior, got, len(h), end)
			}
			if p.Space.Key(h[0].Point) != p.Space.Key(p.Baseline) {
				t.Errorf("%s did not begin with the baseline", name)
			}
			if end != Exhausted && end != Converged {
				t.Errorf("%s ended with %q", name, end)
			}
		}
	}
}

func TestGridIsInOrderOfTheFile(t *testing.T) {
	p, truth := bowl(false)
	h, end := run(t, StrategyGrid, p, truth)
	if len(h) != 24 || end != Exhausted {
		t.Fatalf("%d trials, end %q; want all 24", len(h), end)
	}
	if !slices.Equal(h[1].Point.At, []int{0, 0, 0}) || !slices.Equal(h[2].Point.At, []int{0, 0, 1}) {
		t.Errorf("after the baseline come %v and %v, want the last axis fastest", h[1].Point.At, h[2].Point.At)
	}
}

func TestBudgetEndsEverySearch(t *testing.T) {
	for _, name := range Names() {
		p, truth := bowl(true)
		p.Trials = 3
		if h, end := run(t, name, p, truth); len(h) != 3 || end != Budget {
			t.Errorf("%s: %d trials, end %q; want 3 and the budget", name, len(h), end)
		}
	}
}

// A run that was cut off at any trial goes on as the uninterrupted one did.
func TestProposalsAreAFunctionOfTheHistory(t *testing.T) {
	for _, name := range Names() {
		p, truth := bowl(true)
		h, _ := run(t, name, p, truth)
		for n := range h {
			s, err := New(name, p)
			if err != nil {
				t.Fatal(err)
			}
			at, _, ok := s.Next(h[:n])
			if !ok || p.Space.Key(at) != p.Space.Key(h[n].Point) {
				t.Fatalf("%s: resumed after %d trials it proposes %s, and before %s", name, n, p.Space.Describe(at), p.Space.Describe(h[n].Point))
			}
		}
	}
}

func TestOFATChangesOneFactor(t *testing.T) {
	p, truth := bowl(false)
	h, _ := run(t, StrategyOFAT, p, truth)
	for i := 1; i < len(h); i++ {
		least := math.MaxInt
		for _, earlier := range h[:i] {
			n := 0
			for k := range earlier.Point.At {
				if earlier.Point.At[k] != h[i].Point.At[k] {
					n++
				}
			}
			least = min(least, n)
		}
		if least != 1 {
			t.Errorf("trial %d changes %d factors", i, least)
		}
	}
}

func TestStartThresholdFollowsFailures(t *testing.T) {
	fail, start := Trial{Failed: true}, Trial{}
	for _, c := range []struct {
		what string
		h    []Trial
		want float64
	}{
		{"it begins in the middle", nil, .5},
		{"a failure raises it", []Trial{fail}, .55},
		{"it does not rise above three quarters", slices.Repeat([]Trial{fail}, 9), .75},
		{"five starts in a row lower it", slices.Repeat([]Trial{start}, 5), .45},
		{"a failure breaks the row", []Trial{start, start, start, start, fail, start}, .55},
		{"it does not fall below a quarter", slices.Repeat([]Trial{start}, 50), .25},
	} {
		if got := startThreshold(c.h); math.Abs(got-c.want) > 1e-9 {
			t.Errorf("%s: %v, want %v", c.what, got, c.want)
		}
	}
}

func TestRankCorrelationNoticesAWrongPrior(t *testing.T) {
	p, truth := bowl(false)
	h, _ := run(t, StrategyGrid, p, truth)
	right := func(at Point) (Prediction, bool) {
		tr := truth(at)
		return Prediction{Starts: 1, Value: tr.Value, Limits: tr.Limits}, !tr.Failed
	}
	wrong := func(at Point) (Prediction, bool) {
		q, ok := right(at)
		q.Value = 1 / q.Value
		return q, ok
	}
	p.Prior = right
	if rho, _ := newOracle(&p).agreement(h); rho < .99 {
		t.Errorf("a prior that is right agrees by %.2f", rho)
	}
	p.Prior = wrong
	if rho, _ := newOracle(&p).agreement(h); rho > -.99 {
		t.Errorf("a prior that is upside down agrees by %.2f", rho)
	}
}

func TestAPriorCountsAsFarAsItsOrderHolds(t *testing.T) {
	p, truth := bowl(false)
	h, _ := run(t, StrategyGrid, p, truth)
	for _, c := range []struct {
		what   string
		trials int
		says   func(v float64, at Point) float64
		credit float64
		within float64
	}{
		{"one that ranks as it should is believed", len(h), func(v float64, _ Point) float64 { return 2 * v }, 1, 0},
		{"one that is upside down counts for nothing", len(h), func(v float64, _ Point) float64 { return 1 / v }, 0, 0},
		{"few trials judge nothing", minJudged - 1, func(v float64, _ Point) float64 { return 1 / v }, 1, 0},
		{"one that sees a single flag counts for some", len(h), func(_ float64, at Point) float64 { return 1 - .2*float64(at.At[2]) }, .3, .25},
	} {
		p.Prior = func(at Point) (Prediction, bool) {
			tr := truth(at)
			return Prediction{Starts: 1, Value: c.says(tr.Value, at), Limits: tr.Limits}, !tr.Failed
		}
		if got := newOracle(&p).credit(h[:c.trials]); math.Abs(got-c.credit) > c.within {
			t.Errorf("%s: %.2f, want %.2f ± %.2f", c.what, got, c.credit, c.within)
		}
	}
}

func TestNewNamesTheStrategies(t *testing.T) {
	if _, err := New("gird", Problem{}); err == nil {
		t.Error("an unknown strategy is taken")
	}
}
