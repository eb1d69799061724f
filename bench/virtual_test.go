package bench

import (
	"math"
	"slices"
	"testing"
	"time"
)

// computed is a server whose requests do not know of each other: each gets its first
// token after 50 ms and one more every 10 ms.
func computed(v *Virtual) LevelResult {
	const first, every = 50 * time.Millisecond, 10 * time.Millisecond
	type under struct {
		s Sending
		n int
	}
	var all []*under
	for !v.Over() {
		at, due := v.Due()
		slices.SortStableFunc(all, func(a, b *under) int {
			return int(a.s.At + time.Duration(a.n)*every - b.s.At - time.Duration(b.n)*every)
		})
		if len(all) == 0 || due && at < all[0].s.At+first+time.Duration(all[0].n)*every {
			if s, ok := v.Send(at); ok {
				all = append(all, &under{s: s})
			}
			continue
		}
		u := all[0]
		now, gap, measured := u.s.At+first+time.Duration(u.n)*every, every, 0
		if u.n == 0 {
			gap = 0
		}
		if u.s.Measured {
			measured = 1
		}
		v.Tokens(now, gap, 1, measured)
		if u.n++; u.n == u.s.Request.OutputTokens {
			all = all[1:]
			v.Answer(now, &u.s, Reply{First: u.s.At + first, Last: now, PromptTokens: u.s.Request.InputTokens, Tokens: u.n})
		}
	}
	return v.Result()
}

// The figures of a server that can be worked out by hand: a request of 11 tokens takes
// 150 ms.
func TestVirtualClient(t *testing.T) {
	w := Workload{Name: "w", API: APICompletions, Prompts: Prompts{InputTokens: 100}, Seed: 1}
	rows := []struct {
		what       string
		l          Level
		requests   int
		throughput float64 // tokens/s
		window     float64 // s, 0: any
	}{
		{"one stream", Level{Kind: KindSingle, OutputTokens: 11, Requests: 10, Warmup: -1}, 10, 11 / .15, 1.5},
		{"four users, counted", Level{Kind: KindClosed, Users: 4, OutputTokens: 11, Requests: 40, Warmup: -1}, 40, 4 * 11 / .15, 1.5},
		{"four users, settled", Level{Kind: KindClosed, Users: 4, OutputTokens: 11, Warmup: -1}, 0, 4 * 11 / .15, 0},
		{"four users, 30 s", Level{Kind: KindClosed, Users: 4, OutputTokens: 11, Duration: 30 * time.Second, Warmup: 2}, 0, 4 * 11 / .15, 0},
		{"bursts of five", Level{Kind: KindBurst, Users: 5, OutputTokens: 11, Requests: 20}, 20, 5 * 11 / .15, .6},
		{"20 a second, evenly", Level{Kind: KindOpen, Rate: 20, Arrival: ArrivalConstant, OutputTokens: 11, Requests: 100}, 100, 11 * 100 / 5.1, 5.1},
	}
	for _, r := range rows {
		v, err := NewVirtual(w, r.l)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 { // as new after Reset
			got := computed(v)
			if r.requests > 0 && got.Requests.Completed != r.requests || got.Requests.Failed > 0 || got.Requests.Completed < 10 {
				t.Errorf("%s: %+v, want %d", r.what, got.Requests, r.requests)
			}
			if math.Abs(got.OutputThroughput/r.throughput-1) > 0.02 || r.window > 0 && math.Abs(got.WindowS-r.window) > 1e-3 {
				t.Errorf("%s: %.2f tok/s in %.3f s, want %.2f in %.3f", r.what, got.OutputThroughput, got.WindowS, r.throughput, r.window)
			}
			for name, want := range map[string]float64{"ttft_mean": 50, "tpot_mean": 10, "itl_mean": 10, "e2e_mean": 150, "queue_mean": 0} {
				if v, ok := got.Metric(name); !ok || math.Abs(v-want) > 1e-3 {
					t.Errorf("%s: %s is %v, want %v", r.what, name, v, want)
				}
			}
			v.Reset()
		}
	}
}

// An open loop that may have few requests under way sends late, and says so.
func TestVirtualClientHoldsRequestsBack(t *testing.T) {
	w := Workload{Name: "w", API: APICompletions, Prompts: Prompts{InputTokens: 100}, Seed: 1}
	v, err := NewVirtual(w, Level{Kind: KindOpen, Rate: 20, Arrival: ArrivalConstant, OutputTokens: 11, Requests: 100, MaxInFlight: 2})
	if err != nil {
		t.Fatal(err)
	}
	if r := computed(v); r.PeakInFlight != 2 || r.Held < 90 || !r.Saturated {
		t.Errorf("%d under way, %d held, saturated %v", r.PeakInFlight, r.Held, r.Saturated)
	}
}

func TestVirtualMaxRate(t *testing.T) {
	w := Workload{Name: "w", API: APICompletions, Prompts: Prompts{InputTokens: 100}, Seed: 1, SLO: []Limit{{"ttft", "p95", time.Second}}}
	r, err := VirtualMaxRate(w, Level{Kind: KindMaxRate, Rate: 4, RateEnd: 16, OutputTokens: 11}, computed)
	if err != nil || r.Rate != 16 || !r.Simulated {
		t.Errorf("%v: %g req/s, simulated %v", err, r.Rate, r.Simulated)
	}
}
