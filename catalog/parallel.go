package catalog

import (
	"fmt"
	"math"
	"sort"
)

// Parallel is how a model is spread over cards. A zero is 1.
type Parallel struct {
	Tensor   int // cards that share every layer
	Pipeline int // groups of them, each with a share of the layers
}

// Cards is how many cards it takes.
func (p Parallel) Cards() int { return p.tensor() * p.pipeline() }

func (p Parallel) tensor() int   { return max(p.Tensor, 1) }
func (p Parallel) pipeline() int { return max(p.Pipeline, 1) }

// Copies are the flags, of any engine, by which a model is served more than once, or over
// several machines, where they are not 1. How many cards and how much memory that takes,
// and how fast it is, is not reckoned.
func Copies() []string {
	return []string{
		"nnodes", "data-parallel-size", "dp-size", "enable-dp-attention", "decode-context-parallel-size", "prefill-context-parallel-size",
		"attn-cp-size", "moe-dp-size",
	}
}

// Refused says why engines refuse to spread a model so; "" if they do not. Experts
// are spread by the same number of cards whether as whole experts or in slices.
func (p Parallel) Refused(m Model) string {
	tp, heads, kv := p.tensor(), m.Heads, m.KVHeads
	switch {
	case heads%tp != 0:
		return fmt.Sprintf("the model's %d attention heads cannot be shared by %d cards", heads, tp)
	case p.pipeline() > m.Layers:
		return fmt.Sprintf("the model's %d layers are fewer than the %d groups of a pipeline", m.Layers, p.pipeline())
	case m.LatentRank == 0 && kv >= tp && kv%tp != 0, m.LatentRank == 0 && kv < tp && tp%kv != 0:
		return fmt.Sprintf("the model's %d heads of keys and values can neither be shared by %d cards nor repeated on them", kv, tp)
	}
	return ""
}

// ncclBytes is what the library for talk between cards takes on each: 0.33 to 0.38
// GiB were measured for 2 to 8 cards (ai-dynamo/aiconfigurator 095f58a).
const ncclBytes = 0.35 * gib

// contextBytes is what CUDA's context and libraries take on one card.
func (p Parallel) contextBytes() float64 {
	if p.Cards() > 1 {
		return contextBytes + ncclBytes
	}
	return contextBytes
}

// weightBytes is one card's share of the weights. Norms and routers, which every card
// holds whole, are too small to count; the first and last groups of a pipeline hold
// embeddings beside their layers, so the mean is the least that one of them holds.
func (p Parallel) weightBytes(m Model, quant string) float64 {
	return m.WeightBytes(quant) / float64(p.Cards())
}

// each begins a sentence about one card of several.
func (p Parallel) each() string {
	if p.Cards() == 1 {
		return ""
	}
	return fmt.Sprintf("on each of %d cards: ", p.Cards())
}

// cache is the shape of a KV cache on one card.
type cache struct {
	layer        float64 // bytes of a token in one layer
	full, window float64 // layers that keep all tokens, and the last span ones
	span         int     // tokens
}

func (p Parallel) cache(m Model, kvDType string, unify bool) cache {
	c := cache{layer: m.kvLayerBytes(kvDType, p.tensor()), full: float64(m.Layers), span: m.Window}
	if m.Window > 0 && !unify {
		c.window = float64(m.WindowLayers)
		c.full -= c.window
	}
	c.full, c.window = c.full/float64(p.pipeline()), c.window/float64(p.pipeline())
	return c
}

// perToken is what one token takes where all layers keep it.
func (c cache) perToken() float64 { return c.layer * (c.full + c.window) }

// pool is vLLM's cache: blocks of one size, which groups of equally many layers draw
// from (vllm/v1/core/kv_cache_utils.py at 0.32, _get_kv_cache_groups_uniform_page_size
// and SlidingWindowSpec). full and window count the groups of either kind.
type pool struct {
	block        int     // tokens
	blockBytes   float64 // of all layers of one group
	full, window int
	span         int // tokens of a windowed group that one request holds at most
}

func (c cache) pool(block, batched int) pool {
	p := pool{block: block, span: c.span - 1 + batched}
	size := math.Max(c.full, c.window)
	if least := math.Min(c.full, c.window); least > 0 && size >= 1.5*least {
		size = least
	}
	p.full, p.window = int(math.Ceil(c.full/size)), int(math.Ceil(c.window/size))
	p.blockBytes = size * c.layer * float64(block)
	return p
}

// request is how many blocks a request of so many tokens holds.
func (p pool) request(tokens int) int {
	whole := ceilDiv(tokens, p.block)
	return p.full*whole + p.window*min(whole, ceilDiv(min(p.span, tokens), p.block)+1)
}

// requestBytes is what a request of so many tokens needs.
func (p pool) requestBytes(tokens int) float64 { return float64(p.request(tokens)) * p.blockBytes }

// tokens is what vLLM calls the size of the cache: how many requests of the longest
// length fit, times that length.
func (p pool) tokens(bytes float64, longest int) int {
	blocks := math.Floor(bytes / p.blockBytes)
	if p.window == 0 {
		return int(blocks) / p.full * p.block
	}
	return int(blocks / float64(p.request(longest)) * float64(longest))
}

// longest is the longest request that fits, in whole blocks; limit at most.
func (p pool) longest(bytes float64, limit int) int {
	blocks := int(math.Min(bytes/p.blockBytes, math.MaxInt32))
	fits := sort.Search(ceilDiv(limit, p.block), func(n int) bool { return p.request(min((n+1)*p.block, limit)) > blocks })
	return min(fits*p.block, limit)
}

func ceilDiv(a, b int) int { return (a + b - 1) / b }
