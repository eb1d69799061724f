package catalog

import (
	_ "embed"
	"encoding/json"
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
	Experts            int `json:"experts"`
	ActiveExperts      int `json:"active_experts"`
	MoEIntermediate    int `json:"moe_intermediate"`
	SharedIntermediate int `json:"shared_intermediate"` // width of the experts that every token takes; 0: none
	DenseLayers        int `json:"dense_layers"`        // the first so many layers have no experts

	// Latent attention (MLA): LatentRank is 0 for every other.
	LatentRank int `json:"latent_rank"` // kv_lora_rank
	RopeDim    int `json:"rope_dim"`    // qk_rope_head_dim
	NopeDim    int `json:"nope_dim"`    // qk_nope_head_dim
	ValueDim   int `json:"value_dim"`   // v_head_dim
	QueryRank  int `json:"query_rank"`  // q_lora_rank; 0: queries are not compressed

	// WindowLayers keep the keys and values of the last Window tokens only; the rest
	// of Layers keep all.
	Window       int `json:"window"`
	WindowLayers int `json:"window_layers"`

	Stretched bool     `json:"-"`          // an engine may take a longer context than MaxPosition
	KVUnknown string   `json:"kv_unknown"` // why the size of its KV cache is not known; "": it is
	Weighed   *Weighed `json:"-"`          // counted from files; nil: worked out from the shape
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
		add(d.Model, d.ID, d.Quantization)
		for _, id := range d.Also {
			add(d.Model, id, d.Quantization)
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
