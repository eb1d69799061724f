package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/qtune/qtune/catalog"
	"github.com/qtune/qtune/profiles"
)

func tableCard(t *testing.T, name string) *catalog.Card {
	t.Helper()
	c, ok := catalog.FindCard(name)
	if !ok {
		t.Fatalf("no card %s", name)
	}
	return &c
}

// What init writes is a profile without a complaint, in canonical form, that plans
// and whose rehearsal plan prunes nothing: it is worth running.
func TestInitWritesAProfile(t *testing.T) {
	folder := t.TempDir()
	config := `{"architectures":["LlamaForCausalLM"],"num_hidden_layers":2,"hidden_size":64,"intermediate_size":128,"num_attention_heads":4,"vocab_size":300,"max_position_embeddings":2048}`
	if err := os.WriteFile(filepath.Join(folder, "config.json"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	gguf := write(t, "m.gguf", "GGUF\x03\x00\x00\x00")
	tests := []struct {
		why   string
		found found
		says  []string
		least int // trials
	}{
		{"a 4090 with Docker", found{gpu: "NVIDIA GeForce RTX 4090", card: tableCard(t, "RTX 4090"), docker: true}, []string{`preset`, "RTX 4090", `"sglang"`, "kv-cache-dtype"}, 12},
		{"an H200 with Docker and a model of one's own", found{gpu: "NVIDIA H200", card: tableCard(t, "H200"), docker: true, model: "org/mine"}, []string{`"org/mine"`, "16384"}, 6},
		{"a card that is not in the table", found{gpu: "NVIDIA Thing 1", docker: true}, []string{"must be tried"}, 6},
		{"a model that is here", found{gpu: "NVIDIA GeForce RTX 4090", card: tableCard(t, "RTX 4090"), docker: true, cached: "Qwen/Qwen3-1.7B"}, []string{`"Qwen/Qwen3-1.7B"`}, 6},
		{"a folder", found{gpu: "NVIDIA GeForce RTX 4090", card: tableCard(t, "RTX 4090"), docker: true, model: folder}, []string{folder, "max-model-len = 2048"}, 6},
		{"no GPU, and vLLM for CPUs", found{vllm: "/opt/vllm/bin/vllm"}, []string{`runtime`, `"/opt/vllm/bin/vllm"`, "devices"}, 5},
		{"no GPU, no engine, Docker", found{docker: true}, []string{"no NVIDIA GPU", "simulate"}, 6},
		{"nothing at all", found{}, []string{"no Docker Engine"}, 6},
		{"a GGUF file, a 4090 and Docker", found{gpu: "NVIDIA GeForce RTX 4090", card: tableCard(t, "RTX 4090"), docker: true, model: gguf}, []string{`preset`, `"llamacpp"`, gguf, "ubatch-size"}, 5},
		{"a GGUF file, no GPU and Docker", found{docker: true, model: gguf}, []string{"for CPUs", "device", "null", "devices"}, 5},
		{"a GGUF file and a llama-server, no Docker", found{llama: "/usr/bin/llama-server", model: gguf}, []string{`runtime`, `"/usr/bin/llama-server"`, "kv-unified"}, 5},
		{"a GGUF file, and nothing to serve it", found{model: gguf}, []string{`"llamacpp"`}, 5},
		{"a GPU without Docker, and vLLM", found{gpu: "NVIDIA GeForce RTX 5090", card: tableCard(t, "RTX 5090"), vllm: "/usr/bin/vllm"}, []string{`"/usr/bin/vllm"`}, 5},
	}
	for _, tt := range tests {
		t.Run(tt.why, func(t *testing.T) {
			c := newConsole(t)
			path := filepath.Join(t.TempDir(), "qtune.hcl")
			if err := initProfile(&c.world, path, tt.found, false); err != nil {
				t.Fatal(err)
			}
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range tt.says {
				if !strings.Contains(string(text), want) {
					t.Errorf("lacks %q:\n%s", want, text)
				}
			}
			if again, _ := profiles.Format(text, path); !bytes.Equal(again, text) {
				t.Errorf("not in canonical form:\n%s", text)
			}
			if code := c.run(t, "validate", path); code != exitOK || c.err.String() != "" {
				t.Errorf("validate: exit %d\n%s\n%s", code, c.err.String(), text)
			}
			checkInitPlans(t, string(text), tt.least)
		})
	}
}

func checkInitPlans(t *testing.T, text string, least int) {
	t.Helper()
	v := planned(t, text, "--simulate")
	if len(v.Trials) < least {
		t.Errorf("%d trials, want at least %d", len(v.Trials), least)
	}
	for _, trial := range v.Trials {
		if trial.Status != "planned" {
			t.Errorf("%s is %s: %s", trial.ID, trial.Status, trial.Reason)
		}
	}
}

func TestInitSaysThatAModelDoesNotFit(t *testing.T) {
	for model, want := range map[string]string{"Qwen/Qwen3-32B": "cannot run like this on one RTX 4090", "Qwen/Qwen3-0.6B": "", "org/unknown": ""} {
		c := newConsole(t)
		f := found{gpu: "NVIDIA GeForce RTX 4090", card: tableCard(t, "RTX 4090"), docker: true, model: model}
		if err := initProfile(&c.world, filepath.Join(t.TempDir(), "p.hcl"), f, false); err != nil {
			t.Fatal(err)
		}
		if said := c.err.String(); !strings.Contains(said, want) || want == "" && said != "" {
			t.Errorf("%s: %q, want %q", model, said, want)
		}
	}
}

func TestInitCommand(t *testing.T) {
	path := filepath.Join(t.TempDir(), "mine.hcl")
	c := newConsole(t)
	if code := c.run(t, "init", path); code != exitOK || !strings.Contains(c.out.String(), "qtune plan "+path) {
		t.Fatalf("exit %d\n%s%s", code, c.out.String(), c.err.String())
	}
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if code := c.run(t, "init", path, "--model", "org/other"); code != exitError || !strings.Contains(c.err.String(), "--force") {
		t.Errorf("over a file that is there: exit %d\n%s", code, c.err.String())
	}
	if after, err := os.ReadFile(path); err != nil || !bytes.Equal(before, after) {
		t.Errorf("the file was changed (%v)", err)
	}
	if code := c.run(t, "init", path, "--model", "org/other", "--force"); code != exitOK {
		t.Errorf("--force: exit %d\n%s", code, c.err.String())
	}
	if code := c.run(t, "init", path, "--model", "./no/such.gguf", "--force"); code != exitError || !strings.Contains(c.err.String(), "there is no ./no/such.gguf") {
		t.Errorf("a model that is not there: exit %d\n%s", code, c.err.String())
	}
	if after, err := os.ReadFile(path); err != nil || !strings.Contains(string(after), "org/other") {
		t.Errorf("--force did not overwrite (%v)", err)
	}
}
