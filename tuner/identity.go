package tuner

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/qtune/qtune/bench"
	"github.com/qtune/qtune/profiles"
)

// Surroundings is what changes a trial's result besides its configuration.
type Surroundings struct {
	// Engine identifies what is started: an image's digest, or an executable with
	// its size, time and version, or the simulator with its version, card, seed
	// and speed. "" means that it is not known, so nothing can be reused.
	Engine string
	GPU    string // the cards by name and driver version; "" where there are none
	Cards  string `json:"-"` // the cards alone, or the simulator's machine: of a setting, and no part of an identity
	Model  string // the model's files as found on this machine; "" means by name only
}

// Identity is the hash of all that changes the result of a trial: resolved
// flags and environment (secrets by name), what is started, the model, the GPU,
// the workloads and the version of the measurement. "" means not known.
// Objective, constraints and budget are no part of it.
func Identity(p *profiles.Profile, t *Trial, s Surroundings) string {
	if s.Engine == "" {
		return ""
	}
	return hashed("identity of "+t.ID, struct {
		Kind      string
		Flags     Flags
		Env       Env
		Command   []string
		Port      int
		Limits    []any
		Around    Surroundings
		ModelID   string
		Revision  string
		ModelPath string
		Workloads []bench.Workload
		Bench     string
	}{
		t.Engine.Kind, t.Candidate.Flags, t.Candidate.Env, append(t.Engine.Entrypoint, t.Engine.Command...), t.Engine.Port,
		heldTo(t.Engine),
		s, p.Model.ID, p.Model.Revision, p.Model.Path, p.Workloads, bench.Version,
	})
}

// Setting is the hash of what shapes the results of a trial besides its flags: model,
// cards, workloads and kind of engine, with what its container is held to. Versions of
// qtune, of the engine and of the driver, and the simulator's seed, shift the level of
// all results and are no part of it. "" means not known.
func Setting(p *profiles.Profile, t *Trial, s Surroundings) string {
	if s.Engine == "" {
		return ""
	}
	return hashed("setting of "+t.ID, struct {
		Kind      string
		Command   []string
		Limits    []any
		Cards     string
		Model     [4]string
		Workloads []bench.Workload
	}{
		t.Engine.Kind, slices.Concat(t.Engine.Entrypoint, t.Engine.Command), heldTo(t.Engine),
		s.Cards, [4]string{s.Model, p.Model.ID, p.Model.Revision, p.Model.Path}, p.Workloads,
	})
}

// hashed is the hash of what a value holds.
func hashed(what string, value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		panic(fmt.Sprintf("%s: %v", what, err)) // nothing in it can fail to encode
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:16])
}

// heldTo is what a container is given and held to. Limits that came later are
// there only if they are set, so that what was measured before is still known.
func heldTo(e *profiles.Engine) []any {
	all := []any{e.Mounts, e.Tmpfs, e.ShmSize, e.Ulimits, e.IPC, e.Network, e.URL}
	if e.Memory > 0 || e.PIDs > 0 {
		all = append(all, e.Memory, e.PIDs)
	}
	return all
}
