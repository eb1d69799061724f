package catalog

import (
	"math"
	"strings"
	"testing"
)

func mustModel(t *testing.T, id string) Model {
	t.Helper()
	m, ok := FindModel(id)
	if !ok {
		t.Fatalf("model %s is not in the table", id)
	}
	return m
}

func mustCard(t *testing.T, name string) Card {
	t.Helper()
	c, ok := FindCard(name)
	if !ok {
		t.Fatalf("card %s is not in the table", name)
	}
	return c
}

func TestEveryCardIsUsableAndSourced(t *testing.T) {
	if len(Cards()) < 10 {
		t.Errorf("%d cards, want at least 10", len(Cards()))
	}
	for _, c := range Cards() {
		for _, figure := range []string{"memory", "bandwidth", "flops", "pcie"} {
			if c.Sources[figure] == "" {
				t.Errorf("%s: no source for %s", c.Name, figure)
			}
		}
		if c.MemoryBytes <= 0 || c.Bandwidth <= 0 || c.BF16FLOPS <= 0 || (c.PCIe <= 0) != c.CPU {
			t.Errorf("%s: a figure is missing: %+v", c.Name, c)
		}
	}
}

func TestFindCardTakesTheDriversSpelling(t *testing.T) {
	for given, want := range map[string]string{
		"rtx 5090": "RTX 5090", "NVIDIA GeForce RTX 4090": "RTX 4090", "NVIDIA H100 80GB HBM3": "H100",
		"NVIDIA A100-SXM4-80GB": "A100 80GB", "NVIDIA RTX PRO 6000 Blackwell Workstation Edition": "RTX PRO 6000", "2-core cpu": "2-core CPU",
	} {
		if c, ok := FindCard(given); !ok || c.Name != want {
			t.Errorf("FindCard(%q) = %q, %v; want %q", given, c.Name, ok, want)
		}
	}
	if c, ok := FindCard("RTX 9090"); ok {
		t.Errorf("found %v for a card that does not exist", c)
	}
}

func TestModelSizes(t *testing.T) {
	rows := []struct {
		id                  string
		params              float64 // billions
		bf16, fp8, awq      float64 // GiB; 0: not in the source
		kvKiB               float64 // a token, bf16
		wantOwnQuantization string
	}{
		{"Qwen/Qwen3-0.6B", 0.60, 1.11, 0.70, 0.50, 112, ""},
		{"Qwen/Qwen3-1.7B", 1.72, 3.20, 1.89, 1.26, 112, ""},
		{"Qwen/Qwen3-4B", 4.02, 7.49, 4.11, 2.48, 144, ""},
		{"Qwen/Qwen3-8B", 8.19, 15.26, 8.79, 5.68, 144, ""},
		{"Qwen/Qwen3-14B", 14.77, 27.51, 15.20, 9.29, 160, ""},
		{"Qwen/Qwen3-32B", 32.76, 61.02, 31.96, 18.00, 256, ""},
		{"Qwen/Qwen3-32B-AWQ", 32.76, 0, 0, 18.00, 256, "awq"},
		{"Qwen/Qwen2.5-7B-Instruct", 7.62, 14.18, 8.11, 5.19, 56, ""},
		{"meta-llama/Llama-3.1-8B", 8.03, 14.96, 8.46, 5.33, 128, ""},
		{"Qwen/Qwen3-30B-A3B", 30.5, 56.9, 0, 0, 96, ""},
		{"HuggingFaceTB/SmolLM2-135M", 0.1345, 0.25, 0, 0, 22.5, ""},
		{"meta-llama/Llama-3.3-70B-Instruct", 70.55, 131.4, 0, 0, 320, ""},
		{"Qwen/Qwen3-235B-A22B", 235.1, 437.9, 0, 0, 188, ""},
		{"mistralai/Mixtral-8x7B-v0.1", 46.7, 87, 0, 0, 128, ""},
		{"deepseek-ai/DeepSeek-V3", 671, 0, 0, 0, 68.625, "fp8"},
		{"openai/gpt-oss-120b", 116.8, 0, 0, 0, 72, "mxfp4"},
		{"google/gemma-3-27b-it", 27, 0, 0, 0, 496, ""},
		{"google/gemma-3-4b-it", 3.88, 0, 0, 0, 136, ""},
	}
	for _, r := range rows {
		m := mustModel(t, r.id)
		near(t, r.id+" params", m.Params()/1e9, r.params, 0.01)
		near(t, r.id+" KV", m.KVBytesPerToken("auto")/1024, r.kvKiB, 1e-9)
		near(t, r.id+" KV fp8", m.KVBytesPerToken("fp8")/1024, r.kvKiB/2, 1e-9)
		for quant, want := range map[string]float64{"bf16-checkpoint": r.bf16, "fp8": r.fp8, "awq": r.awq} {
			if want > 0 {
				near(t, r.id+" "+quant, m.WeightBytes(quant)/gib, want, 0.011)
			}
		}
		if m.Quantization != r.wantOwnQuantization {
			t.Errorf("%s: quantization %q, want %q", r.id, m.Quantization, r.wantOwnQuantization)
		}
	}
}

func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if math.Abs(got-want) > tolerance*math.Abs(want) {
		t.Errorf("%s: got %g, want %g within %g %%", what, got, want, tolerance*100)
	}
}

// The figures of real starts, and the verdicts calculated for the RTX 5090.
func TestVLLMMemory(t *testing.T) {
	awq32 := mustModel(t, "Qwen/Qwen3-32B-AWQ")
	smol := mustModel(t, "HuggingFaceTB/SmolLM2-135M")
	llama := mustModel(t, "meta-llama/Llama-3.1-8B")
	cpu, r5090, r4090 := mustCard(t, "2-core CPU"), mustCard(t, "RTX 5090"), mustCard(t, "RTX 4090")
	rows := []struct {
		what      string
		card      Card
		m         Model
		f         VLLMFlags
		tokens    int     // wanted
		tolerance float64 // share
		problem   Problem
	}{
		{"a real vLLM on a CPU with 2 GiB: exact", cpu, smol, VLLMFlags{KVCacheBytes: 2 * gib, MaxModelLen: 2048}, 93184, 0, ""},
		{"the same with 1 GiB: exact", cpu, smol, VLLMFlags{KVCacheBytes: 1 * gib, MaxModelLen: 2048}, 46592, 0, ""},
		{"a real vLLM 0.19 on an RTX 4090, graphs not yet subtracted", r4090, llama, VLLMFlags{Utilization: .9, MaxModelLen: 32768, Eager: true}, 41408, .01, ""},
		{"5090 at 0.85: 22.9 k", r5090, awq32, VLLMFlags{Utilization: .85, MaxModelLen: 8192}, 22900, .05, ""},
		{"5090 at 0.90: 29.3 k", r5090, awq32, VLLMFlags{Utilization: .9, MaxModelLen: 8192}, 29300, .05, ""},
		{"5090 at 0.90: 32,768 misses", r5090, awq32, VLLMFlags{Utilization: .9, MaxModelLen: 32768}, 0, 0, ProblemContext},
		{"5090 at the default: the model's context misses", r5090, awq32, VLLMFlags{}, 0, 0, ProblemContext},
		{"5090 at 0.95: 32,768 fits", r5090, awq32, VLLMFlags{Utilization: .95, MaxModelLen: 32768}, 35700, .05, ""},
		{"5090, fp8 KV: the model's context fits", r5090, awq32, VLLMFlags{KVDType: "fp8"}, 63800, .06, ""},
		{"5090, eager: 38.5 k", r5090, awq32, VLLMFlags{Eager: true, MaxModelLen: 32768}, 38500, .05, ""},
		{"5090 at 0.95, small graphs: 39 k", r5090, awq32, VLLMFlags{Utilization: .95, GraphSize: 64, MaxModelLen: 32768}, 39000, .05, ""},
		{"5090, 4 GiB offloaded: 16 k more", r5090, awq32, VLLMFlags{Utilization: .9, OffloadGiB: 4, MaxModelLen: 8192}, 45684, .05, ""},
		{"5090 at 0.5: weights leave nothing", r5090, awq32, VLLMFlags{Utilization: .5}, 0, 0, ProblemNoKV},
		{"bf16 weights are larger than the card", r5090, mustModel(t, "Qwen/Qwen3-32B"), VLLMFlags{}, 0, 0, ProblemWeights},
		{"and fit when most of them are offloaded", r5090, mustModel(t, "Qwen/Qwen3-32B"), VLLMFlags{OffloadGiB: 40, MaxModelLen: 4096}, 20000, .2, ""},
		{"the length is fitted on request", r5090, awq32, VLLMFlags{Utilization: .9, MaxModelLen: -1}, 29300, .05, ""},
		{"an exact KV size overrides the fraction", r5090, awq32, VLLMFlags{KVCacheBytes: 2 * gib, MaxModelLen: 8192}, 8192, 0, ""},
		{"an exact KV size beyond the card", r5090, awq32, VLLMFlags{KVCacheBytes: 14 * gib, MaxModelLen: 8192}, 0, 0, ProblemWork},
	}
	for _, r := range rows {
		fit := VLLMMemory(r.card, r.m, r.f)
		checkFit(t, r.what, fit, r.problem)
		near(t, r.what, float64(fit.KVTokens), float64(r.tokens), r.tolerance)
	}
}

func checkFit(t *testing.T, what string, fit Fit, problem Problem) {
	t.Helper()
	if fit.Problem != problem || (fit.Err == "") != (problem == "") {
		t.Errorf("%s: problem %q (%s), want %q", what, fit.Problem, fit.Err, problem)
	}
	if problem != "" && fit.KVTokens != 0 {
		t.Errorf("%s: cannot start but has %d tokens", what, fit.KVTokens)
	}
	if fit.Err != "" {
		t.Logf("%s: %s", what, fit.Err)
	}
}

// A real log: 0.58 GiB of KV cache give at most 2,368 tokens in blocks of 16.
func TestVLLMLengthFromRealShortage(t *testing.T) {
	m := mustModel(t, "Qwen/Qwen2.5-32B-Instruct-AWQ")
	near(t, "weights of the log, GiB", m.WeightBytes("")/gib, 18.14, 0.01)
	card := mustCard(t, "RTX 3090")
	fit := VLLMMemory(card, m, VLLMFlags{KVCacheBytes: 0.58 * gib, MaxModelLen: -1})
	if fit.KVTokens != 2368 {
		t.Errorf("0.58 GiB give %d tokens, want 2368", fit.KVTokens)
	}
}

func TestSGLangMemory(t *testing.T) {
	awq32, card := mustModel(t, "Qwen/Qwen3-32B-AWQ"), mustCard(t, "RTX 5090")
	balanced := SGLangFlags{MemFraction: .87, MaxTotalTokens: 3328, MaxPrefill: 1664, ChunkedPrefill: 1152, NoGraph: true}
	low, high := balanced, balanced
	low.MemFraction, high.MemFraction = .5, .99
	high.MaxTotalTokens = 0
	rows := []struct {
		what    string
		m       Model
		f       SGLangFlags
		tokens  int
		problem Problem
	}{
		{"balanced-v2 as deployed: the cap binds", awq32, balanced, 3328, ""},
		{"too small a fraction", awq32, low, 0, ProblemNoKV},
		{"too large a fraction leaves nothing for activations", awq32, high, 0, ProblemWork},
		{"bf16 weights are larger than the card", mustModel(t, "Qwen/Qwen3-32B"), SGLangFlags{}, 0, ProblemWeights},
	}
	for _, r := range rows {
		fit := SGLangMemory(card, r.m, r.f)
		checkFit(t, r.what, fit, r.problem)
		if fit.KVTokens != r.tokens {
			t.Errorf("%s: %d tokens, want %d", r.what, fit.KVTokens, r.tokens)
		}
	}
	near(t, "default fraction on a 32 GB card", SGLangFlags{}.WithDefaults(card, awq32).MemFraction, .87, .01)
}

func TestLlamaCppMemory(t *testing.T) {
	smol, _ := FindModel("/models/SmolLM2-135M-Instruct.Q4_1.gguf")
	card := mustCard(t, "RTX 4090")
	if smol.Quantization != "q4_1" {
		t.Errorf("quantization from the file's name: %q", smol.Quantization)
	}
	for id, want := range map[string]string{"Qwen/Qwen3-8B-GGUF": "q4_k_m", "qwen/qwen3-8b-gguf:Q8_0": "q8_0", "/m/Qwen3-8B-F16.gguf": "f16"} {
		if m, ok := FindModel(id); !ok || m.Quantization != want {
			t.Errorf("%s: %v, quantization %q, want %q", id, ok, m.Quantization, want)
		}
	}
	fit := LlamaCppMemory(card, smol, LlamaCppFlags{Context: 1024, Slots: 2, GPULayers: -1})
	if fit.KVTokens != 1024 || fit.MaxModelLen != 512 {
		t.Errorf("1024 cells in 2 slots: %+v", fit)
	}
	big := LlamaCppMemory(card, mustModel(t, "Qwen/Qwen3-32B"), LlamaCppFlags{Context: 8192, GPULayers: -1, Quant: "q8_0"})
	checkFit(t, "32B in 8 bits on 24 GB", big, ProblemWeights)
}

func TestModelFromConfig(t *testing.T) {
	good := `{"architectures":["LlamaForCausalLM"],"num_hidden_layers":30,"hidden_size":576,"intermediate_size":1536,"num_attention_heads":9,
		"num_key_value_heads":3,"vocab_size":49152,"tie_word_embeddings":true,"max_position_embeddings":8192,"torch_dtype":"bfloat16"}`
	m, err := ModelFromConfig([]byte(good))
	packed, err2 := ModelFromConfig([]byte(strings.Replace(good, `"torch_dtype"`, `"quantization_config":{"quant_method":"compressed-tensors","config_groups":{"group_0":{"weights":{"num_bits":4}}}},"torch_dtype"`, 1)))
	if err2 != nil || packed.BytesPerParam("compressed-tensors") > 0.53 {
		t.Errorf("four bits in compressed-tensors: %g bytes a weight, %v", packed.BytesPerParam("compressed-tensors"), err2)
	}
	if err != nil || m.HeadDim != 64 || m.KVBytesPerToken("") != 23040 {
		t.Errorf("SmolLM2's config: %+v, %v", m, err)
	}
	for what, text := range map[string]string{
		"not JSON": "x", "empty": "{}", "a list": "[]", "absurd": `{"num_hidden_layers":1e9}`,
		"negative": `{"num_hidden_layers":-3}`,
	} {
		if m, err := ModelFromConfig([]byte(text)); err == nil {
			t.Errorf("%s: accepted as %+v", what, m)
		}
	}
}

func FuzzModelFromConfig(f *testing.F) {
	f.Add([]byte(`{"num_hidden_layers":1,"hidden_size":8,"intermediate_size":8,"num_attention_heads":1,"vocab_size":8,"max_position_embeddings":8}`))
	f.Fuzz(func(t *testing.T, config []byte) {
		m, err := ModelFromConfig(config)
		if err == nil && !(m.WeightBytes("") > 0 && m.KVBytesPerToken("") > 0) {
			t.Errorf("accepted a model without weights: %+v", m)
		}
	})
}
