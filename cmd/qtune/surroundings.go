package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strings"

	"github.com/qtune/qtune/catalog"
	"github.com/qtune/qtune/docker"
	"github.com/qtune/qtune/engine"
	"github.com/qtune/qtune/gpu"
	"github.com/qtune/qtune/profiles"
	"github.com/qtune/qtune/simulator"
	"github.com/qtune/qtune/tuner"
)

// surroundings are what changes a trial's result besides its configuration, as
// found on this machine.
type surroundings struct {
	profile    *profiles.Profile
	simulation *engine.Simulation
	docker     *docker.Client // nil: no Docker Engine at hand
	offline    bool
	planning   bool // nothing will be started
	environ    []string

	engines map[*profiles.Engine]string
	cards   string
	kinds   string // the cards without their driver
	model   string
	notes   []string                           // what a reader of the plan must know
	helps   map[*profiles.Engine]*catalog.Help // what engines say of their flags; nil: not asked
	judge   *engine.Site                       // what fits, once prune has looked
	fits    map[string]catalog.Feasible        // by trial, once prune has looked
}

// connectIfThere uses a Docker Engine if there is one; a plan does without.
func (s *surroundings) connectIfThere(ctx context.Context, w *world) func() {
	if s.simulation != nil || !usesDocker(s.profile) {
		return func() {}
	}
	d, disconnect := dockerIfThere(ctx, w)
	s.docker = d
	if d == nil {
		s.notes = append(s.notes, "no Docker Engine answers: what earlier runs have measured is not known")
	}
	return disconnect
}

// look identifies what would be started, the model and the cards.
func (s *surroundings) look(ctx context.Context) error {
	s.engines = map[*profiles.Engine]string{}
	for _, e := range s.profile.Engines {
		id, err := s.identify(ctx, e)
		if err != nil {
			return err
		}
		s.engines[e] = id
	}
	if s.simulation != nil {
		s.kinds = "simulated " + s.simulation.Machine() + s.simulation.Unusual()
		return nil
	}
	s.model = s.modelFiles()
	s.cards, s.kinds = cardsAndDriver()
	return nil
}

// identify says what an engine block starts; "" where that cannot be known yet.
func (s *surroundings) identify(ctx context.Context, e *profiles.Engine) (string, error) {
	switch {
	case s.simulation != nil:
		return fmt.Sprintf("simulator %s, %s, seed %d, speed %g, docker %v", simulator.Version,
			s.simulation.Machine(), s.simulation.Seed, s.simulation.Speed, s.simulation.InDocker) + s.simulation.Unusual(), nil
	case e.Runtime == profiles.RuntimeProcess:
		return executable(e), nil
	case e.Runtime == profiles.RuntimeExternal || s.docker == nil:
		return "", nil
	}
	image, ok, err := s.docker.InspectImage(ctx, e.Image)
	if err != nil {
		return "", err
	}
	if !ok {
		s.notes = append(s.notes, fmt.Sprintf("image %s is not here yet: what earlier runs have measured with it is not known", e.Image))
		return "", nil
	}
	return image.Digest, nil
}

// executable identifies a local program by its file and, for the Python engines,
// by the version that its environment has installed.
func executable(e *profiles.Engine) string {
	words := engine.Command(e, e.BaselineCandidate(), profiles.Model{}, engine.Planned(e))
	if len(words) == 0 {
		return ""
	}
	path, err := exec.LookPath(words[0])
	if err != nil {
		return ""
	}
	info, err := os.Stat(path)
	if err != nil {
		return ""
	}
	id := fmt.Sprintf("%s %d %d", path, info.Size(), info.ModTime().UnixNano())
	versions, err := filepath.Glob(filepath.Join(filepath.Dir(path), "..", "lib", "python*", "site-packages", e.Kind+"*.dist-info"))
	if err != nil {
		return id
	}
	sort.Strings(versions)
	for _, v := range versions {
		id += " " + strings.TrimSuffix(filepath.Base(v), ".dist-info")
	}
	return id
}

// modelFiles hashes the names, sizes and times of a model's files, "" for one
// that is known by its name and revision only.
func (s *surroundings) modelFiles() string {
	root := s.profile.Model.Path
	if root == "" {
		return engine.CacheState(engine.CacheDir(s.environ), s.profile.Model).Revision
	}
	h := sha256.New()
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		fmt.Fprintln(h, rel, info.Size(), info.ModTime().UnixNano())
		return err
	})
	if err != nil {
		return ""
	}
	return hex.EncodeToString(h.Sum(nil))[:16]
}

// cardsAndDriver names this machine's GPUs with their driver and without, "" where there
// are none.
func cardsAndDriver() (both, cards string) {
	inv, err := gpu.Devices()
	if err != nil {
		return "", ""
	}
	var names []string
	for _, d := range inv.Devices {
		names = append(names, d.Name)
	}
	cards = strings.Join(names, ", ")
	return strings.Join(append([]string{"driver " + inv.Driver}, names...), ", "), cards
}

// command is a trial's command line with its secrets hidden.
func (s *surroundings) command(t *tuner.Trial) []string {
	return engine.Redacted(t.Engine, t.Candidate, s.profile.Model, engine.Planned(t.Engine))
}

func (s *surroundings) identity(t *tuner.Trial) string {
	return tuner.Identity(s.profile, t, s.of(t))
}

// setting is what a trial's results can be a hint for.
func (s *surroundings) setting(t *tuner.Trial) string {
	return tuner.Setting(s.profile, t, s.of(t))
}

func (s *surroundings) of(t *tuner.Trial) tuner.Surroundings {
	return tuner.Surroundings{Engine: s.engines[t.Engine], GPU: s.cards, Cards: s.kinds, Model: s.model}
}
