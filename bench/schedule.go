package bench

import (
	"math"
	"math/rand/v2"
	"time"

	"gonum.org/v1/gonum/stat/distuv"
)

// schedule tells when the requests of a timed level are sent: a pure function of
// the level and its seed, in constant memory.
//
// An open loop of mean rate r over a time d has round(r*d) arrivals. Their gaps
// are drawn, and scaled so that they and one more fill d exactly: for a Poisson
// process that is the process itself, given that it has so many arrivals. A rate
// that changes stretches and shrinks time so that each moment has its own.
type schedule struct {
	level  Level
	length time.Duration // from the start to the end of the sending
	total  int           // requests
	given  int
	sum    float64 // of the gaps given so far
	whole  float64 // of all gaps
	gap    func() float64
	trace  *Trace
}

// newSchedule makes the schedule of a level of KindOpen or KindTrace.
func newSchedule(w Workload, l Level) *schedule {
	if l.Kind == KindTrace {
		return traceSchedule(w, l)
	}
	s := &schedule{level: l}
	s.total, s.length = l.arrivals()
	seed := planned(w, l, 0, false).PromptSeed
	s.gap = l.gaps(seed)
	for range s.total + 1 {
		s.whole += s.gap()
	}
	s.gap = l.gaps(seed)
	return s
}

// arrivals is how many requests an open loop sends, and over which time.
func (l Level) arrivals() (int, time.Duration) {
	requests, d := l.Cap()
	mean := l.meanRate()
	if d == 0 {
		return requests, time.Duration(float64(requests) / mean * float64(time.Second))
	}
	n := max(1, int(math.Round(mean*d.Seconds())))
	if requests > 0 && requests < n {
		return requests, time.Duration(float64(requests) / float64(n) * float64(d))
	}
	return n, d
}

func (l Level) meanRate() float64 {
	if l.RateEnd > 0 {
		return (l.Rate + l.RateEnd) / 2
	}
	return l.Rate
}

// gaps gives the gaps between arrivals, of any one mean.
func (l Level) gaps(seed uint64) func() float64 {
	random := rand.New(rand.NewPCG(seed, 0xa441f1e5))
	switch l.Arrival {
	case ArrivalConstant:
		return func() float64 { return 1 }
	case ArrivalGamma:
		return distuv.Gamma{Alpha: l.Burstiness, Beta: l.Burstiness, Src: random}.Rand
	}
	return random.ExpFloat64
}

// next is when the next request is sent; false if there is none.
func (s *schedule) next() (time.Duration, bool) {
	if s.given == s.total {
		return 0, false
	}
	s.given++
	if s.trace != nil {
		return s.trace.at(s.given-1, s.level.speedup()), true
	}
	if s.level.Arrival == ArrivalConstant {
		// The first is sent at once.
		at := float64(s.given-1) / float64(s.total)
		return time.Duration(s.level.moment(at) * float64(s.length)), true
	}
	s.sum += s.gap()
	return time.Duration(s.level.moment(s.sum/s.whole) * float64(s.length)), true
}

// moment is when, as a share of the level's time, the share u of its arrivals is
// behind: the inverse of the integral of the rate.
func (l Level) moment(u float64) float64 {
	from, to := l.Rate, l.RateEnd
	switch {
	case to <= 0 || to == from:
		return u
	case l.Steps > 1:
		return l.momentInSteps(u)
	}
	// from*t + (to-from)*t*t/2 = u*(from+to)/2
	a, c := (to-from)/2, u*(from+to)/2
	return 2 * c / (from + math.Sqrt(from*from+4*a*c))
}

func (l Level) momentInSteps(u float64) float64 {
	n := float64(l.Steps)
	left := u * (l.Rate + l.RateEnd) / 2 * n // requests, in steps of length 1
	for i := range l.Steps {
		rate := l.Rate + (l.RateEnd-l.Rate)*float64(i)/(n-1)
		if left <= rate || i == l.Steps-1 {
			return (float64(i) + math.Min(left/rate, 1)) / n
		}
		left -= rate
	}
	return 1
}
