// Package curtail owns one question: whether a load that is being measured may end
// now, since it is certain, at a stated risk, on which side of a bound its figure will
// come out. Requests go in as they end, a verdict comes out. The package is pure: it
// starts and stops nothing, reads no clock and knows neither trials nor engines.
package curtail

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// Risk is the probability with which a load is ended that, measured to its end, would
// have kept all of its bounds: over all bounds and all looks together.
const Risk = 0.01

// Request is one request of a load that has ended; times as package bench has them.
type Request struct {
	User            int
	Sent, TTFT, E2E time.Duration
	Tokens          int
	Failed          bool
}

// Bound is what a figure has to keep to: at most or at least Limit, in the metric's unit.
type Bound struct {
	Metric string // of package bench
	Least  bool   // at least; else at most
	Limit  float64
}

// Load is what must be known of a load to judge it.
type Load struct {
	Users int  // requests under way at once; 1 for a single stream
	Timed bool // requests come by a schedule, whose throughput is no figure of the server
}

// Verdict is a bound that is certainly broken.
type Verdict struct {
	Bound    int           // in the order in which they were given
	Value    float64       // the figure so far, in the metric's unit; of a percentile the share beyond the limit
	Requests int           // that had ended
	After    time.Duration // from the first send, in the engine's time
}

// Watch follows one load. It is for one goroutine.
type Watch struct {
	load    Load
	bounds  []judge
	of      []int // each judge's place among the bounds
	seen    []Request
	last    map[int]time.Duration // when each user's last request ended
	cycles  []float64             // seconds from the end of a user's last request to that of this one; 0: it was the first
	looks   int
	next    int // requests at the next look
	verdict *Verdict
}

// judge takes from requests what a bound is about.
type judge struct {
	Bound
	take  func(*Request) (y float64, ok bool) // of one request
	rate  bool                                // y is divided by time: tokens or requests
	share float64                             // of requests that may be beyond the limit; 0: y is a mean
}

// New watches a load for its bounds. Those on figures that cannot be told before the
// end are left out; nil where none remains.
func New(l Load, bounds []Bound) *Watch {
	w := &Watch{load: l, last: map[int]time.Duration{}}
	for i, b := range bounds {
		if j, ok := newJudge(b, l); ok {
			w.bounds, w.of = append(w.bounds, j), append(w.of, i)
		}
	}
	if len(w.bounds) == 0 {
		return nil
	}
	w.next = max(firstLook, perUser*l.Users)
	return w
}

// newJudge is how a bound is judged; false if it is not.
func newJudge(b Bound, l Load) (judge, bool) {
	j := judge{Bound: b}
	switch b.Metric {
	case "output_throughput":
		j.rate, j.take = true, func(r *Request) (float64, bool) { return float64(r.Tokens), true }
		return j, !l.Timed
	case "request_throughput":
		j.rate, j.take = true, func(r *Request) (float64, bool) { return indicator(!r.Failed), true }
		return j, !l.Timed
	case "error_rate":
		j.take = func(r *Request) (float64, bool) { return indicator(r.Failed), true }
		return j, !b.Least
	}
	name, statistic, _ := strings.Cut(b.Metric, "_")
	value := latency(name)
	if value == nil {
		return j, false
	}
	if statistic == "mean" {
		j.take = value
		return j, true
	}
	var percent int
	if _, err := fmt.Sscanf(statistic, "p%d", &percent); err != nil || b.Least {
		return j, false
	}
	j.share = 1 - float64(percent)/100
	j.take = func(r *Request) (float64, bool) {
		v, ok := value(r)
		return indicator(v > b.Limit), ok
	}
	return j, true
}

// latency reads one of a request, in milliseconds; nil for a name that is none, or is
// not a request's own.
func latency(name string) func(*Request) (float64, bool) {
	ms := func(d time.Duration) float64 { return float64(d) / 1e6 }
	switch name {
	case "ttft":
		return func(r *Request) (float64, bool) { return ms(r.TTFT), !r.Failed && r.TTFT > 0 }
	case "e2e":
		return func(r *Request) (float64, bool) { return ms(r.E2E), !r.Failed }
	case "tpot":
		return func(r *Request) (float64, bool) {
			return ms(r.E2E-r.TTFT) / float64(max(r.Tokens-1, 1)), !r.Failed && r.TTFT > 0 && r.Tokens > 1
		}
	}
	return nil
}

func indicator(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}

// When a load is looked at: first when every user has had three answers, 32 in all; then
// each time it is half as long again.
const (
	firstLook = 32
	perUser   = 3
	growth    = 1.5
)

// Add takes a request in the order of the ends, and says whether a bound is certainly
// broken by now. Once it is, it stays so.
func (w *Watch) Add(r Request) (Verdict, bool) {
	end, cycle := r.Sent+r.E2E, 0.0
	if since, again := w.last[r.User]; again {
		cycle = (end - since).Seconds()
	}
	w.last[r.User] = end
	w.seen, w.cycles = append(w.seen, r), append(w.cycles, cycle)
	if w.verdict == nil && len(w.seen) >= w.next {
		w.looks++
		w.next = int(growth * float64(len(w.seen)))
		w.verdict = w.look()
	}
	if w.verdict == nil {
		return Verdict{}, false
	}
	return *w.verdict, true
}

// look judges every bound. The k-th look may spend Risk/(k(k+1)), which over any number
// of looks adds up to no more than Risk, however they depend on each other.
func (w *Watch) look() *Verdict {
	risk := Risk / float64(w.looks*(w.looks+1)) / float64(len(w.bounds))
	of := w.fair()
	for i := range w.bounds {
		if v, certain := w.judge(&w.bounds[i], of, risk); certain {
			return &Verdict{Bound: w.of[i], Value: v, Requests: len(w.seen), After: w.since()}
		}
	}
	return nil
}

func (w *Watch) since() time.Duration {
	first := w.seen[0].Sent
	for i := range w.seen {
		first = min(first, w.seen[i].Sent)
	}
	end := w.seen[len(w.seen)-1]
	return end.Sent + end.E2E - first
}

// startUp is the share of the requests so far that is left out, and of a closed loop the
// first of each user: the first of a server are slower than what comes, and a figure must
// not be held against it for them.
const startUp = 0.25

// fair are the places of the requests by which a load may be judged, in the order of
// sending: behind the start-up, and sent before all that is still under way. Of those
// sent later the short ones alone have ended.
func (w *Watch) fair() []int {
	until := time.Duration(math.MaxInt64)
	for _, end := range w.last {
		until = min(until, end)
	}
	var of []int
	for i := range w.seen {
		if w.load.Timed || w.cycles[i] > 0 && w.seen[i].Sent < until {
			of = append(of, i)
		}
	}
	slices.SortStableFunc(of, func(a, b int) int { return cmp.Compare(w.seen[a].Sent, w.seen[b].Sent) })
	return of[int(startUp*float64(len(of))):]
}

// judge is a figure of requests, and whether it is certain at a risk that it ends beyond
// the limit.
func (w *Watch) judge(j *judge, of []int, risk float64) (float64, bool) {
	var y, x []float64
	for _, i := range of {
		v, ok := j.take(&w.seen[i])
		if !ok {
			continue
		}
		y, x = append(y, v), append(x, 1)
		if j.rate {
			x[len(x)-1] = w.cycles[i] / float64(w.load.Users)
		}
	}
	value, half, ok := ratio(y, x, risk)
	switch {
	case !ok:
		return 0, false
	case j.share > 0:
		return value, value-half > j.share && binomialTail(len(y), sum(y), j.share) < risk
	case j.Metric == "error_rate":
		return value, value-half > j.Limit && binomialTail(len(y), sum(y), j.Limit) < risk
	case j.Least:
		return value, value+half < j.Limit
	}
	return value, value-half > j.Limit
}
