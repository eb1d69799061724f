package engine

import (
	"context"
	"crypto/sha256"
	"debug/elf"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/qtune/qtune/catalog"
	"github.com/qtune/qtune/docker"
	"github.com/qtune/qtune/profiles"
)

// Simulation says how engines are replaced by simulated ones.
type Simulation struct {
	Binary   string  // this qtune
	InDocker bool    // in a container rather than as a process; Binary must be static
	Card     string  // a name of the catalog; "" means the simulator's default
	Cards    int     // of that kind, in the machine; 0 means 1
	Speed    float64 // engine seconds in one wall second; 0 means 1
	Seed     uint64
	Noise    float64 // 0: none; 1: that of a typical server
	Fault    string  // a failure to show, NAME or NAME@N for the Nth start alone; "": none
}

// Machine names the cards: "RTX 5090", "2 × RTX 5090".
func (s *Simulation) Machine() string {
	if s.Cards > 1 {
		return strconv.Itoa(s.Cards) + " × " + s.Card
	}
	return s.Card
}

// Unusual names what makes a simulation give other figures than an undisturbed one; "".
func (s *Simulation) Unusual() string {
	text := ""
	if s.Noise > 0 {
		text += ", noise " + strconv.FormatFloat(s.Noise, 'g', -1, 64)
	}
	if s.Fault != "" {
		text += ", fault " + s.Fault
	}
	return text
}

// simulatorPath is the one file in the simulator's image.
const simulatorPath = "/qtune"

// argv is the simulator's command line: the engine's own, from after its program.
func (s *Simulation) argv(st Start, at Address, model string) []string {
	k, _ := Lookup(st.Engine.Kind)
	text := func(v profiles.Value) string { return v.Text }
	args := k.arguments(st.Engine, st.Candidate, st.Model, model, at, text)
	return slices.Concat([]string{s.Binary, "simulate", st.Engine.Kind}, args)
}

func (s *Simulation) env(st Start) []string {
	env := []string{
		"QTUNE_SIMULATE_SPEED=" + strconv.FormatFloat(max(s.Speed, 0), 'g', -1, 64),
		"QTUNE_SIMULATE_SEED=" + strconv.FormatUint(s.Seed, 10),
		"QTUNE_SIMULATE_MODEL=" + st.Model.ID,
	}
	if s.Speed <= 0 {
		env[0] = "QTUNE_SIMULATE_SPEED=1"
	}
	if v := catalog.ImageVersion(st.Engine.Image); v != "" {
		env = append(env, "QTUNE_SIMULATE_VERSION="+v)
	}
	if s.Noise > 0 {
		env = append(env, "QTUNE_SIMULATE_NOISE="+strconv.FormatFloat(s.Noise, 'g', -1, 64))
	}
	if s.Fault != "" {
		env = append(env, "QTUNE_SIMULATE_FAULT="+s.Fault)
	}
	if st.nth > 0 && (s.Noise > 0 || s.Fault != "") {
		env = append(env, "QTUNE_SIMULATE_START="+strconv.Itoa(st.nth))
	}
	if s.Cards > 1 {
		env = append(env, "QTUNE_SIMULATE_CARDS="+strconv.Itoa(s.Cards))
	}
	if s.Card != "" {
		env = append(env, "QTUNE_SIMULATE_CARD="+s.Card)
	}
	return env
}

// localModel is the model as a simulated process finds it: its folder where it
// is on this host, else its name.
func localModel(st Start) string {
	if st.Model.Path != "" && exists(st.Model.Path) {
		return st.Model.Path
	}
	if st.Model.ID != "" {
		return st.Model.ID
	}
	return st.Model.Path
}

// simulatedContainer is a trial's container with the simulator in it.
func (l *Launcher) simulatedContainer(ctx context.Context, st Start, spec docker.Spec, at Address) (docker.Spec, error) {
	image, err := l.simulatorImage(ctx)
	if err != nil {
		return docker.Spec{}, err
	}
	model := st.Model.ID
	if st.Model.Path != "" && exists(st.Model.Path) {
		m := mountedModel(st.Model.Path)
		spec.Mounts = []docker.Mount{{Source: m.source, Target: path.Join(modelFolder, filepath.ToSlash(m.target))}}
		model = path.Join(modelFolder, filepath.ToSlash(m.inside))
	}
	inside := *l.Simulate
	inside.Binary = simulatorPath
	words := inside.argv(st, at, model)
	spec.Image, spec.Entrypoint, spec.Command = image, words[:3], words[3:]
	k, _ := Lookup(st.Engine.Kind)
	var env environment
	env.candidate(k, st.Candidate)
	env.add(inside.env(st)...)
	spec.Env = env.words()
	return spec, nil
}

// simulatorImage makes the image that holds the static binary alone, once for
// each build of it. The image stays after a run, for the next one: it is named by the
// binary's hash, holds nothing of a run, and `docker rmi` removes it.
func (l *Launcher) simulatorImage(ctx context.Context) (string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.simulator != "" {
		return l.simulator, nil
	}
	if err := checkStatic(l.Simulate.Binary); err != nil {
		return "", err
	}
	sum, err := fileHash(l.Simulate.Binary)
	if err != nil {
		return "", fmt.Errorf("reading qtune's own binary: %w", err)
	}
	client, err := l.connectDocker(ctx)
	if err != nil {
		return "", err
	}
	tag := "qtune-simulator:" + sum[:12]
	_, there, err := client.InspectImage(ctx, tag)
	if err == nil && !there {
		l.stage("making the simulator's image")
		_, err = client.ImportImage(ctx, tag, map[string]string{simulatorPath: l.Simulate.Binary, "/tmp/": ""})
	}
	if err != nil {
		return "", err
	}
	l.simulator = tag
	return tag, nil
}

func fileHash(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close() //nolint:errcheck // it was only read
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// StaticError says that a binary cannot run in an image that holds nothing else.
type StaticError struct {
	Path string
	Err  error
}

// Error implements error.
func (e *StaticError) Error() string {
	return fmt.Sprintf("putting %s into an image of its own: %v", e.Path, e.Err)
}

// Unwrap gives the cause.
func (e *StaticError) Unwrap() error { return e.Err }

// Hint says what to do about it.
func (e *StaticError) Hint() string {
	return "build qtune with CGO_ENABLED=0, or simulate in processes (without --simulate-in docker)"
}

// checkStatic refuses a binary that asks for a dynamic loader (PT_INTERP): the
// image has none.
func checkStatic(path string) error {
	f, err := elf.Open(path)
	if err != nil {
		return &StaticError{path, fmt.Errorf("not a Linux binary: %w", err)}
	}
	defer f.Close() //nolint:errcheck // it was only read
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			return &StaticError{path, errors.New("it is linked dynamically, and the image has no loader for it")}
		}
	}
	return nil
}
