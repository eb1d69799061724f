package engine

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/qtune/qtune/docker"
	"github.com/qtune/qtune/profiles"
)

// Blueprint is the container of an engine that is to outlast its run: what a
// trial's is, less the trial's name and labels, and with a known port of the host
// and a check of health.
type Blueprint struct {
	Spec   docker.Spec
	Digest string // of the image; "" where nobody has asked the daemon
	// Lines say all that makes the container what it is, one thing a line, each
	// secret by its name.
	Lines []string
}

// Hash is short and the same for the same container.
func (b *Blueprint) Hash() string {
	sum := sha256.Sum256([]byte(strings.Join(b.Lines, "\n")))
	return hex.EncodeToString(sum[:8])
}

// ProcessError says that an engine without a container cannot be left running in
// one.
type ProcessError struct{ Engine, Runtime string }

// Error implements error.
func (e *ProcessError) Error() string {
	if e.Runtime == string(profiles.RuntimeExternal) {
		return fmt.Sprintf("engine %s is a server that is up already: there is nothing to deploy", e.Engine)
	}
	return fmt.Sprintf("engine %s runs as a process, not in a container", e.Engine)
}

// Hint says what to do about it.
func (e *ProcessError) Hint() string {
	if e.Runtime == string(profiles.RuntimeExternal) {
		return ""
	}
	return "`qtune export RUN --to systemd` writes a unit that runs it; or take runtime = \"process\" out of the profile and apply again"
}

// Deployable says why an engine cannot be left running; nil if it can.
func (l *Launcher) Deployable(e *profiles.Engine) error {
	if e.Runtime == profiles.RuntimeExternal || !l.inContainer(e) {
		return &ProcessError{e.Label(), string(e.Runtime)}
	}
	return nil
}

// Plan draws the container that st and d ask for, with the image made sure of. A
// *Failure is an image that cannot be had.
func (l *Launcher) Plan(ctx context.Context, st Start, d profiles.Deploy) (*Blueprint, *Failure, error) {
	if err := l.Deployable(st.Engine); err != nil {
		return nil, nil, err
	}
	if k, _ := Lookup(st.Engine.Kind); l.Simulate != nil && !k.simulated {
		return nil, nil, &SimulateError{st.Engine.Label(), "qtune has no simulation of it"}
	}
	image, failure, err := l.Prepare(ctx, st.Engine)
	if failure != nil || err != nil {
		return nil, failure, err
	}
	b := &Blueprint{Digest: image.Digest}
	if l.Simulate == nil {
		b.Spec = l.Draw(st, d)
	} else if b.Spec, err = l.drawSimulated(ctx, st, d); err != nil {
		return nil, nil, err
	}
	b.Lines = l.describe(st, b, d)
	return b, nil, nil
}

// Draw is the container of a real engine that is to outlast its run. It asks
// nobody but the file system, for the cache that holds the model.
func (l *Launcher) Draw(st Start, d profiles.Deploy) docker.Spec {
	spec, at := outline(st.Engine, d)
	l.realContainer(st, &spec, at)
	spec.Health = health(st.Engine, at.Port, l.limit(st.Engine))
	return spec
}

func (l *Launcher) drawSimulated(ctx context.Context, st Start, d profiles.Deploy) (docker.Spec, error) {
	spec, at := outline(st.Engine, d)
	spec, err := l.simulatedContainer(ctx, st, spec, at)
	if err != nil {
		return spec, err
	}
	k, _ := Lookup(st.Engine.Kind)
	spec.Health = &docker.Health{
		Command:  []string{simulatorPath, "healthy", fmt.Sprintf("http://127.0.0.1:%d%s", at.Port, k.Health)},
		Interval: healthEvery, Timeout: healthLimit, Start: l.limit(st.Engine), Retries: healthRetries,
	}
	return spec, nil
}

// outline is the container's place on the network of the host.
func outline(e *profiles.Engine, d profiles.Deploy) (docker.Spec, Address) {
	if e.Network == "host" { // nothing is published: the engine itself listens there
		at := Address{d.Address, d.Port}
		return docker.Spec{Network: e.Network, Port: at.Port}, at
	}
	at := containerAddress(e)
	return docker.Spec{Network: e.Network, Port: at.Port, HostIP: d.Address, HostPort: d.Port}, at
}

// How a deployed engine's health is checked. SGLang's health gives itself 20 s.
const (
	healthEvery   = 30 * time.Second
	healthLimit   = 25 * time.Second
	healthRetries = 3
)

// health is a check with what the engine's own image has: of Python its standard
// library, or curl.
func health(e *profiles.Engine, port int, start time.Duration) *docker.Health {
	k, _ := Lookup(e.Kind)
	if k.Health == "" {
		return nil
	}
	url := "http://127.0.0.1:" + strconv.Itoa(port) + k.Health
	command := []string{"python3", "-c", fmt.Sprintf("import urllib.request; urllib.request.urlopen(%q, timeout=%d)", url, int(healthLimit.Seconds())-5)}
	switch e.Kind { // those whose images have no Python
	case llamacpp.Name:
		command = []string{"curl", "-fsS", "-o", "/dev/null", url}
	case ollama.Name:
		command = []string{"/bin/ollama", "list"}
	}
	return &docker.Health{Command: command, Interval: healthEvery, Timeout: healthLimit, Start: start, Retries: healthRetries}
}

// describe lists what a container is made of, for a person and for a comparison.
// Cards that the profile leaves to choice are no part of it: another free card is
// no other deployment.
func (l *Launcher) describe(st Start, b *Blueprint, d profiles.Deploy) []string {
	s := b.Spec
	var lines []string
	add := func(what string, v any) {
		text, err := json.Marshal(v)
		if err != nil || string(text) == "null" || string(text) == "0" || string(text) == `""` {
			return
		}
		lines = append(lines, what+" "+strings.Trim(string(text), `"`))
	}
	add("image", s.Image)
	add("digest", b.Digest)
	for _, group := range groups(append(slices.Clone(s.Entrypoint), s.Command...)) {
		lines = append(lines, "argument "+strings.Join(group, " "))
	}
	for _, v := range s.Env {
		lines = append(lines, "env "+v)
	}
	add("mounts", s.Mounts)
	add("tmpfs", s.Tmpfs)
	add("shm_size", s.ShmSize)
	add("ulimits", s.Ulimits)
	add("ipc", s.IPC)
	add("network", s.Network)
	add("cap_add", s.CapAdd)
	if st.GPU.Devices != nil {
		add("gpus", s.GPUs.IDs)
	}
	if s.Health != nil {
		lines = append(lines, "health check "+strings.Join(s.Health.Command, " "))
	}
	add("restart", d.Restart)
	add("address", d.Address+":"+strconv.Itoa(d.Port))
	redact := newRedactor(l.Secrets)
	for i := range lines {
		lines[i] = redact.text(lines[i])
	}
	return lines
}

// groups puts each flag with the values that follow it.
func groups(words []string) [][]string {
	var all [][]string
	for _, w := range words {
		if n := len(all); n > 0 && (!strings.HasPrefix(w, "-") || isNumber(w)) {
			all[n-1] = append(all[n-1], w)
			continue
		}
		all = append(all, []string{w})
	}
	return all
}

func isNumber(w string) bool {
	_, err := strconv.ParseFloat(w, 64)
	return err == nil
}

// Left is an engine that was left running.
type Left struct {
	ID    string // of the container
	Addr  string // at which it served when it became ready
	Facts Facts
}

// Outlast starts a container, waits until the engine in it truly serves, as Launch
// does, and leaves it to the daemon. Whatever else happens, nothing of it is left.
func (l *Launcher) Outlast(ctx context.Context, st Start, spec docker.Spec) (*Left, *Failure, error) {
	file, err := openLog(st.LogPath)
	if err != nil {
		return nil, nil, fmt.Errorf("opening the log: %w", err)
	}
	out := newSink(file, st.Engine.Kind, newRedactor(l.Secrets), l.Progress)
	client, err := l.dockerClient(ctx)
	if err != nil {
		return nil, nil, errors.Join(err, out.close())
	}
	began := time.Now()
	spec.Log = out
	ctr, err := client.Run(ctx, spec)
	if err != nil {
		failure, err := l.dockerFailure(ctx, err)
		return nil, out.redact.failure(failure), errors.Join(err, out.close())
	}
	return l.settle(ctx, st, ctr, out, spec.Name, began)
}

// settle waits for readiness and lets go of the container, or removes it.
func (l *Launcher) settle(ctx context.Context, st Start, ctr *docker.Container, out *sink, name string, began time.Time) (*Left, *Failure, error) {
	inst := containerInstance(ctr, name)
	p := l.prober(st, inst.addr)
	failure, err := l.await(ctx, st, inst, out, p)
	if failure != nil || err != nil {
		return nil, failure, errors.Join(err, inst.stop(ctx, 0), out.close())
	}
	out.ready()
	left := &Left{ID: ctr.ID(), Addr: ctr.Addr(), Facts: out.read()}
	left.Facts.WallS = time.Since(began).Seconds()
	left.Facts.StartupS, left.Facts.ModelName = left.Facts.WallS*l.speed(), p.model
	ctr.Detach()
	return left, nil, out.close()
}

// AwaitHealth asks a server that was started before for its health until it is
// good or ctx ends. The kind is that of a profile's engine, addr host:port.
func AwaitHealth(ctx context.Context, kind, addr string) error {
	k, ok := Lookup(kind)
	if !ok {
		return fmt.Errorf("no engine is called %q", kind)
	}
	p := &prober{kind: k, base: "http://" + addr, http: newHTTP()}
	path := k.Health
	if path == "" {
		path = "/v1/models"
	}
	for {
		status, _, err := p.ask(ctx, probeLimit, http.MethodGet, path, nil)
		if err == nil && status/100 == 2 {
			return nil
		}
		if err == nil {
			err = fmt.Errorf("GET %s answered %d", path, status)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("it does not serve: %w", err)
		case <-time.After(probeEvery):
		}
	}
}

// defaultShare is what vLLM takes of a card where nothing is said; SGLang reckons
// it from the card, and takes about as much.
const defaultShare = 0.92

// MemoryShare is the part of a card's memory, from 0 to 1, that an engine takes;
// false for engines that do not take a share.
func MemoryShare(kind string, c profiles.Candidate) (float64, bool) {
	flag := map[string]string{"vllm": "gpu-memory-utilization", "sglang": "mem-fraction-static"}[kind]
	if flag == "" {
		return 0, false
	}
	share := defaultShare
	if v, given := flagValue(c, flag); given {
		n, err := strconv.ParseFloat(v.Text, 64)
		if err != nil {
			return 0, false
		}
		share = n
	}
	if kind == "sglang" { // beside the static part it needs room for activations and graphs
		share = min(1, share+0.08)
	}
	return share, true
}

// DrawProcess is the command and the environment of an engine that runs as a process
// of the host, to be run by somebody else.
func (l *Launcher) DrawProcess(st Start, d profiles.Deploy) docker.Spec {
	at := Address{d.Address, d.Port}
	k, _ := Lookup(st.Engine.Kind)
	var env environment
	env.add(k.env...)
	if st.GPU.Devices != nil {
		env.set("CUDA_DEVICE_ORDER", "PCI_BUS_ID")
		env.set("CUDA_VISIBLE_DEVICES", strings.Join(st.GPU.Devices, ","))
	}
	if k.listenEnv != "" {
		env.set(k.listenEnv, at.Host+":"+strconv.Itoa(at.Port))
	}
	env.candidate(k, st.Candidate)
	return docker.Spec{Command: Command(st.Engine, st.Candidate, st.Model, at), Env: env.words(), Port: d.Port}
}
