package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/qtune/qtune/profiles"
)

const (
	// fetchMargin is the space that stays free on the cache's disk, in bytes.
	fetchMargin = 1 << 30
	// fetchGrace is how long the hub's library may take to end cleanly; what it
	// has fetched so far stays and is gone on with.
	fetchGrace = 5 * time.Second
	// fetchStall ends a fetch in which nothing arrives.
	fetchStall = 10 * time.Minute
)

// fetchScript fetches the files that its argument names. Where they are not the
// whole repository, the library's own list of it must go: by that list it would
// call the snapshot incomplete later, without a network.
const fetchScript = `import json, os, sys
from huggingface_hub import snapshot_download
want = json.loads(sys.argv[1])
path = snapshot_download(want["repo"], revision=want["revision"], allow_patterns=want["files"])
tree = os.path.join(os.path.dirname(os.path.dirname(path)), "trees", os.path.basename(path) + ".json")
if not want["whole"] and os.path.exists(tree):
    os.remove(tree)
`

// Fetch says which model to bring to this host.
type Fetch struct {
	Engine   *profiles.Engine // its image or environment has the hub's library
	Model    profiles.Model
	LogPath  string                      // of the fetch; overwritten
	Progress func(done, total int64)     // bytes, about once a second; nil: nobody listens
	every    time.Duration               // between two looks; 0: a second
	free     func(string) (int64, error) // free bytes at a folder; nil: the disk's
}

// FetchError says why a model was not fetched.
type FetchError struct {
	Model string
	Err   error
	hint  string
}

// Error implements error.
func (e *FetchError) Error() string { return fmt.Sprintf("fetching the model %s: %v", e.Model, e.Err) }

// Unwrap gives the cause.
func (e *FetchError) Unwrap() error { return e.Err }

// Hint says what to do about it.
func (e *FetchError) Hint() string {
	var inner interface{ Hint() string }
	if e.hint == "" && errors.As(e.Err, &inner) {
		return inner.Hint()
	}
	return e.hint
}

// NeedsFetch says whether a model must be fetched before an engine can serve it.
func (l *Launcher) NeedsFetch(e *profiles.Engine, m profiles.Model) bool {
	k, _ := Lookup(e.Kind)
	return l.Simulate == nil && k.fetch && m.Path == "" && e.Runtime != profiles.RuntimeExternal &&
		!isFolder(m.ID) && !CacheState(CacheDir(l.Environ), m).Complete()
}

// Fetch brings a model that is not in the Hugging Face cache into it, by the
// hub's own library in a container of the engine's image, or in the Python that
// the local engine runs in. What an earlier fetch has left is gone on with. A
// model that is whole costs nothing. The error is a *FetchError, the cause of
// ctx, or a *TeardownError.
func (l *Launcher) Fetch(ctx context.Context, f Fetch) error {
	k, _ := Lookup(f.Engine.Kind)
	if !k.fetch && f.Model.Path == "" && f.Engine.Runtime != profiles.RuntimeExternal {
		return &FetchError{f.Model.ID, fmt.Errorf("%s reads a file, not the hub", f.Engine.Kind), "set model.path to a GGUF file on this host"}
	}
	if !l.NeedsFetch(f.Engine, f.Model) {
		return nil
	}
	cache := CacheDir(l.Environ)
	if cache == "" {
		return &FetchError{f.Model.ID, errors.New("there is no folder for models"), "set HF_HUB_CACHE to one"}
	}
	hub, err := HubSize(ctx, HubEndpoint(l.Environ), f.Model.ID, f.Model.Revision, HubToken(l.Environ))
	if err != nil {
		return wrapFetch(ctx, f.Model, err)
	}
	if err := f.room(cache, hub); err != nil {
		return wrapFetch(ctx, f.Model, err)
	}
	if err := l.fetch(ctx, f, cache, hub); err != nil {
		return wrapFetch(ctx, f.Model, err)
	}
	if state := CacheState(cache, f.Model); !state.Complete() {
		return &FetchError{f.Model.ID, fmt.Errorf("the fetch ended well, and %s is missing", show(strings.Join(state.Missing, ", "))), hintModel}
	}
	return nil
}

func wrapFetch(ctx context.Context, m profiles.Model, err error) error {
	var left *TeardownError
	var known *FetchError
	switch {
	case errors.As(err, &left), errors.As(err, &known):
		return err
	case context.Cause(ctx) != nil:
		return context.Cause(ctx)
	}
	return &FetchError{Model: m.ID, Err: err}
}

// room makes the cache's folder and checks that the model fits on its disk.
func (f Fetch) room(cache string, hub HubModel) error {
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return fmt.Errorf("making the folder for models: %w", err)
	}
	have, err := f.freeAt(cache)
	if err != nil {
		return fmt.Errorf("looking for free space in %s: %w", cache, err)
	}
	need := hub.Bytes - CacheState(cache, f.Model).Bytes + fetchMargin
	if have < need {
		return &FetchError{f.Model.ID, fmt.Errorf("%s are needed and %s are free in %s", bytesText(need), bytesText(have), cache),
			"free space there, or set HF_HUB_CACHE to a folder on a larger disk"}
	}
	return nil
}

func (f Fetch) freeAt(folder string) (int64, error) {
	if f.free != nil {
		return f.free(folder)
	}
	return freeBytes(folder)
}

// freeBytes is what an ordinary user may still write to a folder's disk.
func freeBytes(folder string) (int64, error) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(folder, &s); err != nil {
		return 0, err
	}
	return int64(s.Bavail) * int64(s.Bsize), nil //nolint:unconvert // the types differ among systems
}

// fetch runs the library and waits for its end.
func (l *Launcher) fetch(ctx context.Context, f Fetch, cache string, hub HubModel) error {
	file, err := openLog(f.LogPath)
	if err != nil {
		return fmt.Errorf("opening the log of the fetch: %w", err)
	}
	secrets := append(slices.Clone(l.Secrets), profiles.Secret{Name: "env.HF_TOKEN", Value: HubToken(l.Environ)})
	out := newSink(file, "", newRedactor(secrets), nil)
	inst, failure, err := l.startFetch(ctx, f, cache, hub, out)
	if failure != nil {
		err = f.refused(failure)
	}
	if err != nil {
		return errors.Join(err, out.close())
	}
	waited := f.wait(ctx, inst, cache, hub)
	exit := inst.ended()
	if err := errors.Join(inst.stop(ctx, fetchGrace), out.close()); err != nil {
		return err
	}
	switch {
	case waited != nil:
		return waited
	case exit != nil && exit.Code == 0 && exit.Err == nil:
		return nil
	}
	return f.died(out.failure(exit))
}

// refused says why the program that brings the model did not start.
func (f Fetch) refused(why *Failure) error {
	return &FetchError{f.Model.ID, errors.New(why.Line), why.Hint}
}

// died says how that program ended before the model was here.
func (f Fetch) died(how *Failure) error {
	return &FetchError{f.Model.ID, fmt.Errorf("%s (the log: %s)", how, f.LogPath), how.Hint}
}

// wait reports how far the fetch is until it ends. Its error is that of ctx, or
// says that nothing arrives.
func (f Fetch) wait(ctx context.Context, inst *instance, cache string, hub HubModel) error {
	every := f.every
	if every == 0 {
		every = time.Second
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	blobs := filepath.Join(cache, repoFolder(f.Model.ID), "blobs")
	last, since := int64(-1), time.Now()
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-inst.Done():
			return nil
		case <-tick.C:
		}
		if now := folderBytes(blobs); now != last {
			last, since = now, time.Now()
		}
		if f.Progress != nil {
			f.Progress(min(last, hub.Bytes), hub.Bytes)
		}
		if time.Since(since) > fetchStall {
			return fmt.Errorf("nothing has arrived for %v", fetchStall)
		}
	}
}
