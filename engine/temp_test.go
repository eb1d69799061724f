package engine

import (
	"os"
	"path/filepath"
	"testing"
	"time"
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

// A run that is killed between making a folder and marking it, or between removing
// the mark and the folder, leaves an empty one.
func TestTempsThatNobodyMarked(t *testing.T) {
	base := t.TempDir()
	old := time.Now().Add(-time.Hour)
	for _, tt := range []struct {
		why, name, holds string
		made             time.Time
		want             bool
	}{
		{"one that has long been empty", "qtune-304e62b10b-1238614029", "", old, true},
		{"one that may be marked in a moment", "qtune-304e62b10b-2", "", time.Now(), false},
		{"one that holds something", "qtune-304e62b10b-3", "x", old, false},
		{"somebody else's, of a name like ours", "qtune-notes-4", "", old, false},
		{"somebody else's, with more to its name", "qtune-304e62b10b-5-kept", "", old, false},
	} {
		path := filepath.Join(base, tt.name)
		if err := os.Mkdir(path, 0o700); err != nil {
			t.Fatal(err)
		}
		if tt.holds != "" {
			if err := os.WriteFile(filepath.Join(path, tt.holds), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Chtimes(path, tt.made, tt.made); err != nil {
			t.Fatal(err)
		}
		got := Temps([]string{"TMPDIR=" + base})
		if (len(got) == 1) != tt.want || tt.want && got[0] != (Temp{Path: path, Trial: "304e62b10b"}) {
			t.Errorf("%s: got %+v", tt.why, got)
		}
		for _, temp := range got {
			if err := temp.Remove(); err != nil || exists(path) {
				t.Errorf("%s: not removed: %v", tt.why, err)
			}
			if err := temp.Remove(); err != nil {
				t.Errorf("%s: removed by somebody else before: %v", tt.why, err)
			}
		}
	}
	held := filepath.Join(base, "qtune-304e62b10b-3")
	if err := (Temp{Path: held}).Remove(); err == nil || !exists(filepath.Join(held, "x")) {
		t.Errorf("what came into a folder meanwhile was removed: %v", err)
	}
}
