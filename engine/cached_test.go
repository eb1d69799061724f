package engine

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestCachedModels(t *testing.T) {
	cache := t.TempDir()
	for name, files := range map[string][]string{
		"models--org--whole": {"config.json", "model.safetensors"}, "models--org--half": {"config.json"}, "datasets--org--d": {"config.json", "model.safetensors"},
	} {
		repo := filepath.Join(cache, name)
		for _, dir := range []string{"refs", "snapshots/c1"} {
			if err := os.MkdirAll(filepath.Join(repo, dir), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		write(t, filepath.Join(repo, "refs", "main"), "c1")
		for _, f := range files {
			write(t, filepath.Join(repo, "snapshots", "c1", f), "{}")
		}
	}
	if got := CachedModels(cache); !slices.Equal(got, []string{"org/whole"}) {
		t.Errorf("got %q", got)
	}
	if got := CachedModels(filepath.Join(cache, "none")); got != nil {
		t.Errorf("no cache holds %q", got)
	}
}
