package simulator

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Exit codes of a simulated engine that are not the engine's own choice.
const (
	exitUsage = 2   // the parser refuses; also a wrong use of the simulation itself
	exitTerm  = 143 // ended by SIGTERM before it was up
)

// Main is `qtune simulate ENGINE ARGS…`: it serves as that engine would with this
// command line, until the context ends, and gives the exit code that the engine would.
// args[0] is the engine's kind; the rest is its command line after the program's words.
// The simulation itself is set by the environment: QTUNE_SIMULATE_CARD (RTX 5090 if not
// set), _CARDS (1), _SPEED (1), _SEED (0), _MODEL (a catalog id, for a model that is no folder here)
// and _VERSION (of the engine).
func Main(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) int {
	if len(args) == 0 {
		say(stderr, "qtune: simulate needs an engine: vllm, sglang or llamacpp, then that engine's own arguments")
		return exitUsage
	}
	kind := args[0]
	s, err := readSettings(getenv)
	if err != nil {
		say(stderr, "qtune: %v", err)
		return exitUsage
	}
	parse := parserOf(kind)
	if parse == nil {
		say(stderr, "qtune: no engine %q can be simulated: vllm, sglang and llamacpp can", kind)
		return exitUsage
	}
	say(stdout, "qtune: simulated %s on %s at speed %g", kind, s.card.Name, s.speed)
	i, err := parse(s, args[1:])
	if err == nil && s.fault.what != "" {
		say(stdout, "qtune: this simulated %s will fail as it was asked to: %s", kind, s.fault.what)
		err = i.show(s.fault)
	}
	var usage *usageError
	switch {
	case errors.As(err, &usage):
		return refuseUsage(ctx, kind, s, usage, stderr)
	case err != nil:
		say(stderr, "qtune: simulated %s: %v", kind, err)
		return exitUsage
	}
	if names := i.args.unmodelled(); len(names) > 0 {
		say(stdout, "qtune: no figure of this simulation depends on: %s", strings.Join(names, ", "))
	}
	return i.run(ctx, stdout, stderr)
}

// parserOf reads an engine's command line; nil for an engine that is not simulated.
func parserOf(kind string) func(settings, []string) (*instance, error) {
	return map[string]func(settings, []string) (*instance, error){kindVLLM: newVLLM, kindSGLang: newSGLang, kindLlamaCpp: newLlamaCpp}[kind]
}

func say(w io.Writer, format string, args ...any) {
	_, _ = fmt.Fprintf(w, format+"\n", args...) // nobody reads the log: then nobody misses it
}

// refuseUsage ends as the engine's parser does: Python's after its imports, exit 2;
// llama-server's at once, exit 1, the reason on the first line of stderr.
func refuseUsage(ctx context.Context, kind string, s settings, usage *usageError, stderr io.Writer) int {
	imports, text := 9.0, "usage: vllm [-h] [-v] {chat,complete,serve,launch,bench} ...\nvllm: error: "
	switch kind {
	case kindSGLang:
		imports, text = 11, "usage: sglang serve [-h] --model-path MODEL_PATH [options]\nsglang serve: error: "
	case kindLlamaCpp:
		say(stderr, "%s", usage.text)
		return 1
	}
	if !sleepUntil(ctx, time.Now().Add(time.Duration(imports/s.speed*1e9))) {
		return exitTerm
	}
	say(stderr, "%s%s", text, usage.text)
	return exitUsage
}

// run plays the start and then serves.
func (i *instance) run(ctx context.Context, stdout, stderr io.Writer) int {
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	start := time.Now()
	p := &player{i: i, stdout: stdout, stderr: stderr, started: start, failed: make(chan error, 1), fallen: make(chan struct{}), running: &running}
	for _, e := range i.script(start).entries {
		if !sleepUntil(ctx, start.Add(time.Duration(float64(e.at)/i.speed))) {
			p.close()
			return exitTerm
		}
		if err := p.play(ctx, e); err != nil {
			return i.portTaken(err, stderr)
		}
	}
	if i.death != nil {
		p.close()
		return i.death.code
	}
	select {
	case <-ctx.Done():
	case <-p.fallen:
		p.close()
		return i.fault.code
	case err := <-p.failed:
		say(stderr, "qtune: simulated %s: serving: %v", i.kind, err)
		return 1
	}
	i.farewell(stderr)
	p.close()
	return 0
}

// portTaken is what the engine says when its port cannot be had.
func (i *instance) portTaken(err error, stderr io.Writer) int {
	if i.kind == kindLlamaCpp {
		say(stderr, "srv    start: couldn't bind HTTP server socket, hostname: %s, port: %d", i.host, i.port)
		say(stderr, "main: exiting due to HTTP server error")
		return 1
	}
	if errors.Is(err, syscall.EADDRINUSE) {
		say(stderr, "OSError: [Errno 98] Address already in use: ('%s', %d)", i.host, i.port)
		return 1
	}
	say(stderr, "OSError: could not bind on any address: %v", err)
	return 1
}

// farewell is what the engines print on SIGTERM.
func (i *instance) farewell(stderr io.Writer) {
	if i.kind == kindLlamaCpp {
		say(stderr, "srv    operator(): operator(): cleaning up before exit...")
		return
	}
	say(stderr, "INFO:     Shutting down")
	say(stderr, "INFO:     Application shutdown complete.")
	say(stderr, "INFO:     Finished server process [%d]", os.Getpid())
}

// player carries out a script.
type player struct {
	i              *instance
	stdout, stderr io.Writer
	server         *server
	http           *http.Server
	started        time.Time
	failed         chan error
	fallen         chan struct{} // closed when the process is to end of a fault
	running        *sync.WaitGroup
}

func (p *player) play(ctx context.Context, e entry) error {
	switch e.act {
	case actBind:
		return p.bind(ctx)
	case actListen:
		return p.listen(ctx, false)
	case actServe:
		return p.listen(ctx, true)
	case actReady:
		p.server.ready.Store(true)
	default:
		out := p.stdout
		if e.stderr {
			out = p.stderr
		}
		say(out, "%s", e.text)
	}
	return nil
}

func (p *player) address() string { return net.JoinHostPort(p.i.host, strconv.Itoa(p.i.port)) }

// bind checks that the port can be had; the real engines bind it now and listen later.
func (p *player) bind(ctx context.Context) error {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", p.address())
	if err != nil {
		return err
	}
	return l.Close()
}

func (p *player) listen(ctx context.Context, ready bool) error {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", p.address())
	if err != nil {
		return err
	}
	i := p.i
	machine := NewMachine(i.card, i.model, i.kernels, EfficiencyOf(i.card))
	d := newDriver(i.core(machine), i.speed)
	p.server = newServer(i, d)
	p.server.ready.Store(ready)
	if i.fault.serving >= hangs {
		d.steps, d.fail = faultySteps, p.fall
	}
	p.http = &http.Server{Handler: p.server.handler(), ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 5 * time.Minute}
	p.running.Go(func() { d.run(ctx) })
	p.running.Go(func() {
		if err := p.http.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			p.failed <- err
		}
	})
	return nil
}

// core is the scheduler of this start.
func (i *instance) core(machine *Machine) *Core {
	c := NewCore(i.scheduling, machine, i.seed)
	c.noise = newNoise(i.noise, i.seed, i.start)
	return c
}

// fall shows a fault under load, and says whether the server still takes requests that
// nobody will serve.
func (p *player) fall() (hung bool) {
	f := p.i.fault
	if f.serving == hangs {
		return true
	}
	s := newScript(p.i, p.started)
	s.after(time.Since(p.started).Seconds() * p.i.speed)
	s.falls(f.words(p.i.kind))
	for _, e := range s.entries {
		say(p.stderr, "%s", e.text)
	}
	if f.serving == dies {
		close(p.fallen)
	}
	return false
}

// close cuts every connection, as the engines do when they are told to end.
func (p *player) close() {
	if p.http != nil {
		_ = p.http.Close() // nothing is left to save
	}
}
