package catalog

import (
	"math"
	"strings"
	"testing"
)

// The sizes of real KV caches: the bytes and the tokens of one log each.
func TestKVTokensOfRealLogs(t *testing.T) {
	on := func(tp int) Parallel { return Parallel{Tensor: tp} }
	rows := []struct {
		what   string
		model  string
		p      Parallel
		gib    float64 // of one card
		block  int
		length int  // --max-model-len
		even   bool // a version that divides its blocks evenly among the groups, whatever their window
		tokens int
		source string
	}{
		{"vLLM 0.32 on a CPU, 2 GiB", "HuggingFaceTB/SmolLM2-135M", on(1), 2, 128, 2048, false, 93184, "our run"},
		{"vLLM 0.32 on a CPU, 1 GiB", "HuggingFaceTB/SmolLM2-135M", on(1), 1, 128, 2048, false, 46592, "our run"},
		{"vLLM on an RTX 3090, GQA", "meta-llama/Llama-3.1-8B", on(1), 3.81, 16, 20000, false, 1952 * 16, "vllm-project/vllm#10517"},
		{"the same with less", "meta-llama/Llama-3.1-8B", on(1), 2.89, 16, 29000, false, 1478 * 16, "vllm-project/vllm#10517"},
		{"vLLM on 4 H100, a head of 4 on each", "Qwen/Qwen3-235B-A22B-FP8", on(4), 8.11, 16, 40960, false, 178880, "vllm-project/vllm#21348"},
		{"SGLang on 4 H100, 2 × 8.23 GB", "Qwen/Qwen3-235B-A22B-FP8", on(4), 16.46, 1, 40960, false, 367404, "vllm-project/vllm#21348"},
		{"vLLM on one card, half of the layers with a window", "openai/gpt-oss-120b", on(1), 5.38, 16, 131072, true, 78384, "alvarobartt/hf-mem#60"},
		{"vLLM before a shortage, AWQ", "Qwen/Qwen2.5-32B-Instruct-AWQ", on(1), 0.58, 16, 4096, false, 2368, "engine log, third party"},
	}
	for _, r := range rows {
		pool := r.p.cache(mustModel(t, r.model), "auto", false).pool(r.block, 8192)
		got := pool.tokens(r.gib*gib, r.length)
		if r.even {
			got = int(r.gib*gib/pool.blockBytes) / (pool.full + pool.window) * r.block
		}
		off := float64(got)/float64(r.tokens) - 1
		t.Logf("%-50s %8d tokens in the log, %8d by arithmetic, %+.2f %%  (%s)", r.what, r.tokens, got, off*100, r.source)
		if math.Abs(off) > 0.03 {
			t.Errorf("%s: %d tokens, the log has %d: off by %.1f %%, at most 3 %% are allowed", r.what, got, r.tokens, off*100)
		}
	}
}

func TestCacheOfEveryKind(t *testing.T) {
	rows := []struct {
		why    string
		model  string
		p      Parallel
		layer  float64 // bytes of a token in a layer
		groups [2]int  // full, window
		blocks float64 // of layers in a group
	}{
		{"heads are shared out", "meta-llama/Llama-3.3-70B-Instruct", Parallel{Tensor: 4}, 2 * 2 * 128 * 2, [2]int{1, 0}, 80},
		{"and repeated where cards outnumber them", "meta-llama/Llama-3.3-70B-Instruct", Parallel{Tensor: 16}, 2 * 1 * 128 * 2, [2]int{1, 0}, 80},
		{"a pipeline shares out layers", "meta-llama/Llama-3.3-70B-Instruct", Parallel{Tensor: 2, Pipeline: 2}, 2 * 4 * 128 * 2, [2]int{1, 0}, 40},
		{"a latent is whole on every card", "deepseek-ai/DeepSeek-V3", Parallel{Tensor: 8}, (512 + 64) * 2, [2]int{1, 0}, 61},
		{"one layer of six sees everything", "google/gemma-3-27b-it", Parallel{}, 2 * 16 * 128 * 2, [2]int{1, 6}, 10},
		{"every other layer", "openai/gpt-oss-20b", Parallel{}, 2 * 8 * 64 * 2, [2]int{1, 1}, 12},
	}
	for _, r := range rows {
		c := r.p.cache(mustModel(t, r.model), "auto", false)
		pool := c.pool(16, 2048)
		if c.layer != r.layer || [2]int{pool.full, pool.window} != r.groups || pool.blockBytes != r.blocks*r.layer*16 {
			t.Errorf("%s: %+v, %+v", r.why, c, pool)
		}
	}
}

// The longest request that vLLM fits by itself is one that it would have taken.
func TestLongestRequestFits(t *testing.T) {
	for _, id := range []string{"google/gemma-3-27b-it", "openai/gpt-oss-20b", "Qwen/Qwen3-8B", "mistralai/Mixtral-8x7B-v0.1"} {
		m := mustModel(t, id)
		pool := Parallel{}.cache(m, "auto", false).pool(16, 2048)
		for bytes := 0.05 * gib; bytes < 40*gib; bytes *= 1.7 {
			longest := pool.longest(bytes, m.MaxPosition)
			if longest > 0 && pool.requestBytes(longest) > bytes {
				t.Errorf("%s: a request of %d tokens needs %g of %g bytes", id, longest, pool.requestBytes(longest), bytes)
			}
			if more := longest + longest/10 + 16; longest < m.MaxPosition && pool.requestBytes(min(more, m.MaxPosition)) <= bytes*0.9 {
				t.Errorf("%s: %d tokens fit as well as %d in %g bytes", id, more, longest, bytes)
			}
		}
	}
}

func TestWindowsOfAConfig(t *testing.T) {
	base := `{"num_hidden_layers":12,"hidden_size":64,"intermediate_size":128,"num_attention_heads":4,"vocab_size":300,"max_position_embeddings":512,`
	rows := []struct {
		why, more string
		window    int // layers
		unknown   string
	}{
		{"none", `"sliding_window":null}`, 0, ""},
		{"all, as Mistral's first", `"sliding_window":128}`, 12, ""},
		{"there, and not used, as in Qwen2", `"sliding_window":128,"use_sliding_window":false}`, 0, ""},
		{"by a list of layers", `"sliding_window":128,"layer_types":["sliding_attention","full_attention","sliding_attention"]}`, 2, ""},
		{"by a pattern", `"sliding_window":128,"sliding_window_pattern":6}`, 10, ""},
		{"by the default pattern of the type", `"sliding_window":128,"model_type":"gemma3_text"}`, 10, ""},
		{"layers of a kind that is not followed", `"sliding_window":128,"layer_types":["linear_attention","full_attention"]}`, 0, "linear_attention"},
		{"a state beside the cache", `"mamba_d_state":128}`, 0, "recurrent"},
		{"a compressed cache", `"compress_ratios":[4,128]}`, 0, "compressed"},
	}
	for _, r := range rows {
		m, err := ModelFromConfig([]byte(base + r.more))
		if err != nil || m.WindowLayers != r.window || !strings.Contains(m.KVUnknown, r.unknown) || (r.unknown == "") != (m.KVUnknown == "") {
			t.Errorf("%s: %d layers, unknown %q, %v", r.why, m.WindowLayers, m.KVUnknown, err)
		}
	}
	inner := `{"architectures":["Gemma3ForConditionalGeneration"],"text_config":{"model_type":"gemma3_text","num_hidden_layers":62,"hidden_size":5376,"intermediate_size":21504,"num_attention_heads":32,"num_key_value_heads":16,"head_dim":128,"sliding_window":1024}}`
	m, err := ModelFromConfig([]byte(inner))
	want := mustModel(t, "google/gemma-3-27b-it")
	if err != nil || m.WindowLayers != want.WindowLayers || m.Window != 1024 || m.Vocab != want.Vocab || !m.Tied || m.MaxPosition != want.MaxPosition {
		t.Errorf("Gemma 3's config, which leaves out most: %+v, %v", m, err)
	}
}
