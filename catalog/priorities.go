package catalog

// SweepAxis is a flag worth trying, with values as they are written in a profile.
type SweepAxis struct {
	Flag   string
	Values []string // "null" leaves the flag off
	Why    string   // one sentence for the reader of a profile
}

// roomyTokens is a KV cache that holds some dozens of requests of usual length:
// with less, its size decides how many run at once.
const roomyTokens = 100_000

// Sweep is what moves an engine most on a card with a model: a few values of each
// of the flags that the engines' own guides put first, the flag that matters most
// first. It is a start, not a search. nil for an engine that has no guide here.
func Sweep(kind string, card Card, m Model) []SweepAxis {
	switch kind {
	case "vllm":
		return vllmSweep(card, m)
	case "sglang":
		return sglangSweep(card, m)
	case "llamacpp":
		return llamaSweep(card)
	}
	return nil
}

// vllmSweep follows vLLM's docs/configuration/optimization.md: small batches of
// tokens for latency, above 8192 for throughput on large cards.
func vllmSweep(card Card, m Model) []SweepAxis {
	tokens, seqs := []string{"2048", "8192"}, []string{"64", "256"}
	switch {
	case card.CPU:
		tokens, seqs = []string{"512", "2048"}, []string{"4", "16"}
	case card.MemoryBytes >= 70*gib:
		tokens, seqs = []string{"8192", "16384"}, []string{"256", "1024"}
	}
	axes := []SweepAxis{
		{"max-num-batched-tokens", tokens, "Tokens in one step: few give an even stream, many give throughput."},
		{"max-num-seqs", seqs, "Requests that run at once: the rest waits."},
	}
	fit := VLLMMemory(card, m, VLLMFlags{MaxModelLen: -1})
	if tight(card, fit) {
		axes = append(axes, SweepAxis{"kv-cache-dtype", []string{"null", `"fp8"`}, "The KV cache is small here: 8 bits double what it holds, for a little accuracy."})
	}
	return axes
}

// sglangSweep follows SGLang's advanced_features/hyperparameter_tuning.
func sglangSweep(card Card, m Model) []SweepAxis {
	axes := []SweepAxis{
		{"chunked-prefill-size", []string{"2048", "8192"}, "Tokens of prompts in one step: few give an even stream, many give throughput."},
	}
	if !card.CPU && card.MemoryBytes < 60*gib {
		axes = append(axes, SweepAxis{"cuda-graph-max-bs-decode", []string{"null", "64"}, "On cards below 60 GiB graphs end at 24 or 32 requests unless told otherwise."})
	}
	if fit := SGLangMemory(card, m, SGLangFlags{}); tight(card, fit) {
		axes = append(axes, SweepAxis{"kv-cache-dtype", []string{"null", `"fp8_e4m3"`}, "The KV cache is small here: 8 bits double what it holds, for a little accuracy."})
	}
	return axes
}

// llamaSweep holds what changes llama-server most with many users: its slots, and
// within its batch of 2048 how much of a prompt it reads at a time.
func llamaSweep(card Card) []SweepAxis {
	slots := []string{"8", "32"}
	if card.CPU {
		slots = []string{"2", "8"}
	}
	return []SweepAxis{
		{"parallel", slots, "Slots: requests that run at once, and share the context."},
		{"ubatch-size", []string{"512", "2048"}, "Tokens of prompts in one step: more read faster, and take memory."},
	}
}

// tight says that the KV cache decides, and that the card can compute with one of
// 8 bits.
func tight(card Card, fit Fit) bool {
	return card.FP8FLOPS > 0 && fit.KVTokens > 0 && fit.KVTokens < roomyTokens
}

// suggested are models worth a first run, the largest first: all of one family,
// with open weights and no form to fill in.
var suggested = []string{"Qwen/Qwen3-32B-AWQ", "Qwen/Qwen3-14B", "Qwen/Qwen3-8B", "Qwen/Qwen3-4B", "Qwen/Qwen3-1.7B", "Qwen/Qwen3-0.6B"}

// cpuWeights is what a model may weigh on a CPU, in bytes: each token reads all of it,
// so that at the 20 GB/s of a small host ten tokens a second remain.
const cpuWeights = 2 * gib

// SuggestModel is the largest of some usual models that leaves a card room to
// serve a context of that many tokens a few times over, and that a CPU is not too
// slow for.
func SuggestModel(card Card, context int) Model {
	const times = 8
	var m Model
	for _, id := range suggested {
		m, _ = FindModel(id)
		if card.CPU && m.WeightBytes("") > cpuWeights {
			continue
		}
		if fit := VLLMMemory(card, m, VLLMFlags{MaxModelLen: context, KVCacheBytes: cpuCache(card)}); fit.Problem == ProblemNone && fit.KVTokens >= times*context {
			break
		}
	}
	return m
}

// cpuCache is vLLM's cache on a CPU: a quarter of the memory.
func cpuCache(card Card) float64 {
	if card.CPU {
		return card.MemoryBytes / 4
	}
	return 0
}
