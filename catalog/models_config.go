package catalog

import (
	"encoding/json"
	"fmt"
	"strings"
)

// hubConfig is what a config.json says of a model's shape.
type hubConfig struct {
	Architectures      []string    `json:"architectures"`
	ModelType          string      `json:"model_type"`
	Layers             int         `json:"num_hidden_layers"`
	Hidden             int         `json:"hidden_size"`
	Intermediate       int         `json:"intermediate_size"`
	Heads              int         `json:"num_attention_heads"`
	KVHeads            int         `json:"num_key_value_heads"`
	HeadDim            int         `json:"head_dim"`
	Vocab              int         `json:"vocab_size"`
	Tied               bool        `json:"tie_word_embeddings"`
	MaxPosition        int         `json:"max_position_embeddings"`
	TorchDType         string      `json:"torch_dtype"`
	DType              string      `json:"dtype"`
	NumExperts         int         `json:"num_experts"`
	NumLocalExperts    int         `json:"num_local_experts"`
	RoutedExperts      int         `json:"n_routed_experts"`
	SharedExperts      int         `json:"n_shared_experts"`
	SharedIntermediate int         `json:"shared_expert_intermediate_size"`
	DenseLayers        int         `json:"first_k_dense_replace"`
	ExpertsPerToken    int         `json:"num_experts_per_tok"`
	MoEIntermediate    int         `json:"moe_intermediate_size"`
	LatentRank         int         `json:"kv_lora_rank"`
	RopeDim            int         `json:"qk_rope_head_dim"`
	NopeDim            int         `json:"qk_nope_head_dim"`
	ValueDim           int         `json:"v_head_dim"`
	QueryRank          int         `json:"q_lora_rank"`
	Window             int         `json:"sliding_window"`
	UseWindow          *bool       `json:"use_sliding_window"`
	WindowPattern      int         `json:"sliding_window_pattern"`
	WindowPattern2     int         `json:"_sliding_window_pattern"`
	LayerTypes         []string    `json:"layer_types"`
	RopeScaling        *ropeEntry  `json:"rope_scaling"`
	RopeParameters     *ropeEntry  `json:"rope_parameters"`
	TextConfig         *hubConfig  `json:"text_config"`
	QuantizationEntry  *quantEntry `json:"quantization_config"`

	unknown string // why the KV cache's size is not known
}

// ropeEntry says how positions are stretched beyond what a model was trained with.
type ropeEntry struct {
	Type   string  `json:"rope_type"`
	Old    string  `json:"type"`
	Factor float64 `json:"factor"`
}

// stretches says that an engine may take a longer context than max_position_embeddings.
func (r *ropeEntry) stretches() bool {
	if r == nil {
		return false
	}
	kind := orString(r.Type, r.Old)
	return kind != "" && kind != "default" && kind != "llama3"
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

// typeDefaults are what a config.json of a model type leaves out (the configuration
// classes of transformers 5, configuration_gemma2.py and its like).
var typeDefaults = map[string]string{
	"gemma2":      `{"vocab_size": 256000, "head_dim": 256, "tie_word_embeddings": true, "sliding_window": 4096, "sliding_window_pattern": 2}`,
	"gemma3_text": `{"vocab_size": 262208, "head_dim": 256, "num_attention_heads": 8, "num_key_value_heads": 4, "max_position_embeddings": 131072, "tie_word_embeddings": true, "sliding_window_pattern": 6}`,
	"cohere2":     `{"tie_word_embeddings": true, "sliding_window_pattern": 4}`,
	"gpt_oss":     `{"head_dim": 64, "sliding_window": 128, "sliding_window_pattern": 2}`,
}

// windowPatterns say for GGUF architectures that one layer of so many sees the whole
// context (llama.cpp src/llama-model.cpp at b10573, set_swa_pattern).
var windowPatterns = map[string]int{"gemma2": 2, "gemma3": 6, "cohere2": 4, "gpt-oss": 2, "llama4": 4}

// unknownKeys are entries of a config.json whose effect on the cache is not followed.
var unknownKeys = map[string]string{
	"compress_ratios": "a compressed cache", "num_kv_shared_layers": "layers that share a cache", "hybrid_override_pattern": "layers with a recurrent state",
	"layers_block_type": "layers with a recurrent state", "attn_layer_period": "layers with a recurrent state", "linear_attn_config": "layers with a recurrent state",
	"linear_num_key_heads": "layers with a recurrent state", "mamba_d_state": "layers with a recurrent state", "ssm_state_size": "layers with a recurrent state",
	"full_attention_interval": "layers with a recurrent state", "cross_attention_layers": "layers of cross-attention", "global_head_dim": "layers with heads of several sizes",
	"block_configs": "layers of several shapes", "attention_chunk_size": "layers that attend in chunks", "is_encoder_decoder": "an encoder",
	"hybrid_layer_pattern": "layers of several kinds", "index_topk": "an index beside the cache",
}

// ModelFromConfig reads the config.json of a Hugging Face folder. It fails for text
// that is no such file and for sizes that are missing or absurd. Where the model's
// KV cache is of a kind that the arithmetic does not cover, KVUnknown says so.
func ModelFromConfig(config []byte) (Model, error) {
	c, err := readConfig(config)
	if err != nil {
		return Model{}, fmt.Errorf("reading config.json: %w", err)
	}
	m := c.model()
	if err := m.check(); err != nil {
		return Model{}, fmt.Errorf("config.json: %w", err)
	}
	return m, nil
}

// readConfig reads the language model's part, over the defaults of its type.
func readConfig(config []byte) (hubConfig, error) {
	var c hubConfig
	if err := json.Unmarshal(config, &c); err != nil {
		return c, err
	}
	text := config
	if c.TextConfig != nil && c.Layers == 0 {
		var outer struct {
			Text json.RawMessage `json:"text_config"`
		}
		if err := json.Unmarshal(config, &outer); err != nil {
			return c, err
		}
		text = outer.Text
	}
	inner := hubConfig{ModelType: c.ModelType}
	if c.TextConfig != nil && c.Layers == 0 {
		inner.ModelType = c.TextConfig.ModelType
	}
	if defaults, ok := typeDefaults[inner.ModelType]; ok {
		if err := json.Unmarshal([]byte(defaults), &inner); err != nil {
			return c, err
		}
	}
	if err := json.Unmarshal(text, &inner); err != nil {
		return c, err
	}
	inner.Architectures, inner.unknown = c.Architectures, unknownCache(text)
	if inner.QuantizationEntry == nil {
		inner.QuantizationEntry = c.QuantizationEntry
	}
	inner.TorchDType = orString(inner.TorchDType, c.TorchDType)
	inner.DType = orString(inner.DType, c.DType)
	return inner, nil
}

func unknownCache(text []byte) string {
	var keys map[string]json.RawMessage
	if json.Unmarshal(text, &keys) != nil {
		return ""
	}
	why := ""
	for key, value := range keys {
		switch v := strings.TrimSpace(string(value)); v {
		case "null", "0", "false", "[]":
			continue
		}
		if w := unknownKeys[key]; w > why {
			why = w
		}
	}
	return why
}

func (c hubConfig) model() Model {
	m := Model{
		Layers: c.Layers, Hidden: c.Hidden, Intermediate: c.Intermediate, Heads: c.Heads, KVHeads: c.KVHeads,
		HeadDim: c.HeadDim, Vocab: c.Vocab, Tied: c.Tied, MaxPosition: c.MaxPosition,
		DType:   orString(orString(c.TorchDType, c.DType), "bfloat16"),
		Experts: max(c.NumExperts, c.NumLocalExperts, c.RoutedExperts), ActiveExperts: c.ExpertsPerToken, MoEIntermediate: c.MoEIntermediate,
		SharedIntermediate: max(c.SharedIntermediate, c.SharedExperts*c.MoEIntermediate), DenseLayers: c.DenseLayers,
		LatentRank: c.LatentRank, RopeDim: c.RopeDim, NopeDim: c.NopeDim, ValueDim: c.ValueDim, QueryRank: c.QueryRank,
		Source: "config.json", KVUnknown: c.unknown, Stretched: c.RopeScaling.stretches() || c.RopeParameters.stretches(),
	}
	if len(c.Architectures) > 0 {
		m.Architecture = c.Architectures[0]
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
	if m.Intermediate == 0 {
		m.Intermediate = m.MoEIntermediate
	}
	if c.QuantizationEntry != nil {
		m.Quantization, m.QuantBits = c.QuantizationEntry.Method, c.QuantizationEntry.bits()
	}
	c.windows(&m)
	return m
}

// windows counts the layers that keep the last tokens only.
func (c hubConfig) windows(m *Model) {
	pattern := max(c.WindowPattern, c.WindowPattern2)
	switch {
	case c.Window <= 0 || c.UseWindow != nil && !*c.UseWindow:
		return
	case len(c.LayerTypes) > 0:
		for _, kind := range c.LayerTypes {
			switch kind {
			case "sliding_attention":
				m.WindowLayers++
			case "full_attention":
			default:
				m.KVUnknown = "layers of " + kind
			}
		}
	case pattern > 0:
		m.WindowLayers = m.Layers - m.Layers/pattern
	default:
		m.WindowLayers = m.Layers
	}
	m.Window = c.Window
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
		{"n_shared_experts × moe_intermediate_size", m.SharedIntermediate, 0, 1 << 24},
		{"first_k_dense_replace", m.DenseLayers, 0, m.Layers},
		{"kv_lora_rank", m.LatentRank, 0, 1 << 16},
		{"qk_rope_head_dim", m.RopeDim, 0, 1 << 16},
		{"qk_nope_head_dim", m.NopeDim, 0, 1 << 16},
		{"v_head_dim", m.ValueDim, 0, 1 << 16},
		{"q_lora_rank", m.QueryRank, 0, 1 << 16},
		{"sliding_window", m.Window, 0, 1 << 30},
		{"layers with a sliding window", m.WindowLayers, 0, m.Layers},
	}
	for _, s := range sizes {
		if s.value < s.min || s.value > s.max {
			return fmt.Errorf("%s is %d, expected %d to %d", s.name, s.value, s.min, s.max)
		}
	}
	return nil
}
