package engine

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// A folder in which something cannot be removed keeps its mark, and goes the next time.
func TestATempThatCannotBeRemovedIsFoundAgain(t *testing.T) {
	base := t.TempDir()
	l := &Launcher{RunID: "r", Dir: "/runs/r", Environ: []string{"TMPDIR=" + base}}
	path, err := l.trialTemp("304e62b10b")
	if err != nil {
		t.Fatal(err)
	}
	letGo := hold(t, filepath.Join(path, "cache"))
	for range 2 {
		found := Temps(l.Environ)
		if len(found) != 1 || found[0].Run != "r" {
			t.Fatalf("found %+v", found)
		}
		if err := found[0].Remove(); err == nil || !exists(path) {
			t.Fatalf("it is gone: %v", err)
		}
	}
	letGo()
	if err := Temps(l.Environ)[0].Remove(); err != nil || exists(path) {
		t.Errorf("not removed: %v", err)
	}
}

// hold makes a folder that cannot be removed until the function is called.
func hold(t *testing.T, path string) (letGo func()) {
	t.Helper()
	if err := os.MkdirAll(filepath.Join(path, "x"), 0o700); err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() != 0 {
		letGo = func() { _ = os.Chmod(path, 0o700) }
		if err := os.Chmod(path, 0o500); err != nil {
			t.Fatal(err)
		}
	} else {
		letGo = func() { _ = syscall.Unmount(path, syscall.MNT_DETACH) }
		if err := syscall.Mount("tmpfs", path, "tmpfs", 0, "size=64k"); err != nil {
			t.Skipf("nothing can be mounted here: %v", err)
		}
	}
	t.Cleanup(letGo)
	return letGo
}
