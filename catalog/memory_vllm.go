package catalog

import (
	"fmt"
	"math"
)

// VLLMFlags are the flags of vLLM that its memory depends on. A zero is the flag's
// default.
type VLLMFlags struct {
	Utilization   float64 // --gpu-memory-utilization, 0 to 1; default 0.92
	MaxModelLen   int     // --max-model-len, tokens; default the model's; -1: whatever fits
	MaxNumSeqs    int     // --max-num-seqs
	BatchedTokens int     // --max-num-batched-tokens
	OffloadGiB    float64 // --cpu-offload-gb
	KVDType       string  // --kv-cache-dtype
	KVCacheBytes  float64 // --kv-cache-memory-bytes; on a CPU VLLM_CPU_KVCACHE_SPACE in bytes
	BlockSize     int     // --block-size, tokens; default 16, on a CPU 128
	Quantization  string  // --quantization; default the checkpoint's
	Eager         bool    // --enforce-eager, or another way to have no graphs
	GraphSize     int     // --max-cudagraph-capture-size; default the smaller of 2·MaxNumSeqs and 512
	NoHybrid      bool    // --disable-hybrid-kv-cache-manager: layers with a window keep all tokens too
	Parallel              // --tensor-parallel-size and --pipeline-parallel-size
	Correction            // by the logs of earlier starts

	longest int // tokens, of the model
}

// Defaults of vLLM since 0.21.
const (
	VLLMUtilization = 0.92
	vllmCPUKVSpace  = 4 * gib
)

// WithDefaults fills in the defaults that vLLM's server takes for a card and a model.
func (f VLLMFlags) WithDefaults(card Card, m Model) VLLMFlags {
	big := card.MemoryBytes >= 70*gib && card.Name != "A100 80GB"
	seqs, tokens, block := 256, 2048, 16
	switch {
	case card.CPU:
		seqs, tokens, block = 256, 4096, 128
	case big && card.MemoryBytes >= 160*gib:
		seqs, tokens = 1024, 16384
	case big:
		seqs, tokens = 1024, 8192
	}
	f.Utilization = orFloat(f.Utilization, VLLMUtilization)
	f.MaxModelLen, f.longest = orInt(f.MaxModelLen, m.MaxPosition), m.MaxPosition
	f.MaxNumSeqs = orInt(f.MaxNumSeqs, seqs)
	f.BatchedTokens = orInt(f.BatchedTokens, max(tokens, f.MaxNumSeqs))
	f.BlockSize = orInt(f.BlockSize, block)
	f.GraphSize = orInt(f.GraphSize, min(2*f.MaxNumSeqs, 512))
	if f.Eager || card.CPU {
		f.GraphSize = 0
	}
	return f
}

// VLLMMemory predicts vLLM's memory on one card, or on each of several: what is
// requested, less weights, activations, context and graphs, is KV cache. It counts
// to within about 1 GiB.
func VLLMMemory(card Card, m Model, flags VLLMFlags) Fit {
	f := flags.WithDefaults(card, m)
	fit := Fit{Known: true, WeightSource: m.weightSource(), Cards: f.Cards(), MaxModelLen: f.MaxModelLen, WeightBytes: f.weightBytes(m, f.Quantization)}
	if card.CPU {
		return fit.onCPU(card, m, f)
	}
	fit.WeightBytes = math.Max(0, fit.WeightBytes-f.OffloadGiB*gib)
	fit.WorkBytes = f.activationBytes(m, f.BatchedTokens, f.MaxNumSeqs) + f.contextBytes()
	fit.GraphBytes = graphBytes(m, f.GraphSize) / float64(f.pipeline())
	requested := math.Ceil(card.MemoryBytes * f.Utilization)
	fit.KVBytes = requested - fit.WeightBytes - fit.WorkBytes - fit.GraphBytes + f.Shift
	if f.KVCacheBytes > 0 {
		fit.KVBytes = f.KVCacheBytes
	}
	c := f.cache(m, f.KVDType, f.NoHybrid)
	words := func() string { // most configurations fit, and a plan asks for a hundred thousand
		return fmt.Sprintf("%s%s × %g = %s; less weights %s (%s), activations and context %s, CUDA graphs %s%s leaves %s", f.each(),
			needsGiB(card.MemoryBytes), f.Utilization, needsGiB(requested), needsGiB(fit.WeightBytes), m.weightSource(), needsGiB(fit.WorkBytes), needsGiB(fit.GraphBytes), f.words(), kvSum(fit.KVBytes, c))
	}
	switch {
	case fit.WeightBytes+contextBytes > card.MemoryBytes:
		return fit.fail(ProblemWeights, fmt.Sprintf("%sthe weights take %s (%s) and the card has %s", f.each(), needsGiB(fit.WeightBytes), m.weightSource(), needsGiB(card.MemoryBytes)))
	case f.KVCacheBytes > 0 && fit.WeightBytes+fit.WorkBytes+fit.GraphBytes+fit.KVBytes > card.MemoryBytes:
		return fit.fail(ProblemWork, fmt.Sprintf("%sweights %s (%s), KV cache %s, activations and context %s and CUDA graphs %s are more than the card's %s", f.each(),
			needsGiB(fit.WeightBytes), m.weightSource(), needsGiB(fit.KVBytes), needsGiB(fit.WorkBytes), needsGiB(fit.GraphBytes), needsGiB(card.MemoryBytes)))
	}
	return fit.vllmContext(f, c, words)
}

// vllmContext counts blocks and checks that one request of the longest length fits.
func (fit Fit) vllmContext(f VLLMFlags, c cache, words func() string) Fit {
	pool := c.pool(f.BlockSize, f.BatchedTokens)
	if least := pool.requestBytes(f.BlockSize); fit.KVBytes < least || math.IsNaN(fit.KVBytes) {
		return fit.fail(ProblemNoKV, words())
	}
	if f.MaxModelLen < 0 {
		longest := pool.longest(fit.KVBytes, f.longest)
		return fit.ok(pool.tokens(fit.KVBytes, longest), longest)
	}
	if need := pool.requestBytes(f.MaxModelLen); need > fit.KVBytes {
		return fit.fail(ProblemContext, fmt.Sprintf("%s; one request of max-model-len %s needs %s", words(), thousands(f.MaxModelLen), needsGiB(need)))
	}
	return fit.ok(pool.tokens(fit.KVBytes, f.MaxModelLen), f.MaxModelLen)
}

// leastKV is the KV cache without which vLLM refuses to start.
func (f VLLMFlags) leastKV(m Model) float64 {
	return f.cache(m, f.KVDType, f.NoHybrid).pool(f.BlockSize, f.BatchedTokens).requestBytes(max(f.BlockSize, f.MaxModelLen))
}

func (fit Fit) onCPU(card Card, m Model, f VLLMFlags) Fit {
	fit.KVBytes = orFloat(f.KVCacheBytes, vllmCPUKVSpace)
	c := f.cache(m, f.KVDType, f.NoHybrid)
	if need := fit.WeightBytes + fit.KVBytes; need > card.MemoryBytes {
		return fit.fail(ProblemWeights, fmt.Sprintf("weights %s (%s) and KV cache %s are more than the free memory, %s",
			needsGiB(fit.WeightBytes), m.weightSource(), needsGiB(fit.KVBytes), needsGiB(card.MemoryBytes)))
	}
	return fit.vllmContext(f, c, func() string { return kvSum(fit.KVBytes, c) })
}

func (fit Fit) fail(p Problem, why string) Fit {
	fit.Problem, fit.Err, fit.KVTokens = p, why, 0
	return fit
}

func (fit Fit) ok(tokens, maxLen int) Fit {
	fit.KVTokens, fit.MaxModelLen = tokens, maxLen
	return fit
}

func orInt(v, def int) int {
	if v == 0 {
		return def
	}
	return v
}

func orFloat(v, def float64) float64 {
	if v == 0 {
		return def
	}
	return v
}

func orString(v, def string) string {
	if v == "" {
		return def
	}
	return v
}
