package tuner

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"

	"github.com/qtune/qtune/bench"
)

// The files of a start's requests, in its trial's folder: of the first start, and of
// the second after a fault of the machine.
const (
	Requests      = "requests.jsonl"
	RequestsAgain = "requests-2.jsonl"
)

// requestFile keeps every request's timings of a trial, one JSON line each.
type requestFile struct {
	file *os.File
	out  *bufio.Writer
	err  error // the first that occurred; told at close
}

func createRequestFile(path string) (*requestFile, error) {
	f, err := os.Create(path)
	if err != nil {
		return nil, fmt.Errorf("create the file of requests: %w", err)
	}
	return &requestFile{file: f, out: bufio.NewWriterSize(f, 64<<10)}, nil
}

// each returns a function that keeps the requests of one level.
func (r *requestFile) each(workload string, l bench.Level) func(bench.Outcome) {
	level := l.String()
	enc := json.NewEncoder(r.out)
	return func(o bench.Outcome) {
		if r.err != nil {
			return
		}
		r.err = enc.Encode(struct {
			Workload string `json:"workload"`
			Level    string `json:"level"`
			bench.Outcome
		}{workload, level, o})
	}
}

func (r *requestFile) close() error {
	flushed := r.out.Flush()
	closed := r.file.Close()
	for _, err := range []error{r.err, flushed, closed} {
		if err != nil {
			return &JournalError{Path: r.file.Name(), Need: max(r.out.Buffered(), 1), Err: err}
		}
	}
	return nil
}
