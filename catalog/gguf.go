package catalog

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"strings"
)

// The bounds of what a GGUF header may claim. A vocabulary is an array of some
// hundred thousand words; a header of a large model has about 10 MB.
const (
	maxGGUFKeys   = 1 << 16
	maxGGUFArray  = 1 << 24 // elements
	maxGGUFString = 1 << 24 // bytes
	maxGGUFHeader = 1 << 28 // bytes
	maxGGUFDims   = 8
)

// GGUF is the header of a GGUF file: what its model is, and its tensors.
type GGUF struct {
	Version uint32
	Tensors []Tensor
	numbers map[string]float64   // by key
	texts   map[string]string    // by key
	lists   map[string][]float64 // arrays of numbers, by key
	lengths map[string]int       // of every array, by key
}

// ReadGGUF reads the header of a GGUF file of version 2 or 3 and nothing behind it.
// It fails for another file, for one of another byte order, and for sizes that are
// absurd.
func ReadGGUF(r io.Reader) (*GGUF, error) {
	d := &ggufReader{r: bufio.NewReaderSize(io.LimitReader(r, maxGGUFHeader), 1<<16)}
	g := &GGUF{numbers: map[string]float64{}, texts: map[string]string{}, lists: map[string][]float64{}, lengths: map[string]int{}}
	var magic [4]byte
	d.raw(magic[:])
	g.Version = d.u32()
	tensors, keys := d.u64(), d.u64()
	switch {
	case d.err != nil:
	case string(magic[:]) != "GGUF":
		d.fail("it begins with %q", magic[:])
	case g.Version != 2 && g.Version != 3:
		d.fail("version %d is not known", g.Version)
	case tensors > maxTensors || keys > maxGGUFKeys:
		d.fail("%d tensors and %d keys are too many", tensors, keys)
	}
	for i := uint64(0); i < keys && d.err == nil; i++ {
		d.pair(g)
	}
	for i := uint64(0); i < tensors && d.err == nil; i++ {
		g.Tensors = append(g.Tensors, d.tensor())
	}
	if d.err != nil {
		return nil, fmt.Errorf("reading a GGUF header: %w", d.err)
	}
	return g, nil
}

// ggufReader reads little-endian values; after an error it reads nothing.
type ggufReader struct {
	r   *bufio.Reader
	err error
}

func (d *ggufReader) fail(format string, args ...any) {
	if d.err == nil {
		d.err = fmt.Errorf(format, args...)
	}
}

func (d *ggufReader) raw(p []byte) {
	if d.err == nil {
		_, d.err = io.ReadFull(d.r, p)
	}
}

func (d *ggufReader) u32() uint32 {
	var b [4]byte
	d.raw(b[:])
	return binary.LittleEndian.Uint32(b[:])
}

func (d *ggufReader) u64() uint64 {
	var b [8]byte
	d.raw(b[:])
	return binary.LittleEndian.Uint64(b[:])
}

func (d *ggufReader) skip(n uint64) {
	if d.err == nil {
		_, d.err = io.CopyN(io.Discard, d.r, int64(n))
	}
}

func (d *ggufReader) text() string {
	n := d.u64()
	if n > maxGGUFString {
		d.fail("a text of %d bytes is too long", n)
	}
	if d.err != nil {
		return ""
	}
	p := make([]byte, n)
	d.raw(p)
	return string(p)
}

// The types of values, as the format numbers them.
const (
	ggufString = 8
	ggufArray  = 9
)

// ggufWidths are the bytes of a scalar by its type's number; 0: none.
var ggufWidths = [...]uint64{1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8}

func (d *ggufReader) pair(g *GGUF) {
	key := d.text()
	switch kind := d.u32(); kind {
	case ggufString:
		g.texts[key] = d.text()
	case ggufArray:
		d.array(g, key)
	default:
		g.numbers[key] = d.number(kind)
	}
}

func (d *ggufReader) number(kind uint32) float64 {
	if int(kind) >= len(ggufWidths) || ggufWidths[kind] == 0 {
		d.fail("a value of type %d is not known", kind)
		return 0
	}
	var b [8]byte
	d.raw(b[:ggufWidths[kind]])
	v := binary.LittleEndian.Uint64(b[:])
	switch kind {
	case 1:
		return float64(int8(v))
	case 3:
		return float64(int16(v))
	case 5:
		return float64(int32(v))
	case 6:
		return float64(math.Float32frombits(uint32(v)))
	case 11:
		return float64(int64(v))
	case 12:
		return math.Float64frombits(v)
	}
	return float64(v)
}

// maxGGUFList is how many numbers of an array are kept: one for each layer.
const maxGGUFList = 4096

func (d *ggufReader) array(g *GGUF, key string) {
	kind, n := d.u32(), d.u64()
	if n > maxGGUFArray {
		d.fail("%q: an array of %d is too long", key, n)
	}
	g.lengths[key] = int(min(n, maxGGUFArray))
	for i := uint64(0); i < n && d.err == nil; i++ {
		switch {
		case kind == ggufString:
			size := d.u64()
			if size > maxGGUFString {
				d.fail("%q: a text of %d bytes is too long", key, size)
			}
			d.skip(size)
		case n <= maxGGUFList:
			g.lists[key] = append(g.lists[key], d.number(kind))
		default:
			d.number(kind)
		}
	}
}

func (d *ggufReader) tensor() Tensor {
	name, dims := d.text(), d.u32()
	if dims > maxGGUFDims {
		d.fail("%q has %d dimensions", name, dims)
		return Tensor{}
	}
	shape := make([]uint64, dims)
	for i := range shape {
		shape[i] = d.u64()
	}
	kind := d.u32()
	d.u64() // where it lies
	if d.err != nil {
		return Tensor{}
	}
	elements, err := product(shape)
	if err != nil {
		d.fail("%q: %w", name, err)
	}
	t, known := ggufTypes[kind]
	if !known {
		d.fail("%q: its type %d is not known", name, kind)
		return Tensor{}
	}
	return Tensor{Name: name, Type: t.name, Elements: elements, Bytes: int64(math.Ceil(float64(elements) / t.block * t.bytes))}
}

// ggufType is how many bytes a block of so many weights takes.
type ggufType struct {
	name         string
	block, bytes float64
}

// ggufTypes are ggml's types by their numbers, with the sizes of their blocks
// (ggml/src/ggml-common.h at b10573).
var ggufTypes = map[uint32]ggufType{
	0: {"F32", 1, 4}, 1: {"F16", 1, 2}, 30: {"BF16", 1, 2}, 28: {"F64", 1, 8},
	24: {"I8", 1, 1}, 25: {"I16", 1, 2}, 26: {"I32", 1, 4}, 27: {"I64", 1, 8},
	2: {"Q4_0", 32, 18}, 3: {"Q4_1", 32, 20}, 6: {"Q5_0", 32, 22}, 7: {"Q5_1", 32, 24}, 8: {"Q8_0", 32, 34}, 9: {"Q8_1", 32, 36},
	10: {"Q2_K", 256, 84}, 11: {"Q3_K", 256, 110}, 12: {"Q4_K", 256, 144}, 13: {"Q5_K", 256, 176}, 14: {"Q6_K", 256, 210}, 15: {"Q8_K", 256, 292},
	16: {"IQ2_XXS", 256, 66}, 17: {"IQ2_XS", 256, 74}, 18: {"IQ3_XXS", 256, 98}, 19: {"IQ1_S", 256, 50}, 20: {"IQ4_NL", 32, 18},
	21: {"IQ3_S", 256, 110}, 22: {"IQ2_S", 256, 82}, 23: {"IQ4_XS", 256, 136}, 29: {"IQ1_M", 256, 56},
	34: {"TQ1_0", 256, 54}, 35: {"TQ2_0", 256, 66}, 39: {"MXFP4", 32, 17}, 40: {"NVFP4", 64, 36},
}

// Model is the shape that a header describes, its weights counted. It fails where a
// header lacks the shape of a language model. The head dims of keys and values are
// taken to be one: the larger.
func (g *GGUF) Model() (Model, error) {
	arch := g.texts["general.architecture"]
	n := func(key string) int { return ggufInt(g.numbers[arch+"."+key]) }
	m := Model{
		ID: g.texts["general.name"], Architecture: arch, Layers: n("block_count"), Hidden: n("embedding_length"),
		Intermediate: g.each(arch + ".feed_forward_length"), Heads: g.each(arch + ".attention.head_count"), KVHeads: g.each(arch + ".attention.head_count_kv"),
		HeadDim: max(n("attention.key_length"), n("attention.value_length")), MaxPosition: n("context_length"),
		Experts: n("expert_count"), ActiveExperts: n("expert_used_count"), MoEIntermediate: n("expert_feed_forward_length"),
		Vocab: max(n("vocab_size"), g.lengths["tokenizer.ggml.tokens"]), DType: "float16", Tied: true, Source: "GGUF header",
		Window: n("attention.sliding_window"), LatentRank: n("attention.kv_lora_rank"), RopeDim: n("rope.dimension_count"),
	}
	m.ggufDefaults(arch)
	if _, ssm := g.numbers[arch+".ssm.state_size"]; ssm {
		m.KVUnknown = "layers with a recurrent state"
	}
	m.Quantization = g.mostBytes()
	for _, t := range g.Tensors {
		m.Tied = m.Tied && t.Name != "output.weight"
	}
	if err := m.check(); err != nil {
		return Model{}, fmt.Errorf("a GGUF header of architecture %q: %w", arch, err)
	}
	m.Weighed = WeighGGUF("header of 1 GGUF file", g.Tensors)
	return m, nil
}

func (m *Model) ggufDefaults(arch string) {
	if m.KVHeads == 0 {
		m.KVHeads = m.Heads
	}
	if m.HeadDim == 0 && m.Heads > 0 {
		m.HeadDim = m.Hidden / m.Heads
	}
	if m.Intermediate == 0 {
		m.Intermediate = m.MoEIntermediate
	}
	if m.Experts > 0 && m.MoEIntermediate == 0 {
		m.MoEIntermediate = m.Intermediate
	}
	if m.LatentRank == 0 {
		m.RopeDim = 0
	}
	if m.Window == 0 {
		return
	}
	m.WindowLayers = m.Layers // as Mistral, unless it is known to mix
	if pattern := windowPatterns[arch]; pattern > 0 {
		m.WindowLayers = m.Layers - m.Layers/pattern
	}
}

// each is a number, or the largest of one for each layer.
func (g *GGUF) each(key string) int {
	most := g.numbers[key]
	for _, v := range g.lists[key] {
		most = math.Max(most, v)
	}
	return ggufInt(most)
}

func ggufInt(v float64) int {
	if !(v >= 0 && v <= math.MaxInt32) {
		return 0
	}
	return int(v)
}

// mostBytes is the type in which most of the weights are, in lower case.
func (g *GGUF) mostBytes() string {
	sums := map[string]int64{}
	best := ""
	for _, t := range g.Tensors {
		sums[t.Type] += t.Bytes
		if best == "" || sums[t.Type] > sums[best] || sums[t.Type] == sums[best] && t.Type < best {
			best = t.Type
		}
	}
	return strings.ToLower(best)
}

// WeighGGUF counts the tensors of GGUF files, which llama.cpp keeps as they are.
func WeighGGUF(source string, tensors []Tensor) *Weighed {
	w := &Weighed{Source: source}
	for _, t := range tensors {
		if _, in := layerOf(t.Name); in {
			w.Layers.Packed += float64(t.Bytes)
			continue
		}
		w.Rest.Packed += float64(t.Bytes)
	}
	return w
}
