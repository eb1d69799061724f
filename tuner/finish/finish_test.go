package finish

import (
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

var full = flag.Bool("full", false, "print the table of figures")

// world is what a simulated finish is drawn from; in log units.
type world struct {
	restart, measure, drift float64
	effects                 []float64 // of the candidates over the baseline
	starts                  int
	extra                   int // blocks at most that a close decision adds
}

func (w *world) draw(r *rand.Rand) [][]float64 {
	values := make([][]float64, len(w.effects)+1)
	for _, block := range Order(len(values), w.starts+w.extra, r.Uint64()) {
		level := w.drift * r.NormFloat64()
		for _, c := range block {
			effect := 0.0
			if c > 0 {
				effect = w.effects[c-1]
			}
			values[c] = append(values[c], 400*math.Exp(level+effect+w.restart*r.NormFloat64()+w.measure*r.NormFloat64()))
		}
	}
	return values
}

// tally is what many finishes in a world gave.
type tally struct{ claimed, right, covered, blocks float64 }

// decide decides on the first blocks, and on more of them for as long as it is close.
func (w *world) decide(values [][]float64, noise Noise) (Result, int) {
	for n := w.starts; ; n++ {
		some := make([][]float64, len(values))
		for c := range values {
			some[c] = values[c][:n]
		}
		by := Decide
		if n > w.starts {
			by = DecideAgain
		}
		d, err := by(some, false, noise)
		if err != nil {
			panic(err)
		}
		if !d.Close || n == w.starts+w.extra {
			return d, n
		}
	}
}

func (w *world) tally(noise Noise) tally {
	const runs = 1000
	r := rand.New(rand.NewPCG(1, 2))
	best := slices.Max(w.effects)
	var t tally
	for range runs {
		d, blocks := w.decide(w.draw(r), noise)
		t.blocks += float64(blocks) / float64(runs)
		if d.Winner > 0 {
			t.claimed += 1 / float64(runs)
		}
		if d.Winner > 0 && w.effects[d.Winner-1] == best {
			t.right += 1 / float64(runs)
		}
		if truth := math.Expm1(w.effects[d.Best-1]); d.Low <= truth && truth <= d.High {
			t.covered += 1 / float64(runs)
		}
	}
	return t
}

func worlds() []struct {
	name string
	world
} {
	five := math.Log(1.05)
	return []struct {
		name string
		world
	}{
		{"A/A, three candidates", world{.015, .003, .01, []float64{0, 0, 0}, 3, Extra}},
		{"A/A, one candidate", world{.015, .003, .01, []float64{0}, 3, Extra}},
		{"one of three is 5 % better", world{.015, .003, .01, []float64{0, five, 0}, 3, Extra}},
		{"one of three is 5 % better, the others 3 %", world{.015, .003, .01, []float64{math.Log(1.03), five, math.Log(1.03)}, 3, Extra}},
		{"one candidate, 5 % better", world{.015, .003, .01, []float64{five}, 3, Extra}},
		{"quiet machine, A/A", world{.005, .003, .01, []float64{0, 0, 0}, 3, Extra}},
		{"quiet machine, one of three is 5 % better", world{.005, .003, .01, []float64{0, five, 0}, 3, Extra}},
		{"2 % restarts, A/A", world{.02, .003, .01, []float64{0, 0, 0}, 3, Extra}},
		{"2 % restarts, one of three is 5 % better", world{.02, .003, .01, []float64{0, five, 0}, 3, Extra}},
		{"restless machine (3 %), A/A", world{.03, .003, .01, []float64{0, 0, 0}, 3, Extra}},
		{"restless machine (3 %), one of three is 5 % better", world{.03, .003, .01, []float64{0, five, 0}, 3, Extra}},
	}
}

func TestFigures(t *testing.T) {
	if *full {
		fmt.Fprintln(t.Output(), "| 1,000 finishes | starts | winner claimed | the right one | interval covers the truth | the same of exactly 3 starts | of a plain t |")
		fmt.Fprintln(t.Output(), "|---|---|---|---|---|---|---|")
		for _, w := range worlds() {
			three := w.world
			three.extra = 0
			g, exact, plain := w.tally(DefaultNoise()), three.tally(DefaultNoise()), three.tally(Noise{})
			fmt.Fprintf(t.Output(), "| %s | %.1f | %.1f %% | %.1f %% | %.1f %% | %.1f %%, %.1f %%, %.1f %% | %.1f %%, %.1f %% |\n",
				w.name, g.blocks, 100*g.claimed, 100*g.right, 100*g.covered, 100*exact.claimed, 100*exact.right, 100*exact.covered, 100*plain.claimed, 100*plain.covered)
		}
	}
	for _, w := range worlds()[:1] { // the hardest
		if g := w.tally(DefaultNoise()); g.claimed > .05 {
			t.Errorf("%s: %.1f %% of finishes between equals claim a winner, want 5 %% at most", w.name, 100*g.claimed)
		}
	}
}

// The table of Dunnett (1955), one-sided 5 %.
func TestCritical(t *testing.T) {
	for _, c := range []struct {
		m       int
		freedom float64
		want    float64
	}{{1, 10, 1.81}, {2, 10, 2.15}, {3, 10, 2.34}, {3, 20, 2.19}, {5, 30, 2.33}} {
		if got := critical(c.m, c.freedom); math.Abs(got-c.want) > .01 {
			t.Errorf("critical(%d, %v) = %.3f, the table says %.2f", c.m, c.freedom, got, c.want)
		}
	}
}

func TestOrderHasEveryConfigurationOnceInEachBlock(t *testing.T) {
	blocks := Order(4, 3, 9)
	for _, b := range blocks {
		if s := slices.Sorted(slices.Values(b)); !slices.Equal(s, []int{0, 1, 2, 3}) {
			t.Errorf("a block measures %v", b)
		}
	}
	back := slices.Clone(blocks[0])
	slices.Reverse(back)
	if !slices.Equal(back, blocks[1]) {
		t.Errorf("the second block is %v, want the first backwards, %v", blocks[1], back)
	}
}

func TestDecide(t *testing.T) {
	for _, c := range []struct {
		what     string
		values   [][]float64
		minimize bool
		winner   int
	}{
		{"a clear winner is claimed", [][]float64{{100, 101, 99}, {120, 121, 119}, {101, 100, 100}}, false, 1},
		{"less is better where the objective says so", [][]float64{{100, 101, 99}, {120, 121, 119}, {80, 81, 79}}, true, 2},
		{"equals keep the baseline", [][]float64{{100, 101, 99}, {100, 101, 99}}, false, 0},
		{"a gain that restarts alone explain keeps the baseline, however well three starts agree", [][]float64{{100, 100, 100}, {101, 101, 101}}, false, 0},
		{"a drift from block to block hides nothing", [][]float64{{100, 200, 50}, {110, 221, 55}}, false, 1},
		{"worse candidates keep the baseline", [][]float64{{100, 101, 99}, {90, 91, 89}}, false, 0},
		{"one start each is judged by what is known of starts", [][]float64{{100}, {130}}, false, 1},
	} {
		d, err := Decide(c.values, c.minimize, DefaultNoise())
		if err != nil || d.Winner != c.winner {
			t.Errorf("%s: got winner %d (%+v, %v), want %d", c.what, d.Winner, d, err, c.winner)
		}
		if d.Low > d.Gain || d.Gain > d.High {
			t.Errorf("%s: the gain %v is outside its interval %v to %v", c.what, d.Gain, d.Low, d.High)
		}
	}
}

func TestDecideNeedsEveryBlock(t *testing.T) {
	for _, values := range [][][]float64{nil, {{1}}, {{1, 2}, {1}}, {{1}, {0}}, {{1}, {math.NaN()}}, {{}, {}}} {
		if d, err := Decide(values, false, DefaultNoise()); err == nil {
			t.Errorf("Decide(%v) = %+v, want an error", values, d)
		}
	}
}
