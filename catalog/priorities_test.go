package catalog

import (
	"strings"
	"testing"
)

func TestSweep(t *testing.T) {
	tests := []struct {
		kind, card, model, want string
	}{
		{"vllm", "RTX 4090", "Qwen/Qwen3-8B", `max-num-batched-tokens=2048,8192 max-num-seqs=64,256 kv-cache-dtype=null,"fp8"`},
		{"vllm", "H200", "Qwen/Qwen3-8B", "max-num-batched-tokens=8192,16384 max-num-seqs=256,1024"},
		{"vllm", "2-core CPU", "Qwen/Qwen3-0.6B", "max-num-batched-tokens=512,2048 max-num-seqs=4,16"},
		{"sglang", "RTX 4090", "Qwen/Qwen3-8B", `chunked-prefill-size=2048,8192 cuda-graph-max-bs-decode=null,64 kv-cache-dtype=null,"fp8_e4m3"`},
		{"sglang", "H200", "Qwen/Qwen3-8B", "chunked-prefill-size=2048,8192"},
		{"llamacpp", "H200", "Qwen/Qwen3-8B", "parallel=8,32 ubatch-size=512,2048"},
		{"llamacpp", "2-core CPU", "Qwen/Qwen3-0.6B", "parallel=2,8 ubatch-size=512,2048"},
		{"ollama", "H200", "Qwen/Qwen3-8B", ""},
	}
	for _, tt := range tests {
		var got []string
		for _, a := range Sweep(tt.kind, mustCard(t, tt.card), mustModel(t, tt.model)) {
			got = append(got, a.Flag+"="+strings.Join(a.Values, ","))
			flags, _ := EngineFlags(tt.kind)
			if _, ok := flags.Lookup(a.Flag); !ok || a.Why == "" {
				t.Errorf("%s: flag %q of %s, because %q", tt.card, a.Flag, tt.kind, a.Why)
			}
		}
		if strings.Join(got, " ") != tt.want {
			t.Errorf("%s on %s: %s, want %s", tt.kind, tt.card, strings.Join(got, " "), tt.want)
		}
	}
}

func TestSuggestModelFitsEveryCard(t *testing.T) {
	for _, card := range Cards() {
		m := SuggestModel(card, 4096)
		fit := VLLMMemory(card, m, VLLMFlags{MaxModelLen: 4096, KVCacheBytes: cpuCache(card)})
		t.Logf("%s: %s, %d tokens", card.Name, m.ID, fit.KVTokens)
		if m.ID == "" || fit.Problem != ProblemNone {
			t.Errorf("%s: %q does not fit: %s", card.Name, m.ID, fit.Err)
		}
	}
}
