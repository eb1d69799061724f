package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/qtune/qtune/bench"
	"github.com/qtune/qtune/docker"
	"github.com/qtune/qtune/engine"
	"github.com/qtune/qtune/gpu"
	"github.com/qtune/qtune/profiles"
	"github.com/qtune/qtune/quality"
	"github.com/qtune/qtune/tuner"
)

// session is one apply: the profile, where it runs, and what it has open.
type session struct {
	w          *world
	f          *applyFlags
	profile    *profiles.Profile
	simulation *engine.Simulation // nil: real engines
	folder     *tuner.Folder
	runID      string
	plan       *tuner.Plan
	view       view
	docker     *docker.Client // nil until needed
	journal    *tuner.Journal
	launcher   *engine.Launcher
	client     *bench.Client
	around     *surroundings
	cards      *cards            // nil until they are claimed
	serving    map[string]served // by URL
	lost       bool              // a start ended without an answer of the daemon's
	locked     bool
	reaper     *reaper // nil: nobody watches over this run
}

func newSession(w *world, p *profiles.Profile, f *applyFlags) (*session, error) {
	if err := f.setPrice(p); err != nil {
		return nil, err
	}
	sim, err := f.simulation(p)
	if err != nil {
		return nil, err
	}
	if err := measurable(p, sim != nil, gpu.Devices); err != nil {
		return nil, err
	}
	folder, err := tuner.OpenFolder(w.runFolder(f.dir))
	if err != nil {
		return nil, err
	}
	if f.offline {
		for _, e := range p.Engines {
			e.Pull = "never"
		}
	}
	if f.confirm && p.Search.Finish.Starts == 0 {
		p.Search.Finish = profiles.Finish{Candidates: 1, Starts: profiles.DefaultFinish().Starts}
	}
	s := &session{w: w, f: f, profile: p, simulation: sim, folder: folder, runID: tuner.NewRunID(time.Now()), plan: tuner.NewPlan(p)}
	s.view = newView(w, f.json, sim != nil)
	s.client = &bench.Client{Speed: s.speed()}
	if v, ok := s.view.(interface{ load(bench.Progress) }); ok {
		s.client.Progress = v.load
	}
	return s, nil
}

// speed is engine seconds in a wall second.
func (s *session) speed() float64 {
	if s.simulation == nil {
		return 1
	}
	return s.simulation.Speed
}

// run prepares the machine and runs the plan.
func (s *session) run(ctx context.Context) ([]tuner.TrialResult, *tuner.Plan, error) {
	if err := s.prepare(ctx); err != nil {
		return nil, s.plan, err
	}
	known, earlier := s.known()
	t := &tuner.Tuner{
		Launch:   s.launch,
		Measure:  s.measure,
		Command:  s.around.command,
		Identity: s.around.identity,
		Setting:  s.around.setting,
		Known:    known,
		Journal:  s.journal, Folder: s.folder, RunID: s.runID,
		Notify: s.notify, Now: time.Now,
		Speed: s.speed(), Simulated: s.simulation != nil,
	}
	if tuner.CanAnswerOtherwise(s.profile) {
		t.Ask = quality.Ask
	}
	t.Prior = s.around.lead(s.plan, newForecaster(s.around, s.w.calibrations()))
	s.around.prune(s.plan, t.Known)
	s.plan.Mark(t.Known, s.around.identity)
	s.plan.Recall(earlier, s.around.identity, s.around.setting)
	s.view.plan(s.plan, s.around)
	results, err := t.Run(ctx, s.plan)
	return results, s.plan, s.atEnd(ctx, err)
}

// notify passes on what happens in a run.
func (s *session) notify(e tuner.Event) {
	s.around.learn(e)
	s.view.event(e)
}

// prepare takes the folder, clears what crashed runs left, and brings what the
// trials need: images and model.
func (s *session) prepare(ctx context.Context) error {
	host, _ := os.Hostname()
	if err := s.folder.Lock(tuner.Holder{PID: os.Getpid(), Host: host, Run: s.runID, Since: time.Now()}); err != nil {
		return err
	}
	s.locked = true
	if err := s.openRun(host); err != nil {
		return err
	}
	if err := s.connect(ctx); err != nil {
		return err
	}
	s.watchOver()
	if err := s.sweep(ctx); err != nil {
		return err
	}
	if err := s.claimCards(ctx); err != nil {
		return err
	}
	s.launcher = s.newLauncher()
	s.around = &surroundings{profile: s.profile, simulation: s.simulation, docker: s.docker, offline: s.f.offline, environ: s.w.environ}
	if s.simulation != nil {
		return s.around.look(ctx)
	}
	return s.bring(ctx)
}

// openRun makes the run's folder with the profile as read and the journal.
func (s *session) openRun(host string) error {
	dir := s.folder.RunPath(s.runID)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make the run's folder (choose another with --dir): %w", err)
	}
	hider := engine.Hider(s.profile.Secrets)
	kept := hider.Replace(string(s.profile.Source)) // the default of a sensitive variable stands in it
	if err := os.WriteFile(filepath.Join(dir, "profile.hcl"), []byte(kept), 0o644); err != nil {
		return fmt.Errorf("keep the profile: %w", err)
	}
	j, err := tuner.CreateJournal(filepath.Join(dir, "journal.jsonl"), time.Now)
	if err != nil {
		return err
	}
	s.journal = j
	header := tuner.RunHeader{
		Run: s.runID, Profile: s.profile.Name, Version: tuner.JournalVersion, Qtune: qtuneVersion(), Bench: bench.Version,
		Simulated: s.simulation != nil, ProfileDir: s.profile.Dir, Host: host, PID: os.Getpid(), Speed: s.speed(), Vars: given(s.profile, hider),
	}
	if s.simulation != nil {
		header.Card = s.simulation.Card
	}
	if v, ok := s.view.(*jsonView); ok {
		v.run(s)
	}
	return j.Append(tuner.Record{Type: tuner.RecordRun, Header: &header})
}

// given are the values of variables that a run was given, but for secrets and whatever
// holds one.
func given(p *profiles.Profile, hider *strings.Replacer) map[string]string {
	vars := map[string]string{}
	for _, in := range p.Inputs {
		if in.Given != nil && hider.Replace(*in.Given) == *in.Given {
			vars[in.Name] = *in.Given
		}
	}
	return vars
}

// connect opens the Docker Engine if the run needs one.
func (s *session) connect(ctx context.Context) error {
	needed := usesDocker(s.profile) && s.simulation == nil || s.simulation != nil && s.simulation.InDocker
	if !needed {
		return nil
	}
	c, err := docker.Connect(ctx, s.w.log)
	if err != nil {
		return err
	}
	s.docker = c
	return nil
}

// known is what earlier runs have measured, and what else they can tell the search.
func (s *session) known() (map[string]tuner.TrialResult, *tuner.Earlier) {
	known, earlier := s.w.remembers(s.folder, s.f.fresh)
	if s.f.confirm {
		maps.DeleteFunc(known, func(_ string, r tuner.TrialResult) bool { return r.Purpose == tuner.PurposeFinish })
	}
	return known, earlier
}

// remembers is what the runs of a folder have measured; nothing where all is to be fresh.
func (w *world) remembers(folder *tuner.Folder, fresh bool) (map[string]tuner.TrialResult, *tuner.Earlier) {
	if fresh {
		return nil, &tuner.Earlier{}
	}
	return folder.Known(func(err error) { w.log.Warn().Err(err).Msg("passed over") })
}

// close gives everything back.
func (s *session) close(ctx context.Context) error {
	var errs []error
	if s.launcher != nil {
		errs = append(errs, s.launcher.RemoveCaches(context.WithoutCancel(ctx)))
	}
	if err := s.reaper.dismiss(); err != nil {
		s.w.log.Warn().Err(err).Msg("nobody would have cleaned up after a kill")
	}
	if s.cards != nil {
		s.cards.release()
	}
	if s.journal != nil {
		errs = append(errs, s.journal.Close())
	}
	if s.docker != nil {
		errs = append(errs, s.docker.Close())
	}
	if s.locked {
		errs = append(errs, s.folder.Unlock())
	}
	return errors.Join(errs...)
}

// calibrate fits the predictions of the next plan to what a run on real engines has
// measured. That it cannot is no fault of the run.
func (s *session) calibrate(results []tuner.TrialResult) {
	if s.simulation != nil || len(results) == 0 {
		return
	}
	views, err := newForecaster(s.around, s.w.calibrations()).calibrate(results, s.runID, 0, true)
	if err != nil {
		s.w.log.Info().Err(err).Msg("nothing was calibrated")
	}
	for _, v := range views {
		s.w.log.Info().Str("engine", v.Engine).Str("version", v.Version).Str("kept", v.Kept).Str("errors", v.After.String()).Str("unfitted", v.Unfitted).Msg("predictions calibrated")
	}
}
