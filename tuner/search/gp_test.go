package search

import (
	"math"
	"testing"
)

// wave is a surface over one number and one category.
func wave(n int) (belief, data) {
	b := belief{effectSpread: .5, lengthSpread: .5, noiseSpread: .5}
	b.kernel = kernel{
		category: []bool{false, true}, offset: .5, effect: []float64{.3, .3}, length: []float64{.7, .7}, joint: .2, noise: .02,
	}
	var d data
	r := newRand(3, n)
	for i := range n {
		x := []float64{r.Float64(), float64(i % 2)}
		d.add(site{x: x}, math.Sin(3*x[0])+.5*x[1]+.01*r.NormFloat64(), 0)
	}
	return b, d
}

func TestFitGradientIsThatOfTheFunction(t *testing.T) {
	b, d := wave(9)
	f := newFitter(b, d)
	x := []float64{.1, -.2, .3, .1, -.3, .2}
	gradient := make([]float64, len(x))
	f.at(x, gradient)
	for i := range x {
		const h = 1e-5
		up, down := append([]float64{}, x...), append([]float64{}, x...)
		up[i] += h
		down[i] -= h
		want := (f.at(up, nil) - f.at(down, nil)) / (2 * h)
		if math.Abs(gradient[i]-want) > 1e-4*(1+math.Abs(want)) {
			t.Errorf("parameter %d: the gradient is %v, by differences %v", i, gradient[i], want)
		}
	}
}

func TestProcessForetellsWhatItWasNotTold(t *testing.T) {
	b, d := wave(24)
	p := fit(b, d)
	for _, x := range []float64{.2, .5, .8} {
		for c := range 2 {
			mean, sd := p.predict(site{x: []float64{x, float64(c)}})
			if want := math.Sin(3*x) + .5*float64(c); math.Abs(mean-want) > .08 || sd > .1 {
				t.Errorf("at %v, %d: %.3f ± %.3f, truly %.3f", x, c, mean, sd, want)
			}
		}
	}
	if _, far := p.predict(site{x: []float64{3, 0}}); far < .2 {
		t.Errorf("far from all that it saw it is sure to %.3f", far)
	}
}

func TestClassifierLearnsTheEdge(t *testing.T) {
	k := kernel{category: []bool{false}, offset: .7, effect: []float64{1}, length: []float64{.7}, joint: .3}
	var sites []site
	var started []bool
	for _, x := range []float64{0, .1, .2, .3, .7, .8, .9, 1} {
		sites = append(sites, site{x: []float64{x}})
		started = append(started, x < .5)
	}
	c := classify(k, sites, make([]float64, len(sites)), started)
	low, high := c.probability(site{x: []float64{.05}}, 0), c.probability(site{x: []float64{.95}}, 0)
	if low < .75 || high > .25 {
		t.Errorf("where all started a start is %.2f likely, where all failed %.2f", low, high)
	}
}

func TestLogPhiReachesFar(t *testing.T) {
	if a, b := logPhi(-29.99), logPhi(-30.01); math.Abs(a-b) > 1 || math.IsInf(b, 0) {
		t.Errorf("log Φ jumps from %v to %v", a, b)
	}
}

// The next candidate with 200 trials of history and 12 flags: at most 1 s.
func BenchmarkNextAfter200(b *testing.B) {
	s := huge()
	base := Point{0, []int{5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5}}
	value := func(p Point, at float64) float64 {
		sum := 0.0
		for i, v := range p.At {
			sum -= at * math.Pow(float64(v-i%9), 2) / 100
		}
		return math.Exp(sum)
	}
	p := Problem{Space: s, Baseline: base, Limits: 2, Seed: 1, Thorough: true}
	p.Prior = func(q Point) (Prediction, bool) {
		return Prediction{Starts: 1, Value: value(q, .7), Limits: []float64{.8, .9}}, true
	}
	r := newRand(1, 1)
	h := []Trial{{Point: base, Value: 1, Limits: []float64{.9, .9}}}
	for len(h) < 200 {
		q, _ := s.Random(r)
		h = append(h, Trial{Point: q, Value: value(q, 1) * math.Exp(.015*r.NormFloat64()), Limits: []float64{.5 + r.Float64(), .7}, Failed: r.IntN(5) == 0})
	}
	strategy, err := New(StrategyAuto, p)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, _, ok := strategy.Next(h); !ok {
			b.Fatal("nothing proposed")
		}
	}
}
