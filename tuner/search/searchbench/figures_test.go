package searchbench

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/qtune/qtune/tuner/search"
)

// The whole table takes minutes: make bench-search.
var full = flag.Bool("full", false, "race under 20 seeds on every case and print the tables")

func pools(t *testing.T) []*Pool {
	data := os.Getenv("QTUNE_DATA")
	if data == "" {
		data = "../../../../shared/data"
	}
	all, err := ReadPools(filepath.Join(data, "pools"))
	if err != nil {
		t.Fatal(err)
	}
	if len(all) == 0 {
		t.Skipf("no measured pools in %s/pools: set QTUNE_DATA", data)
	}
	return all
}

func TestCardFigures(t *testing.T) {
	if !*full {
		t.Skip("minutes: run with -full, as make bench-search does")
	}
	tables := make([][]string, len(Workloads()))
	t.Run("workloads", func(t *testing.T) {
		for i, w := range Workloads() {
			t.Run(w.Name, func(t *testing.T) {
				t.Parallel()
				c := NewCardCase(w)
				for _, k := range Contests() {
					l, err := c.RunContest(k, i, 20, 40)
					if err != nil {
						t.Fatal(err)
					}
					tables[i] = append(tables[i], l.String())
				}
			})
		}
	})
	fmt.Fprintln(t.Output(), Head())
	for _, rows := range tables {
		fmt.Fprintln(t.Output(), strings.Join(rows, "\n"))
	}
}

func TestPoolFigures(t *testing.T) {
	seeds := 3
	if *full {
		seeds = 40
	}
	strategies := []string{search.StrategyAuto, search.StrategyOFAT, search.StrategyRandom}
	table, mean, err := PoolTable(pools(t), strategies, seeds)
	if err != nil {
		t.Fatal(err)
	}
	stopped, err := Stopped(pools(t), search.StrategyAuto, seeds)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintln(t.Output(), table)
	fmt.Fprintf(t.Output(), "auto left to itself ends before it is within 5 %% in %.0f %% of the races\n", 100*stopped)
	if auto, random := mean[search.StrategyAuto], mean[search.StrategyRandom]; auto > random*2/3 {
		t.Errorf("auto needs %.1f trials on measured configurations, at random %.1f: want a third less at least", auto, random)
	}
}

// lowLatency is the case that most tests here take: to find its optimum takes a while.
var lowLatency = sync.OnceValue(func() *CardCase { return NewCardCase(Workloads()[1]) })

// cardCase is the case of a workload, for tests that do not run side by side.
func cardCase(w Workload) *CardCase {
	if w.Name == Workloads()[1].Name {
		return lowLatency()
	}
	return NewCardCase(w)
}

func TestCalibratedPriorLeadsAtOnce(t *testing.T) {
	c := cardCase(Workloads()[1])
	r, err := c.Case(Calibrated, 0).Run(search.StrategyAuto, 0, 12, true)
	if err != nil {
		t.Fatal(err)
	}
	if r.Five > 6 {
		t.Errorf("%d trials to 5 %% of the optimum with a calibrated prior, want 6 at most", r.Five)
	}
}

// The prototype's figures for one factor at a time are 26, 16 and 15 trials, so a
// change of the port would show here.
func TestCardIsThePrototypes(t *testing.T) {
	for i, w := range Workloads() {
		if w.Name == "chat" && !*full { // half a minute under the race detector
			continue
		}
		c := cardCase(w)
		want := []struct {
			optimum float64
			trials  int
		}{{540.6, 26}, {298.1, 16}, {587.6, 15}}[i]
		if d := c.best - want.optimum; d > .1 || d < -.1 {
			t.Errorf("%s: the optimum is %.1f tokens/s, want %.1f", w.Name, c.best, want.optimum)
		}
		r, err := c.Case(nil, 0).Run(search.StrategyOFAT, 0, 40, true)
		if err != nil {
			t.Fatal(err)
		}
		if r.Five < want.trials-1 || r.Five > want.trials+1 { // noise moves it by one
			t.Errorf("%s: one factor at a time took %d trials to 5 %%, want about %d", w.Name, r.Five, want.trials)
		}
	}
}

// TestGateFigures counts the winners that ending trials early has lost, and the engine
// time that it saved. A single level is the hardest case: only what is inside it is saved.
func TestGateFigures(t *testing.T) {
	seeds, trials, more, workloads := 1, 6, []int{2}, Workloads()[1:2] // all of it takes minutes under the race detector
	if *full {
		seeds, trials, workloads = 20, 20, Workloads()
	}
	fmt.Fprintln(t.Output(), "| case | levels | runs | winner lost | engine time saved | levels ended early |\n|---|---|---|---|---|---|")
	var all Gates
	for _, w := range workloads {
		c := cardCase(w)
		sums := make([]Gates, len(more))
		for seed := range seeds {
			for _, k := range []Contest{{Strategy: search.StrategyAuto, Belief: Wrong}, {Strategy: search.StrategyOFAT}, {Strategy: search.StrategyRandom}} {
				each, err := c.RunGates(k.Strategy, k.Belief, seed, trials, more)
				if err != nil {
					t.Fatal(err)
				}
				for i := range each {
					sums[i].Add(each[i])
				}
			}
		}
		for i, g := range sums {
			all.Add(g)
			fmt.Fprintf(t.Output(), "| %s | %d | %d | %.1f %% | %.0f %% | %d of %d |\n", w.Name, 1+more[i], g.Runs, 100*float64(g.Lost)/float64(g.Runs), 100*g.Saved(), g.Ended, g.Levels)
		}
	}
	if all.Lost*50 > all.Runs {
		t.Errorf("%d of %d runs lost their winner, want less than 2 %%", all.Lost, all.Runs)
	}
	if all.Ended == 0 {
		t.Error("no level was ended early")
	}
}

// TestOtherCardFigures races auto on the cards that strategies are developed on.
func TestOtherCardFigures(t *testing.T) {
	if !*full {
		t.Skip("minutes: run with -full, as make bench-search does")
	}
	fmt.Fprintln(t.Output(), Head())
	for _, o := range Others() {
		c := o.Case()
		for _, k := range []Contest{
			{Prior: "wrong prior", Strategy: search.StrategyAuto, Belief: o.Wrong},
			{Prior: "calibrated prior", Strategy: search.StrategyAuto, Belief: o.Calibrated},
			{Prior: "no prior", Strategy: search.StrategyOFAT},
		} {
			l, err := c.RunContest(k, 0, 20, 40)
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintln(t.Output(), l)
		}
	}
}
