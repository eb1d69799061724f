package catalog

import (
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"regexp"
	"sort"
	"strings"
	"sync"
)

//go:embed data/models.json
var modelsJSON []byte

// Model is the shape of a decoder-only transformer: what its weights weigh and what
// a token's keys and values take.
type Model struct {
	ID           string `json:"id"`
	Architecture string `json:"architecture"`
	Layers       int    `json:"layers"`
	Hidden       int    `json:"hidden"`
	Intermediate int    `json:"intermediate"`
	Heads        int    `json:"heads"`
	KVHeads      int    `json:"kv_heads"`
	HeadDim      int    `json:"head_dim"`
	Vocab        int    `json:"vocab"`
	Tied         bool   `json:"tied"`         // the output layer is the embedding table
	MaxPosition  int    `json:"max_position"` // longest context it was made for, tokens
	Quantization string `json:"quantization"` // of the checkpoint: "awq", "fp8", …; "": none
	QuantBits    int    `json:"quant_bits"`   // bits of a quantized weight; 0: as its quantization usually has
	DType        string `json:"dtype"`        // of what is not quantized
	Source       string `json:"source"`

	// Mixture of experts: Experts is 0 for a dense model.
	Experts         int `json:"experts"`
	ActiveExperts   int `json:"active_experts"`
	MoEIntermediate int `json:"moe_intermediate"`
}

var loadModels = sync.OnceValue(func() map[string]Model {
	var file struct {
		Models []struct {
			Model
			Also     []string          `json:"also"`
			Variants map[string]string `json:"variants"` // id → quantization
		} `json:"models"`
	}
	if err := json.Unmarshal(modelsJSON, &file); err != nil {
		panic(fmt.Sprintf("catalog: models.json: %v", err)) // part of the program, tested
	}
	all := map[string]Model{}
	add := func(m Model, id, quant string) {
		m.ID, m.Quantization = id, quant
		all[strings.ToLower(id)] = m
		all[strings.ToLower(path.Base(id))] = m
	}
	for _, d := range file.Models {
		add(d.Model, d.ID, "")
		for _, id := range d.Also {
			add(d.Model, id, "")
		}
		for id, quant := range d.Variants {
			add(d.Model, id, quant)
		}
	}
	return all
})

// ggufName is a GGUF file (name.Q4_1.gguf) or a repository of them (name-GGUF:Q4_1).
var ggufName = regexp.MustCompile(`^(.+?)(?:[-.](i?q\d\w*|f16|bf16|f32)\.gguf|-gguf(?::(\w+))?)$`)

// FindModel finds a model by its hub id, by the last part of it, or by the name of a
// GGUF file or repository, such as SmolLM2-135M-Instruct.Q4_1.gguf and
// Qwen/Qwen3-8B-GGUF:Q8_0; a repository's own default is Q4_K_M. Case does not count.
func FindModel(id string) (Model, bool) {
	key := strings.ToLower(strings.TrimRight(id, "/"))
	if m, ok := loadModels()[key]; ok {
		return m, true
	}
	base := path.Base(key)
	quant := ""
	if g := ggufName.FindStringSubmatch(base); g != nil {
		base, quant = g[1], orString(g[2]+g[3], "q4_k_m")
	}
	m, ok := loadModels()[base]
	if ok && quant != "" {
		m.Quantization = quant
	}
	return m, ok
}

// ModelIDs lists the hub ids of the built-in table, sorted.
func ModelIDs() []string {
	var ids []string
	for key, m := range loadModels() {
		if key == strings.ToLower(m.ID) {
			ids = append(ids, m.ID)
		}
	}
	sort.Strings(ids)
	return ids
}

type hubConfig struct {
	Architectures     []string    `json:"architectures"`
	Layers            int         `json:"num_hidden_layers"`
	Hidden            int         `json:"hidden_size"`
	Intermediate      int         `json:"intermediate_size"`
	Heads             int         `json:"num_attention_heads"`
	KVHeads           int         `json:"num_key_value_heads"`
	HeadDim           int         `json:"head_dim"`
	Vocab             int         `json:"vocab_size"`
	Tied              bool        `json:"tie_word_embeddings"`
	MaxPosition       int         `json:"max_position_embeddings"`
	TorchDType        string      `json:"torch_dtype"`
	DType             string      `json:"dtype"`
	NumExperts        int         `json:"num_experts"`
	NumLocalExperts   int         `json:"num_local_experts"`
	ExpertsPerToken   int         `json:"num_experts_per_tok"`
	MoEIntermediate   int         `json:"moe_intermediate_size"`
	LatentRank        int         `json:"kv_lora_rank"`
	TextConfig        *hubConfig  `json:"text_config"`
	QuantizationEntry *quantEntry `json:"quantization_config"`
}

type quantEntry struct {
	Method string `json:"quant_method"`
	Bits   int    `json:"bits"`
	Groups map[string]struct {
		Weights struct {
			Bits int `json:"num_bits"`
		} `json:"weights"`
	} `json:"config_groups"`
}

// bits of a weight; 0: the entry does not say. Of several groups the widest counts.
func (q *quantEntry) bits() int {
	bits := q.Bits
	for _, g := range q.Groups {
		bits = max(bits, g.Weights.Bits)
	}
	return bits
}

// ModelFromConfig reads the config.json of a Hugging Face folder. It fails for text
// that is no such file, for sizes that are missing or absurd, and for attention with
// a latent KV cache, which this arithmetic does not cover.
func ModelFromConfig(config []byte) (Model, error) {
	var c hubConfig
	if err := json.Unmarshal(config, &c); err != nil {
		return Model{}, fmt.Errorf("reading config.json: %w", err)
	}
	if c.TextConfig != nil && c.Layers == 0 {
		c.TextConfig.Architectures, c.TextConfig.QuantizationEntry = c.Architectures, c.QuantizationEntry
		c = *c.TextConfig
	}
	if c.LatentRank > 0 {
		return Model{}, errors.New("config.json: latent attention (kv_lora_rank) is not in the memory arithmetic")
	}
	m := c.model()
	return m, m.check()
}

func (c hubConfig) model() Model {
	m := Model{
		Layers: c.Layers, Hidden: c.Hidden, Intermediate: c.Intermediate, Heads: c.Heads, KVHeads: c.KVHeads,
		HeadDim: c.HeadDim, Vocab: c.Vocab, Tied: c.Tied, MaxPosition: c.MaxPosition, DType: c.TorchDType,
		Experts: max(c.NumExperts, c.NumLocalExperts), ActiveExperts: c.ExpertsPerToken, MoEIntermediate: c.MoEIntermediate,
		Source: "config.json",
	}
	if len(c.Architectures) > 0 {
		m.Architecture = c.Architectures[0]
	}
	if m.DType == "" {
		m.DType = c.DType
	}
	if m.DType == "" {
		m.DType = "bfloat16"
	}
	if m.KVHeads == 0 {
		m.KVHeads = m.Heads
	}
	if m.HeadDim == 0 && m.Heads > 0 {
		m.HeadDim = m.Hidden / m.Heads
	}
	if m.Experts > 0 && m.MoEIntermediate == 0 {
		m.MoEIntermediate = m.Intermediate
	}
	if c.QuantizationEntry != nil {
		m.Quantization, m.QuantBits = c.QuantizationEntry.Method, c.QuantizationEntry.bits()
	}
	return m
}

func (m Model) check() error {
	sizes := []struct {
		name     string
		value    int
		min, max int
	}{
		{"num_hidden_layers", m.Layers, 1, 10_000},
		{"hidden_size", m.Hidden, 1, 1 << 20},
		{"intermediate_size", max(m.Intermediate, m.MoEIntermediate), 1, 1 << 22},
		{"num_attention_heads", m.Heads, 1, 1 << 16},
		{"num_key_value_heads", m.KVHeads, 1, 1 << 16},
		{"head_dim", m.HeadDim, 1, 1 << 16},
		{"vocab_size", m.Vocab, 1, 1 << 24},
		{"max_position_embeddings", m.MaxPosition, 1, 1 << 30},
		{"num_experts", m.Experts, 0, 1 << 16},
		{"quantization_config: bits", m.QuantBits, 0, 32},
		{"num_experts_per_tok", m.ActiveExperts, 0, max(m.Experts, 0)},
	}
	for _, s := range sizes {
		if s.value < s.min || s.value > s.max {
			return fmt.Errorf("config.json: %s is %d, expected %d to %d", s.name, s.value, s.min, s.max)
		}
	}
	return nil
}

// AttentionParams counts the weights of one layer's attention.
func (m Model) AttentionParams() float64 {
	h, d := float64(m.Hidden), float64(m.HeadDim)
	return h*d*float64(m.Heads+2*m.KVHeads) + float64(m.Heads)*d*h
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
	ff := m.FeedForwardParams() * float64(max(m.Experts, 1))
	return float64(m.Layers) * (m.AttentionParams() + ff)
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
	if quant == "" {
		quant = m.Quantization
	}
	per := m.BytesPerParam(quant)
	if isGGUF(quant) {
		return m.Params() * per
	}
	return m.LinearParams()*per + (m.Params()-m.LinearParams())*dtypeBytes(m.DType)
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

// KVBytesPerToken is what the keys and values of one token take in all layers; "" and
// "auto" mean the model's data type.
func (m Model) KVBytesPerToken(kvDType string) float64 {
	return 2 * float64(m.Layers) * float64(m.KVHeads) * float64(m.HeadDim) * m.kvElementBytes(kvDType)
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
