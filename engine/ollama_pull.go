package engine

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/qtune/qtune/docker"
	"github.com/qtune/qtune/process"
	"github.com/qtune/qtune/profiles"
)

// pullFolder is where a container that pulls finds the store. It is not root's home,
// which the store's owner could not enter.
const pullFolder = "/qtune/models"

// pullReady is how long Ollama may take to answer before it can be told to pull.
const pullReady = time.Minute

// OllamaModels are the models that an engine may serve, by the names of Ollama's
// store: that of its own flags or of the model block, and those of its sweep.
func OllamaModels(e *profiles.Engine, m profiles.Model) []string {
	k, _ := Lookup(e.Kind)
	names := []string{ServedName(e, e.BaselineCandidate(), m)}
	for _, a := range e.Axes {
		if a.Env || !slices.Contains(k.names, a.Name) {
			continue
		}
		for _, v := range a.Values {
			if name := k.tagged(v.Text); !v.IsNull() && !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names
}

// MissingOllama are the models of an Ollama engine that the store of this host does
// not have; nil for another kind, and where nothing real is started.
func (l *Launcher) MissingOllama(e *profiles.Engine, m profiles.Model) []string {
	if e.Kind != ollama.Name || l.Simulate != nil || e.Runtime == profiles.RuntimeExternal {
		return nil
	}
	store := OllamaStore(l.Environ)
	return slices.DeleteFunc(OllamaModels(e, m), func(name string) bool { return inOllamaStore(store, name) })
}

// PullOllama has Ollama itself pull models into this host's store, in a container of
// the engine's image or as the local program, which ends with it. What an earlier pull
// has left is gone on with. names are those of MissingOllama; of f, Model is not used.
// The error is a *FetchError, the cause of ctx, or a *TeardownError.
func (l *Launcher) PullOllama(ctx context.Context, f Fetch, names []string) error {
	store := l.pullStore()
	if store == "" {
		return &FetchError{names[0], errors.New("there is no folder for Ollama's models"), "set OLLAMA_MODELS to one"}
	}
	if err := os.MkdirAll(store, 0o755); err != nil {
		return &FetchError{Model: names[0], Err: fmt.Errorf("making Ollama's store: %w", err)}
	}
	for _, name := range names {
		f.Model = profiles.Model{ID: name}
		if err := l.pullOllama(ctx, f, store); err != nil {
			return wrapFetch(ctx, f.Model, err)
		}
		if !inOllamaStore(store, name) {
			return &FetchError{name, fmt.Errorf("the pull ended well, and %s does not have it", store), "is OLLAMA_MODELS the store of this Ollama?"}
		}
	}
	return nil
}

// pullStore is the store that models are pulled into: that of this host, else one in
// the user's home, as Ollama itself would make it.
func (l *Launcher) pullStore() string {
	home := ""
	if h := l.lookup("HOME"); h != "" {
		home = filepath.Join(h, ".ollama", "models")
	}
	return cmp.Or(OllamaStore(l.Environ), home)
}

// pullOllama is one pull: a server that lives as long as it.
func (l *Launcher) pullOllama(ctx context.Context, f Fetch, store string) error {
	file, err := openLog(f.LogPath)
	if err != nil {
		return fmt.Errorf("opening the log of the pull: %w", err)
	}
	out := newSink(file, ollama.Name, newRedactor(l.Secrets), nil)
	inst, failure, err := l.startPull(ctx, f.Engine, store, out)
	if failure != nil {
		err = f.refused(failure)
	}
	if err != nil {
		return errors.Join(err, out.close())
	}
	p := &puller{base: "http://" + inst.addr, store: store, fetch: f, ended: inst.Done()}
	pulled := p.run(ctx)
	exit := inst.ended()
	if err := errors.Join(inst.stop(ctx, fetchGrace), out.close()); err != nil {
		return err
	}
	if pulled == nil || exit == nil {
		return pulled
	}
	return f.died(out.failure(exit))
}

func (l *Launcher) startPull(ctx context.Context, e *profiles.Engine, store string, out *sink) (*instance, *Failure, error) {
	if e.Runtime == profiles.RuntimeDocker {
		return l.runFetch(ctx, e, l.pullSpec(e, store), out)
	}
	port, err := process.FreePort()
	if err != nil {
		return nil, nil, err
	}
	addr := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	vars := []string{ollama.listenEnv + "=" + addr, "OLLAMA_MODELS=" + store, "OLLAMA_NOPRUNE=1"}
	inst, failure, err := l.runFetchProcess(ctx, ollama.program(e), vars, out)
	if inst != nil {
		inst.addr = addr
	}
	return inst, failure, err
}

// pullSpec is a container of the engine's image, without a card, in which only the
// store can be written, by its owner: see fetchSpec.
func (l *Launcher) pullSpec(e *profiles.Engine, store string) docker.Spec {
	var env environment
	env.add("HOME=/tmp", "OLLAMA_MODELS="+pullFolder, "OLLAMA_NOPRUNE=1", ollama.listenEnv+"=0.0.0.0:"+strconv.Itoa(ollama.Port))
	l.pass(&env, proxies...)
	spec := docker.Spec{
		Name: "qtune-" + l.RunID + "-pull", Image: e.Image, Labels: l.labels("", RoleFetch), Env: env.words(),
		User: ownerOf(store), Network: e.Network, Port: ollama.Port,
		Mounts: []docker.Mount{{Source: store, Target: pullFolder, Writable: true}},
	}
	spec.Entrypoint, spec.Command = split(ollama, e, ollama.program(e))
	return spec
}

// puller tells a server to pull one model, and follows how far it is.
type puller struct {
	base, store string
	fetch       Fetch
	ended       <-chan struct{} // the server has
}

// errPullEnded is the cause where the server ended before the pull did.
var errPullEnded = errors.New("the server ended before the pull did")

// run waits for the server, pulls, and returns when all of it is here.
func (p *puller) run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	var watcher sync.WaitGroup
	watcher.Go(func() {
		select {
		case <-p.ended:
			cancel(errPullEnded)
		case <-ctx.Done():
		}
	})
	err := p.ready(ctx)
	if err == nil {
		err = p.pull(ctx, cancel)
	}
	cause := context.Cause(ctx)
	cancel(nil)
	watcher.Wait()
	if err != nil && cause != nil {
		return cause
	}
	return err
}

// ready waits until the server answers.
func (p *puller) ready(ctx context.Context) error {
	ask := &prober{base: p.base, http: newHTTP()}
	limit := time.NewTimer(pullReady)
	defer limit.Stop()
	for {
		status, _, err := ask.ask(ctx, probeLimit, http.MethodGet, ollama.version.path, nil)
		if err == nil && status == http.StatusOK {
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-limit.C:
			return fmt.Errorf("the server does not answer after %v", pullReady)
		case <-time.After(probeEvery):
		}
	}
}

// pull asks for the model. The answer is a stream of JSON objects, one for each step.
func (p *puller) pull(ctx context.Context, cancel context.CancelCauseFunc) error {
	body, err := json.Marshal(map[string]string{"model": p.fetch.Model.ID})
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.base+"/api/pull", bytes.NewReader(body))
	if err != nil {
		return err
	}
	still := time.AfterFunc(fetchStall, func() { cancel(fmt.Errorf("nothing has arrived for %v", fetchStall)) })
	defer still.Stop()
	res, err := newHTTP().Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	return p.follow(res.Body, res.StatusCode, func() { still.Reset(fetchStall) })
}
