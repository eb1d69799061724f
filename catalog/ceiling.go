package catalog

import (
	"math"
	"strings"
)

// Use is what a configuration makes of a model and of cards, as far as the
// Ceiling depends on it. The zero value is the checkpoint as it is on one card.
type Use struct {
	Quantization string // of the linear weights; "": the checkpoint's
	KVDType      string // of the KV cache; "": the model's data type
	Cards        int    // that share one copy of the weights; 0 is 1
	Replicas     int    // copies of the weights, each on its own cards; 0 is 1
}

// AllCards is how many cards all copies take together; at least 1.
func (u Use) AllCards() int { return max(u.Cards, 1) * max(u.Replicas, 1) }

// Traffic is the load that a Ceiling is for.
type Traffic struct {
	Users  int     // requests under way at once; 0: any number
	Input  float64 // tokens of a prompt, mean
	Output float64 // tokens of an answer, mean; at least 1
}

// Bound names what of a card limits a Ceiling.
type Bound string

// What limits a Ceiling.
const (
	ByBandwidth Bound = "bandwidth"
	ByFLOPS     Bound = "flops"
)

// Ceiling is the most that a card can do with a model.
type Ceiling struct {
	Tokens float64 // generated tokens/s of all users together
	Bound  Bound
}

// CeilingOf is the roofline of a model on a card: no engine that generates one
// token a step and reads what it computes with can be faster, since
//
//	tokens/s ≤ 1 / max(W/(B·BW) + K·k/BW,  F·(1 + I/O)/PF)
//
// W is what a step reads of the weights: all linear ones of a dense model and the
// output layer; of a mixture the experts that B tokens hit, E·(1-(1-e/E)^B) of E if
// the router spreads them evenly. B is the number of users, BW the bandwidth. k is
// what one token's keys and values take, K how many of them a generated token reads
// on average: each but the first of O reads the prompt and the answer so far,
// (O-1)/O·(I + O/2), of which layers with a window read no more than that. F is the flops of one token, 2 for each weight that it uses,
// spent on the I prompt tokens too; PF is the peak rate for the weights' format.
// Reading and computing may overlap entirely. Attention's own flops, activations and
// communication are left out, so that the bound only becomes looser.
//
// Both limits are those of S. Williams et al., "Roofline: an insightful visual
// performance model for multicore architectures", CACM 52(4), 2009, with the bytes
// of a step counted as in tuning notes for Qwen3-32B-AWQ: 17.8 GB, 101 tokens/s at
// 1792 GB/s. Bandwidth and rate are the data sheet's: see Card.Sources.
//
// A figure above it has prompts that came from a cache, speculative decoding, a
// window of attention, unevenly used experts, or an error in it. It is false for a
// card or a model of which a figure is missing, and for a CPU, whose bandwidth no
// data sheet gives for the share that a server gets.
func CeilingOf(card Card, m Model, u Use, t Traffic) (Ceiling, bool) {
	if card.CPU || card.Bandwidth <= 0 || card.BF16FLOPS <= 0 || m.Layers <= 0 || m.KVUnknown != "" || t.Output < 1 {
		return Ceiling{}, false
	}
	quant := orString(u.Quantization, m.Quantization)
	replicas := float64(max(u.Replicas, 1))
	cards := float64(max(u.Cards, 1))
	reads := (t.Output - 1) / t.Output * m.contextBytes(u.KVDType, t.Input+t.Output/2)
	if t.Users > 0 {
		users := math.Max(1, float64(t.Users)/replicas)
		reads += m.stepBytes(quant, users) / users
	}
	read := reads / (cards * card.Bandwidth)
	head := 2 * m.VocabParams() / card.BF16FLOPS
	compute := (2*m.activeParams()*(1+t.Input/t.Output)/card.rate(quant) + head) / cards
	c := Ceiling{Tokens: replicas / math.Max(read, compute), Bound: ByBandwidth}
	if compute > read {
		c.Bound = ByFLOPS
	}
	return c, true
}

// contextBytes is what attention over a context reads of keys and values.
func (m Model) contextBytes(kvDType string, context float64) float64 {
	windows := float64(m.WindowLayers)
	return m.kvLayerBytes(kvDType, 1) * ((float64(m.Layers)-windows)*context + windows*math.Min(context, float64(m.Window)))
}

// stepBytes is what a step over so many sequences reads of the weights.
func (m Model) stepBytes(quant string, sequences float64) float64 {
	per := m.BytesPerParam(quant)
	head := dtypeBytes(m.DType)
	if isGGUF(quant) {
		head = per
	}
	return per*m.paramsWith(m.expertsHit(sequences)) + m.VocabParams()*head
}

// expertsHit is how many experts of a layer so many tokens use, at least those of
// one token; 1 for a dense model.
func (m Model) expertsHit(tokens float64) float64 {
	if m.Experts == 0 {
		return 1
	}
	all, each := float64(m.Experts), float64(m.ActiveExperts)
	return math.Max(each, all*(1-math.Pow(1-each/all, tokens)))
}

// activeParams counts the linear weights that one token is multiplied with.
func (m Model) activeParams() float64 { return m.paramsWith(m.expertsHit(1)) }

// paramsWith counts the linear weights with so many experts in each layer that has some.
func (m Model) paramsWith(experts float64) float64 {
	all := math.Max(float64(m.Experts), 1)
	return m.LinearParams() - (all-experts)*float64(m.Layers-m.DenseLayers)*m.FeedForwardParams()
}

// rate is the peak at which a card multiplies weights of a format, flops/s. Formats
// of weights alone are multiplied in 16 bits. Where it is not certain which units
// work, it is the fastest that may: eight-bit ones at twice the 16-bit rate, four-bit
// ones at twice that.
func (c Card) rate(quant string) float64 {
	eight := math.Max(c.FP8FLOPS, 2*c.BF16FLOPS)
	q := strings.ToLower(quant)
	switch {
	case q == "", isGGUF(q), strings.Contains(q, "awq"), strings.Contains(q, "gptq"), strings.Contains(q, "wna16"), strings.Contains(q, "weight_only"):
		return c.BF16FLOPS
	case strings.Contains(q, "fp4"):
		return 2 * eight
	}
	return eight
}
