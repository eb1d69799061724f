package catalog

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestSayingOf(t *testing.T) {
	tests := []struct {
		why, names, text string
		want             Said // but for its words
	}{
		{"vLLM's, which does nothing", "--disable-cascade-attn", "--disable-cascade-attn is deprecated and has no effect since cascade attention has been removed. It will be removed in v0.33.0. (default: None)", Said{Deprecated: true, NoEffect: true}},
		{"vLLM's, by the setting's name", "--dcp-size", "Interleave size. dcp_size has been replaced by cp_size, and will be deprecated when PCP is fully supported.", Said{Deprecated: true, Instead: "--cp-size"}},
		{"SGLang's", "--a-b", "Deprecated. Use --c-d <x> instead of this.", Said{Deprecated: true, Instead: "--c-d"}},
		{"SGLang's, in brackets", "--a-b", "(Deprecated: use --c-d=auto) Enable it.", Said{Deprecated: true, Instead: "--c-d"}},
		{"llama.cpp's, removed", "--draft-max", "the argument has been removed. use --spec-draft-n-max or --spec-ngram-mod-n-max", Said{Gone: true, Instead: "--spec-draft-n-max"}},
		{"llama.cpp's, in favour of another", "--mlock", "DEPRECATED in favor of --load-mode: force system to keep model in RAM", Said{Deprecated: true, Instead: "--load-mode"}},
		{"llama.cpp's, at the end", "--defrag-thold", "KV cache defragmentation threshold (DEPRECATED)", Said{Deprecated: true}},
		{"nothing but that it does nothing", "--x", "Ignored.", Said{NoEffect: true}},
		{"the option named as one", "--x", "This flag has no effect any more.", Said{NoEffect: true}},
		{"a condition", "--disable-sliding-window", "If the model does not support sliding window, this argument is ignored.", Said{}},
		{"a condition at its end", "--x", "Avoids setting it. Note: has no effect with Ray executors; use Ray placement groups instead.", Said{}},
		{"a part of the models", "--x", "Use it for MoE. Has no effect on non-MoE models.", Said{}},
		{"others are deprecated", "--allow-deprecated-quantization", "Whether to allow deprecated quantization methods.", Said{}},
		{"a longer name than its own", "--log", "Levels. --log-config is deprecated and has no effect.", Said{}},
	}
	for _, test := range tests {
		got := sayingOf(test.text, []string{test.names})
		if (got.Words == "") != (test.want == Said{}) {
			t.Errorf("%s: words %q", test.why, got.Words)
		}
		if got.Words = ""; got != test.want {
			t.Errorf("%s: %+v, want %+v", test.why, got, test.want)
		}
	}
}

// Of the seven hundred options of a real vLLM three have something said against them:
// whoever sees another one here looks whether it is true.
func TestWhatARealHelpSays(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(dataFolder(t), "vllm-startup/cpu-0.32-serve-help-all.txt"))
	if err != nil {
		t.Fatal(err)
	}
	h, err := ParseHelp(string(text))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]Said{
		"--disable-cascade-attn":         {Deprecated: true, NoEffect: true},
		"--no-disable-cascade-attn":      {Deprecated: true, NoEffect: true},
		"--dcp-kv-cache-interleave-size": {Deprecated: true, Instead: "--cp-kv-cache-interleave-size"},
		"--log-config-file":              {Deprecated: true, Instead: "--logging-config.pylogging_config_file"},
	}
	for option, said := range h.Saying() {
		t.Logf("%s: %s", option, said.Words)
		if said.Words = ""; said != want[option] {
			t.Errorf("%s: %+v, want %+v", option, said, want[option])
		}
		delete(want, option)
	}
	if len(want) > 0 {
		t.Errorf("nothing is said of %v", want)
	}
}

func TestHelpOfWhatIsRemoved(t *testing.T) {
	h, err := ParseHelp(llamaHelp + `--spec-draft-n-max N                    number of tokens to draft
--draft, --draft-n, --draft-max N       the argument has been removed. use --spec-draft-n-max or
                                        --spec-ngram-mod-n-max
--draft-min N                           the argument has been removed. use --spec-draft-n-min
`)
	if err != nil {
		t.Fatal(err)
	}
	for _, option := range []string{"--draft", "--draft-max", "--draft-min"} {
		if h.Has(option) || !h.Says(option).Gone {
			t.Errorf("%s is still taken: %+v", option, h.Says(option))
		}
	}
	if got := h.Says("--draft-n").Instead; got != "--spec-draft-n-max" {
		t.Errorf("instead %q", got)
	}
	if got := h.Says("--draft-min").Instead; got != "" {
		t.Errorf("%q, which this help does not list, replaces one", got)
	}
}

func TestOtherNames(t *testing.T) {
	tests := []struct {
		why, kind, name string
		want            OtherName // one of them
	}{
		{"what replaced it", "sglang", "cuda-graph-max-bs", OtherName{"cuda-graph-max-bs-decode", "cuda-graph-max-bs-decode"}},
		{"what it replaced, for an older image", "sglang", "cuda-graph-max-bs-decode", OtherName{"cuda-graph-max-bs", "cuda-graph-max-bs"}},
		{"with its value", "llamacpp", "mlock", OtherName{"load-mode", `load-mode = "mlock"`}},
		{"a key of a JSON flag", "vllm", "log-config-file", OtherName{"logging-config", "logging-config.pylogging_config_file"}},
	}
	for _, test := range tests {
		flags, _ := EngineFlags(test.kind)
		if got := flags.OtherNames(test.name); !slices.Contains(got, test.want) {
			t.Errorf("%s: %v, want %v among them", test.why, got, test.want)
		}
	}
	flags, _ := EngineFlags("vllm")
	if got := flags.OtherNames("no-such-flag"); got != nil {
		t.Errorf("an unknown flag has the names %v", got)
	}
}

func TestTwin(t *testing.T) {
	h := NewHelp([]string{"--no-enable-log-requests", "--enable-log-requests", "--no-perf", "--swa", "--disable-radix-cache"}, nil)
	for name, want := range map[string]string{
		"disable-log-requests":  "no-enable-log-requests",
		"disable-perf":          "no-perf",
		"enable-swa":            "swa",
		"no-enable-radix-cache": "disable-radix-cache",
		"max-num-seqs":          "",
	} {
		if got := h.Twin(name); got != want {
			t.Errorf("the twin of %s is %q, want %q", name, got, want)
		}
	}
}
