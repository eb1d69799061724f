package files

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
)

// object is one JSON object of a file. Its long lists are read as they come, so
// that a file of a million requests takes the memory of their figures alone.
type object struct {
	fields     map[string]json.RawMessage
	details    details
	benchmarks []guideBenchmark // nil where it has none
}

// details are the lists that a file has for its requests, in seconds.
type details struct {
	inputs, outputs, ttfts, starts []float64
	spans                          []float64 // from the first event to the last
	failed                         []bool
}

// readObject reads the next object of a file, or io.EOF behind the last.
func readObject(dec *json.Decoder) (*object, error) {
	if err := delimiter(dec, '{'); err != nil {
		return nil, err
	}
	o := &object{fields: map[string]json.RawMessage{}}
	for dec.More() {
		token, err := dec.Token()
		if err != nil {
			return nil, err
		}
		key, _ := token.(string) // a key is always one
		if err := o.field(dec, key); err != nil {
			return nil, unended(fmt.Errorf("its field %q: %w", key, err))
		}
	}
	return o, unended(delimiter(dec, '}'))
}

// unended says that an end in the middle is no end.
func unended(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

func delimiter(dec *json.Decoder, want json.Delim) error {
	token, err := dec.Token()
	if err != nil {
		return err
	}
	if got, ok := token.(json.Delim); !ok || got != want {
		return fmt.Errorf("%v where %v should be", token, want)
	}
	return nil
}

func (o *object) field(dec *json.Decoder, key string) error {
	d := &o.details
	switch key {
	case "input_lens":
		return numbers(dec, &d.inputs)
	case "output_lens":
		return numbers(dec, &d.outputs)
	case "ttfts":
		return numbers(dec, &d.ttfts)
	case "start_times":
		return numbers(dec, &d.starts)
	case "itls":
		return list(dec, func() error {
			var gaps []float64
			err := dec.Decode(&gaps)
			sum := 0.0
			for _, g := range gaps {
				sum += g
			}
			d.spans = append(d.spans, sum)
			return err
		})
	case "errors":
		return list(dec, func() error {
			var text json.RawMessage
			err := dec.Decode(&text)
			d.failed = append(d.failed, string(text) != `""` && string(text) != "null")
			return err
		})
	case "benchmarks":
		o.benchmarks = []guideBenchmark{}
		return list(dec, func() error {
			var b guideBenchmark
			err := dec.Decode(&b)
			o.benchmarks = append(o.benchmarks, b)
			return err
		})
	}
	var raw json.RawMessage
	if err := dec.Decode(&raw); err != nil {
		return err
	}
	o.fields[key] = raw
	return nil
}

// list calls each for every element of a list; null has none.
func list(dec *json.Decoder, each func() error) error {
	token, err := dec.Token()
	if err != nil || token == nil {
		return err
	}
	if got, ok := token.(json.Delim); !ok || got != '[' {
		return fmt.Errorf("%v where a list should be", token)
	}
	for dec.More() {
		if err := each(); err != nil {
			return err
		}
	}
	return delimiter(dec, ']')
}

// numbers reads a list of numbers; null is one that is not known.
func numbers(dec *json.Decoder, into *[]float64) error {
	return list(dec, func() error {
		v := math.NaN()
		err := dec.Decode(&v)
		*into = append(*into, v)
		return err
	})
}

func (o *object) has(key string) bool { return len(o.fields[key]) > 0 }

// text is a field that is a string; "" for every other.
func (o *object) text(key string) string {
	var s string
	if json.Unmarshal(o.fields[key], &s) != nil {
		return ""
	}
	return s
}

// number is a field that is a number, or a number in quotes; nil for every other.
func (o *object) number(key string) *float64 {
	var v *float64
	if json.Unmarshal(o.fields[key], &v) == nil {
		return v
	}
	if n, err := strconv.ParseFloat(o.text(key), 64); err == nil && !math.IsInf(n, 0) && !math.IsNaN(n) {
		return &n
	}
	return nil
}

// value is number with 0 for none.
func (o *object) value(key string) float64 {
	if v := o.number(key); v != nil {
		return *v
	}
	return 0
}
