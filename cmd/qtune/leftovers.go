package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/qtune/qtune/docker"
	"github.com/qtune/qtune/engine"
	"github.com/qtune/qtune/process"
	"github.com/qtune/qtune/tuner"
)

// The labels of what qtune starts. Containers carry them as labels, processes
// as environment variables.
const (
	labelRun     = "dev.qtune.run"
	labelTrial   = "dev.qtune.trial"
	labelRole    = "dev.qtune.role"
	labelDir     = "dev.qtune.dir"
	labelVersion = "dev.qtune.version"
	envRun       = "QTUNE_RUN"
	envTrial     = "QTUNE_TRIAL"
	envRole      = "QTUNE_ROLE"
	envDir       = "QTUNE_DIR"
)

// A thing is ours only with all of its marks. Somebody else's may share a name,
// some labels, or a variable that a shell has passed on.
func markedContainer(c *docker.Summary) bool {
	for _, label := range []string{labelRun, labelRole, labelDir, labelVersion} {
		if c.Labels[label] == "" {
			return false
		}
	}
	return filepath.IsAbs(c.Labels[labelDir]) && strings.HasPrefix(c.Name, "qtune-"+c.Labels[labelRun]+"-")
}

func markedProcess(p *process.Found) bool {
	for _, variable := range []string{envRun, envRole, envDir, process.MarkVariable} {
		if p.Env[variable] == "" {
			return false
		}
	}
	return filepath.IsAbs(p.Env[envDir])
}

// ours is a container or a process that a run of qtune started.
type ours struct {
	Kind  string `json:"kind"` // "container", "process", "volume", "network" or "folder"
	ID    string `json:"id"`
	Name  string `json:"name"`
	Run   string `json:"run"` // "" of a folder whose run was killed before it could mark it
	Trial string `json:"trial"`
	Role  string `json:"role"`
	State string `json:"state"`
	Live  bool   `json:"live"` // its run is still at work
	Dir   string `json:"dir"`  // the run's folder
	// Elsewhere: this machine does not have that folder, so whether the run is at
	// work cannot be told: it may be on another machine that shares this daemon.
	Elsewhere bool `json:"elsewhere,omitempty"`

	remove func(context.Context) error
}

// whose names the run that it belongs to.
func (o *ours) whose() string {
	if o.Run == "" {
		return "a run that was killed before it could mark it"
	}
	return "run " + o.Run
}

// findOurs lists what runs of qtune have started and not removed, on the Docker
// Engine d, if there is one, and among this machine's processes.
func findOurs(ctx context.Context, d *docker.Client) ([]ours, error) {
	found, err := findProcesses()
	if d == nil {
		return append(found, findFolders()...), err
	}
	containers, listErr := d.List(ctx, labelRun)
	for _, c := range containers {
		if !markedContainer(&c) {
			continue
		}
		found = append(found, ours{
			Kind: "container", ID: c.ID[:min(12, len(c.ID))], Name: c.Name, State: c.State,
			Run: c.Labels[labelRun], Trial: c.Labels[labelTrial], Role: c.Labels[labelRole], Dir: c.Labels[labelDir],
			Live: isLive(c.Labels[labelDir], c.Labels[labelRun]), Elsewhere: !exists(c.Labels[labelDir]),
			remove: func(ctx context.Context) error { return d.Remove(ctx, c.ID) },
		})
	}
	volumes, volErr := findVolumes(ctx, d)
	deploying, deployErr := findDeploying(ctx, d)
	return slices.Concat(found, volumes, deploying, findFolders()), errors.Join(err, listErr, volErr, deployErr)
}

// findVolumes are the caches that runs keep while they are at work.
func findVolumes(ctx context.Context, d *docker.Client) ([]ours, error) {
	volumes, err := d.Volumes(ctx, labelRun)
	var found []ours
	for _, v := range volumes {
		if !markedContainer(&docker.Summary{Name: v.Name, Labels: v.Labels}) {
			continue
		}
		found = append(found, ours{
			Kind: "volume", ID: v.Name, Name: v.Name, State: "kept",
			Run: v.Labels[labelRun], Role: v.Labels[labelRole], Dir: v.Labels[labelDir],
			Live: isLive(v.Labels[labelDir], v.Labels[labelRun]), Elsewhere: !exists(v.Labels[labelDir]),
			remove: func(ctx context.Context) error { return d.RemoveVolume(ctx, v.Name) },
		})
	}
	return found, err
}

// findFolders lists the temporary folders that trials of dead runs have left; while
// a run is at work they are its own business.
func findFolders() []ours {
	var found []ours
	for _, t := range engine.Temps(os.Environ()) {
		o := ours{
			Kind: "folder", ID: t.Path, Name: filepath.Base(t.Path), State: "left", Run: t.Run, Trial: t.Trial, Role: engine.RoleTrial, Dir: t.Dir,
			Live:   isLive(t.Dir, t.Run),
			remove: func(context.Context) error { return t.Remove() },
		}
		if !o.Live {
			found = append(found, o)
		}
	}
	return found
}

func findProcesses() ([]ours, error) {
	processes, err := process.Find(envRun)
	if errors.Is(err, errors.ErrUnsupported) {
		return nil, nil
	}
	var found []ours
	for _, p := range processes {
		if !markedProcess(&p) {
			continue
		}
		name := ""
		if len(p.Argv) > 0 {
			name = filepath.Base(p.Argv[0])
		}
		found = append(found, ours{
			Kind: "process", ID: fmt.Sprint(p.PID), Name: name, State: "running",
			Run: p.Env[envRun], Trial: p.Env[envTrial], Role: p.Env[envRole], Dir: p.Env[envDir],
			Live:   isLive(p.Env[envDir], p.Env[envRun]),
			remove: func(ctx context.Context) error { return process.Kill(ctx, p) },
		})
	}
	return found, err
}

// isLive says whether a run still holds its folder's lock. A folder that this
// machine does not have belongs to nobody alive here; one that apply never
// locked was made by somebody else, and is left alone.
func isLive(runDir, run string) bool {
	if !exists(runDir) {
		return false
	}
	root := filepath.Dir(filepath.Dir(runDir))
	if !exists(filepath.Join(root, "lock")) {
		return true
	}
	f, err := tuner.OpenFolder(root)
	return err == nil && f.Live() == run
}

// removeAll removes each, and joins what could not be removed.
func removeAll(ctx context.Context, all []ours, say func(string)) error {
	return errors.Join(removeEach(ctx, all, say)...)
}

// removeEach removes each, whatever becomes of the others, and gives an error for
// each that is left.
func removeEach(ctx context.Context, all []ours, say func(string)) []error {
	var errs []error
	for _, o := range all {
		if err := o.remove(ctx); err != nil {
			errs = append(errs, &tuner.LeftError{Trial: o.Trial, Err: fmt.Errorf("%s %s of %s: %w", o.Kind, o.ID, o.whose(), err)})
			continue
		}
		say(fmt.Sprintf("removed %s %s (%s) of %s", o.Kind, o.ID, o.Name, o.whose()))
	}
	return errs
}

// ofRun are those of one run in one folder: a run of the same name may be in another.
func ofRun(all []ours, run, dir string) []ours {
	var out []ours
	for _, o := range all {
		if o.Run == run && filepath.Clean(o.Dir) == filepath.Clean(dir) {
			out = append(out, o)
		}
	}
	return out
}

// dead are those whose run is surely no longer at work.
func dead(all []ours) []ours {
	var out []ours
	for _, o := range all {
		if !o.Live && !o.Elsewhere {
			out = append(out, o)
		}
	}
	return out
}
