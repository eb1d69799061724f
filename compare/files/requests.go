package files

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"unicode/utf8"

	"github.com/qtune/qtune/compare"
)

// Place is a level of a workload by their names.
type Place struct{ Workload, Level string }

// maxRequest bounds a line of a file of requests, in bytes.
const maxRequest = 64 << 20

// ReadRequests reads the requests that a run or `qtune bench --requests-file` keeps,
// of each level. A line that a crash has cut short ends them.
func ReadRequests(name string, r io.Reader) (map[Place]*compare.Requests, error) {
	in := bufio.NewScanner(r)
	in.Buffer(make([]byte, 64<<10), maxRequest)
	t := tally{all: map[Place]*compare.Requests{}}
	torn := 0
	for n := 1; in.Scan(); n++ {
		if torn > 0 {
			return nil, fmt.Errorf("read the requests of %s: line %d is none", name, torn)
		}
		var q request
		if !q.scan(in.Bytes()) && q.parse(in.Bytes()) != nil {
			torn = n
			continue
		}
		t.add(&q)
	}
	if err := in.Err(); err != nil {
		return nil, fmt.Errorf("read the requests of %s: %w", name, err)
	}
	return t.all, nil
}

// tally puts requests to their levels.
type tally struct {
	all             map[Place]*compare.Requests
	workload, level []byte // of the last request
	last            *compare.Requests
}

// maxSeq bounds the numbers of requests, so that a damaged one cannot take all memory.
const maxSeq = 1 << 28

func (t *tally) add(q *request) {
	if q.warmup || q.seq < 0 || q.seq > maxSeq {
		return
	}
	if t.last == nil || !bytes.Equal(q.workload, t.workload) || !bytes.Equal(q.level, t.level) {
		t.workload, t.level = append(t.workload[:0], q.workload...), append(t.level[:0], q.level...)
		place := Place{string(q.workload), string(q.level)}
		if t.all[place] == nil {
			t.all[place] = &compare.Requests{}
		}
		t.last = t.all[place]
	}
	if q.seq > len(t.last.E2E)+maxGap {
		return
	}
	none := math.NaN()
	if q.failed || q.e2e <= 0 {
		t.last.Add(q.seq, none, none, none, none)
		return
	}
	ttft, tpot := none, none
	if q.ttft > 0 {
		ttft = ms(q.ttft)
		if q.tokens > 1 && q.e2e > q.ttft {
			tpot = ms(q.e2e-q.ttft) / float64(q.tokens-1)
		}
	}
	t.last.Add(q.seq, ms(q.sent), ttft, tpot, ms(q.e2e))
}

// maxGap is by how many numbers a request may be ahead of all before it.
const maxGap = 1 << 20

func ms(ns int) float64 { return float64(ns) / 1e6 }

// request is what is read of a line: the bytes are the line's.
type request struct {
	workload, level              []byte
	seq, sent, ttft, e2e, tokens int
	failed, warmup               bool
}

// parse reads any JSON, slowly.
func (q *request) parse(line []byte) error {
	var v struct {
		Workload string `json:"workload"`
		Level    string `json:"level"`
		Seq      int    `json:"seq"`
		Sent     int    `json:"sent_ns"`
		TTFT     int    `json:"ttft_ns"`
		E2E      int    `json:"e2e_ns"`
		Tokens   int    `json:"output_tokens"`
		Error    string `json:"error"`
		Warmup   bool   `json:"warmup"`
	}
	if err := json.Unmarshal(line, &v); err != nil {
		return err
	}
	*q = request{[]byte(v.Workload), []byte(v.Level), v.Seq, v.Sent, v.TTFT, v.E2E, v.Tokens, v.Error != "", v.Warmup}
	return nil
}

// scan reads a line as qtune writes it, without looking twice at any byte; false for
// one that is written in another way.
func (q *request) scan(line []byte) bool {
	if len(line) < 2 || line[0] != '{' {
		return false
	}
	rest := line[1:]
	for {
		key, after, ok := quoted(rest)
		if !ok || len(after) < 2 || after[0] != ':' {
			return false
		}
		text := after[1] == '"'
		value, after, ok := scalar(after[1:])
		if !ok || !q.set(key, value, text) || len(after) == 0 {
			return false
		}
		switch after[0] {
		case '}':
			return len(after) == 1
		case ',':
			rest = after[1:]
		default:
			return false
		}
	}
}

// quoted splits a string off; false for one with an escape, or with bytes that are no
// UTF-8, which JSON replaces.
func quoted(b []byte) (text, rest []byte, ok bool) {
	if len(b) == 0 || b[0] != '"' {
		return nil, nil, false
	}
	end := bytes.IndexByte(b[1:], '"')
	if end < 0 {
		return nil, nil, false
	}
	text = b[1 : 1+end]
	return text, b[end+2:], bytes.IndexByte(text, '\\') < 0 && utf8.Valid(text)
}

// scalar splits a string without its quotes, a number or a word off.
func scalar(b []byte) (value, rest []byte, ok bool) {
	if b[0] == '"' {
		return quoted(b)
	}
	for i, c := range b {
		if c == ',' || c == '}' {
			return b[:i], b[i:], i > 0
		}
		if c == '[' || c == '{' || c == '"' || c <= ' ' {
			return nil, nil, false
		}
	}
	return nil, nil, false
}

// set takes a field, text being a string; false where its value is not of the kind that
// it has, or where JSON, which does not tell capitals, may take it for another one.
func (q *request) set(key, value []byte, text bool) bool {
	switch string(key) {
	case "workload":
		q.workload = value
		return text
	case "level":
		q.level = value
		return text
	case "error":
		q.failed = len(value) > 0
		return text
	case "warmup":
		q.warmup = string(value) == "true"
		return !text && (q.warmup || string(value) == "false")
	case "seq":
		return !text && integer(value, &q.seq)
	case "sent_ns":
		return !text && integer(value, &q.sent)
	case "ttft_ns":
		return !text && integer(value, &q.ttft)
	case "e2e_ns":
		return !text && integer(value, &q.e2e)
	case "output_tokens":
		return !text && integer(value, &q.tokens)
	}
	return !bytes.ContainsFunc(key, func(r rune) bool { return r > 'z' || r >= 'A' && r <= 'Z' })
}

// integer reads a number of nanoseconds or less; false for any other number.
func integer(b []byte, into *int) bool {
	if len(b) == 0 || len(b) > 18 {
		return false
	}
	n := 0
	for _, c := range b {
		if c < '0' || c > '9' {
			return false
		}
		n = 10*n + int(c-'0')
	}
	*into = n
	return true
}
