package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/qtune/qtune/tuner"
)

// BenchmarkValidate200Lines times the whole program, start included.
func BenchmarkValidate200Lines(b *testing.B) {
	bin := filepath.Join(b.TempDir(), "qtune")
	build := exec.CommandContext(b.Context(), "go", "build", "-o", bin, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	path := filepath.Join(b.TempDir(), "long.hcl")
	if err := os.WriteFile(path, []byte(longProfile(200)), 0o644); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if out, err := exec.CommandContext(b.Context(), bin, "validate", path).CombinedOutput(); err != nil {
			b.Fatalf("%v\n%s", err, out)
		}
	}
}

// longProfile is a valid profile of n lines.
func longProfile(n int) string {
	text := small
	for i := 0; strings.Count(text, "\n") < n; i++ {
		text += fmt.Sprintf("variable \"limit_%d\" {\n  type    = number\n  default = %d\n}\n", i, i)
	}
	return text
}

// BenchmarkPlan10000Candidates plans a grid of 10,000, profile read included.
func BenchmarkPlan10000Candidates(b *testing.B) {
	text := strings.Replace(small, "max-num-seqs = [2, 8]", "max-num-seqs = range(1, 100, 1)", 1)
	text = strings.Replace(text, "max-model-len = [4096, 40000]", "max-num-batched-tokens = range(2000, 2099, 1)", 1)
	text = strings.Replace(text, "flags.max-model-len == 4096", "flags.max-num-batched-tokens < 2050", 1)
	text += "search {\n  max_candidates = 10000\n}\n"
	path := filepath.Join(b.TempDir(), "big.hcl")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		b.Fatal(err)
	}
	w := &world{stdout: &strings.Builder{}, stderr: &strings.Builder{}, width: func() int { return 80 }}
	for b.Loop() {
		p, err := loadProfile(w, path, &profileFlags{}, false)
		if err != nil {
			b.Fatal(err, w.stderr)
		}
		if n := len(tuner.NewPlan(p).Trials); n < 10000 {
			b.Fatalf("%d trials", n)
		}
	}
}

// BenchmarkTrialOverhead is the time of a trial that is neither the engine's
// start nor the load: the wall time of a whole run less both, for each trial.
func BenchmarkTrialOverhead(b *testing.B) {
	path := filepath.Join(b.TempDir(), "small.hcl")
	if err := os.WriteFile(path, []byte(small), 0o644); err != nil {
		b.Fatal(err)
	}
	var overhead time.Duration
	trials := 0
	for b.Loop() {
		w := processWorld()
		w.stdout, w.stderr, w.terminal, w.signals = &strings.Builder{}, &strings.Builder{}, false, false
		dir := b.TempDir()
		began := time.Now()
		if code := run(b.Context(), []string{"apply", path, "--simulate", "--dir", dir}, w); code != exitOK {
			b.Fatalf("exit %d", code)
		}
		wall := time.Since(began)
		folder, err := tuner.OpenFolder(dir)
		if err != nil {
			b.Fatal(err)
		}
		known, _ := folder.Known(func(err error) { b.Error(err) })
		for _, r := range known {
			wall -= time.Duration((r.StartS + r.MeasureS) / defaultSimulatedSpeed * float64(time.Second))
			trials++
		}
		overhead += wall
	}
	b.ReportMetric(overhead.Seconds()/float64(trials), "s/trial")
}

// BenchmarkPlanOfMillions plans a space of 3.6 million candidates, of which a strategy
// chooses: read, counted, pruned by rules, ranked by predictions, the first predicted.
func BenchmarkPlanOfMillions(b *testing.B) {
	path := filepath.Join(b.TempDir(), "wide.hcl")
	if err := os.WriteFile(path, []byte(wideProfile), 0o644); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		w := &world{stdout: &strings.Builder{}, stderr: &strings.Builder{}, width: func() int { return 80 }, environ: []string{"HF_ENDPOINT=http://127.0.0.1:1"}}
		if code := run(b.Context(), []string{"plan", path, "--dir", b.TempDir()}, w); code != exitOK {
			b.Fatal(code, w.stderr)
		}
	}
}

const wideProfile = `
model {
  id = "Qwen/Qwen3-32B-AWQ"
}
gpu {
  simulate = "RTX 5090"
}
engine "vllm" "wide" {
  image = "vllm/vllm-openai:v0.32.0"
  sweep {
    block-size             = [16, 32]
    enforce-eager          = [null, true]
    kv-cache-dtype         = ["auto", "fp8"]
    attention-backend      = [null, "FLASHINFER", "TRITON_ATTN"]
    gpu-memory-utilization = range(0.80, 0.96, 0.02)
    max-num-seqs           = [4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 160, 192, 256, 512]
    max-num-batched-tokens = [1024, 2048, 3072, 4096, 8192, 12288, 16384]
    cpu-offload-gb         = [null, 2, 4, 8]
    max-model-len          = [2048, 4096, 8192, 16384, 32768]
    async-scheduling       = [null, true]
    stream-interval        = [null, 4]
    enable-prefix-caching  = [null, true]
  }
  where = flags.max-num-batched-tokens >= flags.max-num-seqs
}
workload "chat" {
  prompts {
    input_tokens = 800
  }
  closed {
    users         = [1, 8, 32]
    output_tokens = 250
  }
}
objective {
  maximize = output_throughput
  at       = { users = 32 }
}
constraint "ttft_p95" {
  max = "3s"
  at  = { users = 32 }
}
search {
  strategy = "auto"
  budget {
    trials = 40
  }
}
`
