package simulator

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"
)

// trail is when each token of each request came, by steps alone or with leaps.
func trail(c *Core, requests int, leaps bool) (map[string][]time.Duration, Stats) {
	rng := rand.New(rand.NewPCG(3, 4))
	all := make([]Request, requests)
	at := make([]time.Duration, requests)
	for i := range all {
		all[i] = Request{Prompt: 5 + rng.IntN(90), Output: 1 + rng.IntN(200), Owner: fmt.Sprint(i), Prefix: []uint64{uint64(rng.IntN(3)), uint64(10 + rng.IntN(9))}, Segment: 16}
		at[i] = time.Duration(i) * time.Duration(rng.IntN(300)) * time.Millisecond / 4
	}
	got := map[string][]time.Duration{}
	now, sent := time.Duration(0), 0
	note := func(events []Event) {
		for _, e := range events {
			got[e.Request.Owner.(string)] = append(got[e.Request.Owner.(string)], now)
		}
	}
	for sent < len(all) || !c.Idle() {
		for sent < len(all) && at[sent] <= now {
			c.Submit(&all[sent])
			sent++
		}
		took, events := c.Step()
		if took == 0 {
			now = max(now, at[sent])
			continue
		}
		now += took
		note(events)
		if !leaps {
			continue
		}
		limit := forever
		if sent < len(all) {
			limit = at[sent] - now
		}
		for times, events := c.Leap(limit); len(times) > 0; times, events = c.Leap(limit) {
			for i, d := range times {
				now, limit = now+d, limit-d
				for _, r := range c.decodes {
					if r.generated-len(times)+i+1 < r.Output || i < len(times)-1 {
						got[r.Owner.(string)] = append(got[r.Owner.(string)], now)
					}
				}
			}
			note(events)
		}
	}
	return got, c.Stats()
}

// Leaps give, to the nanosecond, what single steps give, whatever the scheduler, also
// with a short cache, noise, and arrivals at any moment.
func TestLeapIsManySteps(t *testing.T) {
	for what, s := range map[string]Scheduling{
		"vLLM":                {MaxRunning: 32, Budget: 64, Chunked: true, Pool: 6400, Block: 16, WholeFirst: true},
		"vLLM, short cache":   {MaxRunning: 32, Budget: 64, Chunked: true, Pool: 640, Block: 16, WholeFirst: true, Prefixes: true},
		"vLLM, few at once":   {MaxRunning: 4, Budget: 64, Chunked: true, Pool: 6400, Block: 16},
		"SGLang":              {SGLang: true, MaxRunning: 32, Pool: 6400, Block: 1, Chunk: 64, MaxPrefill: 256},
		"SGLang, short cache": {SGLang: true, MaxRunning: 32, Pool: 640, Block: 1, Chunk: 64, MaxPrefill: 256, Prefixes: true},
		"SGLang, pages":       {SGLang: true, MaxRunning: 8, Pool: 1280, Block: 16, Chunk: 64, MaxPrefill: 256, Mixed: true},
		"SGLang, once more":   {SGLang: true, MaxRunning: 32, Pool: 6400, Block: 1, Chunk: 64, MaxPrefill: 256, OnceMore: true},
		"slots":               {MaxRunning: 4, Budget: 512, Chunked: true, Pool: 2048, Block: 1},
	} {
		for _, scale := range []float64{0, 2} {
			single, leaping := smallCore(t, s), smallCore(t, s)
			single.noise, leaping.noise = newNoise(scale, 7, 1), newNoise(scale, 7, 1)
			quiet := smallCore(t, s)
			quiet.noise, quiet.brief = newNoise(scale, 7, 1), true
			want, wantStats := trail(single, 60, false)
			got, gotStats := trail(leaping, 60, true)
			if wantStats != gotStats {
				t.Errorf("%s: single steps end with %+v, leaps with %+v", what, wantStats, gotStats)
			}
			if _, quietStats := trail(quiet, 60, false); quietStats != gotStats {
				t.Errorf("%s: without the events that say nothing new: %+v, else %+v", what, quietStats, gotStats)
			}
			for name := range want {
				if !reflect.DeepEqual(got[name], want[name]) {
					t.Errorf("%s, noise %g: request %s: by leaps %v\nby steps %v", what, scale, name, got[name], want[name])
					break
				}
			}
		}
	}
}
