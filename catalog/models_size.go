package catalog

import "strings"

// AttentionParams counts the weights of one layer's attention.
func (m Model) AttentionParams() float64 {
	h, d := float64(m.Hidden), float64(m.HeadDim)
	if m.LatentRank > 0 {
		return m.latentParams()
	}
	return h*d*float64(m.Heads+2*m.KVHeads) + float64(m.Heads)*d*h
}

// latentParams counts latent attention: queries through their own rank if they have
// one, keys and values through theirs, and the way out.
func (m Model) latentParams() float64 {
	h, heads := float64(m.Hidden), float64(m.Heads)
	query := heads * float64(m.NopeDim+m.RopeDim)
	params := h * query
	if m.QueryRank > 0 {
		params = float64(m.QueryRank) * (h + query)
	}
	rank := float64(m.LatentRank)
	return params + h*(rank+float64(m.RopeDim)) + rank*heads*float64(m.NopeDim+m.ValueDim) + heads*float64(m.ValueDim)*h
}

// FeedForwardParams counts the weights of one layer's gated feed-forward part, or of
// one expert of it.
func (m Model) FeedForwardParams() float64 {
	if m.Experts > 0 {
		return 3 * float64(m.Hidden) * float64(m.MoEIntermediate)
	}
	return 3 * float64(m.Hidden) * float64(m.Intermediate)
}

// LinearParams counts the weights of all layers without embeddings and output layer.
func (m Model) LinearParams() float64 {
	h := float64(m.Hidden)
	ff := m.FeedForwardParams()*float64(max(m.Experts, 1)) + 3*h*float64(m.SharedIntermediate)
	dense := float64(m.DenseLayers)
	return float64(m.Layers)*m.AttentionParams() + (float64(m.Layers)-dense)*ff + dense*3*h*float64(m.Intermediate)
}

// VocabParams counts the embedding table, which is as large as the output layer.
func (m Model) VocabParams() float64 { return float64(m.Vocab) * float64(m.Hidden) }

// Params counts all weights.
func (m Model) Params() float64 {
	if m.Tied {
		return m.LinearParams() + m.VocabParams()
	}
	return m.LinearParams() + 2*m.VocabParams()
}

// WeightBytes is what the weights take under a quantization; "" means the
// checkpoint's own. Embeddings and output layer stay unquantized, but in GGUF files.
func (m Model) WeightBytes(quant string) float64 {
	if m.Weighed != nil {
		return m.Weighed.bytes(m, quant)
	}
	if quant == "" {
		quant = m.Quantization
	}
	per := m.BytesPerParam(quant)
	if isGGUF(quant) {
		return m.Params() * per
	}
	return m.LinearParams()*per + (m.Params()-m.LinearParams())*dtypeBytes(m.DType)
}

// weightSource says by what WeightBytes has counted.
func (m Model) weightSource() string {
	switch {
	case m.Weighed != nil:
		return "by the " + m.Weighed.Source
	case m.Source == "config.json":
		return "by config.json"
	}
	return "by the table of models"
}

// BytesPerParam is what one weight of a linear layer takes under a quantization; ""
// means the model's data type. Four-bit formats carry a 16-bit scale and, but for
// NVFP4, a 4-bit zero for each group of 128.
func (m Model) BytesPerParam(quant string) float64 {
	if quant != "" && quant == m.Quantization && m.QuantBits > 0 {
		return float64(m.QuantBits)/8 + 2.5/128
	}
	if b, ok := quantBytes[strings.ToLower(quant)]; ok {
		return b
	}
	return dtypeBytes(m.DType)
}

var quantBytes = map[string]float64{
	"awq": 0.5 + 2.5/128, "awq_marlin": 0.5 + 2.5/128, "auto_awq": 0.5 + 2.5/128,
	"gptq": 0.5 + 2.5/128, "gptq_marlin": 0.5 + 2.5/128, "auto_gptq": 0.5 + 2.5/128, "moe_wna16": 0.5 + 2.5/128,
	"fp8": 1, "w8a8_fp8": 1, "w8a8_int8": 1, "fp8_per_tensor": 1, "fp8_per_block": 1, "fp8_per_channel": 1, "modelopt": 1, "modelopt_fp8": 1,
	"experts_int8": 1, "int8_per_channel_weight_only": 1,
	"modelopt_fp4": 0.5625, "nvfp4_per_token": 0.5625, "mxfp4": 0.53125, "gpt_oss_mxfp4": 0.53125,
	// GGUF: bits per weight of the file types, llama.cpp's own figures / 8
	"q2_k": 0.419, "q3_k_s": 0.438, "q3_k_m": 0.489, "q3_k_l": 0.534, "q4_0": 0.5625, "q4_1": 0.625, "q4_k_s": 0.573, "q4_k_m": 0.606,
	"q5_0": 0.6875, "q5_1": 0.75, "q5_k_s": 0.692, "q5_k_m": 0.711, "q6_k": 0.82, "q8_0": 1.0625, "iq4_xs": 0.544, "iq4_nl": 0.5625,
	"f16": 2, "bf16": 2, "f32": 4,
}

// isGGUF tells the types of GGUF files, which quantize every matrix, from the rest.
func isGGUF(quant string) bool {
	q := strings.ToLower(quant)
	return q == "f16" || q == "bf16" || q == "f32" || strings.HasPrefix(q, "q") || strings.HasPrefix(q, "iq")
}
