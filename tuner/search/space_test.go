package search

import (
	"math"
	"math/big"
	"slices"
	"strings"
	"testing"
)

func numbers(values ...float64) []Value {
	var all []Value
	for _, v := range values {
		all = append(all, Number(v))
	}
	return all
}

// small is two axes, one with a flag that can be left off, and a rule.
func small() *Space {
	return NewSpace(Part{
		Name: "a",
		Axes: []Axis{{"seqs", numbers(64, 16, 256)}, {"dtype", []Value{Off(), Category("fp8")}}},
		Own:  []Value{Number(128), Off()},
		Where: func(at []int) bool {
			return !(at[0] == 2 && at[1] == 1)
		},
	})
}

// huge is twelve axes of ten values: a million millions of candidates, half of which count.
func huge() *Space {
	p := Part{Name: "huge", Where: func(at []int) bool { return at[0] >= 5 }}
	for i := range 12 {
		p.Axes = append(p.Axes, Axis{string(rune('a' + i)), numbers(1, 2, 4, 8, 16, 32, 64, 128, 256, 512)})
	}
	return NewSpace(p)
}

func TestCount(t *testing.T) {
	if n, exact := small().Count(); n != 5 || !exact {
		t.Errorf("a space of 6 combinations with one left out has %v candidates (exact: %v), want 5", n, exact)
	}
	h := huge()
	if want := big.NewInt(1e12); h.Total().Cmp(want) != 0 {
		t.Errorf("total is %v, want %v", h.Total(), want)
	}
	if n, exact := h.Count(); exact || math.Abs(n/5e11-1) > .05 {
		t.Errorf("half of a million millions is estimated as %v (exact: %v)", n, exact)
	}
}

func TestScaleFollowsTheSteps(t *testing.T) {
	for _, c := range []struct {
		what   string
		values []float64
		middle float64 // a value
		at     float64 // its place
	}{
		{"powers of two are even on a log scale", []float64{64, 128, 256, 512, 1024}, 256, .5},
		{"shares are even on a linear scale", []float64{.8, .85, .9, .95, 1}, .9, .5},
		{"zero is one step below the smallest", []float64{0, 2, 6, 14}, 2, 1. / 3},
	} {
		if got := newScale(c.values).of(c.middle); math.Abs(got-c.at) > .01 {
			t.Errorf("%s: %v is at %.3f, want %.3f", c.what, c.middle, got, c.at)
		}
	}
}

func TestNeighboursKeepWhere(t *testing.T) {
	s := small()
	from := Point{0, []int{0, 1}}
	for _, p := range s.Neighbours(from) {
		if !s.Keeps(p) {
			t.Errorf("%s is a neighbour and no candidate", s.Describe(p))
		}
	}
	if n := len(s.Neighbours(from)); n != 2 { // 16, and the flag off; 256 is left out
		t.Errorf("%d neighbours, want 2", n)
	}
}

func TestBaselineOutsideTheGrid(t *testing.T) {
	s := small()
	b := s.Baseline(0)
	if !slices.Equal(b.At, []int{Own, 0}) {
		t.Fatalf("the baseline is %v, want the engine's own number and no flag", b.At)
	}
	if s.Describe(b) != "seqs=128 dtype=off" {
		t.Errorf("described as %q", s.Describe(b))
	}
	p, ok := s.OnGrid(b, newRand(1, 1))
	if !ok || s.Value(p, 0).Number != 64 {
		t.Errorf("nearest on the grid: %s", s.Describe(p))
	}
}

func TestInertAxesMakeOneConfiguration(t *testing.T) {
	s := NewSpace(Part{
		Axes:  []Axis{{"method", []Value{Off(), Category("ngram")}}, {"tokens", numbers(1, 2, 4)}},
		Inert: func(at []int, axis int) bool { return axis == 1 && at[0] == 0 },
	})
	a, b := Point{0, []int{0, 0}}, Point{0, []int{0, 2}}
	if s.Key(a) != s.Key(b) || !slices.Equal(s.encode(a), s.encode(b)) {
		t.Error("tokens of a method that is off tell configurations apart")
	}
	if s.Key(Point{0, []int{1, 0}}) == s.Key(Point{0, []int{1, 2}}) {
		t.Error("tokens of a method that is on do not tell configurations apart")
	}
}

func TestEnginesShareColumnsOfOneName(t *testing.T) {
	s := NewSpace(
		Part{Name: "x", Axes: []Axis{{"seqs", numbers(16, 64)}}},
		Part{Name: "y", Axes: []Axis{{"seqs", numbers(64, 256)}, {"only", []Value{Category("p"), Category("q")}}}},
	)
	x, y := s.encode(Point{0, []int{1}}), s.encode(Point{1, []int{0, 0}})
	if x[1] != y[1] {
		t.Errorf("64 is at %v on one engine and at %v on the other", x[1], y[1])
	}
	if x[0] == y[0] {
		t.Error("the engines are not told apart")
	}
	if got := s.Changes(Point{0, []int{0}}, Point{1, []int{0, 1}}); !strings.HasPrefix(got, "y: ") {
		t.Errorf("changes to another engine: %q", got)
	}
}
