package catalog

import (
	"fmt"
	"math"
)

// SGLangFlags are the flags of SGLang that its memory depends on. A zero is the
// flag's default.
type SGLangFlags struct {
	MemFraction    float64 // --mem-fraction-static, 0 to 1; default from the card's memory
	MaxTotalTokens int     // --max-total-tokens, the pool's upper bound; default whatever fits
	ContextLength  int     // --context-length, tokens; default the model's
	ChunkedPrefill int     // --chunked-prefill-size, tokens; -1: off
	MaxPrefill     int     // --max-prefill-tokens; default 16384
	MaxRunning     int     // --max-running-requests
	KVDType        string  // --kv-cache-dtype
	Quantization   string  // --quantization; default the checkpoint's
	OffloadGiB     float64 // --cpu-offload-gb
	GraphSize      int     // --cuda-graph-max-bs; default from the card's memory
	NoGraph        bool    // --disable-cuda-graph
	WindowRatio    float64 // --swa-full-tokens-ratio: tokens kept by layers with a window for each by the others; default 0.8
	NoWindowPool   bool    // --disable-hybrid-swa-memory: layers with a window keep all tokens too
	Parallel               // --tp-size and --pp-size
	Correction             // by the logs of earlier starts
}

// WithDefaults fills in the defaults that SGLang takes for a card and a model.
func (f SGLangFlags) WithDefaults(card Card, m Model) SGLangFlags {
	chunk, graph := 16384, 512
	switch {
	case card.CPU:
		chunk, graph = 4096, 0
	case card.MemoryBytes < 20*gib:
		chunk, graph = 2048, 8
	case card.MemoryBytes < 35*gib:
		chunk, graph = 2048, 24
	case card.MemoryBytes < 60*gib:
		chunk, graph = 4096, 32
	case card.MemoryBytes < 160*gib:
		chunk, graph = 8192, 256
	}
	f.ChunkedPrefill = orInt(f.ChunkedPrefill, chunk)
	f.MaxPrefill = orInt(f.MaxPrefill, 16384)
	f.ContextLength = orInt(f.ContextLength, m.MaxPosition)
	f.GraphSize = orInt(f.GraphSize, graph)
	if f.NoGraph || card.CPU {
		f.GraphSize = 0
	}
	f.MemFraction = orFloat(f.MemFraction, f.defaultFraction(card, graph))
	return f
}

// defaultFraction is SGLang's own rule, in MiB: 512, 1.5 a token of a prefill chunk,
// 128 for each card, 2 a sequence of the largest graph and 8 for each of about 44
// prefill graphs stay free, and 10 GiB on cards above 60 GiB.
func (f SGLangFlags) defaultFraction(card Card, graph int) float64 {
	const mib = 1 << 20
	reserved := 512 + 1.5*math.Max(float64(f.ChunkedPrefill), 2048) + 128*float64(f.Cards()) + 2*float64(graph) + 8*44
	if card.MemoryBytes > 60*gib {
		reserved = math.Max(reserved, 10240)
	}
	fraction := 1 - reserved*mib/card.MemoryBytes
	return math.Round(fraction*1000) / 1000
}

// SGLangMemory predicts SGLang's memory on one card, or on each of several: the
// static fraction holds weights and token pool, the rest activations and graphs.
func SGLangMemory(card Card, m Model, flags SGLangFlags) Fit {
	f := flags.WithDefaults(card, m)
	fit := Fit{Known: true, WeightSource: m.weightSource(), Cards: f.Cards(), MaxModelLen: f.ContextLength, WeightBytes: math.Max(0, f.weightBytes(m, f.Quantization)-f.OffloadGiB*gib)}
	free := f.free(card)
	fit.GraphBytes = sglangGraphBytes(f.GraphSize)
	fit.WorkBytes = f.workBytes(m)
	fit.KVBytes = free*f.MemFraction - fit.WeightBytes + f.Shift
	words := func() string {
		return fmt.Sprintf("%s%s free × %g, less weights %s (%s)%s leaves %s", f.each(), needsGiB(free), f.MemFraction, needsGiB(fit.WeightBytes), m.weightSource(),
			f.words(), kvSum(fit.KVBytes, f.cache(m, f.KVDType, f.NoWindowPool)))
	}
	if fit.WeightBytes > free {
		return fit.fail(ProblemWeights, fmt.Sprintf("%sthe weights take %s (%s) and the card has %s free", f.each(), needsGiB(fit.WeightBytes), m.weightSource(), needsGiB(free)))
	}
	per := f.cell(m)
	tokens := int(fit.KVBytes / per)
	if fit.KVBytes <= 0 || tokens < 1 {
		fit.MinFraction = fit.WeightBytes / free
		return fit.fail(ProblemNoKV, words()+fmt.Sprintf("; mem-fraction-static must be above %.3f", fit.MinFraction))
	}
	if f.MaxTotalTokens > 0 {
		tokens = min(tokens, f.MaxTotalTokens)
	}
	rest := free - fit.WeightBytes - float64(tokens)*per
	if need := fit.WorkBytes + fit.GraphBytes; need > rest && !card.CPU {
		return fit.fail(ProblemWork, fmt.Sprintf("%sweights %s (%s) and a pool of %s tokens leave %s of %s; activations and graphs need %s", f.each(),
			needsGiB(fit.WeightBytes), m.weightSource(), thousands(tokens), needsGiB(rest), needsGiB(free), needsGiB(need)))
	}
	return fit.ok(tokens, f.ContextLength)
}

func (f SGLangFlags) free(card Card) float64 {
	if card.CPU {
		return card.MemoryBytes
	}
	return card.MemoryBytes - f.contextBytes()
}

// cell is what one token of the pool takes: layers with a window have a pool of their
// own, smaller by a ratio (sglang/srt/model_executor/pool_configurator.py at 0.5.23).
func (f SGLangFlags) cell(m Model) float64 {
	c := f.cache(m, f.KVDType, f.NoWindowPool)
	if c.full == 0 {
		return c.perToken()
	}
	return c.layer * (c.full + orFloat(f.WindowRatio, sglangWindowRatio)*c.window)
}

const sglangWindowRatio = 0.8

// workBytes is the peak of a prefill chunk. The AWQ kernel without Marlin holds one
// dequantized matrix beside it, the widest of a layer.
func (f SGLangFlags) workBytes(m Model) float64 {
	chunk := f.ChunkedPrefill
	if chunk < 0 {
		chunk = max(f.MaxPrefill, f.ContextLength)
	}
	work := f.activationBytes(m, chunk, min(orInt(f.MaxRunning, 64), 64))
	if orString(f.Quantization, m.Quantization) == "awq" {
		work += 2 * 2 * float64(m.Hidden) * float64(max(m.Intermediate, m.MoEIntermediate))
	}
	return work
}

// sglangGraphBytes follows SGLang's own reserve of 2 MiB for each sequence of the
// largest decode graph, and a quarter GiB for the pool itself (judgement).
func sglangGraphBytes(size int) float64 {
	if size <= 0 {
		return 0
	}
	return 0.25*gib + 2*float64(size)*(1<<20)
}
