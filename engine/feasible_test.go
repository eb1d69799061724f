package engine

import (
	"fmt"
	"strings"
	"testing"

	"github.com/qtune/qtune/bench"
	"github.com/qtune/qtune/catalog"
	"github.com/qtune/qtune/profiles"
)

// site is one card, or "8 H100".
func site(t testing.TB, card, model string) *Site {
	t.Helper()
	s := &Site{Cards: 1}
	if n, name, several := strings.Cut(card, " "); several && len(n) == 1 {
		s.Cards, card = int(n[0]-'0'), name
	}
	if c, ok := catalog.FindCard(card); ok {
		s.Card = &c
	}
	if m, ok := catalog.FindModel(model); ok {
		s.Model = &m
	}
	return s
}

func TestFeasible(t *testing.T) {
	const smol, qwen8, qwen14, awq32, llama70 = "HuggingFaceTB/SmolLM2-135M", "Qwen/Qwen3-8B", "Qwen/Qwen3-14B", "Qwen/Qwen3-32B-AWQ", "meta-llama/Llama-3.3-70B-Instruct"
	tests := []struct {
		why, kind, card, model string
		c                      profiles.Candidate
		want                   catalog.Answer
		says                   string
	}{
		{"8B in 16 bits on 24 GB", "vllm", "RTX 4090", qwen8, flags("max-model-len", num("4096")), catalog.AnswerFits, ""},
		{"a context that misses by less than the margin is tried", "vllm", "RTX 4090", qwen8, flags("max-model-len", num("40000"), "max-num-seqs", num("8")), catalog.AnswerNotKnown, "within the margin"},
		{"half the card does not hold the weights", "vllm", "RTX 4090", qwen8, flags("gpu-memory-utilization", num("0.5")), catalog.AnswerCannot, "23.5 GiB × 0.5"},
		{"weights larger than the card", "vllm", "RTX 4090", qwen14, flags("max-model-len", str("auto")), catalog.AnswerCannot, "the weights take 27.5 GiB (by the table of models)"},
		{"the same weights, some in the host's memory", "vllm", "RTX 4090", qwen14, flags("max-model-len", num("2048"), "cpu-offload-gb", num("12")), catalog.AnswerFits, ""},
		{"the same weights, offloaded in a way that is not followed", "vllm", "RTX 4090", qwen14, flags("offload-backend", str("prefetch"), "offload-group-size", num("4")), catalog.AnswerNotKnown, "offload-backend"},
		{"the same weights in a format whose size is not known", "vllm", "RTX 4090", qwen14, flags("quantization", str("bitsandbytes")), catalog.AnswerNotKnown, "bitsandbytes"},
		{"a cache in a format whose size is not known", "vllm", "RTX 4090", qwen8, flags("kv-cache-dtype", str("turboquant_k8v4")), catalog.AnswerNotKnown, "turboquant"},
		{"an alias counts as its flag", "vllm", "RTX 4090", qwen8, flags("tp", num("2")), catalog.AnswerCannot, "needs 2 cards and the engine gets 1"},
		{"several machines", "vllm", "RTX 4090", qwen8, flags("tp", num("2"), "nnodes", num("2")), catalog.AnswerNotKnown, "machines"},
		{"fewer tokens in a step than sequences", "vllm", "RTX 4090", qwen8, flags("max-model-len", num("4096"), "max-num-seqs", num("512"), "max-num-batched-tokens", num("256")), catalog.AnswerCannot, "max-num-batched-tokens 256 is less"},
		{"a context beyond the model's", "vllm", "H200", qwen8, flags("max-model-len", num("50000")), catalog.AnswerCannot, "the model's 40960"},
		{"a context beyond the model's, with the override that makes it longer", "vllm", "H200", qwen8, flags("max-model-len", num("50000"), "hf-overrides", profiles.Object("{}")), catalog.AnswerNotKnown, "hf-overrides"},
		{"human numbers", "vllm", "RTX 4090", qwen8, flags("max-model-len", str("4k")), catalog.AnswerFits, ""},
		{"a number that is none", "vllm", "RTX 4090", qwen8, flags("max-model-len", str("4096"), "max-num-seqs", str("many")), catalog.AnswerNotKnown, "many"},
		{"a card that is not known", "vllm", "RTX 9090", qwen14, flags(), catalog.AnswerNotKnown, "the card that it would get is not known"},
		{"a model that is not known", "vllm", "RTX 4090", "org/m", flags(), catalog.AnswerNotKnown, "the shape of the model is not known"},
		{"a CPU, whose cache was given", "vllm", "2-core CPU", smol, flags("max-model-len", num("2048"), "kv-cache-memory-bytes", num("1073741824")), catalog.AnswerFits, ""},
		{"a context that the given cache does not hold", "vllm", "2-core CPU", qwen8, flags("max-model-len", num("32768"), "kv-cache-memory-bytes", num("1073741824")), catalog.AnswerCannot, "max-model-len"},
		{"a CPU, whose cache vLLM chooses", "vllm", "2-core CPU", smol, flags("max-model-len", num("2048")), catalog.AnswerNotKnown, "kv-cache-memory-bytes"},
		{"SGLang on a CPU", "sglang", "2-core CPU", smol, flags("device", str("cpu")), catalog.AnswerNotKnown, "what else runs there"},
		{"SGLang's static share below the weights", "sglang", "RTX 5090", awq32, flags("mem-fraction-static", num("0.4")), catalog.AnswerCannot, "mem-fraction-static must be above"},
		{"SGLang as deployed", "sglang", "RTX 5090", awq32, flags("mem-fraction-static", num("0.87"), "max-total-tokens", num("3328"), "chunked-prefill-size", num("1152"), "disable-cuda-graph", yes()), catalog.AnswerFits, ""},
		{"SGLang on more cards than there are", "sglang", "RTX 5090", awq32, flags("tp-size", num("2")), catalog.AnswerCannot, "tp-size 2"},
		{"70B in 16 bits on two cards", "vllm", "2 H100", llama70, flags("tp", num("2"), "max-model-len", num("8192")), catalog.AnswerFits, ""},
		{"and on one", "vllm", "2 H100", llama70, flags("max-model-len", num("8192")), catalog.AnswerCannot, "the weights take 131.4 GiB (by the table of models) and the card has 79.1 GiB"},
		{"a pipeline shares as well", "vllm", "2 H100", llama70, flags("pipeline-parallel-size", num("2"), "max-model-len", num("8192")), catalog.AnswerFits, ""},
		{"its whole context does not fit beside the weights", "vllm", "2 H100", llama70, flags("tp", num("2"), "max-model-len", num("131072")), catalog.AnswerCannot, "on each of 2 cards: 79.1 GiB × 0.92"},
		{"heads that three cards cannot share", "vllm", "8 H100", llama70, flags("tp", num("3")), catalog.AnswerCannot, "64 attention heads cannot be shared by 3"},
		{"DeepSeek on eight cards of 80 GB", "vllm", "8 H100", "deepseek-ai/DeepSeek-V3", flags("tp", num("8")), catalog.AnswerCannot, "on each of 8 cards: 79.1 GiB × 0.92"},
		{"and on eight of 141", "vllm", "8 H200", "deepseek-ai/DeepSeek-V3", flags("tp", num("8")), catalog.AnswerFits, ""},
		{"several copies are not reckoned", "vllm", "8 H200", "deepseek-ai/DeepSeek-V3", flags("dp", num("8"), "data-parallel-size", num("8")), catalog.AnswerNotKnown, "copies"},
		{"a window makes a long context cheap", "vllm", "L40S", "google/gemma-3-12b-it", flags("max-model-len", num("131072")), catalog.AnswerFits, ""},
		{"unless it is told to keep everything", "vllm", "L40S", "google/gemma-3-12b-it", flags("max-model-len", num("131072"), "disable-hybrid-kv-cache-manager", yes()), catalog.AnswerCannot, "one request of max-model-len 131,072 needs 48.0 GiB"},
		{"a quantization that the checkpoint is not in", "vllm", "RTX 5090", awq32, flags("quantization", str("gptq_marlin"), "max-model-len", num("4096")), catalog.AnswerCannot, "does not match the checkpoint's awq"},
		{"another name of the same", "vllm", "RTX 5090", awq32, flags("quantization", str("awq_marlin"), "max-model-len", num("4096")), catalog.AnswerFits, ""},
		{"kernels that the card is too old for", "sglang", "A100 80GB", qwen8, flags("quantization", str("w8a8_fp8")), catalog.AnswerCannot, "compute capability 8.9"},
		{"prompts in one piece need a step as long", "vllm", "RTX 4090", qwen8, flags("enable-chunked-prefill", no(), "max-num-batched-tokens", num("2048"), "max-model-len", num("4096")), catalog.AnswerCannot, "without chunked prefill"},
		{"llama.cpp with everything given", "llamacpp", "RTX 4090", "Qwen/Qwen3-32B-GGUF:Q8_0", flags("ngl", num("99"), "ctx-size", num("4096")), catalog.AnswerCannot, "weights 32.4 GiB"},
		{"the same with a part of its layers", "llamacpp", "RTX 4090", "Qwen/Qwen3-32B-GGUF:Q8_0", flags("ngl", num("30"), "ctx-size", num("4096")), catalog.AnswerFits, ""},
		{"a context of many slots", "llamacpp", "RTX 4090", "Qwen/Qwen3-8B-GGUF:Q8_0", flags("ngl", str("all"), "ctx-size", num("163840"), "parallel", num("4")), catalog.AnswerCannot, "163,840 cells"},
		{"llama.cpp fits what it can by itself", "llamacpp", "RTX 4090", qwen14, flags(), catalog.AnswerNotKnown, "fits by itself"},
	}
	for _, test := range tests {
		t.Run(test.why, func(t *testing.T) {
			e := &profiles.Engine{Kind: test.kind, Runtime: profiles.RuntimeDocker}
			got := site(t, test.card, test.model).Feasible(e, test.c)
			if got.Answer != test.want || !strings.Contains(got.Why, test.says) {
				t.Errorf("got %+v, want %s with %q", got, test.want, test.says)
			}
		})
	}
}

func TestFeasibleForTheWorkload(t *testing.T) {
	fixed := bench.Workload{Prompts: bench.Prompts{InputTokens: 512}, Levels: []bench.Level{{OutputTokens: 100}, {OutputTokens: 200}}}
	drawn := fixed
	drawn.Prompts.Input = bench.Spread{Width: 0.5}
	if got := LongestRequest([]bench.Workload{fixed, drawn}); got != 712 {
		t.Errorf("longest request %d, want 712", got)
	}
	e := &profiles.Engine{Kind: "vllm", Runtime: profiles.RuntimeDocker}
	s := site(t, "RTX 4090", "Qwen/Qwen3-8B")
	s.LongestRequest = 712
	for length, want := range map[string]catalog.Answer{"512": catalog.AnswerCannot, "700": catalog.AnswerFits, "1024": catalog.AnswerFits} {
		if got := s.Feasible(e, flags("max-model-len", num(length))); got.Answer != want {
			t.Errorf("a context of %s for 712 tokens: %+v, want %s", length, got, want)
		}
	}
}

// BenchmarkFeasible judges 100,000 candidates; the limit is one second.
func BenchmarkFeasible(b *testing.B) {
	s := site(b, "RTX 4090", "Qwen/Qwen3-8B")
	e := &profiles.Engine{Kind: "vllm", Runtime: profiles.RuntimeDocker}
	all := make([]profiles.Candidate, 100)
	for i := range all {
		all[i] = flags("max-model-len", num(fmt.Sprint(1000*i+100)), "max-num-seqs", num("64"), "gpu-memory-utilization", num("0.9"), "kv-cache-dtype", str("fp8"))
	}
	for b.Loop() {
		for i := range 100_000 {
			s.Feasible(e, all[i%len(all)])
		}
	}
}
