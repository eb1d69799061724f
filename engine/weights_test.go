package engine

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const tinyConfig = `{"architectures":["LlamaForCausalLM"],"num_hidden_layers":2,"hidden_size":64,"intermediate_size":128,"num_attention_heads":4,"vocab_size":300,"max_position_embeddings":512,"torch_dtype":"bfloat16"}`

// stored is a tensor of a file that a test writes.
type stored struct {
	dtype string
	shape []int
	bytes int
}

// safetensors is a file of that format whose tensors are not there: only their
// places are.
func safetensors(t *testing.T, tensors map[string]stored) string {
	t.Helper()
	header := map[string]any{"__metadata__": map[string]string{"format": "pt"}}
	at := 0
	for name, s := range tensors {
		header[name] = map[string]any{"dtype": s.dtype, "shape": s.shape, "data_offsets": []int{at, at + s.bytes}}
		at += s.bytes
	}
	text, err := json.Marshal(header)
	if err != nil {
		t.Fatal(err)
	}
	return string(binary.LittleEndian.AppendUint64(nil, uint64(len(text)))) + string(text)
}

func TestReadModelCountsWeights(t *testing.T) {
	first := map[string]stored{
		"model.embed_tokens.weight":                {"BF16", []int{300, 64}, 38400},
		"model.layers.0.mlp.up_proj.weight":        {"BF16", []int{128, 64}, 16384},
		"model.layers.1.mlp.up_proj.weight_packed": {"I32", []int{128, 8}, 4096},
		"model.layers.1.mlp.up_proj.weight_scale":  {"F32", []int{128}, 512},
	}
	second := map[string]stored{
		"model.layers.2.mlp.up_proj.weight": {"BF16", []int{128, 64}, 16384}, // predicts further tokens
		"lm_head.weight":                    {"F8_E4M3", []int{300, 64}, 19200},
	}
	index := `{"metadata":{},"weight_map":{"a":"model-00001-of-00002.safetensors","b":"model-00002-of-00002.safetensors"}}`
	tests := []struct {
		why    string
		files  map[string]string
		want   float64 // bytes; 0: not counted
		unused float64
		source string
	}{
		{"one file", map[string]string{"model.safetensors": safetensors(t, first)}, 38400 + 16384 + 4096 + 256, 0, "1 safetensors file"},
		{"two, of which the index speaks", map[string]string{
			"model.safetensors.index.json": index, "model-00001-of-00002.safetensors": safetensors(t, first), "model-00002-of-00002.safetensors": safetensors(t, second),
			"other.safetensors": safetensors(t, first),
		}, 38400 + 16384 + 4096 + 256 + 19200, 16384, "2 safetensors files"},
		{"the same weights once more in another form", map[string]string{"model.safetensors": safetensors(t, first), "consolidated.safetensors": safetensors(t, first)}, 38400 + 16384 + 4096 + 256, 0, "1 safetensors file"},
		{"one of them is not here yet", map[string]string{"model.safetensors.index.json": index, "model-00001-of-00002.safetensors": safetensors(t, first)}, 0, 0, ""},
		{"an index that leads out of the folder", map[string]string{"model.safetensors.index.json": `{"weight_map":{"a":"../x.safetensors"}}`}, 0, 0, ""},
		{"a torn header", map[string]string{"model.safetensors": safetensors(t, first)[:40]}, 0, 0, ""},
		{"no weights at all", nil, 0, 0, ""},
	}
	for _, test := range tests {
		t.Run(test.why, func(t *testing.T) {
			dir := t.TempDir()
			write(t, filepath.Join(dir, "config.json"), tinyConfig)
			for name, content := range test.files {
				write(t, filepath.Join(dir, name), content)
			}
			m, err := ReadModel(dir)
			if err != nil {
				t.Fatal(err)
			}
			if test.want == 0 {
				if m.Weighed != nil {
					t.Errorf("counted %+v", m.Weighed)
				}
				return
			}
			if m.Weighed == nil || m.WeightBytes("") != test.want || m.Weighed.Unused != test.unused || !strings.Contains(m.Weighed.Source, test.source) {
				t.Errorf("%g bytes by %+v, want %g", m.WeightBytes(""), m.Weighed, test.want)
			}
		})
	}
}

// gguf is the header of a GGUF file: keys in order, then tensors.
type gguf struct{ bytes.Buffer }

func (g *gguf) put(values ...any) {
	for _, v := range values {
		if s, ok := v.(string); ok {
			g.put(uint64(len(s)))
			g.WriteString(s)
			continue
		}
		_ = binary.Write(g, binary.LittleEndian, v) // a bytes.Buffer takes everything
	}
}

func tinyGGUF(part int) string {
	g := &gguf{}
	g.WriteString("GGUF")
	if part > 0 {
		g.put(uint32(3), uint64(1), uint64(0), fmt.Sprintf("blk.%d.ffn_up.weight", part), uint32(2), uint64(256), uint64(512), uint32(12), uint64(0))
		return g.String()
	}
	g.put(uint32(3), uint64(2), uint64(8))
	g.put("general.architecture", uint32(8), "llama")
	for _, key := range []struct {
		name  string
		value uint32
	}{{"block_count", 4}, {"embedding_length", 256}, {"attention.head_count", 8}, {"attention.head_count_kv", 2}, {"context_length", 4096}} {
		g.put("llama."+key.name, uint32(4), key.value)
	}
	g.put("llama.feed_forward_length", uint32(9), uint32(5), uint64(2), int32(512), int32(640))
	g.put("tokenizer.ggml.tokens", uint32(9), uint32(8), uint64(3), "a", "b", "c")
	g.put("token_embd.weight", uint32(2), uint64(256), uint64(3), uint32(1), uint64(0))
	g.put("blk.0.ffn_up.weight", uint32(2), uint64(256), uint64(512), uint32(12), uint64(0))
	return g.String()
}

func TestReadModelGGUF(t *testing.T) {
	dir := t.TempDir()
	for part := range 3 {
		write(t, filepath.Join(dir, fmt.Sprintf("m-%05d-of-00003.gguf", part+1)), tinyGGUF(part))
	}
	const layer = 256 * 512 * 144 / 256
	for _, path := range []string{dir, filepath.Join(dir, "m-00001-of-00003.gguf")} {
		m, err := ReadModel(path)
		if err != nil {
			t.Fatal(err)
		}
		if m.Layers != 4 || m.KVHeads != 2 || m.HeadDim != 32 || m.Intermediate != 640 || m.Vocab != 3 || m.Quantization != "q4_k" {
			t.Errorf("%s: %+v", path, m)
		}
		if got := m.WeightBytes(""); got != 3*layer+256*3*2 {
			t.Errorf("%s: %g bytes by %+v", path, got, m.Weighed)
		}
	}
	write(t, filepath.Join(dir, "other.gguf"), tinyGGUF(0))
	if m, err := ReadModel(dir); err == nil {
		t.Errorf("two models in one folder are read as %+v", m)
	}
}

// What a real file says is what its size says.
func TestReadModelReal(t *testing.T) {
	dir := filepath.Join(os.Getenv("QTUNE_ENGINES"), "model")
	if os.Getenv("QTUNE_ENGINES") == "" {
		t.Skip("QTUNE_ENGINES names no folder with a real model")
	}
	for path, tolerance := range map[string]float64{dir: 0.001, filepath.Join(dir, "SmolLM2-135M-Instruct.Q4_1.gguf"): 0.03} {
		m, err := ReadModel(path)
		if err != nil {
			t.Fatal(err)
		}
		file := path
		if path == dir {
			file = filepath.Join(dir, "model.safetensors")
		}
		info, err := os.Stat(file)
		if err != nil {
			t.Fatal(err)
		}
		got := m.WeightBytes("")
		t.Logf("%s: %.0f bytes of weights in a file of %d, %s, %d layers, %.0f KV bytes a token", m.Weighed.Source, got, info.Size(), m.Quantization, m.Layers, m.KVBytesPerToken(""))
		if math.Abs(got/float64(info.Size())-1) > tolerance || m.KVBytesPerToken("") != 23040 {
			t.Errorf("%s: %g bytes for a file of %d, %+v", path, got, info.Size(), m)
		}
	}
}
