package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/qtune/qtune/profiles"
)

// TestExport writes the winner of a run in every format: with the reason of the
// flag that was swept, said to be simulated, without the secret; and the profile
// among them loads.
func TestExport(t *testing.T) {
	const secret = "s3cret-of-the-test"
	t.Setenv("MY_TOKEN", secret)
	text := strings.Replace(small, "  sweep {", "  env = { HF_TOKEN = env(\"MY_TOKEN\") }\n  sweep {", 1)
	path := write(t, "small.hcl", text)
	with := func() *console {
		c := newConsole(t)
		c.world.environ = append(c.world.environ, "MY_TOKEN="+secret)
		return c
	}
	dir := unstarved(t, 3, func(dir string) (int, string) {
		c := with()
		return c.run(t, simulated(path, dir)...), c.err.String()
	})
	for _, format := range exportFormats() {
		c := with()
		if code := c.run(t, "export", "--to", format, "--dir", dir); code != exitOK {
			t.Fatalf("%s: exit %d\n%s", format, code, c.err.String())
		}
		out := c.out.String()
		if strings.Contains(out, secret) || format != "args" && !strings.Contains(out, "MY_TOKEN") || !strings.Contains(out, "SIMULATED") {
			t.Errorf("%s: a secret, no reference to it, or no word of the simulation:\n%s", format, out)
		}
		if format != "env" && !strings.Contains(out, "swept; the best trial with") {
			t.Errorf("%s does not say why max-num-seqs is there:\n%s", format, out)
		}
		if format != formatHCL {
			continue
		}
		p, diags := profiles.Parse([]byte(out), filepath.Join(dir, "pin.hcl"), profiles.Options{Env: func(string) (string, bool) { return secret, true }})
		if diags.HasErrors() || len(p.Engines) != 1 || len(p.Engines[0].Axes) != 0 {
			t.Errorf("the profile does not pin the winner: %v\n%s", diags, out)
		}
	}
}
