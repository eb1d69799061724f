package bench

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/qtune/qtune/bench/benchtest"
)

func times(w Workload, l Level) []time.Duration {
	var all []time.Duration
	for _, r := range Plan(w, l) {
		all = append(all, r.At)
	}
	return all
}

func TestSchedulesArePureAndHaveTheirRate(t *testing.T) {
	for _, tc := range []struct {
		name  string
		level Level
		n     int
		cv    float64    // of the gaps
		parts [4]float64 // share of the arrivals in each quarter of the time
	}{
		{"constant", Level{Rate: 20, Arrival: ArrivalConstant}, 2000, 0, [4]float64{.25, .25, .25, .25}},
		{"Poisson", Level{Rate: 20}, 2000, 1, [4]float64{.25, .25, .25, .25}},
		{"gamma in bursts", Level{Rate: 20, Arrival: ArrivalGamma, Burstiness: 0.25}, 2000, 2, [4]float64{.25, .25, .25, .25}},
		{"gamma, even", Level{Rate: 20, Arrival: ArrivalGamma, Burstiness: 4}, 2000, 0.5, [4]float64{.25, .25, .25, .25}},
		{"a ramp", Level{Rate: 10, RateEnd: 30}, 2000, -1, [4]float64{12.5 / 80, 17.5 / 80, 22.5 / 80, 27.5 / 80}},
		{"a ramp down", Level{Rate: 40, RateEnd: 0.001, Arrival: ArrivalConstant}, 2000, -1, [4]float64{7. / 16, 5. / 16, 3. / 16, 1. / 16}},
		{"two steps", Level{Rate: 10, RateEnd: 30, Steps: 2, Arrival: ArrivalConstant}, 2000, -1, [4]float64{.125, .125, .375, .375}},
	} {
		l := tc.level
		l.Kind, l.Duration, l.OutputTokens = KindOpen, 100*time.Second, 1
		at := times(work(), l)
		other := work()
		other.Seed++
		if again := times(work(), l); !slices.Equal(at, again) || l.Arrival != ArrivalConstant && slices.Equal(at, times(other, l)) {
			t.Errorf("%s: not a pure function of the seed", tc.name)
		}
		var parts [4]float64
		var gaps []float64
		for i, a := range at {
			if a < 0 || a >= l.Duration || i > 0 && a < at[i-1] {
				t.Fatalf("%s: request %d at %v", tc.name, i, a)
			}
			parts[int(4*a/l.Duration)] += 1 / float64(len(at))
			if i > 0 {
				gaps = append(gaps, (a - at[i-1]).Seconds())
			}
		}
		mean, variance := moments(gaps)
		if cv := math.Sqrt(variance) / mean; len(at) != tc.n || tc.cv >= 0 && math.Abs(cv-tc.cv) > 0.1*tc.cv+1e-6 {
			t.Errorf("%s: %d requests whose gaps vary by %.2f, want %d and %.2f", tc.name, len(at), cv, tc.n, tc.cv)
		}
		for i := range parts {
			if math.Abs(parts[i]-tc.parts[i]) > 0.02+0.025*max(tc.cv, 0) {
				t.Errorf("%s: shares %.3f, want %.3f", tc.name, parts, tc.parts)
			}
		}
	}
}

func TestAnExactNumberOfArrivals(t *testing.T) {
	l := Level{Kind: KindOpen, Rate: 5, Requests: 50, OutputTokens: 1}
	if at := times(work(), l); len(at) != 50 || at[49] > 10*time.Second {
		t.Errorf("%d requests until %v, want 50 in 10 s", len(at), at[len(at)-1])
	}
	l.Duration = 2 * time.Second
	if n := len(times(work(), l)); n != 10 {
		t.Errorf("%d requests in 2 s at 5/s", n)
	}
}

func TestFiguresOfAnOpenLoop(t *testing.T) {
	for _, l := range []Level{
		{Kind: KindOpen, Rate: 10, Duration: time.Minute, OutputTokens: 51, Warmup: -1},
		{Kind: KindOpen, Rate: 10, Requests: 600, OutputTokens: 51, Warmup: -1, Arrival: ArrivalConstant},
	} {
		srv := &benchtest.Server{TTFT: 100 * ms, Gap: 10 * ms, BOS: 1, Tokenizer: true, Metrics: "vllm"}
		inFalseTime(t, srv, func(t *testing.T, c *Client, to Target) {
			r := mustRun(t, c, to, work(), l)
			wantStat(t, "TTFT", r.TTFT.Mean, 100)
			wantStat(t, "TTFT from the intended send", r.TTFTIntended.Mean, 100)
			wantStat(t, "E2E", r.E2E.Mean, 600)
			wantStat(t, "ITL", r.ITL.Mean, 10)
			if r.Requests.Total != 600 || math.Abs(r.RequestThroughput-10) > 0.3 || r.Saturated || r.Rate != 10 || r.Kind != KindOpen || r.Users != 0 {
				t.Errorf("%s: %+v at %.2f/s, saturated %v", l, r.Requests, r.RequestThroughput, r.Saturated)
			}
			if r.Client.ScheduleDelayP99MS == nil || *r.Client.ScheduleDelayP99MS > 0.1 || r.InFlightCap != DefaultMaxInFlight || r.Held != 0 {
				t.Errorf("delay %v, cap %d", r.Client.ScheduleDelayP99MS, r.InFlightCap)
			}
			if s := r.Server; s == nil || s.Engine != "vllm" || *s.GeneratedTokens != 600*51 || *s.TTFTMS != 100 || s.RunningMean == nil || *s.RunningMean < 4 || *s.RunningMean > 8 {
				t.Errorf("the server's own figures: %+v", s)
			}
		})
	}
}

func TestAnOpenLoopIsNeverSlowedByTheServer(t *testing.T) {
	// Two at once, 0.6 s each: 3.3 a second are served, 5 come.
	srv := &benchtest.Server{TTFT: 100 * ms, Gap: 10 * ms, BOS: 1, Tokenizer: true, Slots: 2}
	inFalseTime(t, srv, func(t *testing.T, c *Client, to Target) {
		c.Record = func(o Outcome) {
			if !o.Warmup && o.Sent-o.Intended > ms {
				t.Errorf("request %d was sent %v late", o.Seq, o.Sent-o.Intended)
			}
		}
		l := Level{Kind: KindOpen, Rate: 5, Duration: time.Minute, OutputTokens: 51, Warmup: 2}
		r := mustRun(t, c, to, work(), l)
		if !r.Saturated || r.TTFT.Mean != nil || r.E2EIntended.P95 != nil || r.TTFT.N == 0 || !strings.Contains(strings.Join(r.Notes, "\n"), "saturated") {
			t.Errorf("saturated %v, TTFT %+v, notes %q", r.Saturated, r.TTFT, r.Notes)
		}
		if r.Requests.Completed != 300 || math.Abs(r.OutputThroughput-2*51/0.6) > 5 || r.PeakInFlight < 50 {
			t.Errorf("%+v, %.1f tok/s, at most %d under way", r.Requests, r.OutputThroughput, r.PeakInFlight)
		}
	})
}

func TestAServerThatKeepsUpIsNotSaturated(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		srv := &benchtest.Server{TTFT: 100 * ms, Gap: 10 * ms, BOS: 1, Tokenizer: true, Slots: 4}
		inFalseTime(t, srv, func(t *testing.T, c *Client, to Target) {
			w := work()
			w.Seed = seed
			// 4.7 of 6.7 a second: there are queues, and they go away again.
			r := mustRun(t, c, to, w, Level{Kind: KindOpen, Rate: 4.7, Duration: time.Minute, OutputTokens: 51})
			if r.Saturated {
				t.Errorf("seed %d is held to be saturated", seed)
			}
		})
	}
}

func TestNoMoreThanTheLimitAreUnderWay(t *testing.T) {
	srv := &benchtest.Server{TTFT: 100 * ms, Gap: 10 * ms, BOS: 1, Tokenizer: true}
	inFalseTime(t, srv, func(t *testing.T, c *Client, to Target) {
		l := Level{Kind: KindOpen, Rate: 50, Arrival: ArrivalConstant, Requests: 200, OutputTokens: 51, MaxInFlight: 10}
		r := mustRun(t, c, to, work(), l)
		if r.PeakInFlight != 10 || r.Held < 150 || !r.Saturated || r.InFlightCap != 10 || *r.Client.ScheduleDelayP99MS > 1 || !strings.Contains(strings.Join(r.Notes, "\n"), "had to wait to be sent") {
			t.Errorf("%d under way, %d held, notes %q", r.PeakInFlight, r.Held, r.Notes)
		}
	})
}

func TestAnOpenLoopWithoutLimitsSettles(t *testing.T) {
	srv := &benchtest.Server{TTFT: 100 * ms, Gap: 10 * ms, BOS: 1, Tokenizer: true}
	inFalseTime(t, srv, func(t *testing.T, c *Client, to Target) {
		r := mustRun(t, c, to, work(), Level{Kind: KindOpen, Rate: 20, OutputTokens: 51, Warmup: -1})
		if !r.Settled || r.DurationS > 60 || r.Requests.Total < settleOpen {
			t.Errorf("settled %v after %+v in %.1f s", r.Settled, r.Requests, r.DurationS)
		}
	})
}

func TestTheHighestRateUnderAnSLO(t *testing.T) {
	t.Parallel()
	slo, err := ParseLimit("ttft_p95", "500ms")
	if err != nil {
		t.Fatal(err)
	}
	// Four at once, 0.6 s each: 6.67 a second at most.
	srv := &benchtest.Server{TTFT: 100 * ms, Gap: 10 * ms, BOS: 1, Tokenizer: true, Slots: 4}
	inFalseTime(t, srv, func(t *testing.T, c *Client, to Target) {
		w := work()
		w.SLO = []Limit{slo}
		r := mustRun(t, c, to, w, Level{Kind: KindMaxRate, OutputTokens: 51, Duration: 2 * time.Minute})
		if r.Kind != KindMaxRate || r.Rate < 3 || r.Rate > 6.7 || r.Saturated || r.TTFTIntended.P95 == nil || *r.TTFTIntended.P95 > 500 {
			t.Errorf("rate %.2f, %+v", r.Rate, r.TTFTIntended)
		}
		low, high := 0.0, 1e9
		for _, v := range r.Tried {
			if v.Held {
				low = max(low, v.Rate)
			} else {
				high = min(high, v.Rate)
			}
		}
		if low != r.Rate || high > low/(1-rateBracket)*1.001 || len(r.Tried) > rateTries {
			t.Errorf("tried %+v", r.Tried)
		}
	})
	srv = &benchtest.Server{TTFT: 100 * ms, Gap: 10 * ms, BOS: 1, Tokenizer: true, Slots: 4}
	inFalseTime(t, srv, func(t *testing.T, c *Client, to Target) {
		w := work()
		w.SLO = []Limit{{"e2e", "p99", 2 * time.Second}}
		r := mustRun(t, c, to, w, Level{Kind: KindMaxRate, OutputTokens: 51, Duration: 5 * time.Second})
		if r.Rate < 3 || r.Rate > 6.7 {
			t.Errorf("rate %.2f where each is tried for as long as a p99 needs: %+v", r.Rate, r.Tried)
		}
	})
	srv = &benchtest.Server{TTFT: 100 * ms, Gap: 10 * ms, BOS: 1, Tokenizer: true}
	inFalseTime(t, srv, func(t *testing.T, c *Client, to Target) {
		w := work()
		w.SLO = []Limit{{"ttft", "p95", 50 * ms}}
		r := mustRun(t, c, to, w, Level{Kind: KindMaxRate, OutputTokens: 51})
		if r.Rate != 0 || !strings.Contains(strings.Join(r.Notes, "\n"), "at no rate") {
			t.Errorf("rate %v under an SLO that cannot hold, notes %q", r.Rate, r.Notes)
		}
	})
}

// What the client was too slow for says nothing of the server: a rate is tried again,
// and where that does not help, the search does not pass for an answer.
func TestTheHighestRateWhereTheClientIsTheBottleneck(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		slow   func(try int, rate float64) bool
		bound  bool
		lowest float64
	}{
		{"now and then", func(try int, _ float64) bool { return try%3 == 1 }, false, 28},
		{"twice at each rate", func(try int, _ float64) bool { return try%3 != 0 }, false, 28},
		{"from a rate on", func(_ int, rate float64) bool { return rate > 10 }, true, 8},
		{"always", func(int, float64) bool { return true }, true, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tries := 0
			measure := func(l Level) (LevelResult, error) { // of a server that can do 30 a second
				if tries++; (l.Warmup == 0) == (tries == 1) {
					t.Errorf("try %d has a warm-up of %d", tries, l.Warmup)
				}
				latency := 100.0
				if l.Rate > 30 {
					latency = 1e4
				}
				r := LevelResult{Rate: l.Rate, Requests: RequestCount{Total: 100, Completed: 100}, TTFTIntended: Stats{N: 100, P95: &latency}}
				r.Client.Bound = tc.slow(tries, l.Rate)
				return r, nil
			}
			w := Workload{SLO: []Limit{{"ttft", "p95", time.Second}}}
			r, err := findRate(w, Level{Kind: KindMaxRate, Rate: 4, Warmup: 5}, measure)
			if err != nil || r.Client.Bound != tc.bound || r.Rate < tc.lowest || r.Rate > 30 {
				t.Errorf("%v: %.1f/s, bound %v, notes %q, tried %+v", err, r.Rate, r.Client.Bound, r.Notes, r.Tried)
			}
			if strings.Contains(strings.Join(r.Notes, "\n"), "at no rate") {
				t.Errorf("of a server that held at each rate, or of which nothing is known: %q", r.Notes)
			}
		})
	}
}

func TestARateThatGrowsIsNoSaturation(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name      string
		slots     int
		saturated bool
	}{{"a server for any number", 0, false}, {"a server that is outrun at the end", 3, true}} {
		srv := &benchtest.Server{TTFT: 100 * ms, Gap: 10 * ms, BOS: 1, Tokenizer: true, Slots: tc.slots}
		inFalseTime(t, srv, func(t *testing.T, c *Client, to Target) {
			l := Level{Kind: KindOpen, Rate: 1, RateEnd: 16, Duration: time.Minute, OutputTokens: 51}
			if r := mustRun(t, c, to, work(), l); r.Saturated != tc.saturated || r.RateEnd != 16 {
				t.Errorf("%s: saturated %v, at most %d under way", tc.name, r.Saturated, r.PeakInFlight)
			}
		})
	}
}
