package simulator

import "github.com/qtune/qtune/catalog"

// Efficiency says which share of a card's data sheet its kernels reach, and what a
// step costs beside bytes and flops. Shares are 0 to 1.
type Efficiency struct {
	Weights     float64 // of bandwidth, matrices multiplied with few tokens
	Stream      float64 // of bandwidth, kernels that only read and write
	GEMM        float64 // of flops, matrices multiplied with many tokens
	Smooth      float64 // exponent that joins the two: 1 adds them, large takes the larger
	KV          float64 // of bandwidth, decode attention over long contexts
	Attention   float64 // of flops, prefill attention
	PCIe        float64 // of its peak, pinned memory
	Link        float64 // of the bandwidth between cards, all-reduce of many tokens
	SmallUS     float64 // a layer's norms, rotations and activations, µs
	SmallTokUS  float64 // the same for each token, µs
	AttentionUS float64 // launch of a layer's attention, µs
	StepUS      float64 // scheduler, sampler and detokenizer of a step, µs
	SequenceUS  float64 // the same for each sequence, µs
	EagerUS     float64 // launches of a layer without CUDA graphs, µs, where the card waits for them
}

// asyncShare is what of StepUS remains when the host prepares the next step while the
// card computes this one (judgement: 0.4 of 1.5 ms).
const asyncShare = 0.27

// EfficiencyOf is the best known set for a card. RTX 4090 and RTX PRO 6000 were fitted
// to kernel times and request logs of real vLLM 0.19 runs; the CPU's to a real vLLM
// 0.32 on two cores; the RTX 5090's to public end-to-end figures, and others are taken
// to be like it.
func EfficiencyOf(card catalog.Card) Efficiency {
	e := Efficiency{
		Weights: .81, Stream: .86, GEMM: .82, Smooth: 2, KV: .75, Attention: .45, PCIe: .85, Link: 1,
		SmallUS: 5, SmallTokUS: .06, AttentionUS: 8, StepUS: 1500, SequenceUS: 8, EagerUS: 60,
	}
	if card.Link > 2*card.PCIe { // NVLink: the data sheet's figure, of which NCCL reaches about three quarters
		e.Link = .75
	}
	switch {
	case card.CPU:
		e.GEMM, e.Smooth, e.SmallUS, e.SmallTokUS, e.AttentionUS, e.StepUS, e.SequenceUS, e.EagerUS = .9, 1.6, 60, 1, 60, 14000, 250, 130
	case card.Name == "RTX 4090":
		e.Weights, e.Stream, e.GEMM, e.KV, e.Attention = .90, .90, .99, .85, .60
		e.SmallUS, e.SmallTokUS, e.StepUS, e.SequenceUS = 1.2, .118, 1200, 5
	case card.Name == "RTX PRO 6000":
		e.Weights, e.GEMM, e.KV, e.Attention = .80, .85, .72, .38
		e.SmallUS, e.AttentionUS, e.StepUS, e.SequenceUS = 7, 10, 1800, 12
	}
	return e
}
