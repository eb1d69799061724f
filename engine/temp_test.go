package engine

import (
	"os"
	"path/filepath"
	"testing"
)

func TestTemps(t *testing.T) {
	base := t.TempDir()
	l := &Launcher{RunID: "20261124-1", Dir: "/runs/20261124-1", Environ: []string{"TMPDIR=" + base}}
	path, err := l.trialTemp("304e62b10b")
	if err != nil {
		t.Fatal(err)
	}
	foreign := filepath.Join(base, "qtune-other-thing") // somebody else's, by the same kind of name
	link := filepath.Join(base, "qtune-link-1")
	pipe := filepath.Join(base, "qtune-linked-2")
	for _, err := range []error{
		os.Mkdir(foreign, 0o755), os.Symlink(path, link), os.Mkdir(pipe, 0o755), os.Symlink(filepath.Join(path, tempOwner), filepath.Join(pipe, tempOwner)),
		os.Mkdir(filepath.Join(base, "qtune-short-3"), 0o755), os.WriteFile(filepath.Join(base, "qtune-short-3", tempOwner), []byte("run"), 0o600),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	got := Temps(l.Environ)
	want := Temp{Path: path, Trial: "304e62b10b", Run: "20261124-1", Dir: "/runs/20261124-1"}
	if len(got) != 1 || got[0] != want {
		t.Errorf("got %+v, want %+v alone", got, want)
	}
	l.RunID = ""
	if path, err = l.trialTemp("x"); err != nil || len(Temps(l.Environ)) != 1 {
		t.Errorf("a start that belongs to no run: %s, %v", path, err)
	}
}
