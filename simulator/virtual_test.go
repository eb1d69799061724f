package simulator

import (
	"reflect"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/qtune/qtune/bench"
)

// chat is a workload of 512 tokens in and 128 out.
func chat() bench.Workload {
	return bench.Workload{Name: "chat", API: bench.APICompletions, Prompts: bench.Prompts{InputTokens: 512}, Seed: 7}
}

func prepared(t testing.TB, words ...string) *Engine {
	t.Helper()
	e, err := Prepare(Setup{Kind: "vllm", Args: words, Card: card(t, "RTX 5090")})
	if err != nil {
		t.Fatal(err)
	}
	if r := e.Facts().Refusal; r != "" {
		t.Fatalf("%v: refused: %s", words, r)
	}
	return e
}

var marlin32 = []string{awq32, "--max-model-len", "8192"}

func TestVirtualRunOfEachLevel(t *testing.T) {
	e := prepared(t, marlin32...)
	trace, err := bench.ReadTrace("trace", strings.NewReader("TIMESTAMP,ContextTokens,GeneratedTokens\n0,100,20\n0.5,300,5\n0.9,50,40\n"))
	if err != nil {
		t.Fatal(err)
	}
	traced := chat()
	traced.Prompts = bench.Prompts{Trace: trace}
	slo := chat()
	slo.SLO = []bench.Limit{{Latency: "ttft", Statistic: "p95", Max: time.Second}}
	rows := []struct {
		what     string
		w        bench.Workload
		l        bench.Level
		requests int // 0: as many as it takes
	}{
		{"one stream", chat(), bench.Level{Kind: bench.KindSingle, OutputTokens: 50, Requests: 5, Warmup: -1}, 5},
		{"users, a number of requests", chat(), bench.Level{Kind: bench.KindClosed, Users: 8, OutputTokens: 50, Requests: 40, Warmup: -1}, 40},
		{"users, until settled", chat(), bench.Level{Kind: bench.KindClosed, Users: 8, OutputTokens: 50, Warmup: -1}, 0},
		{"users, for a time", chat(), bench.Level{Kind: bench.KindClosed, Users: 8, OutputTokens: 50, Duration: 20 * time.Second}, 0},
		{"bursts", chat(), bench.Level{Kind: bench.KindBurst, Users: 10, OutputTokens: 50, Requests: 30, Warmup: -1}, 30},
		{"one burst", chat(), bench.Level{Kind: bench.KindBurst, Users: 10, OutputTokens: 50}, 10},
		{"a rate", chat(), bench.Level{Kind: bench.KindOpen, Rate: 4, OutputTokens: 50, Requests: 100, Warmup: -1}, 100},
		{"a trace", traced, bench.Level{Kind: bench.KindTrace, Warmup: -1}, 3},
		{"the highest rate", slo, bench.Level{Kind: bench.KindMaxRate, Rate: 2, OutputTokens: 50, Warmup: -1}, 0},
	}
	for _, r := range rows {
		load, err := NewLoad(r.w, r.l)
		if err != nil {
			t.Errorf("%s: %v", r.what, err)
			continue
		}
		first := e.Run(load, 1)
		if n := first.Requests; n.Completed == 0 || n.Failed > 0 || r.requests > 0 && n.Completed != r.requests {
			t.Errorf("%s: %+v, want %d", r.what, n, r.requests)
		}
		if !first.Simulated || first.OutputThroughput <= 0 || first.E2E.Mean == nil || first.TTFT.Mean == nil || first.TPOT.Mean == nil {
			t.Errorf("%s: %+v", r.what, first)
		}
		t.Logf("%-28s %4d requests %8.1f tok/s in %7.2f s  %v %v", r.what, first.Requests.Completed, first.OutputThroughput, first.DurationS, first.Settled, first.Notes)
		if again := e.Run(load, 1); !reflect.DeepEqual(again, first) {
			t.Errorf("%s: the same load gives another result the second time", r.what)
		}
	}
}

// Several tokens that come together share the time since the ones before: the mean time
// between tokens stays that of the whole answer.
func TestVirtualTokensThatComeTogether(t *testing.T) {
	l := bench.Level{Kind: bench.KindClosed, Users: 4, OutputTokens: 101, Requests: 12, Warmup: -1}
	for _, flags := range [][]string{{"--stream-interval", "8"}, {"--spec-method", "eagle3", "--spec-tokens", "3"}, {"--stream-interval", "5", "--spec-method", "eagle3", "--spec-tokens", "3"}} {
		load, err := NewLoad(chat(), l)
		if err != nil {
			t.Fatal(err)
		}
		r := prepared(t, append(marlin32, flags...)...).Run(load, 1)
		if r.OutputTokens != 12*101 || r.ITL.Mean == nil || *r.ITL.Mean < .99**r.TPOT.Mean || *r.ITL.Mean > 1.01**r.TPOT.Mean {
			t.Errorf("%v: %d tokens, ITL %v, TPOT %v", flags, r.OutputTokens, *r.ITL.Mean, *r.TPOT.Mean)
		}
		if r.ITL.N < 11*100 || r.ITL.N > 12*100 {
			t.Errorf("%v: %d gaps, want %d", flags, r.ITL.N, 12*100)
		}
	}
}

// Noise changes the figures of each seed, by little, and equal seeds give equal ones.
func TestVirtualNoise(t *testing.T) {
	load, err := NewLoad(chat(), bench.Level{Kind: bench.KindClosed, Users: 8, OutputTokens: 50, Requests: 40, Warmup: -1})
	if err != nil {
		t.Fatal(err)
	}
	e, err := Prepare(Setup{Kind: "vllm", Args: marlin32, Card: card(t, "RTX 5090"), Noise: 1})
	if err != nil {
		t.Fatal(err)
	}
	quiet := prepared(t, marlin32...).Run(load, 1).OutputThroughput
	one, again, other := e.Run(load, 1), e.Run(load, 1), e.Run(load, 2)
	if !reflect.DeepEqual(one, again) || one.OutputThroughput == other.OutputThroughput {
		t.Error("noise does not depend on the seed alone")
	}
	for _, r := range []bench.LevelResult{one, other} {
		if ratio := r.OutputThroughput / quiet; ratio < .9 || ratio > 1.05 {
			t.Errorf("with noise %.3f of what it is without", ratio)
		}
	}
}

func TestVirtualRefusals(t *testing.T) {
	l := bench.Level{Kind: bench.KindClosed, Users: 2, OutputTokens: 50, Requests: 4}
	for what, s := range map[string]Setup{
		"does not fit": {Kind: "vllm", Args: []string{"Qwen/Qwen3-32B"}},
		"bad flag":     {Kind: "sglang", Args: []string{"--model-path", awq32, "--bogus"}},
	} {
		s.Card = card(t, "RTX 5090")
		result, facts, err := Run(s, chat(), l, 1)
		if err != nil || facts.Refusal == "" || result.Requests.Total != 0 {
			t.Errorf("%s: %v, %+v, %+v", what, err, facts, result.Requests)
		}
	}
	_, _, err := Run(Setup{Kind: "openai", Card: card(t, "RTX 5090")}, chat(), l, 1)
	if err == nil {
		t.Error("an engine that is not simulated")
	}
}

// Prompts that the engine refuses are failed requests, and a level of them ends.
func TestVirtualRequestsThatAreRefused(t *testing.T) {
	w := chat()
	w.Prompts.InputTokens = 9000
	load, err := NewLoad(w, bench.Level{Kind: bench.KindClosed, Users: 4, OutputTokens: 50, Requests: 100, Warmup: -1})
	if err != nil {
		t.Fatal(err)
	}
	r := prepared(t, marlin32...).Run(load, 1)
	if r.Requests.Completed != 0 || r.Requests.Failed == 0 || len(r.Failures) != 1 || r.Failures[0].Reason != "HTTP 400" {
		t.Errorf("%+v %+v", r.Requests, r.Failures)
	}
}

// A request that waits too long for its first token is given up.
func TestVirtualTimeOuts(t *testing.T) {
	w := chat()
	w.Timeouts.FirstToken = 2 * time.Second
	load, err := NewLoad(w, bench.Level{Kind: bench.KindBurst, Users: 400, OutputTokens: 200})
	if err != nil {
		t.Fatal(err)
	}
	r := prepared(t, marlin32...).Run(load, 1)
	if r.Requests.Completed == 0 || r.Requests.Failed == 0 || r.Requests.Total != 400 {
		t.Errorf("%+v %+v", r.Requests, r.Failures)
	}
}

func BenchmarkVirtual(b *testing.B) {
	rows := []struct {
		name string
		l    bench.Level
	}{
		{"closed-32", bench.Level{Kind: bench.KindClosed, Users: 32, OutputTokens: 128, Requests: 300}},
		{"open", bench.Level{Kind: bench.KindOpen, Rate: 8, OutputTokens: 128, Requests: 300}},
		{"burst-300", bench.Level{Kind: bench.KindBurst, Users: 300, OutputTokens: 128}},
	}
	for _, r := range rows {
		b.Run(r.name, func(b *testing.B) {
			e := prepared(b, marlin32...)
			load, err := NewLoad(chat(), r.l)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			before := cpuTime(b)
			for b.Loop() {
				e.Run(load, 1)
			}
			b.ReportMetric(float64(b.N)/(cpuTime(b)-before).Seconds(), "benchmarks/core-s")
		})
	}
}

// cpuTime is what the process has used of the cores: what others do on the machine does
// not change it as it changes the clock's time.
func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
