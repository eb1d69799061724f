package catalog

import (
	"fmt"
	"math"
)

// LlamaCppFlags are the flags of llama-server that its memory depends on. A zero is the
// flag's default.
type LlamaCppFlags struct {
	Context    int    // --ctx-size, cells of all slots together; default the model's
	Slots      int    // --parallel; default 4 with one shared cache
	Unified    bool   // --kv-unified, or slots by default: each slot may use all cells
	KType      string // --cache-type-k; default f16
	VType      string // --cache-type-v; default f16
	GPULayers  int    // --n-gpu-layers; -1: all
	MicroBatch int    // --ubatch-size; default 512
	Quant      string // of the file; default the model's
	Parallel          // the zero: one card
}

// LlamaCppMemory predicts llama-server's memory on one card. Fit.MaxModelLen is the
// context of one slot. It does not follow --fit, which shrinks what the user left open.
func LlamaCppMemory(card Card, m Model, f LlamaCppFlags) Fit {
	fit := Fit{Known: true, WeightSource: m.weightSource()}
	cells := orInt(f.Context, m.MaxPosition)
	slots := orInt(f.Slots, 4)
	slot := cells
	if !f.Unified && f.Slots > 0 {
		slot = int(math.Ceil(float64(cells)/float64(slots)/256)) * 256
		cells = slot * slots
	}
	share := 1.0
	if f.GPULayers >= 0 {
		share = math.Min(1, float64(f.GPULayers)/float64(m.Layers+1))
	}
	k, v := orString(f.KType, "f16"), orString(f.VType, "f16")
	c, other := f.cache(m, k, false), f.cache(m, v, false)
	c.layer = (c.layer + other.layer) / 2
	fit.WeightBytes = m.WeightBytes(f.Quant) * share
	fit.KVBytes = c.layer * share * (float64(cells)*c.full + float64(min(cells, slots*c.span+orInt(f.MicroBatch, llamaCppBatch)))*c.window)
	fit.WorkBytes = float64(orInt(f.MicroBatch, llamaCppBatch)) * float64(m.Vocab+2*m.Intermediate) * 4
	if need := fit.WeightBytes + fit.KVBytes + fit.WorkBytes; need > card.MemoryBytes {
		return fit.fail(ProblemWeights, fmt.Sprintf("weights %s (%s), KV cache %s for %s cells and compute buffer %s are more than the %s there are",
			needsGiB(fit.WeightBytes), m.weightSource(), needsGiB(fit.KVBytes), thousands(cells), needsGiB(fit.WorkBytes), needsGiB(card.MemoryBytes)))
	}
	return fit.ok(cells, min(slot, m.MaxPosition))
}

const llamaCppBatch = 512 // --ubatch-size by default

// LlamaCppFeasible answers for llama-server with its context and layers given. The
// compute buffer, the least known part, is left out of what cannot fit.
func LlamaCppFeasible(card Card, m Model, f LlamaCppFlags) Feasible {
	if m.Weighed == nil && m.Quantization == "" {
		return notKnown("the GGUF file is not here, and its name does not say its format")
	}
	fit := LlamaCppMemory(card, m, f)
	need := fit.WeightBytes + fit.KVBytes
	return fit.judge(need-card.MemoryBytes, need, 0, Correction{}).unlessKVUnknown(m)
}
