package catalog

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"
)

func framed(header string) []byte {
	return append(binary.LittleEndian.AppendUint64(nil, uint64(len(header))), header...)
}

func TestReadSafetensorsRefuses(t *testing.T) {
	tests := map[string][]byte{
		"nothing":                             nil,
		"a page of HTML":                      []byte("<!DOCTYPE html><html>"),
		"a pointer of git lfs":                []byte("version https://git-lfs.github.com/spec/v1\noid sha256:0"),
		"a header that ends early":            framed(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`)[:30],
		"a list":                              framed(`[]`),
		"a tensor without a place":            framed(`{"a":{"dtype":"F32","shape":[1]}}`),
		"a tensor that ends before it begins": framed(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[8,4]}}`),
		"a tensor of a negative side":         framed(`{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}`),
		"a tensor of a side too large":        framed(`{"a":{"dtype":"F32","shape":[9223372036854775807,9],"data_offsets":[0,4]}}`),
		"a tensor larger than any file":       framed(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,9223372036854775807]}}`),
	}
	for why, file := range tests {
		if got, err := ReadSafetensors(bytes.NewReader(file)); err == nil {
			t.Errorf("%s: read as %+v", why, got)
		}
	}
}

func FuzzReadSafetensors(f *testing.F) {
	f.Add(framed(`{"__metadata__":{"format":"pt"},"model.layers.0.w":{"dtype":"BF16","shape":[2,2],"data_offsets":[0,8]}}`))
	f.Add(framed(`{}`))
	f.Fuzz(func(t *testing.T, file []byte) {
		tensors, err := ReadSafetensors(bytes.NewReader(file))
		if err != nil {
			return
		}
		w := Weigh("fuzz", 1, tensors)
		for _, p := range []Parcel{w.Layers, w.Rest} {
			if p.Floats < 0 || p.Packed < 0 {
				t.Errorf("a weight below nothing: %+v", w)
			}
		}
	})
}

func TestReadGGUFRefuses(t *testing.T) {
	start := func(version uint32, tensors, keys uint64) []byte {
		b := binary.LittleEndian.AppendUint32([]byte("GGUF"), version)
		return binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(b, tensors), keys)
	}
	huge := binary.LittleEndian.AppendUint64(start(3, 0, 1), 1<<40)
	tests := map[string]struct {
		file []byte
		says string
	}{
		"nothing":                  {nil, "EOF"},
		"another file":             {append([]byte("PK\x03\x04"), make([]byte, 40)...), "begins"},
		"the old version":          {start(1, 0, 0), "version 1"},
		"another byte order":       {start(3<<24, 0, 0), "version"},
		"tensors beyond all":       {start(3, 1<<40, 0), "too many"},
		"keys beyond all":          {start(3, 0, 1<<40), "too many"},
		"a key longer than a file": {huge, "too long"},
		"a header that ends early": {start(3, 1, 1), "EOF"},
	}
	for why, test := range tests {
		if got, err := ReadGGUF(bytes.NewReader(test.file)); err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %+v, %v; want an error with %q", why, got, err, test.says)
		}
	}
}

func FuzzReadGGUF(f *testing.F) {
	text := func(b []byte, s string) []byte {
		return append(binary.LittleEndian.AppendUint64(b, uint64(len(s))), s...)
	}
	b := binary.LittleEndian.AppendUint32([]byte("GGUF"), 3)
	b = binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(b, 1), 1)
	b = text(binary.LittleEndian.AppendUint32(text(b, "general.architecture"), ggufString), "llama")
	b = binary.LittleEndian.AppendUint32(text(b, "blk.0.w"), 1)
	b = binary.LittleEndian.AppendUint64(b, 256)
	b = binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint32(b, 12), 0)
	f.Add(b)
	f.Fuzz(func(t *testing.T, file []byte) {
		g, err := ReadGGUF(bytes.NewReader(file))
		if err != nil {
			return
		}
		if m, err := g.Model(); err == nil && !(m.WeightBytes("") >= 0 && m.KVBytesPerToken("") > 0) {
			t.Errorf("a model without a size: %+v", m)
		}
	})
}
