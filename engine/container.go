package engine

import (
	"context"
	"errors"
	"net"
	"os"
	"path"
	"path/filepath"
	"strconv"

	"github.com/qtune/qtune/docker"
	"github.com/qtune/qtune/process"
	"github.com/qtune/qtune/profiles"
)

// The labels on everything that is made for a run, and the roles.
const (
	LabelRun     = "dev.qtune.run"
	LabelTrial   = "dev.qtune.trial"
	LabelRole    = "dev.qtune.role"
	LabelDir     = "dev.qtune.dir"
	LabelVersion = "dev.qtune.version"

	RoleTrial = "trial"
	RoleFetch = "fetch"
	RoleCache = "cache" // of a volume
)

// hubFolder is where a container finds the Hugging Face cache.
const hubFolder = "/huggingface/hub"

func (l *Launcher) labels(trial, role string) map[string]string {
	labels := map[string]string{LabelRole: role, LabelDir: l.Dir, LabelVersion: l.Version}
	if l.RunID != "" {
		labels[LabelRun] = l.RunID
	}
	if trial != "" {
		labels[LabelTrial] = trial
	}
	return labels
}

func (l *Launcher) startContainer(ctx context.Context, st Start, out *sink) (*instance, *Failure, error) {
	client, err := l.dockerClient(ctx)
	if err != nil {
		return nil, nil, err
	}
	spec, err := l.containerSpec(ctx, st)
	if err != nil {
		return nil, nil, err
	}
	spec.Log = out
	ctr, err := client.Run(ctx, spec)
	if err != nil {
		failure, err := l.dockerFailure(ctx, err)
		return nil, failure, err
	}
	return containerInstance(ctr, spec.Name), nil, nil
}

func containerInstance(ctr *docker.Container, name string) *instance {
	exit := func() Exit {
		e := ctr.Exit()
		return Exit{Code: e.Code, OOMKilled: e.OOMKilled, Err: e.Err}
	}
	used := func(ctx context.Context) (Used, error) {
		u, err := ctr.Stats(ctx)
		return Used{"container", u.CPU, u.MemoryBytes, u.Throttled}, err
	}
	return &instance{life: ctr, name: "container " + name, addr: ctr.Addr(), exit: exit, used: used}
}

// containerSpec is the container of a trial.
func (l *Launcher) containerSpec(ctx context.Context, st Start) (docker.Spec, error) {
	e := st.Engine
	at := containerAddress(e)
	if e.Network == "host" {
		port, err := process.FreePort()
		if err != nil {
			return docker.Spec{}, err
		}
		at = Address{"127.0.0.1", port}
	}
	spec := docker.Spec{
		Name: "qtune-" + l.RunID + "-" + st.Trial, Labels: l.labels(st.Trial, RoleTrial),
		Network: e.Network, Port: at.Port,
	}
	if l.Simulate != nil {
		return l.simulatedContainer(ctx, st, spec, at)
	}
	l.realContainer(st, &spec, at)
	return spec, nil
}

func containerAddress(e *profiles.Engine) Address {
	k, _ := Lookup(e.Kind)
	if e.Port != 0 {
		return Address{"0.0.0.0", e.Port}
	}
	return Address{"0.0.0.0", k.Port}
}

func (l *Launcher) realContainer(st Start, spec *docker.Spec, at Address) {
	e := st.Engine
	k, _ := Lookup(e.Kind)
	spec.Image, spec.ShmSize, spec.IPC, spec.CapAdd = e.Image, e.ShmSize, e.IPC, e.CapAdd
	spec.Memory, spec.PIDs = e.Memory, e.PIDs
	spec.Entrypoint, spec.Command = split(k, e, Command(e, st.Candidate, st.Model, at))
	spec.GPUs = l.gpus(st.GPU)
	spec.Mounts = l.mounts(k, st)
	for _, t := range e.Tmpfs {
		spec.Tmpfs = append(spec.Tmpfs, docker.Tmpfs(t))
	}
	for _, u := range e.Ulimits {
		spec.Ulimits = append(spec.Ulimits, docker.Ulimit(u))
	}
	var env environment
	env.add(k.env...)
	if k.fetch && st.Model.Path == "" {
		env.add("HF_HUB_CACHE=" + hubFolder)
	}
	if st.kept != nil {
		spec.Volumes = []docker.VolumeMount{{Name: st.kept.name, Target: cacheFolder, Labels: l.labels("", RoleCache)}}
		env.add(k.cacheEnv(cacheFolder)...)
	}
	if k.listenEnv != "" {
		env.set(k.listenEnv, net.JoinHostPort(at.Host, strconv.Itoa(at.Port)))
	}
	env.candidate(k, st.Candidate)
	spec.Env = env.words()
}

// split divides a command line into what replaces the image's entrypoint and
// what follows it. An entrypoint of the profile replaces it; without one it is
// kept, unless it is the engine's program itself, which would then come twice.
func split(k Kind, e *profiles.Engine, words []string) (entrypoint, command []string) {
	n := len(e.Entrypoint)
	if len(e.Entrypoint)+len(e.Command) == 0 && k.imageRunsProgram {
		n = len(k.image)
	}
	if n == 0 {
		return nil, words
	}
	return words[:n], words[n:]
}

// gpus are the cards of a trial: those of the profile, else those that the
// caller has found free.
func (l *Launcher) gpus(g profiles.GPU) docker.GPUs {
	if g.Devices != nil {
		return docker.GPUs{IDs: g.Devices}
	}
	return docker.GPUs{IDs: l.GPUs}
}

// mounts are the model, or the cache that holds it, read-only, then what the
// profile mounts.
func (l *Launcher) mounts(k Kind, st Start) []docker.Mount {
	var all []docker.Mount
	cache := CacheDir(l.Environ)
	switch {
	case k.Name == ollama.Name:
		all = append(all, docker.Mount{Source: OllamaStore(l.Environ), Target: ollamaFolder})
	case st.Model.Path != "":
		m := mountedModel(st.Model.Path)
		all = append(all, docker.Mount{Source: m.source, Target: path.Join(modelFolder, filepath.ToSlash(m.target))})
	case k.fetch && exists(cache):
		all = append(all, docker.Mount{Source: cache, Target: hubFolder})
	}
	for _, m := range st.Engine.Mounts {
		all = append(all, docker.Mount(m))
	}
	return all
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// dockerClasses says what a reason of package docker is to a trial. A reason
// that is missing here ends the run: no other trial would fare better.
var dockerClasses = map[docker.Reason]Class{
	docker.NoDaemon:     RuntimeLost,
	docker.NoImage:      ImageMissing,
	docker.PullDenied:   ImageMissing,
	docker.NoNetwork:    ImageMissing,
	docker.NoGPURuntime: GPUMissing,
	docker.PortTaken:    PortInUse,
	docker.NameTaken:    RuntimeLost,
	docker.NoMount:      ModelMissing,
	docker.BadCommand:   ProgramMissing,
	docker.NoSpace:      DiskFull,
	docker.Invalid:      BadValue,
	"":                  Unknown,
}

// dockerFailure sorts an error of the daemon: a failure of the trial, or the end
// of the run.
func (l *Launcher) dockerFailure(ctx context.Context, err error) (*Failure, error) {
	if cause := context.Cause(ctx); cause != nil {
		return nil, errors.Join(cause, removal(err))
	}
	if left := removal(err); left != nil {
		return nil, left
	}
	var de *docker.Error
	if !errors.As(err, &de) {
		return nil, err
	}
	class, known := dockerClasses[de.Reason]
	if !known {
		return nil, err
	}
	f := fail(class, show(err.Error()), de.Hint())
	if class == Unknown { // the daemon's own trouble says nothing of the flags
		f.Fault = FaultMachine
	}
	return newRedactor(l.Secrets).failure(f), nil
}

// removal is the part of an error that says that a container is left.
func removal(err error) error {
	var de *docker.Error
	if errors.As(err, &de) && de.Reason == docker.NotRemoved {
		return &TeardownError{What: "a container that did not start", Err: de}
	}
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		for _, part := range many.Unwrap() {
			if left := removal(part); left != nil {
				return left
			}
		}
	}
	return nil
}
