package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/qtune/qtune/engine"
	"github.com/qtune/qtune/profiles"
	"github.com/qtune/qtune/tuner"
)

// TestPanicInATrial makes a run panic while a simulated engine serves: the
// engine is removed, the stack is kept without secrets, and the run ends as one
// that failed.
func TestPanicInATrial(t *testing.T) {
	c := newConsole(t)
	dir := t.TempDir()
	f := &applyFlags{dir: dir, json: true, simulateFlags: simulateFlags{simulate: true, in: "process", speed: 40}}
	p, err := loadProfile(&c.world, write(t, "small.hcl", small), &f.profileFlags, true)
	if err != nil {
		t.Fatal(err)
	}
	p.Secrets = append(p.Secrets, profiles.Secret{Name: "env.TOKEN", Value: "hunter2hunter2"})
	s, err := newSession(&c.world, p, f)
	if err != nil {
		t.Fatal(err)
	}
	_, plan, runErr := s.guard(t.Context(), func(ctx context.Context) ([]tuner.TrialResult, *tuner.Plan, error) {
		if err := s.prepare(ctx); err != nil {
			t.Fatal(err)
		}
		trial := &s.plan.Trials[0]
		_, failure, err := s.launcher.Launch(ctx, engine.Start{
			Trial: trial.ID, Engine: trial.Engine, Candidate: trial.Candidate, Model: p.Model, GPU: p.GPU,
			LogPath: filepath.Join(dir, "server.log"),
		})
		if failure != nil || err != nil {
			t.Fatal(failure, err)
		}
		panic("in the middle, with hunter2hunter2")
	})
	var fault *panicError
	if !errors.As(runErr, &fault) || !strings.Contains(runErr.Error(), "in the middle, with (env.TOKEN)") {
		t.Errorf("the panic became %v", runErr)
	}
	noProcessLeft(t, dir)
	outcome := tuner.Conclude(plan, nil, 0)
	if err := s.finish(t.Context(), outcome, runErr); exitCode(t.Context(), err) != exitError {
		t.Errorf("exit %d, want %d", exitCode(t.Context(), err), exitError)
	}
	if got := c.result(t); got.Exit != exitError || !strings.Contains(got.Hint, "panic.txt") {
		t.Errorf("the result says exit %d, %q, hint %q", got.Exit, got.Error, got.Hint)
	}
	stack, err := os.ReadFile(filepath.Join(dir, "runs", s.runID, "panic.txt"))
	if err != nil || !strings.Contains(string(stack), "TestPanicInATrial") || strings.Contains(string(stack), "hunter2") {
		t.Errorf("the stack: %v\n%.300s", err, stack)
	}
	again := newConsole(t)
	if code := again.run(t, "runs", "--dir", dir, "--check"); code != exitOK {
		t.Errorf("the journal after a panic: %s", again.out.String())
	}
}
