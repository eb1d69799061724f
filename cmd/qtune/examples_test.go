package main

import (
	"path/filepath"
	"strings"
	"testing"
)

// TestExampleOfTwoFigures plans the example: both figures and how one is picked are said
// before anything starts.
func TestExampleOfTwoFigures(t *testing.T) {
	c := newConsole(t)
	path := filepath.Join("..", "..", "examples", "two-figures.hcl")
	if code := c.run(t, "plan", path, "--simulate", "--dir", t.TempDir()); code != exitOK {
		t.Fatalf("exit %d\n%s", code, c.err.String())
	}
	for _, want := range []string{"maximize output_throughput at 24 users, and minimize ttft_p95 at 24 users", "at the knee", "--max-num-seqs 32"} {
		if !strings.Contains(c.out.String(), want) {
			t.Errorf("no %q in\n%s", want, c.out.String())
		}
	}
}
