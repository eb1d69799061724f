package curtail

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// world is a closed loop: so many users, each of whose requests has a hundred tokens, give
// or take, and takes as long as those and twenty more, with noise of each request, a drift
// that lasts for many of them, and slow first ones.
type world struct {
	users, each int // each: requests of a user
	rate        float64
	spread      float64 // of the lengths, log units
	noise       float64 // of a request's speed, log units
	drift       float64 // of the speed of all, log units
	slowStart   float64 // the first request of each user takes so many times as long
}

// run is the requests in the order of their ends.
func (w *world) run(seed uint64) []Request {
	r := rand.New(rand.NewPCG(seed, 7))
	var all []Request
	next := make([]time.Duration, w.users)
	level := 0.0
	for i := range w.users * w.each {
		level = 0.9*level + math.Sqrt(1-0.81)*w.drift*r.NormFloat64()
		user := 0
		for u := range next {
			if next[u] < next[user] {
				user = u
			}
		}
		tokens := max(2, int(100*math.Exp(w.spread*r.NormFloat64())))
		seconds := float64(tokens+20) * float64(w.users) / w.rate * math.Exp(level+w.noise*r.NormFloat64())
		if i < w.users {
			seconds *= w.slowStart
		}
		took := time.Duration(seconds * 1e9)
		all = append(all, Request{User: user, Sent: next[user], TTFT: took / 20, E2E: took, Tokens: tokens})
		next[user] += took
	}
	slices.SortStableFunc(all, func(a, b Request) int { return int(a.Sent + a.E2E - b.Sent - b.E2E) })
	return all
}

// throughput is what the whole run gives behind its start, in tokens per second.
func throughput(all []Request, users int) float64 {
	tokens, seconds := 0.0, 0.0
	for _, q := range all {
		if q.Sent > 0 {
			tokens, seconds = tokens+float64(q.Tokens), seconds+q.E2E.Seconds()
		}
	}
	return tokens / seconds * float64(users)
}

// ends is how many of so many runs are ended by a bound that limit makes of their value
// at the end, and after what share of their requests on average.
func (w *world) ends(runs int, metric string, limit func(all []Request) float64) (share, after float64) {
	ended := 0
	for i := range runs {
		all := w.run(uint64(i))
		watch := New(Load{Users: w.users}, []Bound{{Metric: metric, Least: metric == "output_throughput", Limit: limit(all)}})
		for n, q := range all {
			if _, certain := watch.Add(q); certain {
				ended, after = ended+1, after+float64(n+1)/float64(len(all))
				break
			}
		}
	}
	return float64(ended) / float64(runs), after / float64(max(1, ended))
}

// TestRisk has levels whose full measurement is just good enough: to end one is the
// mistake that the risk is about.
func TestRisk(t *testing.T) {
	for _, c := range []struct {
		name string
		world
	}{
		{"equal requests, a quiet server", world{16, 20, 500, 0, .01, .01, 1}},
		{"lengths that differ much", world{16, 20, 500, .6, .02, .01, 1}},
		{"a drift of two percent, twice what is reckoned with", world{16, 20, 500, .3, .02, .02, 1}},
		{"a server that is slow at first", world{16, 20, 500, .3, .02, .01, 3}},
		{"a single user", world{1, 200, 50, .5, .03, .02, 2}},
	} {
		share, _ := c.ends(500, "output_throughput", func(all []Request) float64 { return throughput(all, c.users) })
		if share > Risk {
			t.Errorf("%s: %.1f %% of the levels were ended that would have kept the bound, at a risk of %.0f %%", c.name, 100*share, 100*Risk)
		}
	}
}

// TestPower has levels that are clearly behind.
func TestPower(t *testing.T) {
	w := world{16, 20, 500, .4, .03, .02, 1.5}
	for _, c := range []struct {
		behind, share, after float64 // ended at least that often, after that part at most
	}{{.05, .5, .8}, {.10, .95, .5}, {.30, 1, .25}} {
		share, after := w.ends(300, "output_throughput", func(all []Request) float64 { return throughput(all, w.users) / (1 - c.behind) })
		if share < c.share || after > c.after {
			t.Errorf("%.0f %% behind: %.0f %% of the levels were ended, on average after %.0f %% of their requests; want %.0f %%, after %.0f %% at most",
				100*c.behind, 100*share, 100*after, 100*c.share, 100*c.after)
		}
	}
}

func TestBounds(t *testing.T) {
	w := world{8, 20, 400, .2, .02, .01, 1} // 2 s a request: TPOT 19 ms, TTFT 0.1 s
	all := w.run(1)
	broken := slices.Clone(all)
	for i := range broken {
		broken[i].Failed = i%4 == 3
	}
	for _, c := range []struct {
		name  string
		bound Bound
		of    []Request
		load  Load
		ends  bool
	}{
		{"a percentile far beyond its limit", Bound{"ttft_p95", false, 20}, all, Load{8, false}, true},
		{"a percentile within it", Bound{"ttft_p95", false, 900}, all, Load{8, false}, false},
		{"a mean beyond its limit", Bound{"tpot_mean", false, 15}, all, Load{8, false}, true},
		{"a mean within it", Bound{"tpot_mean", false, 25}, all, Load{8, false}, false},
		{"an end-to-end time, at a schedule's load too", Bound{"e2e_p50", false, 500}, all, Load{8, true}, true},
		{"failures beyond the limit", Bound{"error_rate", false, .01}, broken, Load{8, false}, true},
		{"no failure", Bound{"error_rate", false, .01}, all, Load{8, false}, false},
		{"requests per second that are out of reach", Bound{"request_throughput", true, 8}, all, Load{8, false}, true},
		{"requests per second that are within it", Bound{"request_throughput", true, 3}, all, Load{8, false}, false},
	} {
		watch := New(c.load, []Bound{{"goodput", true, 1}, c.bound})
		var v Verdict
		ended := false
		for _, q := range c.of {
			v, ended = watch.Add(q)
		}
		if ended != c.ends || ended && (v.Bound != 1 || v.Requests < firstLook || v.After <= 0) {
			t.Errorf("%s: %v, %+v", c.name, ended, v)
		}
	}
	for _, b := range []Bound{{"output_throughput", true, 1}, {"goodput", true, 1}, {"ttft_p95", true, 1}, {"itl_p99", false, 1}, {"peak_output_throughput", true, 1}} {
		if New(Load{8, true}, []Bound{b}) != nil {
			t.Errorf("%s of a schedule is judged before its end", b.Metric)
		}
	}
}
