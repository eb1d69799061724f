package searchbench

import (
	"fmt"
	"hash/fnv"
	"math"
	"math/rand"

	"github.com/qtune/qtune/tuner/search"
)

// Case is one search problem with a known answer.
type Case struct {
	Name    string
	Problem search.Problem // without seed
	// Try is a trial of a candidate with the noise of a seed.
	Try func(p search.Point, seed int) search.Trial
	// Worth is the true value of a candidate; 0 if it does not start or breaks a limit.
	Worth   func(p search.Point) float64
	Optimum float64
}

// Race is how a strategy did on a case under one seed.
type Race struct {
	Feasible  int // trials to the first incumbent that truly meets the limits; Never
	Five, Two int // to an incumbent within 5 and 2 % of the optimum; Never
	Failed    int // starts, until the end of the race
	Tried     int
	Regret    float64 // share of the optimum that the last incumbent misses
	Stopped   string  // why the strategy ended before the budget; "" if it did not
}

// Never is more trials than any budget.
const Never = 999

// Run races a strategy on the case. It ends with the budget, or once within 5 %
// of the optimum if early is true.
func (c *Case) Run(strategy string, seed, budget int, early bool) (Race, error) {
	p := c.Problem
	p.Seed, p.Trials = uint64(seed), budget
	p.Thorough = early // the other methods of the tables never stop by themselves
	s, err := search.New(strategy, p)
	if err != nil {
		return Race{}, err
	}
	r := Race{Feasible: Never, Five: Never, Two: Never, Regret: 1}
	var h []search.Trial
	best := -1
	for {
		at, reason, ok := s.Next(h)
		if !ok {
			if reason != search.Budget {
				r.Stopped = reason
			}
			return r, nil
		}
		h = append(h, c.Try(at, seed))
		r.count(c, h, &best)
		if early && r.Five != Never {
			return r, nil
		}
	}
}

// count takes in the last trial. The incumbent is the best by what was measured;
// it is judged by what is true.
func (r *Race) count(c *Case, h []search.Trial, best *int) {
	n := len(h)
	last := &h[n-1]
	r.Tried = n
	if last.Failed {
		r.Failed++
	}
	if last.Feasible() && (*best < 0 || last.Value > h[*best].Value) {
		*best = n - 1
	}
	if *best < 0 {
		return
	}
	worth := c.Worth(h[*best].Point)
	r.Regret = 1 - worth/c.Optimum
	first := func(at *int, reached bool) {
		if reached && *at == Never {
			*at = n
		}
	}
	first(&r.Feasible, worth > 0)
	first(&r.Five, r.Regret <= .05)
	first(&r.Two, r.Regret <= .02)
}

// RestartNoise is the standard deviation of throughput from start to start;
// the tail of TTFT varies by four times that.
const RestartNoise = .015

// CardCase is a workload on the simulated card. Goroutines must not share one.
type CardCase struct {
	w     Workload
	hw    Hardware // as it is
	space *search.Space
	truth map[string]Outcome
	best  float64
}

// NewCardCase prepares a workload: it finds the optimum by 25 coordinate descents.
func NewCardCase(w Workload) *CardCase {
	c := newCardCase(w, Truth())
	c.best = c.optimum(25)
	return c
}

func newCardCase(w Workload, hw Hardware) *CardCase {
	return &CardCase{w: w, hw: hw, space: CardSpace(), truth: map[string]Outcome{}}
}

func (c *CardCase) true(at []int) Outcome {
	key := text(at)
	o, ok := c.truth[key]
	if !ok {
		o = c.hw.Run(&c.w, at, 7)
		c.truth[key] = o
	}
	return o
}

func text(at []int) string {
	b := make([]byte, len(at))
	for i, v := range at {
		b[i] = byte('a' + v)
	}
	return string(b)
}

func (c *CardCase) worth(at []int, tolerance float64) float64 {
	if o := c.true(at); c.w.keeps(o, tolerance) {
		return o.Throughput
	}
	return 0
}

func (c *CardCase) optimum(starts int) float64 {
	r := rand.New(rand.NewSource(3))
	best := 0.0
	for range starts {
		best = max(best, c.worth(c.descend(c.runs(r)), 0))
	}
	return best
}

// runs is a random candidate that runs within the limits, if one is found soon.
func (c *CardCase) runs(r *rand.Rand) []int {
	at := c.anywhere(r)
	for try := 0; try < 300 && c.worth(at, 0) == 0; try++ {
		at = c.anywhere(r)
	}
	return at
}

func (c *CardCase) anywhere(r *rand.Rand) []int {
	var at []int
	for _, f := range flags() {
		at = append(at, r.Intn(len(f.values)))
	}
	return at
}

// descend goes one factor at a time until none helps.
func (c *CardCase) descend(at []int) []int {
	v := c.worth(at, 0)
	for improved := true; improved; {
		improved = false
		for d, f := range flags() {
			for k := range f.values {
				to := append([]int{}, at...)
				to[d] = k
				if w := c.worth(to, 0); w > v {
					at, v, improved = to, w, true
				}
			}
		}
	}
	return at
}

// Case is the workload as a search problem for one seed, predicted by a belief that
// is drawn anew for each; nil: nothing predicts it.
func (c *CardCase) Case(belief func(*rand.Rand) Hardware, seed int) *Case {
	k := &Case{Name: c.w.Name, Optimum: c.best}
	k.Problem = search.Problem{Space: c.space, Baseline: c.space.Baseline(0), Limits: 2}
	if belief != nil {
		hw := belief(rand.New(rand.NewSource(int64(50 + seed))))
		k.Problem.Prior = func(p search.Point) (search.Prediction, bool) { return c.predict(&hw, p.At), true }
	}
	k.Worth = func(p search.Point) float64 { return c.worth(p.At, .10) }
	k.Try = func(p search.Point, seed int) search.Trial { return c.try(p, seed) }
	return k
}

// memoryDoubtGB is how far a prediction takes its own memory arithmetic to be off:
// 5 % of the card.
const memoryDoubtGB = 1.6

func (c *CardCase) predict(hw *Hardware, at []int) search.Prediction {
	o := hw.Run(&c.w, at, 99)
	starts := 0.5 * math.Erfc(-o.SpareGB/memoryDoubtGB/math.Sqrt2)
	if !o.Started {
		return search.Prediction{Starts: min(starts, .5), Value: math.NaN()}
	}
	return search.Prediction{Starts: starts, Value: o.Throughput, Limits: []float64{o.TTFT / c.w.ttftLimit, o.TPOT / c.w.tpotLimit}}
}

func (c *CardCase) try(p search.Point, seed int) search.Trial {
	o := c.true(p.At)
	if !o.Started {
		return search.Trial{Point: p, Failed: true, Value: math.NaN()}
	}
	f := fnv.New64a()
	fmt.Fprint(f, text(p.At), 1, seed)
	q := rand.New(rand.NewSource(int64(f.Sum64() >> 1)))
	noisy := func(v, sd float64) float64 { return v * math.Exp(sd*q.NormFloat64()) }
	t := search.Trial{Point: p, Value: noisy(o.Throughput, RestartNoise)}
	t.Limits = []float64{noisy(o.TTFT, 4*RestartNoise) / c.w.ttftLimit, noisy(o.TPOT, RestartNoise) / c.w.tpotLimit}
	return t
}
