package catalog

import (
	"fmt"
	"math"
	"strconv"
)

// Problem names why a configuration cannot start.
type Problem string

// The reasons for which an engine's memory does not suffice.
const (
	ProblemNone    Problem = ""
	ProblemWeights Problem = "weights" // the weights alone do not fit on the card
	ProblemNoKV    Problem = "no_kv"   // nothing is left for the KV cache
	ProblemContext Problem = "context" // the KV cache is smaller than one request of the longest length
	ProblemWork    Problem = "work"    // activations and graphs do not fit beside weights and KV cache
)

// Fit says whether one configuration of an engine fits on a card, and what it leaves
// for the KV cache. Sizes are bytes.
type Fit struct {
	Known        bool // false: the card or the model is not known, and nothing below is
	WeightBytes  float64
	WeightSource string // by what they were counted, for people
	Cards        int
	KVBytes      float64 // available for the KV cache; negative if weights take more
	KVTokens     int     // 0 if the engine cannot start
	MaxModelLen  int     // longest request, tokens, after a fit that the engine does itself
	GraphBytes   float64 // CUDA graphs
	WorkBytes    float64 // activations, sampler, context
	MinFraction  float64 // ProblemNoKV of SGLang: the smallest --mem-fraction-static that leaves anything
	Problem      Problem
	Err          string // why it cannot start, with the arithmetic; "" fits
}

// String says what a configuration takes, for one card of those it runs on.
func (fit Fit) String() string {
	s := fmt.Sprintf("weights %s (%s), KV cache about %s: %s tokens", needsGiB(fit.WeightBytes), fit.WeightSource, needsGiB(fit.KVBytes), thousands(fit.KVTokens))
	if n := fit.MaxModelLen; n > 0 {
		s += fmt.Sprintf(", %.1f requests of %s", float64(fit.KVTokens)/float64(n), thousands(n))
	}
	if fit.Cards > 1 {
		s = fmt.Sprintf("on each of %d cards: ", fit.Cards) + s
	}
	return s
}

// contextBytes is what CUDA's context and libraries take on one card, 0.5 to 0.7 GiB.
const contextBytes = 0.6 * gib

// activationBytes estimates the peak of a forward pass over tokens on one of the cards
// that share the layers, and of the sampler over seqs sequences (logits in float32,
// sorted, and their probabilities). With contextBytes it gives 1.14 GiB for
// Llama-3.1-8B on an RTX 4090 at vLLM's defaults; a real vLLM 0.19 took 1.155 GiB there.
func (p Parallel) activationBytes(m Model, tokens, seqs int) float64 {
	inner := float64(2*m.Intermediate) / float64(p.tensor())
	if m.Experts > 0 {
		inner = float64(2*m.MoEIntermediate*m.ActiveExperts) / float64(p.tensor())
	}
	return float64(tokens)*(inner+float64(4*m.Hidden))*2 + float64(seqs)*float64(m.Vocab)*4*3
}

// graphBytes estimates the pool of CUDA graphs up to a batch size: 1.6 GiB were
// measured for 64 layers up to 512.
func graphBytes(m Model, maxSize int) float64 {
	if maxSize <= 0 {
		return 0
	}
	return (0.65 + 0.95*math.Min(1, float64(maxSize)/512)) * gib * float64(m.Layers) / 64
}

func needsGiB(b float64) string { return strconv.FormatFloat(b/gib, 'f', 1, 64) + " GiB" }

// thousands writes 40960 as "40,960".
func thousands(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// kvSum describes a cache: as tokens where every layer keeps all of them.
func kvSum(kv float64, c cache) string {
	per := c.perToken()
	if kv <= 0 {
		return "nothing for the KV cache: " + needsGiB(-kv) + " are missing"
	}
	if c.window > 0 {
		return fmt.Sprintf("%s of KV cache (%.1f KiB a token in %g layers, and in %g layers for the last %s tokens only)",
			needsGiB(kv), c.layer*c.full/1024, c.full, c.window, thousands(c.span))
	}
	return fmt.Sprintf("%s of KV cache, %s tokens at %.1f KiB a token", needsGiB(kv), thousands(int(kv/per)), per/1024)
}
