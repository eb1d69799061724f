package engine

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/qtune/qtune/process"
)

// The variables by which a local process is known as a run's own.
const (
	EnvRun   = "QTUNE_RUN"
	EnvTrial = "QTUNE_TRIAL"
	EnvRole  = "QTUNE_ROLE"
	EnvDir   = "QTUNE_DIR"
)

func (l *Launcher) startProcess(ctx context.Context, st Start, out *sink) (*instance, *Failure, error) {
	port, err := process.FreePort()
	if err != nil {
		return nil, nil, err
	}
	at := Address{"127.0.0.1", port}
	temp, err := l.trialTemp(st.Trial)
	if err != nil {
		return nil, nil, fmt.Errorf("making a temporary folder for the trial: %w", err)
	}
	spec := process.Spec{Argv: l.localArgv(st, at), Env: l.localEnv(st, at, temp), Log: out}
	p, err := process.Start(ctx, spec)
	if err != nil {
		failure, err := processFailure(ctx, err)
		return nil, failure, errors.Join(err, removeTemp(temp))
	}
	inst := localInstance(p, spec.Argv[0])
	inst.addr = net.JoinHostPort(at.Host, strconv.Itoa(at.Port))
	inst.clean = func() error { return removeTemp(temp) }
	return inst, nil, nil
}

func localInstance(p *process.Process, program string) *instance {
	name := fmt.Sprintf("process %d (%s)", p.PID(), filepath.Base(program))
	exit := func() Exit {
		e := p.Exit()
		return Exit{Code: e.Code, Err: e.Err}
	}
	used := func(context.Context) (Used, error) {
		u, err := p.Stats()
		return Used{"process", u.CPU, u.MemoryBytes, u.Throttled}, err
	}
	return &instance{life: p, name: name, exit: exit, used: used}
}

func (l *Launcher) localArgv(st Start, at Address) []string {
	if l.Simulate != nil {
		return l.Simulate.argv(st, at, localModel(st))
	}
	return Command(st.Engine, st.Candidate, st.Model, at)
}

// localEnv is what this process has, less what is qtune's own, and what the
// engine needs. Temporary files go where they are removed with the trial.
func (l *Launcher) localEnv(st Start, at Address, temp string) []string {
	k, _ := Lookup(st.Engine.Kind)
	var env environment
	l.inherit(&env)
	env.add(k.env...)
	env.set("TMPDIR", temp)
	switch {
	case st.kept != nil:
		env.add(k.cacheEnv(st.kept.folder)...)
	case st.ColdCaches:
		env.add(k.cacheEnv(filepath.Join(temp, "caches"))...)
	}
	gpus := l.gpus(st.GPU).IDs
	if st.GPU.Devices != nil || len(gpus) > 0 {
		env.set("CUDA_DEVICE_ORDER", "PCI_BUS_ID") // as nvidia-smi counts
		env.set("CUDA_VISIBLE_DEVICES", strings.Join(gpus, ","))
	}
	if k.listenEnv != "" {
		env.set(k.listenEnv, net.JoinHostPort(at.Host, strconv.Itoa(at.Port)))
	}
	env.candidate(k, st.Candidate)
	if l.Simulate != nil {
		env.add(l.Simulate.env(st)...)
	}
	l.mark(&env, st.Trial, RoleTrial)
	return env.words()
}

// inherit takes over this process's environment, but for qtune's own variables:
// QTUNE_VAR_… may hold secrets that are no engine's business.
func (l *Launcher) inherit(env *environment) {
	for _, v := range l.Environ {
		if !strings.HasPrefix(v, "QTUNE_") {
			env.add(v)
		}
	}
}

func (l *Launcher) mark(env *environment, trial, role string) {
	if l.RunID != "" {
		env.set(EnvRun, l.RunID)
	}
	env.set(EnvRole, role)
	env.set(EnvDir, l.Dir)
	if trial != "" {
		env.set(EnvTrial, trial)
	}
}

// processFailure sorts a command that could not be started.
func processFailure(ctx context.Context, err error) (*Failure, error) {
	var se *process.StartError
	if cause := context.Cause(ctx); cause != nil {
		return nil, cause
	}
	if !errors.As(err, &se) {
		return nil, err
	}
	class := ProgramMissing
	if errors.Is(err, os.ErrPermission) {
		class = PermissionDenied
	}
	return fail(class, show(err.Error()), se.Hint()), nil
}
