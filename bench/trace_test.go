package bench

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/qtune/qtune/bench/benchtest"
)

const mooncake = `{"timestamp": 0, "input_length": 1100, "output_length": 6, "hash_ids": [0, 1, 2]}
{"timestamp": 3000, "input_length": 700, "output_length": 3, "hash_ids": [0, 3]}

{"timestamp": 1000, "input_length": 20, "output_length": 4}
`

func TestReadTrace(t *testing.T) {
	azure, err := os.ReadFile("testdata/azure.csv")
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name, text string
		n          int
		last       TraceEntry
		line       int
		err        string
	}{
		{"Azure's form", string(azure), 5, TraceEntry{At: 5290*ms + 5217100, InputTokens: 1313, OutputTokens: 142}, 0, ""},
		{"Azure's form with seconds and other columns", "Id,TIMESTAMP,ContextTokens,GeneratedTokens\r\na,0.5,10,20\r\nb,2,30,40\r\n", 2, TraceEntry{At: 1500 * ms, InputTokens: 30, OutputTokens: 40}, 0, ""},
		{"Mooncake's form, out of order", mooncake, 3, TraceEntry{At: 3 * time.Second, InputTokens: 700, OutputTokens: 3, Blocks: []int{0, 3}}, 0, ""},
		{"a bad date", "TIMESTAMP,ContextTokens,GeneratedTokens\nyesterday,1,1\n", 0, TraceEntry{}, 2, "yesterday"},
		{"a missing column", "TIMESTAMP,ContextTokens,GeneratedTokens\n1,1,1\n2,1\n", 0, TraceEntry{}, 3, "2 columns instead of 3"},
		{"no number", "TIMESTAMP,ContextTokens,GeneratedTokens\n1,1,1\n2,x,1\n", 0, TraceEntry{}, 3, "ContextTokens"},
		{"no tokens", "TIMESTAMP,ContextTokens,GeneratedTokens\n1,1,0\n", 0, TraceEntry{}, 2, "at least 1"},
		{"another header", "a,b,c\n", 0, TraceEntry{}, 1, "TIMESTAMP"},
		{"bad JSON", mooncake + "{\n", 0, TraceEntry{}, 5, "unexpected end"},
		{"no timestamp", `{"input_length":1,"output_length":1}`, 0, TraceEntry{}, 1, "timestamp"},
		{"nothing", "\n\n", 0, TraceEntry{}, 0, "holds no request"},
	} {
		trace, err := ReadTrace("x", strings.NewReader(tc.text))
		var line *LineError
		switch {
		case tc.err != "":
			if err == nil || !strings.Contains(err.Error(), tc.err) || tc.line > 0 && (!errors.As(err, &line) || line.Line != tc.line) {
				t.Errorf("%s: %v, want line %d: %s", tc.name, err, tc.line, tc.err)
			}
		case err != nil:
			t.Errorf("%s: %v", tc.name, err)
		default:
			last := trace.Entries[len(trace.Entries)-1]
			if len(trace.Entries) != tc.n || (last.At-tc.last.At).Abs() > time.Second || last.InputTokens < 1 || len(last.Blocks) != len(tc.last.Blocks) || len(trace.SHA256) != 64 {
				t.Errorf("%s: %d entries, the last %+v, want %d and %+v", tc.name, len(trace.Entries), last, tc.n, tc.last)
			}
		}
	}
}

func FuzzReadTrace(f *testing.F) {
	f.Add(mooncake)
	f.Add("TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:15:46.6805900,374,44\n1,1,1\n")
	f.Fuzz(func(t *testing.T, text string) {
		trace, err := ReadTrace("x", strings.NewReader(text))
		if err != nil {
			return
		}
		for i, e := range trace.Entries {
			if e.InputTokens < 1 || e.OutputTokens < 1 || e.At < 0 || i > 0 && e.At < trace.Entries[i-1].At {
				t.Errorf("entry %d: %+v", i, e)
			}
		}
	})
}

func TestATraceIsReplayed(t *testing.T) {
	trace, err := ReadTrace("x", strings.NewReader(mooncake))
	if err != nil {
		t.Fatal(err)
	}
	srv := &benchtest.Server{TTFT: 100 * ms, Gap: 10 * ms, BOS: 1, Tokenizer: true}
	var seen prompts
	srv.OnPrompt(seen.add)
	inFalseTime(t, srv, func(t *testing.T, c *Client, to Target) {
		w := work()
		w.Prompts = Prompts{Trace: trace}
		var got []Outcome
		c.Record = func(o Outcome) { got = append(got, o) }
		r := mustRun(t, c, to, w, Level{Kind: KindTrace, Speedup: 2})
		want := []Outcome{{Sent: 0, InputTokens: 1100, OutputTokens: 6}, {Sent: 500 * ms, InputTokens: 20, OutputTokens: 4}, {Sent: 1500 * ms, InputTokens: 700, OutputTokens: 3}}
		for i, o := range got {
			if o.Sent-want[i].Sent > ms || o.Sent < want[i].Sent || o.InputTokens != want[i].InputTokens || o.OutputTokens != want[i].OutputTokens {
				t.Errorf("request %d: %+v", i, o)
			}
		}
		if r.Requests.Completed != 3 || r.Kind != KindTrace || len(r.Notes) > 0 {
			t.Errorf("%+v, notes %q", r.Requests, r.Notes)
		}
		for _, l := range []Level{{Kind: KindTrace, Requests: 2}, {Kind: KindTrace, Duration: 2 * time.Second}} {
			if r := mustRun(t, c, to, w, l); r.Requests.Total != 2 {
				t.Errorf("%+v: %d requests", l, r.Requests.Total)
			}
		}
	})
	if n := sharedWords(seen.all); n < 510 || n > 520 {
		t.Errorf("prompts that share one block of 512 tokens share %d words", n)
	}
}

// sharedWords is the most words with which two long prompts of different lengths begin alike.
func sharedWords(all []string) int {
	best := 0
	for _, a := range all {
		for _, b := range all {
			n := 0
			for n < min(len(a), len(b)) && a[n] == b[n] {
				n++
			}
			if len(a) > len(b)+100 {
				best = max(best, len(strings.Fields(a[:n])))
			}
		}
	}
	return best
}

func TestLengthsComeFromATrace(t *testing.T) {
	trace, err := ReadTrace("x", strings.NewReader(mooncake))
	if err != nil {
		t.Fatal(err)
	}
	w := work()
	w.Prompts = Prompts{Trace: trace}
	list := Plan(w, Level{Kind: KindClosed, Users: 2, Requests: 4})
	for i, want := range []int{1100, 20, 700, 1100} {
		if list[i].InputTokens != want {
			t.Errorf("request %d has %d tokens, want %d", i, list[i].InputTokens, want)
		}
	}
}
