package searchbench

import (
	"fmt"
	"math/rand"
	"testing"

	"github.com/qtune/qtune/tuner/search"
)

// warmth is the sum of the trials to 5 % of the optimum over seeds: cold, after a run of
// another day at another level, and after one whose figures are mixed up.
func warmth(t *testing.T, c *CardCase, belief func(*rand.Rand) Hardware, seeds, budget int) (cold, warm, misled int) {
	t.Helper()
	for seed := range seeds {
		k := c.Case(belief, seed)
		old, err := k.Yesterday(search.StrategyAuto, 100+seed, 20, .9)
		if err != nil {
			t.Fatal(err)
		}
		race := func(earlier ...[]search.Trial) int {
			k.Problem.Earlier = earlier
			r, err := k.Run(search.StrategyAuto, seed, budget, true)
			if err != nil {
				t.Fatal(err)
			}
			return min(r.Five, budget+1)
		}
		a, b, d := race(), race(old), race(Shuffled(old, seed))
		cold, warm, misled = cold+a, warm+b, misled+d
		t.Logf("%s, seed %d: %d trials cold, %d warm, %d misled", c.w.Name, seed, a, b, d)
	}
	return cold, warm, misled
}

// fewMore is how many trials more a misleading history may cost on average.
const fewMore = 5

func TestWarmFigures(t *testing.T) {
	seeds, workloads, contests := 1, Workloads()[1:2], Contests()[:1] // all of it takes minutes under the race detector
	if *full {
		seeds, workloads, contests = 10, Workloads(), Contests()[:3]
	}
	for _, w := range workloads {
		t.Run(w.Name, func(t *testing.T) {
			t.Parallel()
			c := cardCase(w)
			for _, k := range contests {
				warmFigure(t, c, k, seeds)
			}
		})
	}
}

func warmFigure(t *testing.T, c *CardCase, k Contest, seeds int) {
	t.Helper()
	cold, warm, misled := warmth(t, c, k.Belief, seeds, 40)
	mean := func(sum int) float64 { return float64(sum) / float64(seeds) }
	fmt.Fprintf(t.Output(), "| %s, %s | %.1f | %.1f | %.1f |\n", c.w.Name, k.Prior, mean(cold), mean(warm), mean(misled))
	if warm > cold {
		t.Errorf("%s, %s: %.1f trials after a run of another day, %.1f without: want no more", c.w.Name, k.Prior, mean(warm), mean(cold))
	}
	if mean(misled) > mean(cold)+fewMore {
		t.Errorf("%s, %s: %.1f trials after a run whose figures are mixed up, %.1f without: want at most %d more", c.w.Name, k.Prior, mean(misled), mean(cold), fewMore)
	}
}
