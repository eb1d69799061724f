package engine

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/qtune/qtune/profiles"
)

// store makes an Ollama store with models in it and gives the environment that names it.
func store(t *testing.T, files ...string) []string {
	t.Helper()
	dir := t.TempDir()
	for _, f := range append(files, "ignored") {
		path := filepath.Join(dir, "manifests", f)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("{}"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return []string{"OLLAMA_MODELS=" + dir}
}

func TestOllamaModelThatIsNotPulled(t *testing.T) {
	environ := store(t, "registry.ollama.ai/library/qwen3/8b", "registry.ollama.ai/library/smol/latest", "registry.ollama.ai/me/mine/q4", "hf.co/org/repo/Q4_K_M")
	tests := []struct {
		why, model string
		there      bool
	}{
		{"a model of the library", "qwen3:8b", true},
		{"no tag is the latest", "smol", true},
		{"a model of a user", "me/mine:q4", true},
		{"a model of another host", "hf.co/org/repo:Q4_K_M", true},
		{"another tag", "qwen3:14b", false},
		{"no such model", "Qwen/Qwen3-8B", false},
		{"a name that leads out of the store", "../../x:y", false},
	}
	for _, test := range tests {
		l := &Launcher{Environ: environ}
		st := Start{Engine: &profiles.Engine{Kind: "ollama", Runtime: profiles.RuntimeDocker, Image: "ollama/ollama:1"}, Model: profiles.Model{ID: test.model}}
		f := l.missingModel(st)
		if (f == nil) != test.there {
			t.Errorf("%s: %v", test.why, f)
		}
		if f != nil && (f.Class != ModelMissing || !strings.Contains(f.Hint, "ollama pull "+test.model)) {
			t.Errorf("%s: %+v", test.why, f)
		}
	}
}

func TestOllamaServes(t *testing.T) {
	ps := func(vram string) string {
		return `{"models":[{"name":"m:latest","size":9,"size_vram":` + vram + `,"context_length":8192}]}`
	}
	tests := []struct {
		why   string
		ps    string
		gpus  bool
		class Class // "": it serves
	}{
		{"on the card", ps("9"), true, ""},
		{"on the CPU, where no card is given", ps("0"), false, ""},
		{"on the CPU, although there is a card for it", ps("0"), true, GPUMissing},
	}
	for _, test := range tests {
		t.Run(test.why, func(t *testing.T) {
			r := routes{
				"/": answer(200, "Ollama is running"), "/v1/models": answer(200, `{"data":[{"id":"m:latest"}]}`), "/v1/completions": answer(200, oneToken),
				"/api/ps": answer(200, test.ps), "/api/version": answer(200, `{"version":"0.33.0"}`),
			}
			s := newStart(t, r.server(t).Listener.Addr().String())
			s.st.Engine.Kind = "ollama"
			if test.gpus {
				s.launcher.GPUs = []string{"GPU-1"}
			}
			server, failure, err := s.serve(t)
			if err != nil || (failure == nil) != (test.class == "") || failure != nil && failure.Class != test.class {
				t.Fatal(failure, err)
			}
			if server == nil {
				return
			}
			if f := server.Facts(); f.EngineVersion != "0.33.0" || f.ModelName != "m:latest" {
				t.Errorf("facts %+v", f)
			}
			if err := server.Close(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestOllamaLoadThatFails: its HTTP server lives and answers 500 for ever, and the
// log tells that the model's own server has died.
func TestOllamaLoadThatFails(t *testing.T) {
	r := routes{"/": answer(200, "Ollama is running"), "/v1/models": answer(200, `{"data":[{"id":"m:latest"}]}`), "/v1/completions": answer(500, `{"error":"llama-server process has terminated"}`)}
	s := newStart(t, r.server(t).Listener.Addr().String())
	s.st.Engine.Kind = "ollama"
	s.out = newSink(brokenNever{}, "ollama", redactor{}, nil)
	s.log("gguf_init_from_reader: invalid magic characters: 'junk', expected 'GGUF'")
	s.log(`time=2026-08-21T18:00:00.000Z level=ERROR source=sched.go:734 msg="error loading llama server" error="llama-server process has terminated: exit status 1"`)
	_, failure, err := s.serve(t)
	if err != nil || failure == nil || failure.Class != ModelCorrupt {
		t.Fatal(failure, err)
	}
}

type brokenNever struct{}

func (brokenNever) Write(p []byte) (int, error) { return len(p), nil }
func (brokenNever) Close() error                { return nil }
