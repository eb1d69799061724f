package searchbench

import (
	"math"
	"math/rand"
	"slices"
	"time"

	"github.com/qtune/qtune/tuner/curtail"
	"github.com/qtune/qtune/tuner/search"
)

// What a start takes on the card, and what one that fails takes before it does, in s:
// the lower end of what is seen of servers, which is where gates save the least of all
// (they save nothing of a start).
const (
	startS = 60
	crashS = 20
)

// Gates is what ending trials early saved, and what it cost.
type Gates struct {
	Runs, Lost  int     // runs, and those whose winner the gates have changed
	Full, Gated float64 // s of engine time without and with them
	Ended       int     // levels that ended early
	Levels      int
}

// Add sums two tallies.
func (g *Gates) Add(o Gates) {
	g.Runs, g.Lost, g.Ended, g.Levels = g.Runs+o.Runs, g.Lost+o.Lost, g.Ended+o.Ended, g.Levels+o.Levels
	g.Full, g.Gated = g.Full+o.Full, g.Gated+o.Gated
}

// Saved is the share of engine time.
func (g *Gates) Saved() float64 { return 1 - g.Gated/g.Full }

// behind is how far behind the best a trial is not measured further; as package tuner has it.
const behind = 0.10

// RunGates lets a strategy choose trials on a card and goes through them twice, with and
// without gates, the same starts with the same noise in both: the objective's level
// first, then so many more that take as long, and a tally for each of these. More is 0
// where the objective's level is all there is.
func (c *CardCase) RunGates(strategy string, belief func(*rand.Rand) Hardware, seed, trials int, more []int) ([]Gates, error) {
	k := c.Case(belief, seed)
	p := k.Problem
	p.Seed, p.Trials, p.Thorough = uint64(seed), trials, true
	s, err := search.New(strategy, p)
	if err != nil {
		return nil, err
	}
	g := run{all: make([]Gates, len(more))}
	for {
		at, _, ok := s.Next(g.history)
		if !ok {
			break
		}
		g.history = append(g.history, k.Try(at, seed))
		g.take(c, &g.history[len(g.history)-1], more)
	}
	for i := range g.all {
		g.all[i].Runs = 1
		if g.with != g.without {
			g.all[i].Lost = 1
		}
	}
	return g.all, nil
}

// run is one on its way: the winners, as the place of their trials from 1; 0: none.
type run struct {
	all           []Gates
	history       []search.Trial
	with, without int
}

func (g *run) value(at int) float64 {
	if at == 0 {
		return 0
	}
	return g.history[at-1].Value
}

// take goes through one trial, the last of the history.
func (g *run) take(c *CardCase, t *search.Trial, more []int) {
	if t.Failed {
		for i := range g.all {
			g.all[i].Add(Gates{Full: crashS, Gated: crashS})
		}
		return
	}
	here := len(g.history)
	l := c.stream(t)
	end, ended := l.end, false
	if here > 1 { // the baseline is measured in full
		end, ended = l.curtailed(c, g.value(g.with))
	}
	hopeless := ended || here > 1 && (!t.Feasible() || t.Value < (1-behind)*g.value(g.with))
	for i, n := range more {
		one := Gates{Levels: 1, Full: startS + l.end*float64(1+n), Gated: startS + end}
		if ended {
			one.Ended = 1
		}
		if !hopeless {
			one.Gated += l.end * float64(n)
		}
		g.all[i].Add(one)
	}
	if t.Feasible() && t.Value > g.value(g.without) {
		g.without = here
	}
	if t.Feasible() && !ended && t.Value > g.value(g.with) {
		g.with = here
	}
}

// stream is a level as its client sees it, in the order of the ends.
type stream struct {
	requests []curtail.Request
	end      float64
}

// stream serves a trial's level, with the noise that its start had: all times are longer
// by what its throughput is lower, those to the first token by what its TTFT is higher.
func (c *CardCase) stream(t *search.Trial) stream {
	hw := Truth()
	served, o := hw.serve(&c.w, t.Point.At, 7), c.true(t.Point.At)
	slow := o.Throughput / t.Value
	slowFirst := t.Limits[0] * c.w.ttftLimit / o.TTFT
	s := stream{end: served.end * slow}
	seconds := func(v float64) time.Duration { return time.Duration(v * 1e9) }
	users := usersOf(served.requests)
	for i, q := range served.requests {
		s.requests = append(s.requests, curtail.Request{
			User: users[i], Sent: seconds(q.arrived * slow), E2E: seconds((q.end - q.arrived) * slow),
			TTFT: seconds((q.first - q.arrived) * slowFirst), Tokens: int(math.Round(float64(q.out) * served.accepted)),
		})
	}
	slices.SortStableFunc(s.requests, func(a, b curtail.Request) int { return int(a.Sent + a.E2E - b.Sent - b.E2E) })
	return s
}

// usersOf gives each request, in the order of sending, the user that was free.
func usersOf(requests []*request) []int {
	users, ends := make([]int, len(requests)), []float64{}
	for i, q := range requests {
		free := slices.IndexFunc(ends, func(end float64) bool { return end <= q.arrived })
		if free < 0 {
			free, ends = len(ends), append(ends, 0)
		}
		users[i], ends[free] = free, q.end
	}
	return users
}

// curtailed is when the level ends against the best so far, 0 for none: what is under
// way when that is certain is waited for.
func (s *stream) curtailed(c *CardCase, best float64) (end float64, ended bool) {
	bounds := []curtail.Bound{
		{Metric: "ttft_p95", Limit: 1e3 * c.w.ttftLimit}, {Metric: "tpot_p95", Limit: 1e3 * c.w.tpotLimit},
		{Metric: "output_throughput", Least: true, Limit: (1 - behind) * best},
	}
	w := curtail.New(curtail.Load{Users: c.w.users}, bounds)
	for _, q := range s.requests {
		if _, certain := w.Add(q); !certain {
			continue
		}
		at, last := q.Sent+q.E2E, time.Duration(0)
		for _, other := range s.requests {
			if other.Sent <= at {
				last = max(last, other.Sent+other.E2E)
			}
		}
		return last.Seconds(), true
	}
	return s.end, false
}
