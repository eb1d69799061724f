package bench

import (
	"context"
	"fmt"
	"math"
	"time"

	"gonum.org/v1/gonum/stat/distuv"
)

// How KindMaxRate looks for a rate.
const (
	rateStep      = 30 * time.Second // the engine's time that a rate is tried for at most, without a Duration
	rateFirst     = 1.0              // requests per second, where no rate to begin with is given
	rateBracket   = 0.05             // the search ends when the bracket is at most so wide, as a share
	rateTries     = 16               // rates at most at which it is decided whether the SLO holds
	rateAgain     = 2                // times that a rate is tried again at which the client was the bottleneck
	decideLeast   = 20               // requests before a try may be ended early
	decideMistake = 0.001            // the chance of a wrong early end at one look; small, since there are many
)

// maxRate finds the highest rate at which the SLO holds: it doubles the rate until
// the SLO breaks, or halves it until it holds, and then bisects, on a logarithmic
// scale. The result is that of the highest rate that held, and lists all that were
// tried; the rate is 0 where none held. Where the client was the bottleneck nothing is
// known of the server: that rate is tried again, and if it stays so, the search ends
// and its result is bound by the client.
func (c *Client) maxRate(ctx context.Context, t Target, w Workload, l Level) (LevelResult, error) {
	return findRate(w, l, func(l Level) (LevelResult, error) { return c.level(ctx, t, w, l, &verdict{}) })
}

// findRate is maxRate, whoever measures a rate.
func findRate(w Workload, l Level, measure func(Level) (LevelResult, error)) (LevelResult, error) {
	s := search{measure: measure, work: w, level: l, high: math.Inf(1)}
	rate := l.Rate
	if rate == 0 {
		rate = rateFirst
	}
	for s.decided < rateTries && rate > 0 {
		if err := s.try(rate); err != nil {
			return s.result(), err
		}
		if s.bound != nil {
			break
		}
		rate = s.next(rate)
	}
	return s.result(), nil
}

// search is the state of a search for a rate.
type search struct {
	measure   func(Level) (LevelResult, error)
	work      Workload
	level     Level
	low, high float64 // the highest rate that held, and the lowest that did not
	best      *LevelResult
	last      LevelResult
	tried     []TriedRate
	decided   int         // of those tried: the client was not the bottleneck
	bound     *ClientCost // of the rate at which the client was the bottleneck, each time
}

// try measures one rate, again where the client was the bottleneck.
func (s *search) try(rate float64) error {
	l := s.level
	l.Kind, l.Rate, l.RateEnd = KindOpen, rate, 0
	if l.Duration == 0 && l.Requests == 0 {
		l.Duration = rateStep
	}
	if n := neededFor(s.work.SLO); l.Requests == 0 {
		l.Duration = max(l.Duration, time.Duration(float64(n)/rate*float64(time.Second)))
	}
	for range 1 + rateAgain {
		if len(s.tried) > 0 {
			l.Warmup = 0 // the server is warm
		}
		r, err := s.measure(l)
		s.last = r
		if err != nil {
			return err
		}
		if s.enter(rate, r); !r.Client.Bound {
			return nil
		}
	}
	s.bound = &s.last.Client
	return nil
}

// enter notes what became of one rate.
func (s *search) enter(rate float64, r LevelResult) {
	held, why := r.Holds(s.work.SLO)
	if r.Client.Bound {
		held, why = false, "the load client was the bottleneck"
	}
	s.tried = append(s.tried, TriedRate{Rate: rate, Held: held, Reason: why, Requests: r.Requests.Total, DurationS: r.DurationS})
	if r.Client.Bound {
		return
	}
	if s.decided++; held {
		s.low, s.best = rate, &r
	} else {
		s.high = rate
	}
}

// neededFor is how many requests a try must have at least, so that every figure of
// the SLO is one: some times what it cannot do without, since arrivals vary and
// part of them is cut off.
func neededFor(limits []Limit) int {
	n := 0
	for _, l := range limits {
		n = max(n, map[string]int{"": 3 * MinP95, "mean": 2 * MinInterval, "p50": 2 * MinInterval, "p90": 3 * MinP90, "p95": 3 * MinP95, "p99": 3 * MinP99}[l.Statistic])
	}
	return n
}

// next is the rate to try after one; 0 if the search is over.
func (s *search) next(rate float64) float64 {
	top := s.level.RateEnd
	switch {
	case math.IsInf(s.high, 1):
		if next := 2 * rate; top == 0 || next < top {
			return min(next, highestRate)
		}
		if rate < top {
			return top
		}
		return 0
	case s.low == 0:
		if rate < 1e-3 {
			return 0
		}
		return rate / 2
	case s.high-s.low <= rateBracket*s.high:
		return 0
	}
	return math.Sqrt(s.low * s.high)
}

func (s *search) result() LevelResult {
	r := s.last
	if s.best != nil {
		r = *s.best
	} else if s.bound == nil || s.decided > 0 {
		r.Notes = append(r.Notes, "the SLO held at no rate that was tried: the other figures are those of the last one")
	}
	r.Rate = s.low
	r.Kind, r.Tried, r.Partial = KindMaxRate, s.tried, s.last.Partial
	if s.bound != nil {
		r.Client = *s.bound
		r.Notes = append(r.Notes, fmt.Sprintf("at %s/s the load client was the bottleneck, %d times: the search was ended", short(s.last.Rate), 1+rateAgain))
		return r
	}
	switch {
	case s.best != nil && math.IsInf(s.high, 1):
		r.Notes = append(r.Notes, fmt.Sprintf("the SLO held at every rate up to %s/s: the highest may be higher", short(s.low)))
	case s.best != nil && s.high-s.low > rateBracket*s.high:
		r.Notes = append(r.Notes, fmt.Sprintf("the highest rate lies between %s/s and %s/s: the search was ended", short(s.low), short(s.high)))
	}
	return r
}

// verdict ends a try early when it is certain whether the SLO holds.
type verdict struct{ broke bool }

// certain says whether the numbers of requests that broke each limit, of n, leave
// no doubt. Only shares do so: a mean is never certain.
func (v *verdict) certain(limits []Limit, breaks []int, n int) bool {
	if n < decideLeast {
		return false
	}
	all := true
	for i, l := range limits {
		allowed, ok := map[string]float64{"": 1 - DefaultGoodShare, "p50": 0.5, "p90": 0.1, "p95": 0.05, "p99": 0.01}[l.Statistic]
		if !ok {
			all = false
			continue
		}
		b := distuv.Binomial{N: float64(n), P: allowed}
		if k := breaks[i]; k > 0 && 1-b.CDF(float64(k-1)) < decideMistake {
			v.broke = true
			return true
		}
		all = all && b.CDF(float64(breaks[i])) < decideMistake
	}
	return all
}

// broken says whether the SLO is certain not to hold: nothing more need be waited for.
func (l *ledger) broken() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.sure != nil && l.sure.broke
}
