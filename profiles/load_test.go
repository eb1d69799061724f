package profiles

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files")

// outside is the world that the profiles in testdata are read in.
func outside() Options {
	set := map[string]string{"HF_TOKEN": "hf_secret_token", "HOME": "/home/me", "QTUNE_VAR_from_env": "7"}
	return Options{Env: func(name string) (string, bool) { v, ok := set[name]; return v, ok }}
}

func rendered(t *testing.T, d *Diagnostics) string {
	t.Helper()
	var out bytes.Buffer
	if err := d.WriteText(&out, 100, false); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s is different\ngot:\n%s\nwant:\n%s", path, got, want)
	}
}

// TestGood: every profile in testdata/ok loads, and what it came to is the golden
// file, warnings included.
func TestGood(t *testing.T) {
	for _, path := range files(t, "testdata/ok/*.hcl") {
		t.Run(filepath.Base(path), func(t *testing.T) {
			p, d := Load(path, outside())
			if d.HasErrors() {
				t.Fatalf("unexpected errors:\n%s", rendered(t, d))
			}
			golden(t, strings.TrimSuffix(path, ".hcl")+".golden", dump(t, p)+rendered(t, d))
		})
	}
}

func files(t *testing.T, pattern string) []string {
	t.Helper()
	all, err := filepath.Glob(pattern)
	if err != nil || len(all) == 0 {
		t.Fatalf("no files %s (%v)", pattern, err)
	}
	return all
}

// TestBad: every profile in testdata/bad is refused, and the golden file is what the
// user reads: the place, the source line, and what to write instead.
func TestBad(t *testing.T) {
	for _, path := range files(t, "testdata/bad/*.hcl") {
		t.Run(filepath.Base(path), func(t *testing.T) {
			p, d := Load(path, outside())
			if p != nil || !d.HasErrors() {
				t.Errorf("it was accepted")
			}
			golden(t, strings.TrimSuffix(path, ".hcl")+".golden", rendered(t, d))
			for _, g := range d.List() {
				if g.Detail == "" {
					t.Errorf("%q says nothing about what to write instead", g.Summary)
				}
				if g.Summary == panicked {
					t.Errorf("%q: %s", g.Summary, g.Detail)
				}
			}
		})
	}
}
