package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestReaperHearsHowItsRunEnds(t *testing.T) {
	tests := []struct {
		name string
		says string
		want bool
	}{
		{"a run that ends in order needs no reaper", orderly, false},
		{"a run that says nothing was killed", "", true},
		{"a word that was cut short is none", orderly[:2], true},
	}
	for _, tt := range tests {
		if got := orphaned(t.Context(), strings.NewReader(tt.says), os.Getppid()); got != tt.want {
			t.Errorf("%s: got %v", tt.name, got)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	forever, held, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer forever.Close()
	defer held.Close()
	if orphaned(ctx, forever, os.Getppid()) {
		t.Error("a reaper that is told to end cleans up first")
	}
	if !orphaned(t.Context(), forever, os.Getppid()+1) {
		t.Error("a reaper does not see that its parent has changed")
	}
}

// A slow removal does not keep the reaper for longer than the promise; a daemon that
// was away does.
func TestReaperWaitsForWhatMayTurnUp(t *testing.T) {
	type round struct {
		began, ended int // seconds after the run's end
		found        int
		err          error
	}
	away := errors.New("no answer")
	for _, tt := range []struct {
		why    string
		rounds []round // only the last of them is the last
	}{
		{"nothing there", []round{{0, 0, 0, nil}, {4, 4, 0, nil}, {5, 5, 0, nil}}},
		{"removed at once", []round{{0, 1, 1, nil}, {2, 2, 0, nil}, {5, 5, 0, nil}}},
		{"a removal of 7 s, on a busy machine", []round{{0, 7, 1, nil}, {7, 7, 0, nil}, {8, 8, 0, nil}}},
		{"a round that began too early proves nothing", []round{{0, 1, 1, nil}, {4, 8, 0, nil}, {8, 9, 0, nil}}},
		{"one more, late", []round{{0, 1, 1, nil}, {5, 6, 1, nil}, {6, 6, 0, nil}, {7, 7, 0, nil}}},
		{"the daemon was away", []round{{0, 1, 0, away}, {5, 5, 0, nil}, {6, 6, 0, nil}}},
	} {
		end := time.Unix(1000, 0)
		l := lull{late: lateContainers, ended: end}
		at := func(s int) time.Time { return end.Add(time.Duration(s) * time.Second) }
		for i, r := range tt.rounds {
			if got := l.after(at(r.began), at(r.ended), r.found, r.err); got != (i == len(tt.rounds)-1) {
				t.Errorf("%s: round %d: %v", tt.why, i+1, got)
			}
		}
	}
}

// TestReaperWithoutDaemon gives up in time where the daemon does not come back,
// says so, and leaves a run that has nothing alone.
func TestReaperWithoutDaemon(t *testing.T) {
	c := newConsole(t)
	dir := filepath.Join(t.TempDir(), "runs", "r")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	var lines []string
	r := &reaping{w: &c.world, f: reapFlags{run: "r", dir: dir, containers: true}, log: func(format string, args ...any) {
		lines = append(lines, fmt.Sprintf(format, args...))
	}}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if err := r.clean(ctx); err == nil || !strings.Contains(err.Error(), "docker") {
		t.Errorf("without a daemon the reaper ended with %v", err)
	}
	if len(lines) != 1 {
		t.Errorf("the same trouble is told %d times: %q", len(lines), lines)
	}
}

func TestReaperIsForApply(t *testing.T) {
	for _, args := range [][]string{{"reaper"}, {"reaper", "--run", "r", "--dir", "relative", "--owner", "1"}, {"reaper", "--run", "r", "--dir", "/x"}} {
		c := newConsole(t)
		if code := c.run(t, args...); code != exitUsage {
			t.Errorf("%v: exit %d, want %d", args, code, exitUsage)
		}
	}
	c := newConsole(t)
	if code := c.run(t, "--help"); code != exitOK || strings.Contains(c.out.String(), "reaper") {
		t.Errorf("the help shows the reaper: exit %d", code)
	}
}

func TestReaperGetsNoSecrets(t *testing.T) {
	got := reaperEnviron([]string{"HOME=/h", "HF_TOKEN=x", "QTUNE_VAR_key=y", "DOCKER_HOST=tcp://d", "XDG_RUNTIME_DIR=/run", "AWS_SECRET_ACCESS_KEY=z", "PATH=/bin"})
	if want := "HOME=/h DOCKER_HOST=tcp://d XDG_RUNTIME_DIR=/run PATH=/bin"; strings.Join(got, " ") != want {
		t.Errorf("the reaper gets %q, want %q", got, want)
	}
}
