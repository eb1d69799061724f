package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/qtune/qtune/docker"
	"github.com/qtune/qtune/profiles"
)

// DefaultStartupTimeout is how long an engine may take to serve where the
// profile says nothing, in the engine's time.
const DefaultStartupTimeout = 15 * time.Minute

// Launcher starts engines. Its zero value starts real local processes; it must
// not be copied once it has been used.
type Launcher struct {
	// Docker connects to the daemon; it is called when a container is needed
	// first, and once. nil: containers cannot be started.
	Docker   func(context.Context) (*docker.Client, error)
	Simulate *Simulation // nil: the engines are real
	RunID    string      // "": what is started belongs to no run, and no sweep of dead runs finds it
	Dir      string      // absolute folder of the run
	Version  string      // of qtune, for the label
	Environ  []string    // this process's environment: what a local engine inherits, and where the model cache is
	GPUs     []string    // for profiles that leave the choice; empty: none is asked for
	Secrets  []profiles.Secret
	Log      zerolog.Logger
	Progress func(stage string) // what is being waited for; nil: nobody listens

	mu        sync.Mutex
	starts    int
	client    *docker.Client
	images    map[string]docker.Image // by reference: pulled once a run
	simulator string                  // the simulator's image, once it is made
	caches    map[string]*kept        // by name: what the run's starts have compiled
	read      map[string]bool         // models that have been read into memory
}

// Start says what Launch starts.
type Start struct {
	Trial     string // its ID, part of the container's name
	Engine    *profiles.Engine
	Candidate profiles.Candidate
	Model     profiles.Model
	GPU       profiles.GPU
	LogPath   string // absolute; overwritten. Unused for a server that is already up
	// ColdCaches starts the engine without what earlier starts of the run have
	// compiled, and keeps nothing of what it compiles.
	ColdCaches bool

	kept *kept // caches; nil: none are kept
	nth  int   // of the launcher's starts, from 1
}

// Launch starts an engine and waits until it truly serves: it is alive, its
// health is good, it lists the model, and it has generated one token. Whatever
// else happens, nothing of it is left.
//
// A *Failure says why the trial has failed; it is data. An error says that the
// run cannot go on: ctx has ended (its cause), the log cannot be written, Docker
// cannot be reached, or something could not be removed (*TeardownError).
func (l *Launcher) Launch(ctx context.Context, st Start) (*Server, *Failure, error) {
	if err := context.Cause(ctx); err != nil {
		return nil, nil, err
	}
	if st.Engine.Runtime == profiles.RuntimeExternal {
		return l.connect(ctx, st)
	}
	if k, _ := Lookup(st.Engine.Kind); l.Simulate != nil && !k.simulated {
		return nil, nil, &SimulateError{st.Engine.Label(), "qtune has no simulation of it"}
	}
	if failure := l.missingModel(st); failure != nil {
		return nil, failure, nil
	}
	image, failure, err := l.Prepare(ctx, st.Engine)
	if failure != nil || err != nil {
		return nil, failure, err
	}
	if err := l.readModel(ctx, st.Model); err != nil {
		return nil, nil, err
	}
	st.kept = l.keep(st, image)
	server, failure, err := l.launch(ctx, st, image)
	if err != nil || !st.kept.suspect(failure) {
		return server, failure, err
	}
	// What an earlier start has left may be what this one died of.
	l.Log.Warn().Str("trial", st.Trial).Str("line", failure.Line).Msg("started again with empty caches")
	l.stage("starting again with empty caches: " + failure.Line)
	if err := l.drop(ctx, st.kept); err != nil {
		return nil, failure, err
	}
	st.kept = l.keep(st, image)
	return l.launch(ctx, st, image)
}

// launch is one start.
func (l *Launcher) launch(ctx context.Context, st Start, image docker.Image) (*Server, *Failure, error) {
	l.mu.Lock()
	l.starts++
	st.nth = l.starts
	l.mu.Unlock()
	file, err := openLog(st.LogPath)
	if err != nil {
		return nil, nil, fmt.Errorf("opening the trial's log: %w", err)
	}
	out := newSink(file, st.Engine.Kind, newRedactor(l.Secrets), l.Progress)
	began := time.Now()
	l.stage("starting " + st.Engine.Label())
	inst, failure, err := l.start(ctx, st, out)
	if failure != nil || err != nil {
		return nil, out.redact.failure(failure), errors.Join(err, out.close())
	}
	inst.digest = image.Digest
	return l.serve(ctx, st, inst, out, began)
}

// missingModel spares a local engine's imports where its model is not there. A
// container's mounts are the daemon's to check: it may run elsewhere.
func (l *Launcher) missingModel(st Start) *Failure {
	if l.Simulate == nil && st.Engine.Kind == ollama.Name {
		return l.missingOllama(st)
	}
	if l.Simulate != nil || st.Engine.Runtime != profiles.RuntimeProcess || st.Model.Path == "" || exists(st.Model.Path) {
		return nil
	}
	return fail(ModelMissing, "there is no "+st.Model.Path, "set model.path to the folder or file that holds the model")
}

// serve waits for readiness, and undoes everything where it does not come.
func (l *Launcher) serve(ctx context.Context, st Start, inst *instance, out *sink, began time.Time) (*Server, *Failure, error) {
	p := l.prober(st, inst.addr)
	failure, err := l.await(ctx, st, inst, out, p)
	if failure != nil || err != nil {
		// It has served nobody: there is nothing to finish.
		return nil, failure, errors.Join(err, inst.stop(ctx, 0), out.close())
	}
	wall := time.Since(began)
	out.ready()
	s := &Server{
		target: p.target(), inst: inst, out: out, speed: l.speed(), simulated: l.Simulate != nil,
		died: make(chan struct{}), hung: make(chan struct{}),
	}
	s.facts = out.read()
	s.facts.WallS, s.facts.StartupS = wall.Seconds(), wall.Seconds()*l.speed()
	s.facts.ModelName, s.facts.ImageDigest = p.model, inst.digest
	l.note(st.kept, &s.facts)
	if v := p.version(ctx); v != "" {
		s.facts.EngineVersion = v
	}
	var watched context.Context
	watched, s.cancel = context.WithCancel(context.WithoutCancel(ctx)) // until Close, not until ctx ends
	s.owned.Go(func() { s.monitor(watched) })
	if still, watches := inst.still(hangLimit, out); watches && l.Simulate == nil {
		still.busy = s.busy.Load
		s.owned.Go(func() {
			if still.wait(watched) {
				close(s.hung)
			}
		})
	}
	l.Log.Debug().Str("trial", st.Trial).Dur("wall", wall).Str("url", s.target.URL).Msg("engine ready")
	l.stage(readyStage(&s.facts))
	return s, nil, nil
}

// start brings the engine to life as the profile, or the simulation, wants it.
func (l *Launcher) start(ctx context.Context, st Start, out *sink) (*instance, *Failure, error) {
	if l.inContainer(st.Engine) {
		return l.startContainer(ctx, st, out)
	}
	return l.startProcess(ctx, st, out)
}

// inContainer says whether an engine runs in a container.
func (l *Launcher) inContainer(e *profiles.Engine) bool {
	if l.Simulate != nil {
		return l.Simulate.InDocker
	}
	return e.Runtime == profiles.RuntimeDocker
}

// speed is the engine's seconds in one second of wall time.
func (l *Launcher) speed() float64 {
	if l.Simulate == nil || l.Simulate.Speed <= 0 {
		return 1
	}
	return l.Simulate.Speed
}

// limit is the start-up timeout in wall time.
func (l *Launcher) limit(e *profiles.Engine) time.Duration {
	limit := e.StartupTimeout
	if limit <= 0 {
		limit = DefaultStartupTimeout
	}
	return time.Duration(float64(limit) / l.speed())
}

// stallLimit is the limit of an engine that does nothing, in wall time; 0: none. A
// simulated engine sleeps where a real one computes.
func (l *Launcher) stallLimit(e *profiles.Engine) time.Duration {
	if l.Simulate != nil {
		return 0
	}
	return e.StallTimeout
}

func (l *Launcher) stage(text string) {
	if l.Progress != nil {
		l.Progress(text)
	}
}

// Prepare makes sure that the engine's image is here, pulling it at most once a
// run, so that its digest is known before a trial. For a local process there is
// nothing to do.
func (l *Launcher) Prepare(ctx context.Context, e *profiles.Engine) (docker.Image, *Failure, error) {
	if e.Runtime == profiles.RuntimeExternal || !l.inContainer(e) || l.Simulate != nil {
		return docker.Image{}, nil, nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if image, ok := l.images[e.Image]; ok {
		return image, nil, nil
	}
	client, err := l.connectDocker(ctx)
	if err != nil {
		return docker.Image{}, nil, err
	}
	image, err := client.Pull(ctx, e.Image, e.Pull, func(p docker.Progress) { l.stage(pulling(e.Image, p)) })
	if err != nil {
		failure, err := l.dockerFailure(ctx, err)
		return docker.Image{}, failure, err
	}
	if l.images == nil {
		l.images = map[string]docker.Image{}
	}
	l.images[e.Image] = image
	return image, nil, nil
}

func pulling(image string, p docker.Progress) string {
	return fmt.Sprintf("pulling %s: %s of %s, %d of %d layers", image, bytesText(p.Current), bytesText(p.Total), p.Done, p.Layers)
}

// dockerClient is connectDocker for callers that do not hold l.mu.
func (l *Launcher) dockerClient(ctx context.Context) (*docker.Client, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.connectDocker(ctx)
}

// connectDocker gives the client, connecting at the first call. l.mu is held.
func (l *Launcher) connectDocker(ctx context.Context) (*docker.Client, error) {
	if l.client != nil {
		return l.client, nil
	}
	if l.Docker == nil {
		return nil, errors.New("starting a container: no Docker daemon is set up")
	}
	client, err := l.Docker(ctx)
	if err != nil {
		return nil, err
	}
	l.client = client
	return client, nil
}

// lookup is the value of a variable in the launcher's environment.
func (l *Launcher) lookup(name string) string { return getenv(l.Environ, name) }

func getenv(environ []string, name string) string {
	value := ""
	for _, v := range environ {
		if rest, ok := strings.CutPrefix(v, name+"="); ok {
			value = rest // the last one counts, as for a process
		}
	}
	return value
}

// trialTemp is a folder for what a local engine leaves behind.
func (l *Launcher) trialTemp(trial string) (string, error) {
	base := l.lookup("TMPDIR")
	if base == "" {
		base = os.TempDir()
	}
	// Short: engines put sockets into it, and a socket's path holds 107 bytes.
	path, err := os.MkdirTemp(base, "qtune-"+filepath.Base(trial)+"-")
	if err != nil || l.RunID == "" {
		return path, err
	}
	if err := os.WriteFile(filepath.Join(path, tempOwner), []byte(l.RunID+"\n"+l.Dir+"\n"), 0o600); err != nil {
		return "", errors.Join(err, os.RemoveAll(path))
	}
	return path, nil
}
