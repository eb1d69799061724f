package catalog

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
)

//go:embed data/quantization.json
var quantizationJSON []byte

// quantization is what engines take of quantized checkpoints.
type quantization struct {
	Families []struct {
		Name    string   `json:"name"`
		Methods []string `json:"methods"`
	} `json:"families"`
	// CheckpointOnly are methods that quantize nothing on load. Old checkpoints say
	// what they are in files of their own, so this is held against models of the
	// table only.
	CheckpointOnly []string `json:"checkpoint_only"`
	Capabilities   []struct {
		Kind   string  `json:"kind"`
		Method string  `json:"method"`
		Least  float64 `json:"least"`
	} `json:"capabilities"`
	Exceptions []struct {
		Kind       string `json:"kind"`
		Checkpoint string `json:"checkpoint"`
		Method     string `json:"method"`
	} `json:"exceptions"`
}

var loadQuantization = sync.OnceValue(func() *quantization {
	q := &quantization{}
	if err := json.Unmarshal(quantizationJSON, q); err != nil {
		panic(fmt.Sprintf("catalog: quantization.json: %v", err)) // part of the program, tested
	}
	return q
})

// QuantizationRefused says why an engine refuses a quantization on a card: because
// the checkpoint has another one, or because the card lacks what its kernels need.
// method is the engine's flag, "" where it is left off. "" says that nothing is known
// against it.
func QuantizationRefused(kind string, card Card, m Model, method string) string {
	q := loadQuantization()
	method = strings.ToLower(method)
	if method != "" && m.Quantization != "" && !q.serves(kind, strings.ToLower(m.Quantization), method) {
		return fmt.Sprintf("quantization %s does not match the checkpoint's %s", method, m.Quantization)
	}
	if m.Quantization == "" && slices.Contains(q.CheckpointOnly, method) && m.Source != "config.json" && m.Weighed == nil {
		return fmt.Sprintf("quantization %s needs a checkpoint that was made with it, and %s was not", method, orString(m.ID, "this one"))
	}
	used := orString(method, strings.ToLower(m.Quantization))
	for _, c := range q.Capabilities {
		if c.Kind == kind && c.Method == used && card.Capability > 0 && card.Capability < c.Least {
			return fmt.Sprintf("quantization %s needs a card of compute capability %.1f, and the %s has %.1f", used, c.Least, card.Name, card.Capability)
		}
	}
	return ""
}

// serves says that a method may load a checkpoint of another name: of the same
// family, or where one of the two is not in the table.
func (q *quantization) serves(kind, checkpoint, method string) bool {
	has, asked := q.family(checkpoint), q.family(method)
	if has == "" || asked == "" || has == asked {
		return true
	}
	for _, e := range q.Exceptions {
		if e.Kind == kind && e.Checkpoint == checkpoint && e.Method == method {
			return true
		}
	}
	return false
}

func (q *quantization) family(method string) string {
	for _, f := range q.Families {
		if slices.Contains(f.Methods, method) {
			return f.Name
		}
	}
	return ""
}
