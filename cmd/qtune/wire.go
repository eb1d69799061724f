package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync/atomic"
	"time"

	"github.com/qtune/qtune/bench"
	"github.com/qtune/qtune/docker"
	"github.com/qtune/qtune/engine"
	"github.com/qtune/qtune/gpu"
	"github.com/qtune/qtune/profiles"
	"github.com/qtune/qtune/tuner"
)

// newLauncher wires the engines to the runtimes that the session has open.
func (s *session) newLauncher() *engine.Launcher {
	return &engine.Launcher{
		Docker: func(context.Context) (*docker.Client, error) {
			if s.docker == nil {
				return nil, errNoDocker
			}
			return s.docker, nil
		},
		Simulate: s.simulation,
		RunID:    s.runID,
		Dir:      s.folder.RunPath(s.runID),
		Version:  qtuneVersion(),
		Environ:  s.w.environ,
		GPUs:     s.cards.names,
		Secrets:  s.profile.Secrets,
		Log:      s.w.log,
		Progress: s.progress,
	}
}

// progress shows what a start is waiting for, where there is somebody to see it.
func (s *session) progress(stage string) {
	if v, ok := s.view.(interface{ stage(string) }); ok {
		v.stage(stage)
	}
}

// launch is how the tuner starts a trial. The error is checked before the
// server becomes an interface: a nil *engine.Server in one is not nil.
func (s *session) launch(ctx context.Context, t *tuner.Trial, cold bool, logPath string) (tuner.Server, *engine.Failure, error) {
	if err := s.daemonBack(ctx, docker.DaemonWait); err != nil {
		return nil, nil, err
	}
	if failure, err := s.cards.ready(ctx); failure != nil || err != nil {
		return nil, failure, err
	}
	server, failure, err := s.launcher.Launch(ctx, engine.Start{
		Trial: t.ID, Engine: t.Engine, Candidate: t.Candidate,
		Model: s.profile.Model, GPU: s.profile.GPU, LogPath: logPath, ColdCaches: cold,
	})
	if err != nil {
		return nil, nil, err
	}
	if failure != nil {
		s.noteLoss(failure)
		return nil, s.cards.blame(ctx, failure), nil
	}
	s.serving = map[string]served{server.Target().URL: {server, samplesBeside(logPath)}}
	return &cardServer{server, s.cards}, nil, nil
}

// measure is how the tuner loads a server. One client serves the whole run, so
// that it keeps what it learned of the tokenizer.
func (s *session) measure(ctx context.Context, to bench.Target, wl bench.Workload, l bench.Level, each func(bench.Outcome) bool) (bench.LevelResult, error) {
	var enough atomic.Bool
	s.client.Enough = enough.Load
	s.client.Record = func(o bench.Outcome) {
		if each(o) {
			enough.Store(true)
		}
	}
	seen := s.watch(ctx, to.URL, l)
	r, err := s.client.Run(ctx, to, wl, l)
	return r, errors.Join(err, seen(&r))
}

// newCards looks after the cards of this run.
func (s *session) newCards() *cards {
	return &cards{
		read: gpu.Devices, locks: gpu.SharedLocks(), limit: cardFree, shared: s.f.sharedGPU, wait: s.f.wait, say: s.view.say,
		holder: func(ctx context.Context, pid int) string { return nameProcess(ctx, s.docker, pid) },
	}
}

// claimCards takes the cards that this run needs, before anything is fetched.
func (s *session) claimCards(ctx context.Context) error {
	s.cards = s.newCards()
	if s.simulation != nil || !startsEngines(s.profile) {
		return nil
	}
	if s.f.sharedGPU {
		s.view.say("the cards are shared with others (--shared-gpu): figures are those of a busy card")
	}
	return s.cards.claim(ctx, s.profile.GPU, gpu.Holder{PID: os.Getpid(), Run: s.runID, Dir: s.folder.RunPath(s.runID), Since: time.Now()})
}

// startsEngines says whether a run of the profile starts anything itself.
func startsEngines(p *profiles.Profile) bool {
	return slices.ContainsFunc(p.Engines, func(e *profiles.Engine) bool { return e.Runtime != profiles.RuntimeExternal })
}

// sweep removes what runs that are no longer at work have left.
func (s *session) sweep(ctx context.Context) error {
	if err := mend(ctx, s.docker, s.view.say); err != nil {
		return err
	}
	all, err := findOurs(ctx, s.docker)
	if err != nil {
		return err
	}
	return removeAll(ctx, dead(all), func(line string) { s.view.say("left by an earlier run: " + line) })
}

// bring pulls the images and fetches the model, before the first trial and counted in
// no start. In between the engines are asked for their flags: a profile that they
// refuse costs no fetch.
func (s *session) bring(ctx context.Context) error {
	if err := s.modelAtHand(); err != nil {
		return err
	}
	if err := s.bringImages(ctx); err != nil {
		return err
	}
	if err := s.around.look(ctx); err != nil {
		return err
	}
	if err := s.askHelps(ctx); err != nil {
		return err
	}
	if err := s.fetchModel(ctx); err != nil {
		return err
	}
	s.around.model = s.around.modelFiles()
	return nil
}

func (s *session) bringImages(ctx context.Context) error {
	for _, e := range s.profile.Engines {
		_, failure, err := s.launcher.Prepare(ctx, e)
		if err != nil {
			return err
		}
		if failure != nil {
			return &preparationError{what: e.Label(), failure: failure}
		}
	}
	return nil
}

// preparationError is an image or a model that cannot be brought: no trial could run.
type preparationError struct {
	what    string
	failure *engine.Failure
}

func (e *preparationError) Error() string {
	return fmt.Sprintf("prepare %s: %s: %s", e.what, e.failure.Class, e.failure.Line)
}

// Hint says what to do about it.
func (e *preparationError) Hint() string { return e.failure.Hint }
