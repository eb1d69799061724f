package profiles

import (
	"fmt"
	"strings"
	"testing"
)

// BenchmarkValidate reads a profile of about 200 lines.
func BenchmarkValidate(b *testing.B) {
	var text strings.Builder
	text.WriteString("model {\n  id = \"m\"\n}\n")
	for i := range 8 {
		fmt.Fprintf(&text, `
engine "vllm" "engine-%d" {
  preset          = "vllm-cpu-offload"
  startup_timeout = "10m"
  shm_size        = "16GiB"

  flags = {
    max-model-len          = 8192
    gpu-memory-utilization = 0.9
    dtype                  = "auto"
    enforce-eager          = true
  }

  sweep {
    max-num-seqs  = [64, 128, 256]
    enforce-eager = [null, true]
    block-size    = [16, 32]
  }

  where = flags.max-num-seqs > 64 || flags.enforce-eager == null
}
`, i)
	}
	text.WriteString(rest)
	b.ReportMetric(float64(strings.Count(text.String(), "\n")), "lines")
	for b.Loop() {
		if p, d := Parse([]byte(text.String()), "bench.hcl", Options{}); p == nil {
			b.Fatal(d.List())
		}
	}
}

// BenchmarkWhere reads a sweep of 10,000 candidates and goes through it.
func BenchmarkWhere(b *testing.B) {
	text := sweepOf("    swept-x = range(1, 100)\n    swept-y = range(1, 100)", "  where = flags.swept-x + flags.swept-y < 100 || flags.b-flag == null")
	for b.Loop() {
		p, d := Parse([]byte(text), "bench.hcl", Options{})
		if p == nil {
			b.Fatal(d.List())
		}
		for range p.Engines[0].Candidates() {
		}
	}
}
