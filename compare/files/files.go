// Package files owns the result files that can be compared: those of qtune bench,
// vllm bench serve, sglang.bench_serving, GuideLLM and AIPerf. A file is known by
// what is in it, not by its name. Each field is taken for what its client means
// by it; what a file does not tell is left out. The package decides nothing.
package files

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/qtune/qtune/bench"
	"github.com/qtune/qtune/compare"
)

// The clients whose files are read, beside qtune's own.
const (
	ClientVLLM     = "vllm bench serve"
	ClientSGLang   = "sglang.bench_serving"
	ClientGuideLLM = "GuideLLM"
	ClientAIPerf   = "AIPerf"
)

// UnknownError is a file that no known client wrote.
type UnknownError struct {
	Name string
	Err  error // why it could not be understood at all; nil for one without known fields
}

func (e *UnknownError) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("%s is no result file: %v", e.Name, e.Err)
	}
	return fmt.Sprintf("%s has the fields of no known result file", e.Name)
}

func (e *UnknownError) Unwrap() error { return e.Err }

// Hint says which files can be read.
func (e *UnknownError) Hint() string {
	return "what can be read: `qtune bench --json`, `qtune report --format json`, `vllm bench serve --save-result`, sglang.bench_serving's JSON lines, GuideLLM's benchmarks.json, AIPerf's profile_export_aiperf.json and profile_export.jsonl"
}

// Read reads a result file. Several results in one file become levels, or where
// they have the same load, repeats of one level. name is what errors call it.
func Read(name string, r io.Reader) (*compare.Side, error) {
	c := &collector{side: &compare.Side{Name: name, Source: name}}
	dec := json.NewDecoder(newPythonReader(r))
	for {
		o, err := readObject(dec)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, &UnknownError{name, err}
		}
		if err := c.add(o); err != nil {
			return nil, &UnknownError{name, err}
		}
	}
	c.finish()
	if len(c.side.Levels) == 0 {
		return nil, &UnknownError{Name: name}
	}
	return c.side, nil
}

// collector puts the objects of a file together.
type collector struct {
	side    *compare.Side
	records *aiperfRecords // AIPerf's requests, one object each
}

func (c *collector) add(o *object) error {
	switch {
	case o.text("type") == "bench" && o.has("levels"):
		return c.own(o)
	case o.benchmarks != nil:
		return c.guidellm(o)
	case o.has("total_token_throughput") && o.has("request_throughput") && o.has("output_throughput"):
		c.vllm(o)
	case o.has("total_throughput") && o.has("request_throughput") && o.has("output_throughput"):
		c.sglang(o)
	case o.has("request_latency") && o.has("request_throughput"):
		c.aiperf(o)
	case o.has("metadata") && o.has("metrics"):
		return c.aiperfRecord(o)
	default:
		return errors.New("an object in it has the fields of no known client")
	}
	return nil
}

func (c *collector) finish() {
	if c.records != nil {
		c.level(c.records.level())
	}
}

// from says which client the file is of; a file of two is none.
func (c *collector) from(client, model string) {
	c.side.Client = client
	if model != "" {
		c.side.Model = model
	}
}

// level adds a level, or its start to the level with the same load.
func (c *collector) level(l compare.Level) {
	for i := range c.side.Levels {
		if k := &c.side.Levels[i]; k.Load == l.Load && k.Workload == l.Workload {
			k.Starts = append(k.Starts, l.Starts...)
			return
		}
	}
	c.side.Levels = append(c.side.Levels, l)
}

// figures collects what a file tells.
type figures map[string]compare.Figure

// set enters a figure that is there, and positive or zero.
func (f figures) set(metric string, v *float64) {
	if v != nil && *v >= 0 {
		f[metric] = compare.Figure{Value: *v}
	}
}

// failures enters the share of requests that failed.
func (f figures) failures(failed, total float64) {
	if total > 0 && failed >= 0 && failed <= total {
		f["error_rate"] = compare.Figure{Value: failed / total, N: int(total)}
	}
}

// closedOr is the load of a client that bounds concurrency: with a rate an open
// loop, without either everything at once.
func closedOr(rate, users, requests float64) compare.Load {
	switch {
	case rate > 0:
		return compare.Load{Kind: bench.KindOpen, Rate: rate}
	case users > 0:
		return compare.Load{Kind: bench.KindClosed, Users: int(users)}
	}
	return compare.Load{Kind: bench.KindBurst, Users: int(requests)}
}

func ratio(x, y *float64) float64 {
	if x == nil || y == nil || *y <= 0 {
		return 0
	}
	return *x / *y
}
