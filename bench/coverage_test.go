package bench

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// A server whose times are drawn: first tokens of 50 ms with a standard deviation of
// 20 ms, and for each request its own pace, of 10 ms a token with one of 1.5 ms, both
// lognormal, so that every figure's truth is known.
const (
	drawnFirst, drawnFirstSD = 50.0, 20.0 // ms
	drawnPace, drawnPaceSD   = 10.0, 1.5
	drawnTokens              = 21
)

// lognormal are the parameters of the logarithm.
func lognormal(mean, sd float64) (mu, sigma float64) {
	s2 := math.Log(1 + sd*sd/(mean*mean))
	return math.Log(mean) - s2/2, math.Sqrt(s2)
}

type drawnRequest struct {
	s           Sending
	first, pace time.Duration
	n           int
}

func (d *drawnRequest) next() time.Duration { return d.s.At + d.first + time.Duration(d.n)*d.pace }

// drawn computes a level on that server.
func drawn(v *Virtual, r *rand.Rand) LevelResult {
	ms := func(mean, sd float64) time.Duration {
		mu, sigma := lognormal(mean, sd)
		return time.Duration(math.Exp(mu+sigma*r.NormFloat64()) * 1e6)
	}
	var all []*drawnRequest
	for !v.Over() {
		first := -1
		for i, d := range all {
			if first < 0 || d.next() < all[first].next() {
				first = i
			}
		}
		if at, due := v.Due(); first < 0 || due && at < all[first].next() {
			if s, ok := v.Send(at); ok {
				all = append(all, &drawnRequest{s: s, first: ms(drawnFirst, drawnFirstSD), pace: ms(drawnPace, drawnPaceSD)})
			}
			continue
		}
		d := all[first]
		now, gap, measured := d.next(), d.pace, 0
		if d.n == 0 {
			gap = 0
		}
		if d.s.Measured {
			measured = 1
		}
		v.Tokens(now, gap, 1, measured)
		if d.n++; d.n == d.s.Request.OutputTokens {
			all = append(all[:first], all[first+1:]...)
			v.Answer(now, &d.s, Reply{First: d.s.At + d.first, Last: now, PromptTokens: d.s.Request.InputTokens, Tokens: d.n})
		}
	}
	return v.Result()
}

// expected is a counted load's mean throughput over many other draws: its time goes to
// the last token, so that users who have nothing left to send are in it.
func expected(t *testing.T, l Level, runs uint64) float64 {
	t.Helper()
	v, err := NewVirtual(Workload{Name: "w", API: APICompletions, Prompts: Prompts{InputTokens: 10}, Seed: 1}, l)
	if err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for run := range runs {
		sum += drawn(v, rand.New(rand.NewPCG(8, run))).OutputThroughput
		v.Reset()
	}
	return sum / float64(runs)
}

// TestIntervalsOfALevelCoverTheTruth: of 1,000 runs of a load 93 to 97 % have an
// interval that holds the truth, which leaves three standard errors of so many draws
// about 95 %; the draws are the same each time.
func TestIntervalsOfALevelCoverTheTruth(t *testing.T) {
	const runs = 1000
	mu, sigma := lognormal(drawnFirst, drawnFirstSD)
	quantile := func(z float64) float64 { return math.Exp(mu + z*sigma) }
	cycle := (drawnFirst + (drawnTokens-1)*drawnPace) / 1000 // s of a request
	for _, c := range []struct {
		name    string
		counted bool
		l       Level
	}{
		{"8 users, 200 requests", true, Level{Kind: KindClosed, Users: 8, OutputTokens: drawnTokens, Requests: 200, Warmup: 8}},
		{"8 users, 30 s", false, Level{Kind: KindClosed, Users: 8, OutputTokens: drawnTokens, Duration: 30 * time.Second, Warmup: 8}},
		{"one stream, 100 requests", false, Level{Kind: KindSingle, OutputTokens: drawnTokens, Requests: 100, Warmup: -1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			truths := map[string]float64{
				"throughput": float64(max(c.l.Users, 1)) * drawnTokens / cycle, "ttft mean": drawnFirst, "tpot mean": drawnPace, "ttft p50": quantile(0), "ttft p95": quantile(1.6448536),
			}
			covered, given := map[string]int{}, map[string]int{}
			if c.counted {
				truths["throughput"] = expected(t, c.l, runs)
			}
			v, err := NewVirtual(Workload{Name: "w", API: APICompletions, Prompts: Prompts{InputTokens: 10}, Seed: 1}, c.l)
			if err != nil {
				t.Fatal(err)
			}
			for run := range uint64(runs) {
				r := drawn(v, rand.New(rand.NewPCG(7, run)))
				v.Reset()
				for name, interval := range map[string]*[2]float64{
					"throughput": r.ThroughputInterval, "ttft mean": r.TTFT.MeanInterval, "tpot mean": r.TPOT.MeanInterval,
					"ttft p50": r.TTFT.P50Interval, "ttft p95": r.TTFT.P95Interval,
				} {
					if interval == nil {
						continue
					}
					given[name]++
					if interval[0] <= truths[name] && truths[name] <= interval[1] {
						covered[name]++
					}
				}
			}
			for name := range truths {
				share := float64(covered[name]) / float64(given[name])
				t.Logf("%s: %.1f %% of %d", name, 100*share, given[name])
				high := 0.97
				if c.counted || name == "ttft p50" || name == "ttft p95" { // wider than need be: ranks are whole, and the drain is no noise
					high = 0.99
				}
				if given[name] < runs/2 || share < 0.93 || share > high {
					t.Errorf("the interval of %s covers the truth in %.1f %% of %d runs", name, 100*share, given[name])
				}
			}
		})
	}
}
