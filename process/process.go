// Package process starts one local command in a process group of its own and
// surely ends it and everything that it started.
//
// It owns the life of such a command: start, log, exit, the end of its whole
// tree, and finding what an earlier run of the program left. It knows nothing of
// inference servers, nor when one is ready: a caller watches Done.
//
// What belongs to a command is told by two things, so that a child that leaves
// one is still found: the process group, which everything it starts is born
// into, and a variable in the environment, which a child in a session of its own
// still carries. Where the environment of processes cannot be read (anywhere but
// on Linux), only the group counts.
package process

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	// MarkVariable is the environment variable, set by Start, whose value is
	// unique to one Process.
	MarkVariable = "QTUNE_PROCESS"

	// logLimit is how long Done waits for the end of the log after the exit:
	// children may hold the log open.
	logLimit = 150 * time.Millisecond
	// killLimit is how long Stop may take beyond the grace period. A process
	// that frees the memory of a large card can take many seconds to die.
	killLimit = 30 * time.Second
)

// Spec says what Start runs.
type Spec struct {
	Argv []string // the first word is a path, or looked up in PATH
	Env  []string // "KEY=value", the whole environment
	Dir  string   // "" means the current folder

	// Log gets standard output and standard error as one stream. An *os.File is
	// handed to the command itself; anything else is written by one goroutine
	// until Stop returns, since children may outlive the command. nil: no log.
	Log io.Writer
}

// Exit is how a command ended.
type Exit struct {
	Code   int    // 128+n is death by signal n, as shells and Docker have it
	Signal string // "SIGKILL"; "" means that it exited by itself
	Err    error  // the end was not seen properly; Code is then unknown
	LogErr error  // Spec.Log has not got everything: its Write failed
}

// Process is a command that Start has started.
type Process struct {
	cmd    *exec.Cmd
	mark   string
	exited chan struct{} // the command itself has ended
	done   chan struct{}
	reap   chan struct{} // closed by Stop: the group is gone, its number may be freed
	bury   func()        // closes it, once
	freed  chan struct{} // and has been
	log    *logCopy
	exit   Exit // written before done is closed
}

// Start runs a command. On Linux it gets a SIGTERM if this program dies, however
// it dies. The command does not depend on ctx once Start has returned: call Stop.
func Start(ctx context.Context, s Spec) (*Process, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if len(s.Argv) == 0 {
		return nil, errors.New("starting a process: no command given")
	}
	log, err := newLogCopy(s.Log)
	if err != nil {
		return nil, fmt.Errorf("starting %s: opening its log: %w", s.Argv[0], err)
	}
	p := &Process{
		mark: rand.Text(), log: log,
		exited: make(chan struct{}), done: make(chan struct{}), reap: make(chan struct{}), freed: make(chan struct{}),
	}
	p.bury = sync.OnceFunc(func() { close(p.reap) })
	p.cmd = p.command(s)
	started := make(chan error, 1)
	go p.live(started)
	if err := <-started; err != nil {
		log.abort()
		return nil, &StartError{Argv: s.Argv, Dir: s.Dir, Err: err}
	}
	go p.announce()
	return p, nil
}

// command is not exec.Command's with a context: it must outlive the caller's.
func (p *Process) command(s Spec) *exec.Cmd {
	cmd := exec.Command(s.Argv[0], s.Argv[1:]...)
	cmd.Env = append(append([]string{}, s.Env...), MarkVariable+"="+p.mark)
	if !hasVariable(s.Env, titleVariable) {
		cmd.Env = append(cmd.Env, titleVariable+"=1")
	}
	cmd.Dir = s.Dir
	if out := p.log.file(); out != nil {
		cmd.Stdout, cmd.Stderr = out, out
	}
	cmd.SysProcAttr = attributes()
	return cmd
}

// titleVariable keeps Python's setproctitle, which vLLM's and SGLang's workers
// use, from writing the title over the memory that holds their environment: the
// mark could not be read any more.
const titleVariable = "SPT_NOENV"

func hasVariable(env []string, name string) bool {
	for _, v := range env {
		if strings.HasPrefix(v, name+"=") {
			return true
		}
	}
	return false
}

// announce closes done once the exit is known and the log has ended, or could
// have.
func (p *Process) announce() {
	<-p.exited
	p.exit.LogErr = p.log.settle(logLimit)
	close(p.done)
}

// PID is the command's process ID and that of its process group.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Done is closed within 0.3 s of the command's own exit. What it started may
// still be there.
func (p *Process) Done() <-chan struct{} { return p.done }

// Exit is how the command ended. It waits for Done.
func (p *Process) Exit() Exit {
	<-p.done
	return p.exit
}

// Stop ends the command and everything that it started: SIGTERM to all of them,
// after grace SIGKILL, then it is verified that none is left. A grace of 0 kills
// at once. Stop ignores the cancellation of ctx and ends after 30 s plus grace
// at the latest; the error then says what is still there. Gone already is
// success. Every Process needs a Stop, one that has exited too, and more than
// one does no harm.
func (p *Process) Stop(ctx context.Context, grace time.Duration) error {
	select {
	case <-p.freed:
		return nil
	default:
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace+killLimit)
	defer cancel()
	if err := p.whole().end(ctx, grace); err != nil {
		return fmt.Errorf("stopping %s (process %d): %w", p.cmd.Args[0], p.PID(), err)
	}
	p.bury()
	<-p.freed
	<-p.done
	p.log.abort()
	return nil
}

// StartError is a command that could not be started.
type StartError struct {
	Argv []string
	Dir  string
	Err  error
}

// Error says what could not be started and why.
func (e *StartError) Error() string { return fmt.Sprintf("starting %s: %v", e.Argv[0], e.Err) }

// Unwrap gives the cause.
func (e *StartError) Unwrap() error { return e.Err }

// Hint is what the user can do, or "".
func (e *StartError) Hint() string {
	switch {
	case errors.Is(e.Err, exec.ErrNotFound):
		return fmt.Sprintf("install %s, or give its full path as the command's first word", e.Argv[0])
	case errors.Is(e.Err, os.ErrPermission):
		return fmt.Sprintf("make %s executable", e.Argv[0])
	case errors.Is(e.Err, os.ErrNotExist):
		return "check that the program and the folder it is to run in exist"
	case errors.Is(e.Err, syscall.E2BIG):
		return "the command line or the environment is too long for this system"
	}
	return ""
}

// FreePort finds a TCP port that nobody listens on at 127.0.0.1. Another program
// may take it before it is used.
func FreePort() (int, error) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("finding a free port: %w", err)
	}
	port := l.Addr().(*net.TCPAddr).Port // a TCP listener has a TCP address
	if err := l.Close(); err != nil {
		return 0, fmt.Errorf("finding a free port: %w", err)
	}
	return port, nil
}
