package simulator

import (
	"math"
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
	OffloadBytes    float64 // weights in the host's memory, read over PCIe in each step
	Prefetch        bool    // they are copied while the card computes
}

// Batch is the work of one step.
type Batch struct {
	Prefills      int     // prompts, or chunks of them
	PrefillTokens int     // their new tokens
	PrefillWork   float64 // sum of tokens × (context before + tokens/2)
	Decodes       int     // sequences that get one token
	DecodeContext float64 // sum of their contexts, tokens
}

// Machine is one model under one set of kernels on one card: it knows what a step
// costs. It is made once and not changed, so goroutines may share it.
type Machine struct {
	k      Kernels
	eff    Efficiency
	layers float64

	denseS    float64 // reading a layer's dense weights once, s
	expertS   float64 // reading one expert of a layer, s
	experts   float64
	perToken  float64 // chance that a token uses a given expert
	dequantS  float64 // unpacking all weights, s a step
	flopS     float64 // multiplying one token with a layer, s
	headS     float64 // output layer, s a step
	kvS       float64 // reading one token's keys and values in a layer at the peak share, s
	prefillS  float64 // attention: one token over one token of context in a layer, s
	offloadS  float64 // s a step
	smallS    float64
	smallTokS float64
}

// NewMachine prepares the step model of a model on a card under these kernels.
func NewMachine(card catalog.Card, m catalog.Model, k Kernels, eff Efficiency) *Machine {
	flops := card.BF16FLOPS
	if k.FP8 && card.FP8FLOPS > 0 {
		flops = card.FP8FLOPS
	}
	layers := float64(m.Layers)
	stored := m.LinearParams() * k.WeightBytes
	resident := 1.0
	if k.OffloadBytes > 0 && stored > 0 {
		resident = 1 - math.Min(1, k.OffloadBytes/stored)
	}
	read := eff.Weights * card.Bandwidth
	stream := eff.Stream * card.Bandwidth
	weightS := func(params float64) float64 { return params * k.WeightBytes * resident / read }
	if k.DequantBytes > 0 { // the unpacking kernel streams the packed weights and writes, the product streams again
		weightS = func(params float64) float64 { return params * k.DequantBytes / 2 / stream }
	}
	a := &Machine{k: k, eff: eff, layers: layers}
	active := m.AttentionParams()
	if m.Experts > 0 {
		a.expertS, a.experts = weightS(m.FeedForwardParams()), float64(m.Experts)
		a.perToken = float64(m.ActiveExperts) / float64(m.Experts)
		a.denseS = weightS(active)
		active += m.FeedForwardParams() * float64(m.ActiveExperts)
	} else {
		active += m.FeedForwardParams()
		a.denseS = weightS(active)
	}
	if k.DequantBytes > 0 {
		a.dequantS = m.LinearParams() * (k.WeightBytes*resident + k.DequantBytes/2) / stream
	}
	a.flopS = 2 * active / (eff.GEMM * flops)
	a.headS = m.VocabParams() * 2 / read
	a.kvS = m.KVBytesPerToken(k.KVDType) / layers / (eff.KV * card.Bandwidth)
	a.prefillS = 4 * float64(m.Heads*m.HeadDim) / (eff.Attention * card.BF16FLOPS)
	if k.OffloadBytes > 0 && card.PCIe > 0 {
		a.offloadS = math.Min(k.OffloadBytes, stored) / (eff.PCIe * card.PCIe)
	}
	a.smallS, a.smallTokS = eff.SmallUS*1e-6, eff.SmallTokUS*1e-6
	if !k.Compiled {
		a.smallS, a.smallTokS = 1.3*a.smallS, 1.3*a.smallTokS
	}
	return a
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
	offloadS float64
	prefetch bool
	hostS    float64
}

func (a *Machine) shape(b Batch) shape {
	n := float64(b.PrefillTokens + b.Decodes)
	weights := a.denseS
	if a.experts > 0 {
		weights += a.expertS * a.experts * (1 - math.Pow(1-a.perToken, n))
	}
	linear := smoothMax(weights, a.flopS*n, a.eff.Smooth)
	layer := linear + a.smallS + a.smallTokS*n + a.attention(b) + a.launches(b, linear+a.dequantS/a.layers)
	host := a.eff.StepUS
	if a.k.AsyncHost {
		host *= asyncShare
	}
	host += a.eff.SequenceUS * float64(b.Prefills+b.Decodes)
	return shape{
		decodes: float64(b.Decodes), cardS: a.layers*layer + a.headS + a.dequantS, kvS: a.layers * a.kvS,
		offloadS: a.offloadS, prefetch: a.k.Prefetch, hostS: host * 1e-6,
	}
}

// step is the time of a step whose decoding sequences have so many tokens of context
// in all. Decode reaches half of its share of the bandwidth at short contexts and all
// of it from 1,024 tokens.
func (s *shape) step(context float64) time.Duration {
	card := s.cardS
	if s.decodes > 0 {
		card += s.kvS * context / (0.5 + 0.5*math.Min(1, context/(1024*s.decodes)))
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
		s += launch + a.k.SequenceUS*1e-6*float64(b.Decodes)
	}
	if b.Prefills > 0 {
		s += launch + a.prefillS*b.PrefillWork
	}
	return s
}

// launches is what launching a layer's kernels one by one adds, s: all of it where the
// card is done with a layer in 0.2 ms, nothing from 0.5 ms on, where the host is ahead.
func (a *Machine) launches(b Batch, layerS float64) float64 {
	n := b.PrefillTokens + b.Decodes
	if n <= a.k.GraphTokens && (b.Prefills == 0 || a.k.PrefillGraphs) {
		return 0
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
