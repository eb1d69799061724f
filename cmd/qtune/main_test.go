package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/qtune/qtune/tuner"
)

// TestMain lets this test binary stand for the program where a run starts it
// again: simulated engines and reapers are processes of the same binary.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && (os.Args[1] == "simulate" || os.Args[1] == "reaper") {
		os.Exit(run(context.Background(), os.Args[1:], processWorld()))
	}
	os.Exit(m.Run())
}

// console is a world whose streams are kept.
type console struct {
	world
	out, err syncBuffer
}

// syncBuffer is a buffer that a run writes while a test reads.
type syncBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func newConsole(t *testing.T) *console {
	t.Helper()
	t.Setenv("DOCKER_HOST", "unix:///nowhere/docker.sock") // what the Docker client itself reads
	c := &console{}
	c.world = world{
		stdout: &c.out, stderr: &c.err, stdin: strings.NewReader(""), width: func() int { return 100 },
		environ: []string{"HOME=" + t.TempDir(), "PATH=" + os.Getenv("PATH")},
	}
	return c
}

func (c *console) run(t *testing.T, args ...string) int {
	t.Helper()
	return run(t.Context(), args, &c.world)
}

// result is the last line of a JSON stream.
func (c *console) result(t *testing.T) tuner.Summary {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(c.out.String()), "\n")
	var s tuner.Summary
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &s); err != nil || s.Type != "result" {
		t.Fatalf("the last line is no result: %v: %.300s\nstderr: %s", err, lines[len(lines)-1], c.err.String())
	}
	return s
}

// write puts a profile into a folder of its own.
func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

const small = `
model {
  id = "Qwen/Qwen3-8B"
}
gpu {
  simulate = "RTX 4090"
}
engine "vllm" "plain" {
  image = "vllm/vllm-openai:v0.32.0"
  flags = { max-model-len = 4096, max-num-seqs = 2 }
  sweep {
    max-num-seqs = [2, 8]
    max-model-len = [4096, 40000]
  }
  where = flags.max-num-seqs == 8 || flags.max-model-len == 4096
}
workload "w" {
  prompts {
    input_tokens = 32
  }
  closed {
    users         = 8
    output_tokens = 20
    requests      = 16
    warmup        = 1
  }
}
objective {
  maximize = output_throughput
}
`
