package engine

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestExplainGuessesTheEngine(t *testing.T) {
	tests := []struct {
		file, kind string
		class      Class
	}{
		{"vllm-startup/cpu-0.32-engine-core-died-container-running.log", "vllm", NoExec},
		{"vllm-startup/cpu-0.32-unknown-flag.log", "vllm", BadFlag},
		{"sglang-startup/cpu-0.5.23-no-memory-for-kv-exit-137.log", "sglang", KVTooSmall},
		{"sglang-startup/cpu-0.5.23-unknown-flag.log", "sglang", BadFlag},
		{"vllm-startup/cpu-0.32-start-eager.log", "vllm", Unknown},
		{"sglang-startup/cpu-0.5.23-start.log", "sglang", Unknown},
	}
	data := dataFolder(t)
	for _, test := range tests {
		t.Run(test.file, func(t *testing.T) {
			log, err := os.Open(filepath.Join(data, test.file))
			if err != nil {
				t.Fatal(err)
			}
			defer log.Close()
			f, kind, err := Explain("", log)
			if err != nil || kind != test.kind || f.Class != test.class {
				t.Errorf("%v of %q (%v), want %s of %q", f, kind, err, test.class, test.kind)
			}
			if f.Line == "" || f.Hint == "" || f.Class == Unknown && len(f.Tail) == 0 {
				t.Errorf("says too little: %+v", f)
			}
		})
	}
}

func TestGuess(t *testing.T) {
	tests := []struct{ why, text, kind string }{
		{"nothing", "", ""},
		{"no engine's words", "hello", ""},
		{"llama.cpp names no program", "load_tensors: offloading 32 layers\nllama_context: n_ctx = 512\n", "llamacpp"},
		{"vLLM", "INFO vllm serve\n", "vllm"},
		{"Ollama's log holds its llama-server's", "source=routes.go:2008 msg=\"Listening on [::]:11434 (version 0.33.0)\"\nllama_context: n_ctx = 512\nggml_cuda_init:\nload_tensors:\n", "ollama"},
		{"TensorRT-LLM", "[TensorRT-LLM] TensorRT LLM version: 1.3.0\n[TRT-LLM] [I] Using LLM with PyTorch backend\n", "trtllm"},
		{"SGLang's usage names the backends of others", "usage: sglang serve [-h]\n  [--attention-backend {trtllm_mla,trtllm_mha,flashinfer_trtllm}]\n", "sglang"},
		{"LMDeploy", "2026-08-21 10:00:00,000 - lmdeploy - INFO - base.py:450 - Building Model.\n", "lmdeploy"},
	}
	for _, test := range tests {
		if got := Guess([]byte(test.text)); got != test.kind {
			t.Errorf("%s: %q, want %q", test.why, got, test.kind)
		}
	}
}

func TestExplainSaysThatTheLogCannotBeRead(t *testing.T) {
	broken := errors.New("the disk is gone")
	_, _, err := Explain("", io.MultiReader(strings.NewReader("one line\n"), errReader{broken}))
	if !errors.Is(err, broken) {
		t.Errorf("error %v, want %v", err, broken)
	}
}

type errReader struct{ err error }

func (r errReader) Read([]byte) (int, error) { return 0, r.err }
