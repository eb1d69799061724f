package engine

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/qtune/qtune/docker"
	"github.com/qtune/qtune/profiles"
)

// cacheFolder is where a container finds the caches that a run keeps.
const cacheFolder = "/var/cache/qtune"

// kept are the caches that the starts of one run share which have the same engine,
// image and cards: a volume for containers, a folder of the run for processes. They
// are the run's alone and end with it.
type kept struct {
	name   string // of the volume
	folder string // of a process; "": a volume
	starts int    // that have served with it
	// compiled is how long the start took that compiled some code, by where that
	// lies, in the engine's time.
	compiled map[string]float64
}

// cacheEnv tells an engine to keep below a folder what it compiles.
func (k Kind) cacheEnv(folder string) []string {
	var env []string
	for _, name := range slices.Sorted(maps.Keys(k.caches)) {
		env = append(env, name+"="+path.Join(folder, k.caches[name]))
	}
	return env
}

// keep finds the caches of a start, or makes them; nil: none are kept for it. An
// image whose containers are not root's could not write to a volume.
func (l *Launcher) keep(st Start, image docker.Image) *kept {
	k, _ := Lookup(st.Engine.Kind)
	e := st.Engine
	if l.Simulate != nil || l.RunID == "" || st.ColdCaches || !e.KeepCaches || len(k.caches) == 0 || image.User != "" && image.User != "root" && image.User != "0" {
		return nil
	}
	program := image.Digest
	if e.Runtime == profiles.RuntimeProcess {
		program = strings.Join(k.program(e), " ")
	}
	if l.plansMemory(st) {
		program += "\n" + strings.Join(Command(e, st.Candidate, st.Model, Address{}), " ")
	}
	sum := sha256.Sum256([]byte(program + "\n" + strings.Join(l.gpus(st.GPU).IDs, ",")))
	name := "qtune-" + l.RunID + "-cache-" + k.Name + "-" + hex.EncodeToString(sum[:5])
	l.mu.Lock()
	defer l.mu.Unlock()
	if c, ok := l.caches[name]; ok {
		return c
	}
	c := &kept{name: name, compiled: map[string]float64{}}
	if e.Runtime == profiles.RuntimeProcess {
		c.folder = filepath.Join(l.Dir, "caches", name)
		if err := os.MkdirAll(c.folder, 0o755); err != nil {
			l.Log.Warn().Err(err).Msg("nothing that engines compile is kept")
			return nil
		}
	}
	if l.caches == nil {
		l.caches = map[string]*kept{}
	}
	l.caches[name] = c
	return c
}

// startupPlan has vLLM 0.32 write down how much memory it found for its KV cache, and
// take that the next time instead of measuring. What it knows a start by (its
// v1/worker/startup_plan.py and CacheConfig.compute_hash) leaves gpu-memory-utilization
// out: a trial with 0.95 would get the cache of an earlier one with 0.85.
const startupPlan = "VLLM_ENABLE_STARTUP_PLAN"

// plansMemory says that a start would take over such a plan, so that it may share its
// caches with starts of the very same command only.
func (l *Launcher) plansMemory(st Start) bool {
	on := ""
	if st.Engine.Runtime == profiles.RuntimeProcess {
		on = l.lookup(startupPlan)
	}
	for _, v := range st.Candidate.Env {
		if v.Name == startupPlan {
			on = plain(v.Value)
		}
	}
	return on != "" && on != "0"
}

// suspect says that a start may have died of what an earlier one has left in the
// caches: it is a fault of the software that no rule explains.
func (c *kept) suspect(f *Failure) bool {
	return c != nil && f != nil && c.starts > 0 && (f.Class == Unknown || f.Class == KernelMissing)
}

// note takes down what a start that serves had of the caches.
func (l *Launcher) note(c *kept, f *Facts) {
	if c == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	f.Caches = "new"
	if c.starts > 0 {
		f.Caches = "kept"
	}
	c.starts++
	switch first, known := c.compiled[f.compiled]; {
	case f.compiled == "":
	case !f.Reused:
		c.compiled[f.compiled] = f.StartupS
	case known:
		f.SavedS = max(0, first-f.StartupS)
	}
}

// readyStage says that an engine serves, and what a cache has saved.
func readyStage(f *Facts) string {
	if f.SavedS < 1 {
		return "ready"
	}
	return fmt.Sprintf("ready after %.0f s, %.0f s less than the start that compiled the same code", f.StartupS, f.SavedS)
}

// drop removes caches; the next start begins with empty ones. Its error is a
// *TeardownError.
func (l *Launcher) drop(ctx context.Context, c *kept) error {
	l.mu.Lock()
	delete(l.caches, c.name)
	client := l.client
	l.mu.Unlock()
	var err error
	switch {
	case c.folder != "":
		err = os.RemoveAll(c.folder)
		_ = os.Remove(filepath.Dir(c.folder)) // the last one takes the folder of all with it
	case client != nil:
		err = client.RemoveVolume(ctx, c.name)
	}
	if err != nil {
		return &TeardownError{What: "the caches " + c.name, Err: err}
	}
	return nil
}

// RemoveCaches removes what the run's starts have compiled. It must follow the
// last Close. The error is a *TeardownError, or several.
func (l *Launcher) RemoveCaches(ctx context.Context) error {
	l.mu.Lock()
	all := make([]*kept, 0, len(l.caches))
	for _, c := range l.caches {
		all = append(all, c)
	}
	l.mu.Unlock()
	var errs []error
	for _, c := range all {
		errs = append(errs, l.drop(ctx, c))
	}
	return errors.Join(errs...)
}
