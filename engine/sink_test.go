package engine

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/qtune/qtune/profiles"
)

type buffer struct{ bytes.Buffer }

func (*buffer) Close() error { return nil }

func TestRedactionAcrossWrites(t *testing.T) {
	secrets := []profiles.Secret{{Name: "env.KEY", Value: "hunter2"}, {Name: "env.LONG", Value: "hunter2-and-more"}, {Name: "var.q", Value: `it's "q"`}, {Name: "var.n", Value: "8"}, {Name: "var.two", Value: "first\nsecond"}}
	text := "key=hunter2 hunter2-and-more\nport 8, {'k': 'it\\'s \"q\"'} {\"k\":\"it's \\\"q\\\"\"} it%27s+%22q%22\nfirst\nsecond\nrest hunter2"
	want := "key=(env.KEY) (env.LONG)\nport 8, {'k': '(var.q)'} {\"k\":\"(var.q)\"} (var.q)\n(var.two)\n(var.two)\nrest (env.KEY)"
	for size := 1; size <= len(text); size++ {
		var out buffer
		s := newSink(&out, "vllm", newRedactor(secrets), nil)
		for piece := range slices.Chunk([]byte(text), size) {
			_, _ = s.Write(piece)
		}
		if err := s.close(); err != nil {
			t.Fatal(err)
		}
		if out.String() != want {
			t.Fatalf("in pieces of %d bytes:\n%s", size, out.String())
		}
	}
}

// The forms of one value in what qtune keeps and engines print.
func TestHider(t *testing.T) {
	const value = `a"b&c${d}\e%{f`
	h := Hider([]profiles.Secret{{Name: "var.x", Value: value}, {Name: "short", Value: "abc"}})
	for why, text := range map[string]string{
		"as it is":                        value,
		"in a profile":                    `a\"b&c$${d}\\e%%{f`,
		"in JSON":                         `a\"b&c${d}\\e%{f`,
		"in JSON that is safe for a page": `a\"b\u0026c${d}\\e%{f`,
		"in a query":                      "a%22b%26c%24%7Bd%7D%5Ce%25%7Bf",
	} {
		if got := h.Replace("<" + text + "> abc"); got != "<(var.x)> abc" {
			t.Errorf("%s: %s", why, got)
		}
	}
	if got := Hider(nil).Replace(value); got != value {
		t.Errorf("without secrets: %s", got)
	}
}

func TestRedactionInAnEndlessLine(t *testing.T) {
	var out buffer
	s := newSink(&out, "vllm", newRedactor([]profiles.Secret{{Name: "k", Value: "hunter2"}}), nil)
	text := strings.Repeat("x", maxLine-3) + "hunter2" + strings.Repeat("y", maxLine)
	for piece := range slices.Chunk([]byte(text), 1000) {
		_, _ = s.Write(piece)
	}
	if s.close() != nil || strings.Contains(out.String(), "hunter2") || len(out.String()) != len(text)-len("hunter2")+len("(k)") {
		t.Errorf("%d bytes", out.Len())
	}
	if s.lines.number != 1 {
		t.Errorf("it counts as %d lines", s.lines.number)
	}
}

// Wherever a line that is too long is divided, no secret is: each byte of one may be
// the first behind the place.
func TestRedactionWhereALongLineIsDivided(t *testing.T) {
	const secret = "hunter2-hunter3-x"
	for shift := range len(secret) {
		var out buffer
		s := newSink(&out, "vllm", newRedactor([]profiles.Secret{{Name: "env.KEY", Value: secret}, {Name: "var.x", Value: "hunter3"}}), nil)
		_, _ = s.Write([]byte(strings.Repeat(secret, 3*maxLine/len(secret)) + strings.Repeat(".", shift))) // never fails
		if err := s.close(); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(out.String(), secret) || !strings.Contains(out.String(), "(env.KEY)") {
			t.Errorf("shifted by %d bytes the secret is in the log", shift)
		}
		if left := strings.Trim(strings.ReplaceAll(out.String(), "(env.KEY)", ""), "."); left != "" {
			t.Errorf("shifted by %d bytes pieces of it are: %.40q", shift, left)
		}
	}
}

func TestStagesAndFacts(t *testing.T) {
	tests := []struct {
		kind, log string
		stages    []string
		facts     Facts
	}{
		{"vllm", "Loading safetensors checkpoint shards:  33% Completed | 1/3 [00:00\rLoading safetensors checkpoint shards:  66% Completed | 2/3 [00:00\r(EngineCore pid=35) INFO 11-24 00:10:18 [core.py:133] Initializing a V1 LLM engine (v0.32.0) with config: x\n(EngineCore pid=35) INFO 11-24 00:11:21 [kv_cache_utils.py:2327] GPU KV cache size: 46,592 tokens, Maximum\n",
			[]string{"loading weights 1/3", "loading weights 2/3", "allocating the KV cache"}, Facts{KVTokens: 46592, EngineVersion: "0.32.0"}},
		{"sglang", "[2026-11-24 00:31:43] Load weight begin. avail mem=20.79 GB\n[2026-11-24 00:31:45] server_args={'max_total_num_tokens=1'}\n[2026-11-24 00:31:45] max_total_num_tokens=32768, chunked_prefill_size=4096\n",
			[]string{"loading the model"}, Facts{KVTokens: 32768}},
		{"llamacpp", "srv load_model: initializing, n_slots = 4, n_ctx_slot = 2048, kv_unified = 'true'\n", nil, Facts{KVTokens: 2048}},
		{"llamacpp", "srv load_model: initializing, n_slots = 2, n_ctx_slot = 512, kv_unified = 'false'\n", nil, Facts{KVTokens: 1024}},
		{"llamacpp", "llama_kv_cache: size =   24.44 MiB (100096 cells,   2 layers, 1/1 seqs)\n", nil, Facts{KVTokens: 100096}},
	}
	for _, test := range tests {
		var stages []string
		s := newSink(&buffer{}, test.kind, redactor{}, func(stage string) { stages = append(stages, stage) })
		_, _ = s.Write([]byte(test.log))
		if got := s.read(); got != test.facts {
			t.Errorf("%s: facts %+v, want %+v", test.kind, got, test.facts)
		}
		if !slices.Equal(stages, test.stages) {
			t.Errorf("%s: stages %q", test.kind, stages)
		}
	}
}
