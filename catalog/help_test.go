package catalog

import (
	"os"
	"path/filepath"
	"testing"
)

// dataFolder is where recorded output of real engines lies; it is not part of the
// repository.
func dataFolder(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("QTUNE_DATA")
	if dir == "" {
		dir = filepath.Join("..", "..", "shared", "data")
	}
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("no recorded output in %s (set QTUNE_DATA)", dir)
	}
	return dir
}

// llamaHelp is the form of llama-server's help: options at the margin, the short
// ones in columns of their own.
const llamaHelp = `----- common params -----

-h,    --help, --usage                  print usage and exit
--version                               show version and build info
-t,    --threads N                      number of CPU threads to use during generation (default: -1)
                                        (env: LLAMA_ARG_THREADS)
-c,    --ctx-size N                     size of the prompt context (default: 0, 0 = loaded from model)
-fa,   --flash-attn [on|off|auto]       set Flash Attention use ('on', 'off', or 'auto', default: 'auto')
-ctk,  --cache-type-k TYPE              KV cache data type for K
                                        allowed values: f32, f16
--perf, --no-perf                       whether to enable internal performance timings
-ngl,  --gpu-layers, --n-gpu-layers N   max. number of layers to store in VRAM

----- server-specific params -----

--slots                                 expose slots monitoring endpoint
--no-slots                              disables slots monitoring endpoint
`

const clickHelp = `Usage: trtllm-serve serve [OPTIONS] MODEL

Options:
  --host TEXT                     Hostname of the server.
  --port INTEGER
  --backend [pytorch|tensorrt]    The backend to use.
  --max_batch_size INTEGER        Maximum number of requests
  --max_num_tokens INTEGER        Maximum number of batched input tokens
  --max_seq_len INTEGER           - not an option: --nothing
  --tp_size, --tensor_parallel_size INTEGER
  --ep_size INTEGER
  --pp_size INTEGER
  --trust_remote_code             Flag for HF transformers.
  --help                          Show this message and exit.
`

func TestParseHelp(t *testing.T) {
	tests := []struct {
		why, text, file string
		has, hasNot     []string
		least           int
	}{
		{"llama-server's", llamaHelp, "", []string{"-h", "--usage", "-fa", "--flash-attn", "--no-perf", "--n-gpu-layers", "-ngl", "--slots"}, []string{"--nothing", "-1", "--f16"}, 19},
		{"click's", clickHelp, "", []string{"--max_batch_size", "--tensor_parallel_size", "--tp_size"}, []string{"--nothing"}, 12},
		{"a real vLLM's, every option", "", "vllm-startup/cpu-0.32-serve-help-all.txt",
			[]string{"--max-num-seqs", "--no-enable-prefix-caching", "--gpu-memory-utilization", "-tp", "-asc", "--kv-cache-dtype"}, []string{"--swap-space", "--num-scheduler-steps"}, 300},
		{"a real SGLang's, from its usage", "", "sglang-startup/cpu-0.5.23-unknown-flag.log",
			[]string{"--model-path", "--mem-fraction-static", "--no-enable-tf32-matmul", "--disable-cuda-graph", "-h"}, []string{"--no-such-flag"}, 300},
	}
	for _, tt := range tests {
		t.Run(tt.why, func(t *testing.T) {
			if tt.file != "" {
				text, err := os.ReadFile(filepath.Join(dataFolder(t), tt.file))
				if err != nil {
					t.Fatal(err)
				}
				tt.text = string(text)
			}
			h, err := ParseHelp(tt.text)
			if err != nil {
				t.Fatal(err)
			}
			if n := len(h.Options()); n < tt.least {
				t.Errorf("%d options, want at least %d", n, tt.least)
			}
			for _, o := range tt.has {
				if !h.Has(o) {
					t.Errorf("%s is missing", o)
				}
			}
			for _, o := range tt.hasNot {
				if h.Has(o) {
					t.Errorf("%s is no option", o)
				}
			}
		})
	}
}

// The catalog was read from the same parser that printed the help.
func TestHelpAgreesWithTheCatalog(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(dataFolder(t), "vllm-startup/cpu-0.32-serve-help-all.txt"))
	if err != nil {
		t.Fatal(err)
	}
	h, err := ParseHelp(string(text))
	if err != nil {
		t.Fatal(err)
	}
	flags, _ := EngineFlags("vllm")
	missing := 0
	for _, name := range flags.Names() {
		if !h.Has(flags.Option(name)) {
			t.Logf("%s is not in the help", name)
			missing++
		}
	}
	if missing > len(flags.Names())/50 {
		t.Errorf("%d of %d flags are not in the help", missing, len(flags.Names()))
	}
	if got := h.Suggest("max-num-seq"); got != "max-num-seqs" {
		t.Errorf("suggests %q", got)
	}
}

func TestParseHelpRefusesWhatIsNone(t *testing.T) {
	for _, text := range []string{"", "Traceback (most recent call last):\n", "usage: x [-h] [--y]\n\nx: error: unknown\n"} {
		if h, err := ParseHelp(text); err == nil {
			t.Errorf("%q is a help with %v", text, h.Options())
		}
	}
}

func FuzzParseHelp(f *testing.F) {
	f.Add(llamaHelp)
	f.Add(clickHelp)
	f.Fuzz(func(t *testing.T, text string) {
		h, err := ParseHelp(text)
		if err == nil && len(h.Options()) < leastHelp {
			t.Errorf("%d options are no help", len(h.Options()))
		}
	})
}
