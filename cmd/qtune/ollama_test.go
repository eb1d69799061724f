package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// ollamaProfile has one Ollama on this host.
func ollamaProfile(t *testing.T, attributes string) string {
	return write(t, "o.hcl", `
model { id = "smol" }
gpu { devices = [] }
engine "ollama" "o" {
  runtime  = "process"
  command  = ["/bin/sh", "serve"]
  baseline = true
`+attributes+`
}
workload "w" {
  prompts { input_tokens = 8 }
  single { output_tokens = [5] }
}
objective { maximize = output_throughput }
`)
}

// What Ollama's store does not have is told before a run, by doctor and by plan: it is
// pulled, or nothing can be measured.
func TestOllamaModelThatMustBePulled(t *testing.T) {
	tests := []struct {
		why, attributes string
		there           bool
		code            int // of doctor
		doctor, plan    string
	}{
		{"it is there", "", true, exitOK, "has its model", ""},
		{"it is not there", "", false, exitError, "pull_model = true", "its trials will fail"},
		{"it may be pulled", "pull_model = true", false, exitOK, "apply pulls it", "Ollama pulls it"},
	}
	for _, test := range tests {
		t.Run(test.why, func(t *testing.T) {
			store := t.TempDir()
			if test.there {
				model := filepath.Join(store, "manifests", "registry.ollama.ai", "library", "smol", "latest")
				if err := os.MkdirAll(filepath.Dir(model), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(model, []byte("{}"), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			path := ollamaProfile(t, test.attributes)
			for _, command := range []struct {
				args []string
				code int
				says string
			}{
				{[]string{"doctor", path, "--dir", t.TempDir()}, test.code, test.doctor},
				{[]string{"plan", path, "--dir", t.TempDir()}, exitOK, test.plan},
			} {
				c := newConsole(t)
				c.environ = append(c.environ, "OLLAMA_MODELS="+store)
				if code := c.run(t, command.args...); code != command.code || !strings.Contains(c.out.String(), command.says) {
					t.Errorf("%s: exit %d, want %d and %q\n%s%s", command.args[0], code, command.code, command.says, c.out.String(), c.err.String())
				}
			}
		})
	}
	c := newConsole(t)
	c.environ = append(c.environ, "OLLAMA_MODELS="+t.TempDir())
	if code := c.run(t, "plan", ollamaProfile(t, "pull_model = true"), "--offline", "--dir", t.TempDir()); code != exitError || !strings.Contains(c.err.String(), "Ollama's model smol:latest") {
		t.Errorf("--offline: exit %d\n%s", code, c.err.String())
	}
}
