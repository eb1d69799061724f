package bench

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// TraceEntry is one recorded request.
type TraceEntry struct {
	At           time.Duration // after the first
	InputTokens  int
	OutputTokens int
	// Blocks name the pieces of traceBlock tokens of which the prompt is made:
	// prompts with the same block have the same text there. None: a prompt of its own.
	Blocks []int
}

// traceBlock is the length of a block of a Mooncake trace, in tokens (Mooncake,
// FAST'25 release of its traces: "each block is 512 tokens").
const traceBlock = 512

// Trace is recorded requests, ordered by time.
type Trace struct {
	Name    string       `json:"-"`
	SHA256  string       `json:"sha256"` // of the file that it was read from
	Entries []TraceEntry `json:"-"`
}

// maxLine is the longest line of a file of prompts or of a trace, in bytes.
const maxLine = 16 << 20

// LineError is a line of a file that cannot be understood.
type LineError struct {
	Name string
	Line int // from 1
	Err  error
}

func (e *LineError) Error() string { return fmt.Sprintf("%s, line %d: %v", e.Name, e.Line, e.Err) }

// Unwrap gives what is wrong with the line.
func (e *LineError) Unwrap() error { return e.Err }

// ReadTrace reads a trace: CSV with a header that has the columns TIMESTAMP (a
// date or seconds), ContextTokens and GeneratedTokens, as Azure publishes them; or
// JSON lines with timestamp (milliseconds), input_length and output_length, and
// perhaps hash_ids, as Mooncake does. A line that is neither is a LineError.
func ReadTrace(name string, r io.Reader) (*Trace, error) {
	t := &Trace{Name: name}
	var parse func([]byte) (TraceEntry, error)
	hash, err := eachLine(name, r, func(_ int, line []byte) error {
		switch {
		case parse == nil && line[0] == '{':
			parse = mooncakeLine
		case parse == nil:
			var err error
			parse, err = azureHeader(line)
			return err
		}
		e, err := parse(line)
		if err == nil && (e.InputTokens < 1 || e.InputTokens > maxTokens || e.OutputTokens < 1 || e.OutputTokens > maxTokens) {
			err = fmt.Errorf("%d input and %d output tokens: each must be at least 1", e.InputTokens, e.OutputTokens)
		}
		t.Entries = append(t.Entries, e)
		return err
	})
	if err != nil {
		return nil, err
	}
	if len(t.Entries) == 0 {
		return nil, fmt.Errorf("%s holds no request", name)
	}
	t.SHA256 = hash
	t.order()
	return t, nil
}

// order sorts the requests by time and counts it from the first.
func (t *Trace) order() {
	slices.SortStableFunc(t.Entries, func(a, b TraceEntry) int { return int(max(-1, min(1, a.At-b.At))) })
	first := t.Entries[0].At
	for i := range t.Entries {
		t.Entries[i].At -= first
	}
}

// at is when the entry number i is sent.
func (t *Trace) at(i int, speedup float64) time.Duration {
	return time.Duration(float64(t.Entries[i].At) / speedup)
}

// eachLine gives every line that is not blank to f, with its number and without
// its end, and the hash of all of them. An error of f becomes a LineError.
func eachLine(name string, r io.Reader, f func(n int, line []byte) error) (string, error) {
	hash := sha256.New()
	lines := bufio.NewScanner(io.TeeReader(r, hash))
	lines.Buffer(nil, maxLine)
	n := 0
	for lines.Scan() {
		n++
		line := bytes.TrimSpace(bytes.TrimPrefix(lines.Bytes(), bom))
		if len(line) == 0 {
			continue
		}
		if err := f(n, line); err != nil {
			return "", &LineError{name, n, err}
		}
	}
	if err := lines.Err(); err != nil {
		return "", &LineError{name, n + 1, err}
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}

func mooncakeLine(line []byte) (TraceEntry, error) {
	var v struct {
		Timestamp    *float64 `json:"timestamp"`
		InputLength  int      `json:"input_length"`
		OutputLength int      `json:"output_length"`
		HashIDs      []int    `json:"hash_ids"`
	}
	if err := json.Unmarshal(line, &v); err != nil {
		return TraceEntry{}, err
	}
	if v.Timestamp == nil || math.Abs(*v.Timestamp) > 1e12 {
		return TraceEntry{}, errors.New("no timestamp in milliseconds")
	}
	at := time.Duration(*v.Timestamp * float64(time.Millisecond))
	return TraceEntry{At: at, InputTokens: v.InputLength, OutputTokens: v.OutputLength, Blocks: v.HashIDs}, nil
}

// azureHeader finds the columns of a CSV file by its first line.
func azureHeader(line []byte) (func([]byte) (TraceEntry, error), error) {
	header := strings.Split(string(line), ",")
	column := func(name string) int {
		return slices.IndexFunc(header, func(s string) bool { return strings.EqualFold(strings.TrimSpace(s), name) })
	}
	when, in, out := column("TIMESTAMP"), column("ContextTokens"), column("GeneratedTokens")
	if when < 0 || in < 0 || out < 0 {
		return nil, errors.New("neither JSON nor a header with the columns TIMESTAMP, ContextTokens and GeneratedTokens")
	}
	var first time.Time // counting from it keeps the sum of a date in range
	return func(line []byte) (TraceEntry, error) {
		cells := strings.Split(string(line), ",")
		if len(cells) != len(header) {
			return TraceEntry{}, fmt.Errorf("%d columns instead of %d", len(cells), len(header))
		}
		t, err := timestamp(strings.TrimSpace(cells[when]))
		if err != nil {
			return TraceEntry{}, err
		}
		if first.IsZero() {
			first = t
		}
		e := TraceEntry{At: t.Sub(first)}
		if e.InputTokens, err = strconv.Atoi(strings.TrimSpace(cells[in])); err != nil {
			return e, fmt.Errorf("ContextTokens: %w", err)
		}
		if e.OutputTokens, err = strconv.Atoi(strings.TrimSpace(cells[out])); err != nil {
			return e, fmt.Errorf("GeneratedTokens: %w", err)
		}
		return e, nil
	}, nil
}

func timestamp(s string) (time.Time, error) {
	if seconds, err := strconv.ParseFloat(s, 64); err == nil && math.Abs(seconds) < 1e11 {
		whole, part := math.Modf(seconds)
		return time.Unix(int64(whole), int64(part*1e9)), nil
	}
	for _, layout := range []string{"2006-01-02 15:04:05.999999999", "2006-01-02 15:04:05.999999999Z07:00", time.RFC3339Nano} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("TIMESTAMP %q is neither a date nor a number of seconds", s)
}

func (l Level) speedup() float64 {
	if l.Speedup > 0 {
		return l.Speedup
	}
	return 1
}

// traceSchedule sends what of a trace lies within the level's limits.
func traceSchedule(w Workload, l Level) *schedule {
	t := w.Prompts.Trace
	s := &schedule{level: l, trace: t, total: len(t.Entries)}
	if l.Requests > 0 {
		s.total = min(s.total, l.Requests)
	}
	if l.Duration > 0 {
		s.total, _ = slices.BinarySearchFunc(t.Entries[:s.total], l.Duration, func(e TraceEntry, d time.Duration) int {
			return int(max(-1, min(1, float64(e.At)/l.speedup()-float64(d))))
		})
	}
	s.total = max(s.total, 1)
	s.length = t.at(s.total-1, l.speedup())
	if l.Duration > 0 {
		s.length = l.Duration
	}
	return s
}
