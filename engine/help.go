package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/qtune/qtune/catalog"
	"github.com/qtune/qtune/docker"
	"github.com/qtune/qtune/process"
	"github.com/qtune/qtune/profiles"
)

const (
	// helpLimit is how long an engine may take to print its help, in wall time.
	// The Python engines import their whole stack for it.
	helpLimit = 3 * time.Minute
	maxHelp   = 4 << 20 // bytes kept of it
)

// Help starts an engine's program with its flag for help, in its image where it
// runs in one, and reads what it prints. The image must be here: see Prepare. A
// *HelpError says that the program printed no help; another error is as Launch's.
func (l *Launcher) Help(ctx context.Context, e *profiles.Engine, g profiles.GPU) (*catalog.Help, error) {
	k, _ := Lookup(e.Kind)
	if !HasHelp(e) {
		return nil, fmt.Errorf("asking engine %s for its help: it has none that qtune could start", e.Label())
	}
	ctx, cancel := context.WithTimeoutCause(ctx, helpLimit, fmt.Errorf("no end after %s", helpLimit))
	defer cancel()
	words := slices.Concat(k.program(e), k.help)
	out := &limitedBuffer{}
	run := l.helpProcess
	if e.Runtime == profiles.RuntimeDocker {
		run = l.helpContainer
	}
	if err := run(ctx, k, e, g, words, out); err != nil {
		return nil, err
	}
	help, err := catalog.ParseHelp(out.String())
	if err != nil {
		return nil, &HelpError{Engine: e.Label(), Words: words, Printed: out.String(), Err: err}
	}
	return help, nil
}

func (l *Launcher) helpProcess(ctx context.Context, k Kind, _ *profiles.Engine, _ profiles.GPU, words []string, out *limitedBuffer) error {
	var env environment
	l.inherit(&env)
	env.add(k.env...)
	l.mark(&env, "", RoleTrial)
	p, err := process.Start(ctx, process.Spec{Argv: words, Env: env.words(), Log: out})
	if err != nil {
		return err
	}
	return finish(ctx, localInstance(p, words[0]))
}

func (l *Launcher) helpContainer(ctx context.Context, k Kind, e *profiles.Engine, g profiles.GPU, words []string, out *limitedBuffer) error {
	client, err := l.dockerClient(ctx)
	if err != nil {
		return err
	}
	spec := docker.Spec{
		Name: "qtune-help-" + filepath.Base(l.RunID) + time.Now().Format("150405.000000"), Image: e.Image,
		Labels: l.labels("", RoleTrial), GPUs: l.gpus(g), Log: out,
	}
	spec.Entrypoint, spec.Command = split(k, e, words)
	for _, m := range e.Mounts {
		spec.Mounts = append(spec.Mounts, docker.Mount(m))
	}
	var env environment
	env.add(k.env...)
	env.candidate(k, profiles.Candidate{Env: e.Env})
	spec.Env = env.words()
	ctr, err := client.Run(ctx, spec)
	if err != nil {
		return err
	}
	return finish(ctx, containerInstance(ctr, spec.Name))
}

// finish waits for the end of what prints its help, and removes it.
func finish(ctx context.Context, inst *instance) error {
	var err error
	select {
	case <-inst.Done():
	case <-ctx.Done():
		err = fmt.Errorf("waiting for an engine's help: %w", context.Cause(ctx))
	}
	return errors.Join(err, inst.stop(ctx, 0))
}

// HelpError says that a program did not print its help.
type HelpError struct {
	Engine  string
	Words   []string // its command line
	Printed string   // what it printed instead
	Err     error
}

// Error implements error.
func (e *HelpError) Error() string {
	return fmt.Sprintf("asking engine %s for its help with %s: %v", e.Engine, strings.Join(e.Words, " "), e.Err)
}

// Unwrap gives the cause.
func (e *HelpError) Unwrap() error { return e.Err }

// Hint shows what was printed.
func (e *HelpError) Hint() string {
	last := ""
	for line := range strings.Lines(e.Printed) {
		if strings.TrimSpace(line) != "" {
			last = show(strings.TrimSpace(line))
		}
	}
	if last == "" {
		return "it printed nothing: check image, entrypoint and command"
	}
	return "its last line: " + last
}

// HasHelp says that Help can ask an engine.
func HasHelp(e *profiles.Engine) bool {
	k, _ := Lookup(e.Kind)
	return k.help != nil && e.Runtime != profiles.RuntimeExternal
}

// limitedBuffer keeps the beginning of what is written to it.
type limitedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

// Write implements io.Writer.
func (b *limitedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.buf.Write(p[:min(len(p), max(0, maxHelp-b.buf.Len()))])
	return len(p), nil
}

func (b *limitedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
