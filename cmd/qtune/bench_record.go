package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/qtune/qtune/bench"
)

// benchRecorder keeps what bench is asked to keep of single requests.
type benchRecorder struct {
	level    levelDetails
	detailed bool // a result file of another client needs each request
	times    bool // the file of requests has every token's time
	name     string
	lines    *lineFile // --requests-file
	prompts  *lineFile // --write-requests
}

func newBenchRecorder(f *benchFlags) (*benchRecorder, error) {
	r := &benchRecorder{detailed: f.format == "vllm" || f.format == "sglang", times: f.tokenTimes}
	var err error
	if f.requestsFile != "" {
		if r.lines, err = createLines(f.requestsFile); err != nil {
			return nil, err
		}
	}
	if f.writeRequests != "" {
		if r.prompts, err = createLines(f.writeRequests); err != nil {
			return nil, errors.Join(err, r.close())
		}
	}
	return r, nil
}

func (r *benchRecorder) wantsTimes() bool { return r.detailed || r.times }

func (r *benchRecorder) begin(l bench.Level) {
	r.name = l.String()
	r.level = levelDetails{}
}

// record is called for each finished request.
func (r *benchRecorder) record(o bench.Outcome) {
	if r.detailed && !o.Warmup {
		r.level.add(o)
	}
	if r.lines == nil {
		return
	}
	if !r.times {
		o.Arrivals = nil
	}
	r.lines.write(struct {
		Level string `json:"level"`
		bench.Outcome
	}{r.name, o})
}

// sentRequest is a line that --file and vllm's custom dataset read.
type sentRequest struct {
	Prompt       json.RawMessage `json:"prompt,omitempty"`
	Messages     json.RawMessage `json:"messages,omitempty"`
	InputTokens  int             `json:"input_tokens,omitempty"`
	OutputTokens int             `json:"output_tokens"`
}

// sent is called for each measured request that is sent; nil if nobody wants it.
func (r *benchRecorder) sent() func(bench.Sent) {
	if r.prompts == nil {
		return nil
	}
	return func(s bench.Sent) {
		line := sentRequest{InputTokens: s.InputTokens, OutputTokens: s.OutputTokens}
		if s.Messages {
			line.Messages = s.Prompt
		} else {
			line.Prompt = s.Prompt
		}
		r.prompts.write(line)
	}
}

func (r *benchRecorder) close() error {
	var errs []error
	for _, f := range []*lineFile{r.lines, r.prompts} {
		if f != nil {
			errs = append(errs, f.close())
		}
	}
	return errors.Join(errs...)
}

// lineFile is a file of JSON lines. The first error is kept and told at its end.
type lineFile struct {
	file *os.File
	out  *bufio.Writer
	enc  *json.Encoder
	err  error
}

func createLines(path string) (*lineFile, error) {
	file, err := os.Create(path)
	if err != nil {
		return nil, fmt.Errorf("create a file of requests: %w", err)
	}
	out := bufio.NewWriterSize(file, 64<<10)
	return &lineFile{file: file, out: out, enc: json.NewEncoder(out)}, nil
}

func (f *lineFile) write(v any) {
	if f.err == nil {
		f.err = f.enc.Encode(v)
	}
}

func (f *lineFile) close() error {
	if err := errors.Join(f.err, f.out.Flush(), f.file.Close()); err != nil {
		return fmt.Errorf("write %s: %w", f.file.Name(), err)
	}
	return nil
}
