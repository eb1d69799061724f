package simulator

import (
	"reflect"
	"testing"

	"github.com/qtune/qtune/bench"
	"github.com/qtune/qtune/catalog"
)

func TestAlikeEnginesGiveAlikeResults(t *testing.T) {
	card, _ := catalog.FindCard("RTX 5090")
	w := bench.Workload{Name: "chat", API: bench.APICompletions, Seed: 1, Prompts: bench.Prompts{InputTokens: 500}}
	w.Levels = []bench.Level{{Kind: bench.KindClosed, Users: 8, OutputTokens: 100, Requests: 40, Warmup: 8}}
	load, err := NewLoad(w, w.Levels[0])
	if err != nil {
		t.Fatal(err)
	}
	vllm, sglang := []string{"Qwen/Qwen3-8B", "--max-model-len", "4096"}, []string{"--model-path", "Qwen/Qwen3-8B"}
	tests := []struct {
		name, kind string
		a, b       []string
		alike      bool
	}{
		{"a larger cache than the load fills", "vllm", append(vllm, "--gpu-memory-utilization", "0.8"), append(vllm, "--gpu-memory-utilization", "0.9"), true},
		{"more sequences than there are users", "vllm", append(vllm, "--max-num-seqs", "256"), append(vllm, "--max-num-seqs", "512"), true},
		{"a longer limit than any request", "vllm", vllm, append(vllm, "--max-model-len", "2048"), true},
		{"fewer sequences than users", "vllm", append(vllm, "--max-num-seqs", "4"), append(vllm, "--max-num-seqs", "64"), false},
		{"another kernel", "vllm", vllm, append(vllm, "--enforce-eager"), false},
		{"SGLang's fraction", "sglang", append(sglang, "--mem-fraction-static", "0.8"), append(sglang, "--mem-fraction-static", "0.85"), true},
		{"a pool that does not hold all", "sglang", append(sglang, "--max-total-tokens", "2000"), sglang, false},
	}
	for _, tt := range tests {
		run := func(args []string) (any, bench.LevelResult) {
			e, err := Prepare(Setup{Kind: tt.kind, Args: args, Card: card})
			if err != nil || e.Facts().Refusal != "" {
				t.Fatal(tt.name, err, e.Facts().Refusal)
			}
			r := e.Run(load, 1)
			r.Server = nil // its share of the cache that is used tells the caches apart
			return e.Alike(8, 600), r
		}
		ka, a := run(tt.a)
		kb, b := run(tt.b)
		if (ka == kb) != tt.alike {
			t.Errorf("%s: alike %v, want %v", tt.name, ka == kb, tt.alike)
		}
		if ka == kb && !reflect.DeepEqual(a, b) {
			t.Errorf("%s: equal keys and %.3f against %.3f tokens/s", tt.name, a.OutputThroughput, b.OutputThroughput)
		}
	}
}
