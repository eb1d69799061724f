package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"time"

	"github.com/qtune/qtune/engine"
	"github.com/qtune/qtune/tuner"
)

// panicError is a fault of qtune itself in the middle of a run.
type panicError struct {
	text string
	path string // of the stack; "" if it could not be kept
}

func (e *panicError) Error() string { return "a fault in qtune itself: " + e.text }

// Hint says what to do about it.
func (e *panicError) Hint() string {
	if e.path == "" {
		return "please report it"
	}
	return "please report it with " + relative(e.path) + "; what is recorded is safe, and `qtune apply` again goes on where this run stopped"
}

// guard runs the trials so that a panic in the middle of one removes what is
// running, too. A panic outside this goroutine ends the process; then the reaper
// does it.
func (s *session) guard(ctx context.Context, run func(context.Context) ([]tuner.TrialResult, *tuner.Plan, error)) (results []tuner.TrialResult, plan *tuner.Plan, err error) {
	defer func() {
		if v := recover(); v != nil {
			results, plan, err = nil, s.plan, s.panicked(ctx, v, debug.Stack())
		}
	}()
	return run(ctx)
}

// panicked keeps the stack and removes what belongs to this run.
func (s *session) panicked(ctx context.Context, v any, stack []byte) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), reapLimit)
	defer cancel()
	hide := engine.Hider(s.profile.Secrets)
	e := &panicError{text: hide.Replace(fmt.Sprint(v)), path: filepath.Join(s.folder.RunPath(s.runID), "panic.txt")}
	text := fmt.Sprintf("%s\nqtune %s\npanic: %v\n\n%s", time.Now().UTC().Format(time.RFC3339), qtuneVersion(), v, stack)
	if err := os.WriteFile(e.path, []byte(hide.Replace(text)), 0o644); err != nil {
		s.w.log.Error().Err(err).Msg("keep the stack of a panic")
		e.path = ""
	}
	found, err := findOurs(ctx, s.docker)
	mine := ofRun(found, s.runID, s.folder.RunPath(s.runID))
	return errors.Join(e, err, removeAll(ctx, mine, s.view.say))
}
