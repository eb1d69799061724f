package bench

import (
	"math"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/qtune/qtune/bench/benchtest"
)

const ms = time.Millisecond

// near says whether got is within the tolerance that the definitions promise.
func near(got, want float64) bool {
	return math.Abs(got-want) <= 0.01*want || math.Abs(got-want) <= 0.2
}

func wantStat(t *testing.T, name string, got *float64, want float64) {
	t.Helper()
	if got == nil {
		t.Errorf("%s: no figure, want %.3f", name, want)
	} else if !near(*got, want) {
		t.Errorf("%s = %.3f, want %.3f", name, *got, want)
	}
}

// truth is a server whose figures are known, and those figures.
type truth struct {
	name   string
	server *benchtest.Server
	api    API
	level  Level
	speed  float64
	want   figures
}

// figures are means: latencies in milliseconds, output tokens and requests a second.
type figures struct{ ttft, tpot, itl, e2e, output, reqs float64 }

func truths() []truth {
	steady := func() *benchtest.Server {
		return &benchtest.Server{TTFT: 100 * ms, Gap: 10 * ms, BOS: 1, Tokenizer: true}
	}
	template, eight, growing, fast := steady(), steady(), steady(), steady()
	template.Template = 9
	eight.Gap, eight.PerEvent = 80*ms, []int{8}
	growing.TTFT, growing.Gap, growing.PerEvent, growing.Running = 50*ms, 40*ms, []int{1, 2, 3, 4, 5, 6, 7, 8}, true
	fast.TTFT, fast.Gap = 2*ms, 200*time.Microsecond
	alone, of4 := figures{100, 10, 10, 1100, 101 / 1.1, 1 / 1.1}, figures{100, 10, 10, 600, 4 * 51 / 0.6, 4 / 0.6}
	of8 := figures{100, 10, 10, 600, 8 * 51 / 0.6, 8 / 0.6}
	return []truth{
		{"one token an event, one stream", steady(), "", Level{Kind: KindSingle, OutputTokens: 101, Requests: 5}, 0, alone},
		{"chat, whose template costs tokens", template, APIChat, Level{Kind: KindSingle, OutputTokens: 101, Requests: 5}, 0, alone},
		{
			"eight tokens an event, as speculative decoding sends them: the gap is spread over them", eight, "",
			Level{Kind: KindSingle, OutputTokens: 80, Requests: 5}, 0, figures{100, 720.0 / 79, 10, 820, 80 / 0.82, 1 / 0.82},
		},
		{
			"one to eight tokens an event with usage in each", growing, "",
			Level{Kind: KindSingle, OutputTokens: 72, Requests: 5}, 0, figures{50, 600.0 / 71, 600.0 / 71, 650, 72 / 0.65, 1 / 0.65},
		},
		{"a burst of eight", steady(), "", Level{Kind: KindBurst, Users: 8, OutputTokens: 51}, 0, of8},
		{"a burst of eight in three waves", steady(), "", Level{Kind: KindBurst, Users: 8, Requests: 24, OutputTokens: 51}, 0, of8},
		{"a closed loop of an exact number of requests", steady(), "", Level{Kind: KindClosed, Users: 4, Requests: 40, OutputTokens: 51, Warmup: -1}, 0, of4},
		{
			"a closed loop for a time: neither ramp nor drain lowers the throughput", steady(), "",
			Level{Kind: KindClosed, Users: 4, Duration: 30 * time.Second, OutputTokens: 51, Warmup: -1}, 0, of4,
		},
		{"a closed loop until settled", steady(), "", Level{Kind: KindClosed, Users: 4, OutputTokens: 51, Warmup: -1}, 0, of4},
		{
			"a server that lives fifty times as fast: times are its own", fast, "",
			Level{Kind: KindClosed, Users: 4, OutputTokens: 51, Duration: 60 * time.Second, Warmup: -1}, 50, of4,
		},
	}
}

func TestFiguresOfAServerOfKnownTruth(t *testing.T) {
	for _, tc := range truths() {
		t.Run(tc.name, func(t *testing.T) { inFalseTime(t, tc.server, tc.check) })
	}
}

func (tc *truth) check(t *testing.T, c *Client, to Target) {
	c.Speed = tc.speed
	w := work()
	w.API = tc.api
	r := mustRun(t, c, to, w, tc.level)
	if r.Requests.Failed > 0 || r.Requests.Completed == 0 {
		t.Fatalf("requests %+v, failures %+v", r.Requests, r.Failures)
	}
	wantStat(t, "TTFT", r.TTFT.Mean, tc.want.ttft)
	wantStat(t, "TPOT", r.TPOT.Mean, tc.want.tpot)
	wantStat(t, "ITL", r.ITL.Mean, tc.want.itl)
	wantStat(t, "E2E", r.E2E.Mean, tc.want.e2e)
	wantStat(t, "output throughput", &r.OutputThroughput, tc.want.output)
	wantStat(t, "total throughput", &r.TotalThroughput, tc.want.output+32*tc.want.reqs)
	wantStat(t, "request throughput", &r.RequestThroughput, tc.want.reqs)
	if out, in := r.Requests.Completed*tc.level.OutputTokens, r.Requests.Completed*32; r.OutputTokens != out || r.InputTokens != in {
		t.Errorf("%d output and %d input tokens, want %d and %d", r.OutputTokens, r.InputTokens, out, in)
	}
	if tc.speed > 0 && !near(r.DurationS, r.WallS*tc.speed) {
		t.Errorf("duration %v at speed %v in %v of wall time", r.DurationS, tc.speed, r.WallS)
	}
	if d := tc.level.Duration.Seconds(); d > 0 && (r.DurationS < d || r.DurationS > d+0.7) {
		t.Errorf("ran for %v, want %v s and the drain of a request", r.DurationS, d)
	}
}

func TestALevelWithoutLimitsEndsWhenItHasSettled(t *testing.T) {
	srv := &benchtest.Server{TTFT: 100 * ms, Gap: 10 * ms, BOS: 1, Tokenizer: true}
	for _, l := range []Level{
		{Kind: KindSingle, OutputTokens: 51, Warmup: -1},
		{Kind: KindClosed, Users: 4, OutputTokens: 51, Warmup: -1},
		{Kind: KindClosed, Users: 20, OutputTokens: 51, Warmup: -1},
	} {
		t.Run(l.String(), func(t *testing.T) {
			inFalseTime(t, srv, func(t *testing.T, c *Client, to Target) {
				r := mustRun(t, c, to, work(), l)
				requests, d := l.Cap()
				if !r.Settled || r.Requests.Total >= requests || r.DurationS >= d.Seconds() {
					t.Errorf("settled %v after %d requests and %.1f s; notes %q", r.Settled, r.Requests.Total, r.DurationS, r.Notes)
				}
				if r.ThroughputInterval == nil || r.ThroughputInterval[1]-r.ThroughputInterval[0] > 0.04*r.OutputThroughput {
					t.Errorf("interval %v of %v", r.ThroughputInterval, r.OutputThroughput)
				}
			})
		})
	}
}

func TestALevelThatDoesNotSettleEndsAtItsCapAndSaysSo(t *testing.T) {
	// 47 s a request: two or three fit under the cap of two minutes.
	srv := &benchtest.Server{TTFT: 500 * ms, Gap: 94 * ms, BOS: 1, Tokenizer: true}
	inFalseTime(t, srv, func(t *testing.T, c *Client, to Target) {
		r := mustRun(t, c, to, work(), Level{Kind: KindSingle, OutputTokens: 500})
		if r.Settled || r.Requests.Completed != 3 || !strings.Contains(strings.Join(r.Notes, "\n"), "not settled") {
			t.Errorf("settled %v, %+v, notes %q", r.Settled, r.Requests, r.Notes)
		}
	})
}

// On a real network and in real time, where a busy machine only makes things slower.
func TestFiguresOverTheNetwork(t *testing.T) {
	srv := httptest.NewServer(&benchtest.Server{TTFT: 50 * ms, Gap: 10 * ms, BOS: 1, Tokenizer: true})
	defer srv.Close()
	var c Client
	r := mustRun(t, &c, Target{URL: srv.URL, Model: "m"}, work(), Level{Kind: KindClosed, Users: 3, Requests: 12, OutputTokens: 21, Warmup: -1})
	for name, v := range map[string][2]float64{
		"TTFT": {*r.TTFT.Mean, 50}, "TPOT": {*r.TPOT.Mean, 10}, "ITL": {*r.ITL.Mean, 10}, "E2E": {*r.E2E.Mean, 250},
		"time per token": {1e3 / r.OutputThroughput, 250.0 / (3 * 21)},
	} {
		if v[0] < 0.9*v[1] || v[0] > 3*v[1] {
			t.Errorf("%s = %.2f, want about %.2f", name, v[0], v[1])
		}
	}
	if r.Client.SchedLatencyP99MS == nil || r.Client.ScheduleDelayP99MS == nil {
		t.Errorf("the client's own cost is not known: %+v", r.Client)
	}
}
