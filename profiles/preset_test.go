package profiles

import (
	"fmt"
	"slices"
	"testing"
)

// TestPresets: each preset is an engine block of its own name that loads without an
// error, pins an image, and is in canonical form.
func TestPresets(t *testing.T) {
	var names []string
	for _, p := range Presets() {
		names = append(names, p.Name)
		if p.Description == "" || p.Kind == "" {
			t.Errorf("%s: description %q, kind %q", p.Name, p.Description, p.Kind)
		}
		text := fmt.Sprintf("model { id = \"m\" }\nengine %q \"x\" { preset = %q }\n", p.Kind, p.Name)
		e := parsed(t, text+rest, Options{}).Engines[0]
		if e.Image == "" {
			t.Errorf("%s: no image", p.Name)
		}
		parsed(t, "model { id = \"m\" }\n"+p.Source+rest, Options{})
		if got, d := Format([]byte(p.Source), p.Name); d.HasErrors() || string(got) != p.Source {
			t.Errorf("%s is not in canonical form", p.Name)
		}
	}
	for _, want := range []string{"llamacpp", "lmdeploy", "ollama", "sglang", "sglang-balanced-v2", "trtllm", "vllm", "vllm-cpu-offload"} {
		if !slices.Contains(names, want) {
			t.Errorf("no preset %s", want)
		}
	}
}

// TestPresetMerging: flags and env merge key by key at the preset's place, null takes
// away, and other attributes are replaced.
func TestPresetMerging(t *testing.T) {
	e := parsed(t, `
model { id = "m" }
engine "sglang" "a" {
  preset   = "sglang-balanced-v2"
  shm_size = null
  flags    = { new-flag-at-the-end = 1, max-total-tokens = 5, quantization = null }
  env      = { OMP_NUM_THREADS = null, NEW = 1 }
  allow_unknown_flags = true
}`+rest, Options{}).Engines[0]
	names := func() (all []string) {
		for _, f := range e.Flags {
			all = append(all, f.Name)
		}
		return all
	}()
	if e.ShmSize != 0 || slices.Contains(names, "quantization") || names[0] != "max-total-tokens" ||
		e.Flags[0].Value.Text != "5" || names[len(names)-1] != "new-flag-at-the-end" {
		t.Errorf("shm %d, flags %v", e.ShmSize, e.Flags)
	}
	if got := fmt.Sprint(e.Env[0].Name, e.Env[len(e.Env)-1].Name); got != "PYTORCH_CUDA_ALLOC_CONFNEW" {
		t.Errorf("env %v", e.Env)
	}
}
