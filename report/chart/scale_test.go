package chart

import (
	"math"
	"slices"
	"testing"
)

func TestScalesEndOnRoundSteps(t *testing.T) {
	tests := []struct {
		name   string
		lo, hi float64
		n      int
		want   []float64
	}{
		{"from zero", 0, 1057, 5, []float64{0, 250, 500, 750, 1000, 1250}},
		{"around zero", -.7, 3.1, 4, []float64{-1, 0, 1, 2, 3, 4}},
		{"a single value", 5, 5, 5, []float64{5, 6, 7, 8, 9, 10}},
		{"nothing", 0, 0, 2, []float64{0, .5, 1}},
		{"no numbers", math.NaN(), math.NaN(), 5, []float64{0, 1}},
		{"without end", 0, math.Inf(1), 5, []float64{0, 1}},
		{"the greatest numbers", -math.MaxFloat64, math.MaxFloat64, 5, []float64{0, 1}},
		{"the least", 0, 5e-324, 5, []float64{0, 1}},
		{"nearer than numbers are", 1e17, 1e17 + 16, 5, []float64{0, 1}},
	}
	for _, tt := range tests {
		_, got := niceScale(tt.lo, tt.hi, tt.n, 0, 100)
		if !slices.EqualFunc(got, tt.want, func(a, b float64) bool { return math.Abs(a-b) < 1e-9 }) {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestLabelsThatWouldTouchAreLeftOut(t *testing.T) {
	got := spaced([]float64{0, 20, 100, 110}, []string{"10,000", "20,000", "30,000", "40,000"})
	if want := []bool{true, false, true, false}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestClipKeepsBothEnds(t *testing.T) {
	if got := clip("short", 100); got != "short" {
		t.Errorf("%q", got)
	}
	got := clip("num-continuous-decode-steps", 90)
	if width(got) > 90 || got[:3] != "num" || got[len(got)-3:] != "eps" {
		t.Errorf("%q is %.0f wide", got, width(got))
	}
}

func TestEveryPictureOfNothing(t *testing.T) {
	nan := math.NaN()
	format := func(float64) string { return "x" }
	for _, p := range []interface{ Draw(float64) Drawing }{
		Bars{}, Bars{Series: []Series{{}}, Groups: []Group{{Values: []Value{{V: nan}}}}},
		Plane{X: Axis{Format: format}, Y: Axis{Format: format}},
		Plane{X: Axis{Format: format}, Y: Axis{Format: format}, Points: []Point{{X: math.MaxFloat64, Y: 5e-324}, {X: nan, Y: math.Inf(1), Label: "x"}}},
		Effects{Format: format}, Heat{}, Timeline{Format: format, Step: func(v float64) float64 { return v }},
		Timeline{Format: format, Step: func(v float64) float64 { return v }, Phases: []string{"a"}, Lanes: []Lane{{Spans: []Span{{To: math.Inf(1)}}}}},
	} {
		if d := p.Draw(400); !(d.Height > 0) {
			t.Errorf("%T: height %v", p, d.Height)
		}
	}
}
