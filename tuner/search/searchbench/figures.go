package searchbench

import (
	"fmt"
	"math/rand"
	"slices"
	"strings"

	"github.com/qtune/qtune/tuner/search"
)

// Line is one line of the table of figures.
type Line struct {
	What     string
	Anchor   string // what other methods reached, from the prototype
	Goal     string
	Strategy string
	Five     []int // trials to 5 % of each race
	Failed   []int
	Beyond   int // the budget; a race that did not get there counts as more
}

// String is the line as a row of a Markdown table.
func (l *Line) String() string {
	return fmt.Sprintf("| %s | %s | %s | %s | **%s** | %s | %.0f %% | %s |", l.What, l.Strategy, l.Anchor, l.Goal,
		l.figure(.5), l.figure(.9), 100*l.reached(), fmt.Sprint(atQuantile(l.Failed, .5)))
}

// Head is the head of the table.
func Head() string {
	return "| case | strategy | anchors | goal | trials to 5 %, median | 90th percentile | got there | failed starts |\n|---|---|---|---|---|---|---|---|"
}

func atQuantile(values []int, q float64) int {
	s := slices.Sorted(slices.Values(values))
	return s[int(q*float64(len(s)-1)+.5)]
}

func (l *Line) figure(q float64) string {
	if v := atQuantile(l.Five, q); v <= l.Beyond {
		return fmt.Sprint(v)
	}
	return fmt.Sprintf(">%d", l.Beyond)
}

func (l *Line) reached() float64 {
	n := 0
	for _, v := range l.Five {
		if v <= l.Beyond {
			n++
		}
	}
	return float64(n) / float64(len(l.Five))
}

// Contest is what the card's table compares.
type Contest struct {
	Prior    string
	Strategy string
	Belief   func(*rand.Rand) Hardware
	Anchors  [3]string // chat, low latency, batch
	Goals    [3]string
}

// Contests are the lines of the card's table.
func Contests() []Contest {
	old := [3]string{"OFAT 26, GP 36, TPE >40", "OFAT 16, GP >40, TPE >40", "OFAT 15, GP 26, TPE >40"}
	return []Contest{
		{"structurally wrong prior", search.StrategyAuto, Wrong, old, [3]string{"≤ 10", "≤ 10", "≤ 6"}},
		{"calibrated prior", search.StrategyAuto, Calibrated, [3]string{"2", "2", "2"}, [3]string{"≤ 2", "≤ 2", "≤ 2"}},
		{"no prior", search.StrategyAuto, nil, old, [3]string{"–", "–", "–"}},
		{"no prior", search.StrategyOFAT, nil, old, [3]string{"–", "–", "–"}},
		{"no prior", search.StrategyRandom, nil, [3]string{">40", ">40", ">40"}, [3]string{"–", "–", "–"}},
	}
}

// RunContest races a contest on a workload, the w-th of Workloads.
func (c *CardCase) RunContest(k Contest, w, seeds, budget int) (*Line, error) {
	l := &Line{What: c.w.Name + ", " + k.Prior, Anchor: k.Anchors[w], Goal: k.Goals[w], Strategy: k.Strategy, Beyond: budget}
	for seed := range seeds {
		r, err := c.Case(k.Belief, seed).Run(k.Strategy, seed, budget, true)
		if err != nil {
			return nil, err
		}
		l.Five, l.Failed = append(l.Five, r.Five), append(l.Failed, r.Failed)
	}
	return l, nil
}

// PoolTable races strategies on pools without a simulator and gives the mean
// trials to 5 % of each pool, the mean of all, and the worst. A race that did not
// get there counts as the pool's size.
func PoolTable(pools []*Pool, strategies []string, seeds int) (string, map[string]float64, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "| pool | configurations | %s |\n|---|---|%s\n", strings.Join(strategies, " | "), strings.Repeat("---|", len(strategies)))
	mean, worst := map[string]float64{}, map[string]float64{}
	for _, p := range pools {
		fmt.Fprintf(&b, "| %s | %d |", p.Name, p.Size())
		for _, s := range strategies {
			trials, err := p.meanTrials(s, seeds)
			if err != nil {
				return "", nil, err
			}
			mean[s] += trials / float64(len(pools))
			worst[s] = max(worst[s], trials)
			fmt.Fprintf(&b, " %.1f |", trials)
		}
		b.WriteString("\n")
	}
	for _, row := range []struct {
		name string
		of   map[string]float64
	}{{"mean", mean}, {"worst pool", worst}} {
		fmt.Fprintf(&b, "| **%s** | |", row.name)
		for _, s := range strategies {
			fmt.Fprintf(&b, " **%.1f** |", row.of[s])
		}
		b.WriteString("\n")
	}
	return b.String(), mean, nil
}

// Stopped is the share of races on pools in which a strategy ends by itself before
// it is within 5 % of the optimum.
func Stopped(pools []*Pool, strategy string, seeds int) (float64, error) {
	n := 0
	for _, p := range pools {
		for seed := range seeds {
			r, err := p.Case(seed).Run(strategy, seed, p.Size(), false)
			if err != nil {
				return 0, err
			}
			if r.Five == Never {
				n++
			}
		}
	}
	return float64(n) / float64(seeds*len(pools)), nil
}

func (p *Pool) meanTrials(strategy string, seeds int) (float64, error) {
	sum := 0.0
	for seed := range seeds {
		r, err := p.Case(seed).Run(strategy, seed, p.Size(), true)
		if err != nil {
			return 0, err
		}
		sum += float64(min(r.Five, p.Size()))
	}
	return sum / float64(seeds), nil
}
