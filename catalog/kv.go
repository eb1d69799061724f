package catalog

import (
	"math"
	"strings"
)

// KVBytesPerToken is what the keys and values of one token take in all layers, on one
// card and without regard to sliding windows; "" and "auto" mean the model's data type.
func (m Model) KVBytesPerToken(kvDType string) float64 {
	return float64(m.Layers) * m.kvLayerBytes(kvDType, 1)
}

// kvLayerBytes is what a token takes in one layer on one of tp cards. Heads are
// shared out, and repeated where there are more cards than heads; the latent of MLA
// is the same on every card.
func (m Model) kvLayerBytes(kvDType string, tp int) float64 {
	if m.LatentRank > 0 {
		return float64(m.LatentRank+m.RopeDim) * m.kvElementBytes(kvDType)
	}
	heads := math.Max(1, float64(m.KVHeads)/float64(max(tp, 1)))
	return 2 * heads * float64(m.HeadDim) * m.kvElementBytes(kvDType)
}

func (m Model) kvElementBytes(kvDType string) float64 {
	kvDType = strings.ToLower(kvDType)
	switch {
	case kvDType == "" || kvDType == "auto":
		return dtypeBytes(m.DType)
	case kvDType == "q8_0":
		return 1.0625
	case kvDType == "q4_0" || kvDType == "iq4_nl":
		return 0.5625
	case kvDType == "q4_1":
		return 0.625
	case kvDType == "q5_0":
		return 0.6875
	case kvDType == "q5_1":
		return 0.75
	case strings.HasPrefix(kvDType, "fp8"), strings.HasPrefix(kvDType, "int8"):
		return 1
	case strings.Contains(kvDType, "fp4"), strings.HasPrefix(kvDType, "int4"):
		return 0.5625
	}
	return dtypeBytes(kvDType)
}

func dtypeBytes(dtype string) float64 {
	switch strings.ToLower(strings.TrimPrefix(dtype, "torch.")) {
	case "float32", "float", "fp32", "f32":
		return 4
	}
	return 2
}
