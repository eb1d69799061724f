package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/qtune/qtune/engine"
	"github.com/qtune/qtune/profiles"
)

// offlineError is something that --offline forbids to fetch.
type offlineError struct{ what string }

func (e *offlineError) Error() string {
	return e.what + " is not on this machine, and --offline fetches nothing"
}

// Hint says what to do about it.
func (e *offlineError) Hint() string {
	return "run once without --offline, or set model.path to a folder that holds the model"
}

// missingModel is the first engine that needs the model fetched, nil if none does.
func missingModel(l *engine.Launcher, p *profiles.Profile) *profiles.Engine {
	for _, e := range p.Engines {
		if l.NeedsFetch(e, p.Model) {
			return e
		}
	}
	return nil
}

// checkModelPath says early what every start would die of.
func checkModelPath(p *profiles.Profile) error {
	if p.Model.Path == "" || exists(p.Model.Path) {
		return nil
	}
	return &modelPathError{p.Model.Path}
}

type modelPathError struct{ path string }

func (e *modelPathError) Error() string { return fmt.Sprintf("model.path %s is not there", e.path) }

// Hint says what to do about it.
func (e *modelPathError) Hint() string {
	return "correct model.path, or leave it out to use the Hugging Face cache"
}

// fetchModel brings a model that is not in the cache, once, before the first trial.
func (s *session) fetchModel(ctx context.Context) error {
	if e := missingModel(s.launcher, s.profile); e != nil {
		if err := s.fetchFromHub(ctx, e); err != nil {
			return err
		}
	}
	return s.pullModels(ctx)
}

// modelAtHand says what is wrong with the profile's model where nothing has to be asked
// for that: its folder is not there, or it may not be fetched.
func (s *session) modelAtHand() error {
	if err := checkModelPath(s.profile); err != nil {
		return err
	}
	if s.f.offline && missingModel(s.launcher, s.profile) != nil {
		return &offlineError{"model " + s.profile.Model.ID}
	}
	return nil
}

func (s *session) fetchFromHub(ctx context.Context, e *profiles.Engine) error {
	s.view.say("fetching " + s.profile.Model.ID + " into " + engine.CacheDir(s.w.environ))
	return s.launcher.Fetch(ctx, s.fetchOf(e, "fetching "+s.profile.Model.ID))
}

// pullModels has Ollama pull what its engines serve, where the profile lets it.
func (s *session) pullModels(ctx context.Context) error {
	for _, e := range s.profile.Engines {
		names := s.launcher.MissingOllama(e, s.profile.Model)
		switch {
		case !e.PullModel || len(names) == 0:
			continue
		case s.f.offline:
			return &offlineError{"Ollama's model " + names[0]}
		}
		what := "pulling " + strings.Join(names, ", ")
		s.view.say(what + " into Ollama's store")
		if err := s.launcher.PullOllama(ctx, s.fetchOf(e, what), names); err != nil {
			return err
		}
	}
	return nil
}

// fetchOf is a fetch that now and then says how far it is.
func (s *session) fetchOf(e *profiles.Engine, what string) engine.Fetch {
	said := time.Now()
	return engine.Fetch{
		Engine: e, Model: s.profile.Model, LogPath: filepath.Join(s.folder.RunPath(s.runID), "fetch.log"),
		Progress: func(done, total int64) {
			if time.Since(said) < fetchSays {
				return
			}
			said = time.Now()
			s.view.say(fmt.Sprintf("%s: %.1f of %.1f GiB", what, gib(done), gib(total)))
		},
	}
}

// fetchSays is how often a fetch says how far it is.
const fetchSays = 10 * time.Second

func gib(bytes int64) float64 { return float64(bytes) / (1 << 30) }

// fetches is what apply would bring before the first trial.
func (s *surroundings) fetches(ctx context.Context) ([]fetchView, error) {
	if s.simulation != nil {
		return nil, nil
	}
	if err := checkModelPath(s.profile); err != nil {
		return nil, err
	}
	all, err := s.images(ctx)
	if err != nil {
		return nil, err
	}
	l := &engine.Launcher{Environ: s.environ}
	if missingModel(l, s.profile) != nil {
		if s.offline {
			return nil, &offlineError{"model " + s.profile.Model.ID}
		}
		all = append(all, s.askHub(ctx))
	}
	for _, e := range s.profile.Engines {
		for _, name := range l.MissingOllama(e, s.profile.Model) {
			if e.PullModel && s.offline {
				return nil, &offlineError{"Ollama's model " + name}
			}
			all = append(all, pullView(e, name))
		}
	}
	return all, nil
}

// pullView is a model that Ollama's store does not have.
func pullView(e *profiles.Engine, name string) fetchView {
	if e.PullModel {
		return fetchView{What: "model", Name: name, Note: "Ollama pulls it; size not known"}
	}
	return fetchView{What: "model", Name: name, Note: "Ollama's store does not have it, and its trials will fail: " + engine.PullHint(name)}
}

func (s *surroundings) askHub(ctx context.Context) fetchView {
	m := s.profile.Model
	view := fetchView{What: "model", Name: m.ID}
	ctx, cancel := context.WithTimeout(ctx, planTimeout)
	defer cancel()
	hub, err := engine.HubSize(ctx, engine.HubEndpoint(s.environ), m.ID, m.Revision, engine.HubToken(s.environ))
	if err != nil {
		view.Note = "size not known: " + err.Error()
		return view
	}
	view.Bytes = hub.Bytes
	return view
}

// images are those that are not on the Docker Engine yet.
func (s *surroundings) images(ctx context.Context) ([]fetchView, error) {
	var all []fetchView
	seen := map[string]bool{}
	for _, e := range s.profile.Engines {
		if s.docker == nil || e.Runtime != profiles.RuntimeDocker || seen[e.Image] {
			continue
		}
		seen[e.Image] = true
		_, ok, err := s.docker.InspectImage(ctx, e.Image)
		switch {
		case err != nil:
			return nil, err
		case ok:
		case s.offline || e.Pull == "never":
			return nil, &offlineImageError{e.Image, s.offline}
		default:
			all = append(all, fetchView{What: "image", Name: e.Image})
		}
	}
	return all, nil
}

// offlineImageError is an image that may not be pulled.
type offlineImageError struct {
	image   string
	offline bool
}

func (e *offlineImageError) Error() string {
	return fmt.Sprintf("image %s is not on this Docker Engine, and may not be pulled", e.image)
}

// Hint says what to do about it.
func (e *offlineImageError) Hint() string {
	if e.offline {
		return "run once without --offline"
	}
	return `make or load it, or set pull = "missing"`
}

var errNoDocker = errors.New("no Docker Engine is connected")
