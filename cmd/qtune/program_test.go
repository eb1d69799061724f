//go:build linux

package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/qtune/qtune/docker"
	"github.com/qtune/qtune/tuner"
)

// The tests of this file build the program and run it as a user does.

// program builds a static qtune.
func program(t *testing.T) string {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "qtune")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", bin, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return bin
}

// realDocker skips where no Docker Engine answers.
func realDocker(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	d, err := docker.Connect(ctx, zerolog.Nop())
	if err != nil {
		t.Skipf("no Docker Engine answers: %v", err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
}

func output(t *testing.T, bin string, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), bin, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("qtune %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// lastResult is the result at the end of JSON lines.
func lastResult(t *testing.T, out string) tuner.Summary {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(out), "\n")
	var s tuner.Summary
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &s); err != nil || s.Type != "result" {
		t.Fatalf("the last line is no result: %.500s", lines[len(lines)-1])
	}
	return s
}

// until reads lines until one has the word.
func until(t *testing.T, r io.Reader, word string) {
	t.Helper()
	in := bufio.NewScanner(r)
	in.Buffer(nil, 16<<20)
	for in.Scan() {
		if strings.Contains(in.Text(), word) {
			return
		}
	}
	t.Fatalf("no line had %q", word)
}

// oursIn is what ps lists of a run folder.
func oursIn(t *testing.T, bin, dir string) string {
	t.Helper()
	var mine []string
	for _, line := range strings.Split(output(t, bin, "ps", "--json"), "\n") {
		if strings.Contains(line, dir) {
			mine = append(mine, line)
		}
	}
	return strings.Join(mine, "\n")
}

func TestSimulatedInContainers(t *testing.T) {
	realDocker(t)
	bin, path := program(t), write(t, "small.hcl", small)
	apply := []string{"apply", path, "--simulate", "--simulate-in", "docker", "--simulate-speed", "25", "--json", "--dir"}
	var out []byte
	dir := unstarved(t, 3, func(dir string) (int, string) {
		c := exec.CommandContext(t.Context(), bin, append(apply, dir)...)
		var stderr bytes.Buffer
		c.Stderr = &stderr
		out, _ = c.Output() // its code tells
		return c.ProcessState.ExitCode(), stderr.String()
	})
	if s := lastResult(t, string(out)); s.Winner == nil || s.Trials.OK != 2 || s.Trials.Failed != 1 {
		t.Errorf("winner %+v, trials %+v", s.Winner, s.Trials)
	}
	if left := oursIn(t, bin, dir); left != "" {
		t.Errorf("left after apply: %s", left)
	}
	killed(t, bin, append(apply, dir, "--fresh"), dir)
}

// killed ends an apply with kill -9 while a server runs: its reaper or destroy
// removes that.
func killed(t *testing.T, bin string, apply []string, dir string) {
	t.Helper()
	c := exec.CommandContext(t.Context(), bin, apply...)
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	until(t, out, `"type":"trial_ready"`)
	if err := c.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, out)
	_ = c.Wait() // it was killed
	output(t, bin, "destroy")
	if left := oursIn(t, bin, dir); left != "" {
		t.Errorf("left after destroy: %s", left)
	}
}

func TestKilledProcessRunLeavesNothing(t *testing.T) {
	bin, path, dir := program(t), write(t, "small.hcl", small), t.TempDir()
	killed(t, bin, simulated(path, dir, "--json"), dir)
	c := newConsole(t)
	if code := c.run(t, simulated(path, dir, "--json")...); !decided(code) {
		t.Errorf("apply after kill -9: exit %d\n%s", code, c.err.String())
	}
	if s := c.result(t); s.Trials.OK != 2 {
		t.Errorf("apply after kill -9: %+v", s)
	}
}

func TestFullRunFolder(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=96k"); err != nil {
		t.Skipf("a small file system cannot be mounted here: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	if err := os.WriteFile(filepath.Join(dir, "ballast"), make([]byte, 76<<10), 0o644); err != nil {
		t.Fatal(err)
	}
	c := newConsole(t)
	if code := c.run(t, simulated(write(t, "small.hcl", small), dir, "--json")...); code != exitError {
		t.Errorf("exit %d on a full disk, want %d\n%s", code, exitError, c.err.String())
	}
	if s := c.result(t); s.Error == "" || s.Exit != exitError {
		t.Errorf("the result says exit %d, error %q", s.Exit, s.Error)
	}
	if !strings.Contains(c.err.String(), "no space left") || !strings.Contains(c.err.String(), "free ") {
		t.Errorf("the error does not say what is the matter and what to do: %s", c.err.String())
	}
	noProcessLeft(t, dir)
}
