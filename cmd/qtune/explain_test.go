package main

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const argparse = `INFO 10-01 12:00:00 [api_server.py:1] vLLM API server version 0.32.0
usage: vllm serve [model_tag] [options]
vllm: error: unrecognized arguments: --max-num-seq-s 4
`

func TestExplain(t *testing.T) {
	tests := []struct {
		why, log string
		args     []string
		want     explanation
	}{
		{"a flag that the guessed engine refuses", argparse, nil,
			explanation{Class: "bad_flag", Fault: "configuration", Line: "vllm: error: unrecognized arguments: --max-num-seq-s 4", LineNumber: 3, Engine: "vllm"}},
		{"stdin named by its dash", argparse, []string{"-"},
			explanation{Class: "bad_flag", Fault: "configuration", Line: "vllm: error: unrecognized arguments: --max-num-seq-s 4", LineNumber: 3, Engine: "vllm"}},
		{"the engine as given", argparse, []string{"--engine", "sglang"},
			explanation{Class: "bad_flag", Fault: "configuration", Line: "vllm: error: unrecognized arguments: --max-num-seq-s 4", LineNumber: 3, Engine: "sglang"}},
		{"a log that says nothing of death is unknown, and nobody's fault", "hello\nall is well\n\n", nil,
			explanation{Class: "unknown", Fault: "unknown", Line: "all is well", LineNumber: 2}},
		{"an exception that no rule knows is unknown, with its line",
			"Traceback (most recent call last):\n  File \"x.py\", line 1, in f\n    g()\nquux.FrobError: the frobs are out\n", nil,
			explanation{Class: "unknown", Fault: "unknown", Line: "quux.FrobError: the frobs are out", LineNumber: 4}},
	}
	for _, tt := range tests {
		t.Run(tt.why, func(t *testing.T) {
			c := newConsole(t)
			c.stdin = strings.NewReader(tt.log)
			if code := c.run(t, append([]string{"explain", "--json"}, tt.args...)...); code != exitOK {
				t.Fatalf("exit %d\n%s", code, c.err.String())
			}
			var got explanation
			if err := json.Unmarshal([]byte(c.out.String()), &got); err != nil {
				t.Fatal(err)
			}
			if got.Hint == "" || got.Class == "unknown" && len(got.Tail) == 0 {
				t.Errorf("hint %q, tail %q", got.Hint, got.Tail)
			}
			got.Hint, got.Tail = "", nil
			if got.Class != tt.want.Class || got.Fault != tt.want.Fault || got.Line != tt.want.Line || got.LineNumber != tt.want.LineNumber || got.Engine != tt.want.Engine {
				t.Errorf("got  %+v\nwant %+v", got, tt.want)
			}
		})
	}
}

func TestExplainForPeople(t *testing.T) {
	tests := []struct {
		why  string
		args []string
		code int
		says []string
	}{
		{"a file", []string{write(t, "server.log", argparse)}, exitOK, []string{"class: bad_flag", "fault: configuration", "line 3: vllm: error", "hint: "}},
		{"an unknown death shows the last real lines", []string{write(t, "u.log", "one\ntwo\n")}, exitOK, []string{"class: unknown", "  one\n  two\n"}},
		{"an empty log", []string{write(t, "e.log", "")}, exitError, []string{"no line"}},
		{"a file that is not there", []string{filepath.Join(t.TempDir(), "no.log")}, exitError, []string{"open the log"}},
		{"an engine that does not exist", []string{"--engine", "vlm", "-"}, exitUsage, []string{"vllm, sglang"}},
		{"two logs", []string{"a", "b"}, exitUsage, []string{"at most one log"}},
	}
	for _, tt := range tests {
		t.Run(tt.why, func(t *testing.T) {
			c := newConsole(t)
			if code := c.run(t, append([]string{"explain"}, tt.args...)...); code != tt.code {
				t.Errorf("exit %d, want %d", code, tt.code)
			}
			for _, want := range tt.says {
				if !strings.Contains(c.out.String()+c.err.String(), want) {
					t.Errorf("lacks %q:\n%s%s", want, c.out.String(), c.err.String())
				}
			}
		})
	}
}

// A long log is read once, and its last line still decides.
func TestExplainReadsALongLog(t *testing.T) {
	line := "INFO 10-01 12:00:00 [loggers.py:1] vllm: Engine 000: 12.5 tokens/s\n"
	c := newConsole(t)
	c.stdin = strings.NewReader(strings.Repeat(line, 200_000) + "vllm: error: unrecognized arguments: --x 1\n")
	began := time.Now()
	if code := c.run(t, "explain", "--json"); code != exitOK {
		t.Fatalf("exit %d\n%s", code, c.err.String())
	}
	t.Logf("%d MB took %s", 200_000*len(line)>>20, time.Since(began).Round(time.Millisecond))
	if !strings.Contains(c.out.String(), `"line_number":200001`) {
		t.Errorf("got %s", c.out.String())
	}
}
