package predict

import (
	"math"
	"testing"

	"github.com/qtune/qtune/bench"
	"github.com/qtune/qtune/simulator"
)

// A settling level is predicted from a part of its requests: that part must tell what the whole would.
func TestShortIsNearTheWhole(t *testing.T) {
	s := site(t)
	w := bench.Workload{Name: "chat", API: bench.APICompletions, Seed: 1, Prompts: bench.Prompts{InputTokens: 800}}
	for _, users := range []int{1, 4, 32, 128} {
		w.Levels = []bench.Level{{Kind: bench.KindClosed, Users: users, OutputTokens: 250, Warmup: -1}}
		quick, err := NewLoad(w, w.Levels[0])
		if err != nil {
			t.Fatal(err)
		}
		whole, err := simulator.NewLoad(w, w.Levels[0])
		if err != nil {
			t.Fatal(err)
		}
		server, err := s.Serve(trial())
		if err != nil {
			t.Fatal(err)
		}
		a, b := server.Run(quick), server.engine.Run(whole, seed)
		t.Logf("%3d users: short %.1f tok/s, TPOT %.2f ms, TTFT %.1f ms; whole %.1f, %.2f, %.1f", users, a.OutputThroughput, *a.TPOT.Mean, *a.TTFT.Mean, b.OutputThroughput, *b.TPOT.Mean, *b.TTFT.Mean)
		sketch, err := Sketch(w, w.Levels[0])
		if err != nil {
			t.Fatal(err)
		}
		if c := server.Run(sketch); math.Abs(c.OutputThroughput/b.OutputThroughput-1) > .10 {
			t.Errorf("%d users: sketched %.1f tokens/s, the whole %.1f", users, c.OutputThroughput, b.OutputThroughput)
		}
		if math.Abs(a.OutputThroughput/b.OutputThroughput-1) > .03 || math.Abs(*a.TTFT.Mean / *b.TTFT.Mean - 1) > .15 {
			t.Errorf("%d users: %.1f tokens/s, TTFT %.1f ms; the whole %.1f, %.1f", users, a.OutputThroughput, *a.TTFT.Mean, b.OutputThroughput, *b.TTFT.Mean)
		}
	}
}

func BenchmarkTrial(b *testing.B) {
	s := site(b)
	w := bench.Workload{Name: "chat", API: bench.APICompletions, Seed: 1, Prompts: bench.Prompts{InputTokens: 800}}
	w.Levels = []bench.Level{{Kind: bench.KindClosed, Users: 32, OutputTokens: 250, Warmup: -1}}
	load, err := NewLoad(w, w.Levels[0])
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		server, err := s.Serve(trial())
		if err != nil {
			b.Fatal(err)
		}
		server.Run(load)
	}
}
