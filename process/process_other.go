//go:build unix && !linux

package process

import (
	"errors"
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"
)

// attributes put a command into its own group. There is no parent-death signal.
func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// live owns the command from start to exit.
func (p *Process) live(started chan<- error) {
	defer close(p.freed)
	err := p.cmd.Start()
	p.log.release()
	started <- err
	if err != nil {
		return
	}
	p.exit = awaitExit(p.cmd)
	close(p.exited)
	<-p.reap
}

func awaitExit(cmd *exec.Cmd) Exit {
	err := cmd.Wait()
	var failed *exec.ExitError
	if err != nil && !errors.As(err, &failed) {
		return Exit{Err: err}
	}
	status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus)
	if ok && status.Signaled() {
		return Exit{Code: 128 + int(status.Signal()), Signal: unix.SignalName(status.Signal())}
	}
	return Exit{Code: cmd.ProcessState.ExitCode()}
}
