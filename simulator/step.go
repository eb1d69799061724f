package simulator

import (
	"math"
	"strings"
	"time"

	"github.com/qtune/qtune/catalog"
)

// Kernels is what an engine's flags choose for the work of a step.
type Kernels struct {
	WeightBytes     float64 // a linear weight, bytes
	DequantBytes    float64 // more traffic of each linear weight in each step: 4 where it is unpacked to 16 bits and read again
	KVDType         string  // as the flag names it
	FP8             bool    // multiplies in FP8 where the card can
	SequenceUS      float64 // attention that takes the sequences one by one: µs a layer and decoding sequence
	AttentionFactor float64 // launch of attention against the best backend's; 0: 1
	GraphTokens     int     // batches up to this many tokens run as CUDA graphs; 0: none
	PrefillGraphs   bool    // also those that hold prompts
	Compiled        bool    // small operations are fused
	AsyncHost       bool    // the host prepares the next step while the card computes
	Blocking        bool    // every launch waits for its end (CUDA_LAUNCH_BLOCKING)
	OffloadBytes    float64 // weights in the host's memory, read over PCIe in each step
	Prefetch        bool    // they are copied while the card computes
	Tensor          int     // cards that share each layer; 0: 1
	Pipeline        int     // groups of cards that share the layers; 0: 1
	DraftLayers     float64 // what drafting one token costs, in layers of the model
	Drafted         int     // tokens that are drafted for each sequence and step; 0: no speculation
}

// Batch is the work of one step.
type Batch struct {
	Prefills      int     // prompts, or chunks of them
	PrefillTokens int     // their new tokens
	PrefillWork   float64 // sum of tokens × (context before + tokens/2)
	Decodes       int     // sequences that get one token
	DecodeContext float64 // sum of their contexts, tokens
}

// Machine is one model under one set of kernels on one card, or on several: it knows
// what a step costs. It is made once and not changed, so goroutines may share it.
type Machine struct {
	k      Kernels
	eff    Efficiency
	layers float64
	stages float64 // of a pipeline

	denseS    float64 // reading a layer's dense weights once, s
	expertS   float64 // reading one expert of a layer, s
	experts   float64
	perToken  float64 // chance that a token uses a given expert
	dequantS  float64 // unpacking all weights, s a step
	flopS     float64 // multiplying one token with a layer, s
	headS     float64 // reading the output layer, s a step
	headFlopS float64 // multiplying one sequence with it, s
	kvS       float64 // reading one token's keys and values in a layer at the peak share, s
	windowed  float64 // share of the layers that keep only the last window tokens
	window    float64
	prefillS  float64 // attention: one token over one token of context in a layer, s
	offloadS  float64 // s a step
	smallS    float64
	smallTokS float64
	linkS     float64 // joining the cards' results, s a layer
	linkTokS  float64 // the same for each token, s
	hopTokS   float64 // handing one token to the next stage of a pipeline, s
}

// NewMachine prepares the step model of a model on a card under these kernels. Tensor
// parallel cards have an equal share of every matrix and of the KV heads, and join
// their results twice a layer.
func NewMachine(card catalog.Card, m catalog.Model, k Kernels, eff Efficiency) *Machine {
	k.Tensor, k.Pipeline = max(k.Tensor, 1), max(k.Pipeline, 1)
	tensor := float64(k.Tensor)
	flops := card.BF16FLOPS * tensor
	if k.FP8 && card.FP8FLOPS > 0 {
		flops = card.FP8FLOPS * tensor
	}
	bandwidth := card.Bandwidth * tensor
	a := &Machine{k: k, eff: eff, layers: float64(m.Layers), stages: float64(k.Pipeline)}
	a.weights(m, k, eff, bandwidth)
	a.flopS = 2 * activeParams(m) / a.layers / (eff.GEMM * flops)
	a.headS = m.VocabParams() * headBytes(m) / (eff.Weights * bandwidth)
	a.headFlopS = 2 * m.VocabParams() / (eff.GEMM * card.BF16FLOPS * tensor)
	heads := math.Min(tensor, math.Max(1, float64(m.KVHeads)))
	if m.LatentRank > 0 {
		heads = 1 // every card keeps the latent
	}
	a.kvS = m.KVBytesPerToken(k.KVDType) / a.layers / (eff.KV * card.Bandwidth * heads)
	a.windowed, a.window = float64(m.WindowLayers)/a.layers, float64(m.Window)
	a.prefillS = 4 * float64(m.Heads*m.HeadDim) / (eff.Attention * card.BF16FLOPS * tensor)
	a.smallS, a.smallTokS = eff.SmallUS*1e-6, eff.SmallTokUS*1e-6
	if !k.Compiled {
		a.smallS, a.smallTokS = 1.3*a.smallS, 1.3*a.smallTokS
	}
	a.link(card, m, eff)
	if stored := m.LinearParams() * k.WeightBytes; k.OffloadBytes > 0 && card.PCIe > 0 { // of each card
		a.offloadS = math.Min(k.OffloadBytes, stored/tensor/a.stages) / (eff.PCIe * card.PCIe)
	}
	return a
}

// weights is reading the linear weights, and unpacking them where they are.
func (a *Machine) weights(m catalog.Model, k Kernels, eff Efficiency, bandwidth float64) {
	stored := m.LinearParams() * k.WeightBytes
	resident := 1.0
	if k.OffloadBytes > 0 && stored > 0 {
		resident = 1 - math.Min(1, k.OffloadBytes*float64(k.Tensor*k.Pipeline)/stored)
	}
	read, stream := eff.Weights*bandwidth, eff.Stream*bandwidth
	weightS := func(params float64) float64 { return params * k.WeightBytes * resident / read }
	if k.DequantBytes > 0 { // the unpacking kernel streams the packed weights and writes, the product streams again
		weightS = func(params float64) float64 { return params * k.DequantBytes / 2 / stream }
		a.dequantS = m.LinearParams() * (k.WeightBytes*resident + k.DequantBytes/2) / stream
	}
	if m.Experts == 0 {
		a.denseS = weightS(m.LinearParams() / a.layers)
		return
	}
	moe := float64(m.Layers-m.DenseLayers) / a.layers
	experts := moe * float64(m.Experts) * m.FeedForwardParams()
	a.denseS = weightS(m.LinearParams()/a.layers - experts)
	a.expertS, a.experts = weightS(moe*m.FeedForwardParams()), float64(m.Experts)
	a.perToken = float64(m.ActiveExperts) / float64(m.Experts)
}

// activeParams counts the linear weights that one token is multiplied with.
func activeParams(m catalog.Model) float64 {
	idle := float64(m.Experts - m.ActiveExperts)
	if m.Experts == 0 {
		return m.LinearParams()
	}
	return m.LinearParams() - idle*float64(m.Layers-m.DenseLayers)*m.FeedForwardParams()
}

// headBytes is a weight of the output layer: 16 bits, but in GGUF files, whose formats
// have no other use.
func headBytes(m catalog.Model) float64 {
	if q := strings.ToLower(m.Quantization); strings.HasPrefix(q, "q") || strings.HasPrefix(q, "iq") {
		return m.BytesPerParam(m.Quantization)
	}
	return 2
}

// link is what cards have to tell each other: two all-reduces a layer, each of which
// moves 2(t-1)/t of the hidden state of every token (R. Thakur et al., "Optimization of
// collective communication operations in MPICH", 2005), and the hidden state from stage
// to stage.
func (a *Machine) link(card catalog.Card, m catalog.Model, eff Efficiency) {
	bytes := 2 * float64(m.Hidden)
	speed := eff.Link * card.Link
	if speed <= 0 {
		return
	}
	if t := float64(a.k.Tensor); t > 1 {
		a.linkS = 2 * card.LinkUS * 1e-6
		a.linkTokS = 2 * 2 * (t - 1) / t * bytes / speed
	}
	if a.stages > 1 {
		a.hopTokS = bytes / speed
	}
}

// Step is the time of one step: for each layer the weights' bytes and flops, the small
// operations and attention, then the output layer, the host, launches that no graph
// saves, unpacking of weights, and weights over PCIe.
func (a *Machine) Step(b Batch) time.Duration {
	s := a.shape(b)
	return s.step(b.DecodeContext)
}

// shape is what a step costs whatever the contexts of its decoding sequences are.
// Sequences that go on together differ in nothing else from step to step.
type shape struct {
	decodes  float64
	cardS    float64 // without reading the decoding sequences' keys and values
	kvS      float64 // for each token of their contexts, all layers
	windowed float64 // share of the layers that read only the last window tokens
	window   float64
	offloadS float64
	prefetch bool
	hostS    float64
}

func (a *Machine) shape(b Batch) shape {
	// Each sequence that speculates puts its drafts beside its token. A pipeline's stages
	// work on as many batches, each with its share of the tokens; a sequence has its next
	// token when its batch has passed through all stages.
	sequences := float64(b.Prefills+b.Decodes) / a.stages
	n := (float64(b.PrefillTokens) + float64(b.Decodes)*float64(1+a.k.Drafted)) / a.stages
	weights := a.denseS
	if a.experts > 0 {
		weights += a.expertS * a.experts * (1 - math.Pow(1-a.perToken, n))
	}
	linear := smoothMax(weights, a.flopS*n, a.eff.Smooth)
	alone := linear + a.dequantS/a.layers
	layer := linear + a.smallS + a.smallTokS*n + a.linkS + a.linkTokS*n + a.attention(b) + a.launches(b, alone)
	head := smoothMax(a.headS, a.headFlopS*sequences, a.eff.Smooth)
	s := shape{
		decodes: float64(b.Decodes), cardS: a.layers*layer + head + a.dequantS, kvS: a.layers * a.kvS / a.stages,
		windowed: a.windowed, window: a.window, offloadS: a.offloadS * a.stages, prefetch: a.k.Prefetch,
	}
	s.cardS += (a.stages - 1) * (a.hopTokS*n + a.eff.AttentionUS*1e-6)
	if a.k.Drafted > 0 && b.Decodes > 0 {
		s.cardS += float64(a.k.Drafted) * (a.k.DraftLayers*(a.denseS+a.smallS) + draftHead(a.k)*a.headS)
	}
	host := a.eff.StepUS
	if a.k.AsyncHost {
		host *= asyncShare
	}
	s.hostS = (host + a.eff.SequenceUS*float64(b.Prefills+b.Decodes)) * 1e-6
	return s
}

// draftHead says whether drafting a token passes through the output layer.
func draftHead(k Kernels) float64 { return min(1, k.DraftLayers) }

// step is the time of a step whose decoding sequences have so many tokens of context
// in all. Decode reaches half of its share of the bandwidth at short contexts and all
// of it from 1,024 tokens.
func (s *shape) step(context float64) time.Duration {
	card := s.cardS
	if s.decodes > 0 {
		reach := 0.5 + 0.5*math.Min(1, context/(1024*s.decodes))
		if s.windowed > 0 {
			context -= s.windowed * math.Max(0, context-s.window*s.decodes)
		}
		card += s.kvS * context / reach
	}
	if s.prefetch {
		card = math.Max(card, s.offloadS)
	} else {
		card += s.offloadS
	}
	return time.Duration((card + s.hostS) * 1e9)
}

// attention is a layer's attention without reading the keys and values of decoding
// sequences, s.
func (a *Machine) attention(b Batch) float64 {
	launch := a.eff.AttentionUS * 1e-6
	if a.k.AttentionFactor > 0 {
		launch *= a.k.AttentionFactor
	}
	var s float64
	if b.Decodes > 0 {
		s += launch + a.k.SequenceUS*1e-6*float64(b.Decodes)/a.stages
	}
	if b.Prefills > 0 {
		work := b.PrefillWork
		if full := float64(b.PrefillTokens) * a.window; a.windowed > 0 {
			work -= a.windowed * math.Max(0, work-full)
		}
		s += launch + a.prefillS*work/a.stages
	}
	return s
}

// blockingUS is what a layer's kernels take more, µs, where each is waited for before the
// next is launched: fitted to the intercept of the step of the public report that qtune
// starts from, 113.3 ms against 95 ms for 64 layers.
const blockingUS = 285

// launches is what launching a layer's kernels one by one adds, s: all of it where the
// card is done with a layer in 0.2 ms, nothing from 0.5 ms on, where the host is ahead.
func (a *Machine) launches(b Batch, layerS float64) float64 {
	n := b.PrefillTokens + b.Decodes*(1+a.k.Drafted)
	if n <= a.k.GraphTokens && (b.Prefills == 0 || a.k.PrefillGraphs) {
		return 0
	}
	if a.k.Blocking {
		return blockingUS * 1e-6
	}
	waits := math.Min(1, math.Max(0, (500e-6-layerS)/300e-6))
	return a.eff.EagerUS * 1e-6 * waits
}

// smoothMax is (aᵠ+bᵠ)^(1/q).
func smoothMax(a, b, q float64) float64 {
	if q == 2 {
		return math.Sqrt(a*a + b*b)
	}
	return math.Pow(math.Pow(a, q)+math.Pow(b, q), 1/q)
}
