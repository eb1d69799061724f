package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/qtune/qtune/deploy"
	"github.com/qtune/qtune/docker"
	"github.com/qtune/qtune/engine"
	"github.com/qtune/qtune/gpu"
	"github.com/qtune/qtune/profiles"
	"github.com/qtune/qtune/tuner"
)

// simulatedWinnerError is a winner that nobody has measured.
type simulatedWinnerError struct{ run string }

func (e *simulatedWinnerError) Error() string {
	return fmt.Sprintf("run %s was simulated: which configuration is the best on a real card, nobody has measured", e.run)
}

// Hint says what to do about it.
func (e *simulatedWinnerError) Hint() string {
	return "measure it with `qtune apply` and no --simulate; --simulate deploys a simulated engine in its place"
}

// deploySession is what is open while the winner of an earlier run is deployed.
func deploySession(w *world, folder *tuner.Folder, win *winner, f *deployFlags) (*session, error) {
	run := win.past.Outcome.Summary.Run
	if win.past.Header.Simulated && !f.simulate {
		return nil, &simulatedWinnerError{run}
	}
	af := &applyFlags{dir: f.dir, json: f.json, offline: f.off, simulateFlags: simulateFlags{simulate: f.simulate, in: "docker", speed: f.speed, seed: 1}}
	sim, err := af.simulation(win.profile)
	if err != nil {
		return nil, err
	}
	if sim != nil && win.profile.GPU.Simulate == "" && win.past.Header.Card != "" {
		sim.Card = win.past.Header.Card
	}
	if f.off {
		win.engine.Pull = "never"
	}
	s := &session{w: w, f: af, profile: win.profile, simulation: sim, folder: folder, runID: run}
	s.view = &lineView{out: w.stderr, simulated: sim != nil}
	return s, nil
}

// deploy plans, asks and carries out. Nil is a plan that was only to be shown.
func (s *session) deploy(ctx context.Context, win *winner, f *deployFlags) (*deployed, error) {
	settings, err := f.settings(win.profile)
	if err != nil {
		return nil, err
	}
	if err := s.openDeploy(ctx, f.plan); err != nil {
		return nil, err
	}
	s.cards = s.newCards()
	s.launcher = s.newLauncher()
	s.launcher.Progress = s.sayStages()
	if err := s.launcher.Deployable(win.engine); err != nil {
		return nil, err
	}
	d, err := s.planDeploy(ctx, win, settings, f)
	if err != nil {
		return nil, err
	}
	if err := newDeployView(d.service, &d.plan).show(s.w.stdout, f.json); err != nil || f.plan {
		return nil, err
	}
	if d.plan.Action != deploy.Keep {
		if err := f.confirm(s.w); err != nil {
			return nil, err
		}
	}
	return s.carryOut(ctx, d)
}

// openDeploy takes the folder, as apply does, and clears what was cut off before.
func (s *session) openDeploy(ctx context.Context, lookOnly bool) error {
	var err error
	if s.docker, err = docker.Connect(ctx, s.w.log); err != nil || lookOnly {
		return err
	}
	host, _ := os.Hostname()
	if err := s.folder.Lock(tuner.Holder{PID: os.Getpid(), Host: host, Run: s.runID, Since: time.Now()}); err != nil {
		return err
	}
	s.locked = true
	s.watchOver()
	return s.sweep(ctx)
}

// sayStages tells each step of a start once.
func (s *session) sayStages() func(string) {
	last := ""
	return func(stage string) {
		if head, _, _ := strings.Cut(stage, ":"); head != last {
			last = head
			s.view.say("  " + stage)
		}
	}
}

// deployment is a winner on its way.
type deployment struct {
	start   engine.Start
	service *deploy.Service
	plan    deploy.Plan
}

// planDeploy draws the winner's container and compares it with what is there.
func (s *session) planDeploy(ctx context.Context, win *winner, settings profiles.Deploy, f *deployFlags) (*deployment, error) {
	found, err := deploy.Find(ctx, s.docker)
	if err != nil {
		return nil, err
	}
	sum := &win.past.Outcome.Summary
	d := &deployment{start: engine.Start{
		Trial: sum.Winner.Trial, Engine: win.engine, Candidate: win.candidate, Model: win.profile.Model, GPU: win.profile.GPU,
		LogPath: filepath.Join(s.folder.RunPath(s.runID), "deploy.log"),
	}}
	old := named(found, settings.Name)
	s.chooseCards(win.profile.GPU, old)
	blueprint, failure, err := s.launcher.Plan(ctx, d.start, settings)
	if err != nil {
		return nil, err
	}
	if failure != nil {
		return nil, &preparationError{what: win.engine.Label(), failure: failure}
	}
	if err := win.image(blueprint.Digest); err != nil && s.simulation == nil && !f.otherImage {
		return nil, err
	}
	d.service = &deploy.Service{
		Name: settings.Name, Run: s.runID, Dir: s.folder.RunPath(s.runID), Trial: sum.Winner.Trial, Kind: win.engine.Kind, Engine: win.engine.Name,
		Model: engine.ServedName(win.engine, win.candidate, win.profile.Model), Simulated: s.simulation != nil,
		Address: settings.Address + ":" + strconv.Itoa(settings.Port), Restart: settings.Restart, Version: qtuneVersion(), Blueprint: blueprint,
	}
	d.plan = deploy.NewPlan(d.service, found, s.room(ctx, d, old), f.replace)
	if d.plan.Action != deploy.Create {
		return d, nil
	}
	return d, s.nameFree(ctx, settings.Name)
}

func named(found []deploy.Deployed, name string) *deploy.Deployed {
	for i := range found {
		if found[i].Container == name {
			return &found[i]
		}
	}
	return nil
}

// nameFree finds out early that a container of somebody else has the name.
func (s *session) nameFree(ctx context.Context, name string) error {
	taken, err := s.docker.Exists(ctx, name)
	if err == nil && taken {
		err = fmt.Errorf("deploy %s: a container of that name is there already, and it is not ours: choose another one with --name", name)
	}
	return err
}

// carryOut brings what the server needs and puts it in its place.
func (s *session) carryOut(ctx context.Context, d *deployment) (*deployed, error) {
	if d.plan.Action != deploy.Keep && s.simulation == nil {
		if err := s.fetchModel(ctx); err != nil {
			return nil, err
		}
	}
	x := &deploy.Deployer{Docker: s.docker, Say: s.view.say, Start: func(ctx context.Context, spec docker.Spec) (*engine.Left, *engine.Failure, error) {
		return s.launcher.Outlast(ctx, d.start, spec)
	}}
	done, err := x.CarryOut(ctx, d.plan, d.service)
	if err != nil {
		return nil, err
	}
	return newDeployed(d.service, &d.plan, done), nil
}

// chooseCards picks the card for a profile that leaves the choice: one that is
// free, else that of the server which is to be replaced, else the first.
func (s *session) chooseCards(g profiles.GPU, old *deploy.Deployed) {
	if g.Devices != nil || s.simulation != nil || len(s.launcher.GPUs) > 0 {
		return
	}
	inv, err := gpu.Devices()
	switch {
	case err != nil && exists("/proc/driver/nvidia/gpus"):
		s.launcher.GPUs = []string{"0"}
		return
	case err != nil:
		return
	}
	units := inv.Units()
	for _, u := range units {
		if u.Idle() {
			s.launcher.GPUs = []string{u.UUID}
			return
		}
	}
	switch {
	case old != nil && len(old.GPUs) > 0:
		s.launcher.GPUs = old.GPUs
	case len(units) > 0:
		s.launcher.GPUs = []string{units[0].UUID}
		s.view.say("no card is free: the first is shared with what runs there")
	}
}

// room says whether the new server can start beside the old one.
func (s *session) room(ctx context.Context, d *deployment, old *deploy.Deployed) deploy.Room {
	spec := d.service.Blueprint.Spec
	switch {
	case old == nil:
		return deploy.Room{Enough: true}
	case spec.Network == "host" || old.Network == "host":
		return deploy.Room{Why: "it has the host's own network, where a port cannot change hands"}
	case !s.docker.Local(ctx):
		return deploy.Room{Why: "the Docker Engine is not on this host itself, so that a server without a port cannot be looked at"}
	case len(spec.GPUs.IDs) == 0:
		return deploy.Room{Enough: true}
	}
	inv, err := gpu.Devices()
	if err != nil {
		return deploy.Room{Why: fmt.Sprintf("what is free on the card is not known: %v", err)}
	}
	picked, err := inv.Pick(spec.GPUs.IDs)
	if err != nil {
		return deploy.Room{Why: err.Error()}
	}
	return roomOn(picked, d.start.Engine.Kind, d.start.Candidate)
}

// roomOn compares what is free on the cards with the share that the engine takes.
func roomOn(picked []gpu.Device, kind string, c profiles.Candidate) deploy.Room {
	share, known := engine.MemoryShare(kind, c)
	if !known {
		return deploy.Room{Why: "how much of the card " + kind + " takes is not known"}
	}
	for _, card := range picked {
		need := share * float64(card.MemoryBytes)
		free := float64(card.MemoryBytes) - float64(card.UsedBytes)
		if free < need {
			return deploy.Room{Why: fmt.Sprintf("card %d has %.1f GiB free, and it takes %.1f", card.Index, free/(1<<30), need/(1<<30))}
		}
	}
	return deploy.Room{Enough: true}
}

// deployWinner is the end of an apply whose profile has a deploy block.
func (s *session) deployWinner(ctx context.Context, o *tuner.Outcome) (*deployed, error) {
	if s.profile.Deploy == nil || o.Summary.Winner == nil || s.f.noDeploy {
		return nil, nil
	}
	win, err := newWinner(&tuner.PastRun{Profile: s.profile, Outcome: *o, Header: tuner.RunHeader{Simulated: s.simulation != nil}})
	if err != nil {
		return nil, err
	}
	if err := s.launcher.Deployable(win.engine); err != nil {
		if s.simulation != nil && errors.As(err, new(*engine.ProcessError)) {
			s.view.say("not deployed: the engines were simulated as processes; `qtune deploy --simulate` leaves a simulated one in a container")
			return nil, nil
		}
		return nil, err
	}
	s.launcher.Progress = s.sayStages()
	d, err := s.planDeploy(ctx, win, *s.profile.Deploy, &deployFlags{})
	if err != nil {
		return nil, err
	}
	s.view.say(fmt.Sprintf("deploying the winner as %s: %s", d.service.Name, d.plan.Action))
	return s.carryOut(ctx, d)
}
