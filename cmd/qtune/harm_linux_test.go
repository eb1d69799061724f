//go:build chaos

package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/qtune/qtune/engine"
)

// bystanders are things that no chaos may touch: a run at work in another
// folder, and look-alikes. The function tells which were harmed.
func bystanders(t *testing.T, c *chaos) func() []string {
	t.Helper()
	long := strings.NewReplacer("requests      = 16", "requests      = 100000", "output_tokens = 20", "output_tokens = 2000").Replace(small)
	path, dir := write(t, "long.hcl", long), t.TempDir()
	args := []string{"apply", path, "--simulate", "--simulate-speed", "8", "--dir", dir, "--json"}
	if c.docker != nil {
		args = append(args, "--simulate-in", "docker")
	}
	a := &applied{dir: dir, cmd: exec.CommandContext(t.Context(), c.bin, args...)}
	a.start(t)
	go func() { _, _ = io.Copy(io.Discard, a.out) }() // until the run ends
	before := fmt.Sprint(leftOf(t, c.docker, dir))
	gone := func() []string { return nil }
	if c.docker != nil {
		mine, err := c.docker.List(t.Context(), labelDir+"="+filepath.Join(dir, "runs", a.run))
		if err != nil || len(mine) != 1 {
			t.Fatalf("%d containers of the bystander, %v", len(mine), err)
		}
		gone = lookAlikes(t, c.docker, mine[0].Image, a)
	}
	return func() []string {
		harmed := gone()
		if after := fmt.Sprint(leftOf(t, c.docker, dir)); after != before {
			harmed = append(harmed, "the other run: before "+before+", after "+after)
		}
		if err := a.cmd.Process.Signal(syscall.SIGINT); err != nil {
			harmed = append(harmed, err.Error())
		}
		_ = a.cmd.Wait() // interrupted
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if _, err := findOurs(ctx, c.docker); err != nil {
			harmed = append(harmed, err.Error())
		}
		return harmed
	}
}

// noFolders looks through TMPDIR, which scripts/chaos.sh has made for this alone: no
// trial may have left a folder there, but for one whose run was killed before it
// could say whose it is, which the next command a minute later takes for what it is.
func noFolders(t *testing.T) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(os.TempDir(), "qtune-*-*"))
	if err != nil || os.Getenv("TMPDIR") == "" {
		t.Logf("temporary folders of trials are not looked at: TMPDIR is %q, %v", os.Getenv("TMPDIR"), err)
		return
	}
	old := time.Now().Add(-time.Hour)
	for _, p := range paths {
		if err := os.Chtimes(p, old, old); err != nil {
			t.Error(err)
		}
	}
	known := 0
	for _, temp := range engine.Temps(os.Environ()) {
		if known++; temp.Run != "" {
			t.Errorf("left: the folder %s of run %s", temp.Path, temp.Run)
		}
	}
	if t.Logf("%d folders whose runs were killed before they could mark them", len(paths)); known != len(paths) {
		t.Errorf("the next command would find %d of %v", known, paths)
	}
}
