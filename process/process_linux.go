package process

import (
	"errors"
	"fmt"
	"os/exec"
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// attributes put a command into its own group. If this program dies, it gets a
// SIGTERM: that lets a server which started workers end them, where a SIGKILL
// would leave them to nobody.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
}

// live owns the command from start to burial. It keeps its thread for all that
// time: the kernel sends the parent-death signal when the thread that started
// the child ends, not when the whole program does, and a thread that a locked
// goroutine lives on is not ended by others.
//
// The command is not reaped until Stop allows it: until then nobody else can get
// its number, so a signal to the group cannot hit a stranger.
func (p *Process) live(started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
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
	_ = p.cmd.Wait() // its outcome is known
}

// childStatus is the part of the kernel's siginfo_t that waitid(2) fills. The
// union that begins with pid is aligned as a pointer is.
type childStatus struct {
	signo, errno, code int32
	_                  [unsafe.Sizeof(uintptr(0)) - 4]byte
	pid                int32
	uid                uint32
	status             int32
}

// cldExited is CLD_EXITED: the status is an exit code and not a signal.
const cldExited = 1

// awaitExit waits for the end of the command and leaves it unreaped.
func awaitExit(cmd *exec.Cmd) Exit {
	var info unix.Siginfo
	for {
		err := unix.Waitid(unix.P_PID, cmd.Process.Pid, &info, unix.WEXITED|unix.WNOWAIT, nil)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return Exit{Err: fmt.Errorf("waiting for process %d: %w", cmd.Process.Pid, err)}
		}
		break
	}
	child := (*childStatus)(unsafe.Pointer(&info)) // the kernel's layout
	if child.code == cldExited {
		return Exit{Code: int(child.status)}
	}
	return signalled(syscall.Signal(child.status))
}

func signalled(s syscall.Signal) Exit {
	return Exit{Code: 128 + int(s), Signal: unix.SignalName(s)}
}
