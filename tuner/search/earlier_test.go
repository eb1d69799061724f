package search

import (
	"math"
	"strings"
	"testing"
)

// at is a trial of the bowl with figures of its own.
func at(value, limit float64, indices ...int) Trial {
	return Trial{Point: Point{At: indices}, Value: value, Limits: []float64{limit}}
}

func TestHints(t *testing.T) {
	p, _ := bowl(false)
	base, other := p.Baseline.At, []int{3, 1, 0}
	today := []Trial{at(100, .5, base...)}
	for _, tt := range []struct {
		name    string
		earlier []Trial
		today   []Trial
		want    []Trial // points as earlier's
	}{
		{"without earlier runs there are none", nil, today, nil},
		{"all was half as fast: values and limits move with the baseline, which tells nothing itself",
			[]Trial{at(50, 1, base...), at(80, 2, other...)}, today, []Trial{{Value: 160, Limits: []float64{1}, Doubt: doubtOfDay}}},
		{"a run without the baseline stays as it is, with more doubt",
			[]Trial{at(80, 2, other...)}, today, []Trial{{Value: 80, Limits: []float64{2}, Doubt: doubtOfLevel}}},
		{"before the baseline is known all stay as they are",
			[]Trial{at(80, 2, other...)}, nil, []Trial{{Value: 80, Limits: []float64{2}, Doubt: doubtOfLevel}}},
		{"a limit that the baseline did not reach stays as it is",
			[]Trial{at(50, math.NaN(), base...), at(80, 2, other...)}, today, []Trial{{Value: 160, Limits: []float64{2}, Doubt: doubtOfDay}}},
		{"a failure is one still",
			[]Trial{at(50, 1, base...), {Point: Point{At: other}, Failed: true, Value: math.NaN()}}, today, []Trial{{Failed: true, Value: math.NaN(), Doubt: doubtOfDay}}},
	} {
		p.Earlier = [][]Trial{tt.earlier}
		got := p.hints(tt.today)
		if len(got) != len(tt.want) {
			t.Errorf("%s: %d hints, want %d", tt.name, len(got), len(tt.want))
			continue
		}
		for i, w := range tt.want {
			g := got[i]
			if g.Failed != w.Failed || g.Doubt != w.Doubt || !g.Failed && (g.Value != w.Value || g.Limits[0] != w.Limits[0]) {
				t.Errorf("%s: %+v, want %+v", tt.name, g, w)
			}
		}
	}
}

// TestHintsNeverCount gives auto the whole space as measured before: it still tries the
// best, once each, and ends with what it measured itself.
func TestHintsNeverCount(t *testing.T) {
	for _, prior := range []bool{false, true} {
		p, truth := bowl(prior)
		var all []Trial
		for q := range p.Space.All() {
			all = append(all, truth(q.Clone()))
		}
		for i := range all {
			all[i].Value *= .7
		}
		p.Earlier = [][]Trial{all}
		h, _ := run(t, StrategyAuto, p, truth)
		if p.Space.Key(h[0].Point) != p.Space.Key(p.Baseline) {
			t.Error("the baseline is not first")
		}
		if got := p.Space.Describe(h[1].Point); got != "seqs=64 dtype=fp8 eager=off" {
			t.Errorf("prior %v: after the baseline comes %s, not the best of the earlier run", prior, got)
		}
	}
}

// TestMisleadingRunsAreSetAside turns an earlier run upside down.
func TestMisleadingRunsAreSetAside(t *testing.T) {
	p, truth := bowl(false)
	var all []Trial
	for q := range p.Space.All() {
		turned := truth(q.Clone())
		turned.Value = 1e5 / turned.Value
		all = append(all, turned)
	}
	p.Earlier = [][]Trial{all}
	s, err := New(StrategyAuto, p)
	if err != nil {
		t.Fatal(err)
	}
	var h []Trial
	aside := 0
	for aside == 0 {
		q, why, ok := s.Next(h)
		if !ok {
			t.Fatalf("the earlier run was believed in %d trials", len(h))
		}
		if strings.Contains(why, "the earlier runs are set aside") {
			aside = len(h)
		}
		h = append(h, truth(q))
	}
	if aside > 4 {
		t.Errorf("the earlier run was set aside after %d trials, want 4 at most", aside)
	}
	h, _ = run(t, StrategyAuto, p, truth)
	if got := p.Space.Describe(h[p.best(h)].Point); got != "seqs=64 dtype=fp8 eager=off" {
		t.Errorf("misled, auto found %s after %d trials", got, len(h))
	}
}
