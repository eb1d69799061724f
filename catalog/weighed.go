package catalog

import (
	"strconv"
	"strings"
)

// Parcel is a part of a checkpoint's weights. Floats are the numbers that an engine
// keeps in the data type that it computes with, whatever type the file has; Packed
// are the bytes that stay as they are: quantized weights and what belongs to them.
type Parcel struct {
	Floats float64
	Packed float64
}

func (p Parcel) bytes(dtype string) float64 { return p.Floats*dtypeBytes(dtype) + p.Packed }

// Weighed is what the weights of a checkpoint really take, counted from the headers
// of its files.
type Weighed struct {
	Source string // for people: "headers of 4 safetensors files"
	Layers Parcel // matrices inside the layers: what quantization on load makes smaller
	Rest   Parcel // embeddings, output layer, norms, towers for images and sound
	Unused float64
	// Unused are bytes that are in the files and that engines do not load unless
	// asked to: the layers behind the last one, which predict further tokens.
}

// Weigh counts tensors. layers is the model's number of layers, by which those
// behind them are told; 0 counts all. Types of GGUF files are kept as they are.
func Weigh(source string, layers int, tensors []Tensor) *Weighed {
	w := &Weighed{Source: source}
	for _, t := range tensors {
		n, inLayer := layerOf(t.Name)
		switch {
		case inLayer && layers > 0 && n >= layers && languageLayer(t.Name), strings.HasPrefix(t.Name, "mtp."):
			w.Unused += float64(t.Bytes)
		case inLayer:
			w.Layers.add(t)
		default:
			w.Rest.add(t)
		}
	}
	return w
}

func (p *Parcel) add(t Tensor) {
	switch t.Type {
	case "F64", "F32", "F16", "BF16":
		p.Floats += float64(t.Elements)
	default:
		p.Packed += float64(t.Bytes)
	}
}

// layerOf is the number in a name such as model.layers.12.mlp.up_proj.weight or
// blk.12.ffn_up.weight.
func layerOf(name string) (int, bool) {
	for _, word := range []string{"layers.", "blk.", "h."} {
		before, rest, found := strings.Cut(name, word)
		if !found || before != "" && !strings.HasSuffix(before, ".") {
			continue
		}
		digits, _, _ := strings.Cut(rest, ".")
		if n, err := strconv.Atoi(digits); err == nil && n >= 0 {
			return n, true
		}
	}
	return 0, false
}

// languageLayer tells a layer of the language model from one of a tower, which
// counts its own.
func languageLayer(name string) bool {
	for _, tower := range []string{"vision", "visual", "audio", "encoder", "tower"} {
		if strings.Contains(name, tower) {
			return false
		}
	}
	return true
}

// bytes is what the weights take when an engine is told a quantization; "" is the
// checkpoint's own.
func (w *Weighed) bytes(m Model, quant string) float64 {
	rest := w.Rest.bytes(m.DType)
	if quant == "" || m.Quantization != "" || isGGUF(m.Quantization) {
		return rest + w.Layers.bytes(m.DType) // an engine takes another name of the same format, or refuses
	}
	return rest + w.Layers.Packed + w.Layers.Floats*m.BytesPerParam(quant)
}
