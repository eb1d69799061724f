package catalog

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
)

// Tensor is one tensor of a file of weights, as the file's header has it.
type Tensor struct {
	Name     string
	Type     string // as the format writes it: "BF16", "F8_E4M3", "Q4_K", …
	Elements int64  // of the stored form: eight weights of four bits are one I32
	Bytes    int64
}

const (
	// maxSafetensors is the format's own limit of a header, in bytes.
	maxSafetensors = 100_000_000
	// maxTensors bounds the tensors of one file. The largest open models have
	// about a thousand in each of their files, and below 100,000 in all.
	maxTensors = 1 << 20
	// maxTensorBytes bounds what one file can claim: 16 TiB.
	maxTensorBytes = 1 << 44
)

// ReadSafetensors reads the header of a safetensors file and nothing behind it: a
// length in eight bytes, then JSON. It fails for text that is no such header and
// for sizes that are absurd.
func ReadSafetensors(r io.Reader) ([]Tensor, error) {
	var length uint64
	if err := binary.Read(r, binary.LittleEndian, &length); err != nil {
		return nil, fmt.Errorf("reading a safetensors header: %w", err)
	}
	if length > maxSafetensors {
		return nil, fmt.Errorf("reading a safetensors header: it would be %d bytes long, so this is no such file", length)
	}
	d := json.NewDecoder(io.LimitReader(r, int64(length)))
	if t, err := d.Token(); err != nil {
		return nil, fmt.Errorf("reading a safetensors header: %w", err)
	} else if t != json.Delim('{') {
		return nil, fmt.Errorf("reading a safetensors header: it begins with %v", t)
	}
	var all []Tensor
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, fmt.Errorf("reading a safetensors header: %w", err)
		}
		t, err := safetensor(d, fmt.Sprint(name))
		switch {
		case err != nil:
			return nil, fmt.Errorf("reading a safetensors header: %q: %w", name, err)
		case len(all) == maxTensors:
			return nil, fmt.Errorf("reading a safetensors header: it has more than %d tensors", maxTensors)
		case name != "__metadata__":
			all = append(all, t)
		}
	}
	if _, err := d.Token(); err != nil {
		return nil, fmt.Errorf("reading a safetensors header: it ends early: %w", err)
	}
	return all, nil
}

func safetensor(d *json.Decoder, name string) (Tensor, error) {
	var entry struct {
		DType   string  `json:"dtype"`
		Shape   []int64 `json:"shape"`
		Offsets []int64 `json:"data_offsets"`
	}
	if name == "__metadata__" {
		var text map[string]any
		return Tensor{}, d.Decode(&text)
	}
	if err := d.Decode(&entry); err != nil {
		return Tensor{}, err
	}
	if len(entry.Offsets) != 2 || entry.Offsets[0] < 0 || entry.Offsets[1] < entry.Offsets[0] || entry.Offsets[1] > maxTensorBytes {
		return Tensor{}, fmt.Errorf("its place %v is none", entry.Offsets)
	}
	elements, err := product(entry.Shape)
	if err != nil {
		return Tensor{}, err
	}
	return Tensor{Name: name, Type: entry.DType, Elements: elements, Bytes: entry.Offsets[1] - entry.Offsets[0]}, nil
}

// product multiplies the sides of a tensor.
func product[T int64 | uint64](shape []T) (int64, error) {
	n := int64(1)
	for _, side := range shape {
		if side < 0 || uint64(side) > math.MaxInt64 {
			return 0, fmt.Errorf("its shape %v is none", shape)
		}
		if side > 0 && n > maxTensorBytes/int64(side) {
			return 0, fmt.Errorf("its shape %v is too large", shape)
		}
		n *= int64(side)
	}
	return n, nil
}
