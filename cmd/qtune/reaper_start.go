package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// reaperEnd is how long a reaper may take to end when it is told to; one that has
// only just been started, on a busy machine, takes a while.
const reaperEnd = 10 * time.Second

// reaper is the one that this run has started.
type reaper struct {
	cmd  *exec.Cmd
	pipe io.WriteCloser // as long as it is open, the run is alive
}

// watchOver starts the reaper of this run. A run without one goes on: the next
// command cleans up after it as well.
func (s *session) watchOver() {
	r, err := startReaper(s.w.environ, reapFlags{
		run: s.runID, dir: s.folder.RunPath(s.runID), owner: os.Getpid(), containers: s.docker != nil,
	})
	if err != nil {
		s.view.say(fmt.Sprintf("nobody watches over this run (%v): should qtune be killed, `qtune destroy` cleans up", err))
		return
	}
	s.reaper = r
}

// startReaper starts this program once more: in a session of its own, so that no
// terminal and no signal to a process group reaches it, with no file of ours but
// the pipe, and with no variable but those by which Docker is found.
func startReaper(environ []string, f reapFlags) (*reaper, error) {
	path, err := ownBinary()
	if err != nil {
		return nil, err
	}
	keepFiles()
	cmd := exec.Command(path, "reaper", "--run", f.run, "--dir", f.dir, "--owner", strconv.Itoa(f.owner), "--log-level", "disabled")
	if f.containers {
		cmd.Args = append(cmd.Args, "--containers")
	}
	cmd.Args[0] = "qtune"
	cmd.Env, cmd.Dir = reaperEnviron(environ), "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	pipe, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("start the reaper: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the reaper: %w", errors.Join(err, pipe.Close()))
	}
	return &reaper{cmd: cmd, pipe: pipe}, nil
}

// dismiss tells the reaper that nothing is left to do, and waits for its end.
// No reaper is none to dismiss.
func (r *reaper) dismiss() error {
	if r == nil {
		return nil
	}
	_, told := io.WriteString(r.pipe, orderly)
	closed := r.pipe.Close()
	late := time.AfterFunc(reaperEnd, func() { _ = r.cmd.Process.Kill() })
	err := errors.Join(told, closed, r.cmd.Wait())
	late.Stop()
	if err != nil {
		return fmt.Errorf("dismiss the reaper (process %d): %w", r.cmd.Process.Pid, err)
	}
	return nil
}

// ownBinary is this program, also where its file has been replaced or removed
// since it was started.
func ownBinary() (string, error) {
	path, err := os.Executable()
	if err == nil && exists(path) {
		return path, nil
	}
	const running = "/proc/self/exe"
	if _, procErr := os.Readlink(running); procErr == nil {
		return running, nil
	}
	return "", fmt.Errorf("find this program: %w", errors.Join(err, os.ErrNotExist))
}

// keepFiles makes sure that no program which is started from now on gets a file
// that this one was given by its caller: a caller's lock or pipe would stay open
// for as long as the reaper lives. What Go opens is kept back anyway.
func keepFiles() {
	for _, folder := range []string{"/proc/self/fd", "/dev/fd"} {
		entries, err := os.ReadDir(folder)
		if err != nil {
			continue
		}
		for _, e := range entries {
			if fd, err := strconv.Atoi(e.Name()); err == nil && fd > 2 {
				unix.CloseOnExec(fd)
			}
		}
		return
	}
}

// reaperEnviron is what is needed to find a Docker Engine, and nothing else: a
// profile's secrets may be among the rest.
func reaperEnviron(environ []string) []string {
	var kept []string
	for _, v := range environ {
		name, _, _ := strings.Cut(v, "=")
		switch {
		case name == "HOME", name == "PATH", name == "USER", name == "TMPDIR", name == "SSH_AUTH_SOCK":
		case strings.HasPrefix(name, "DOCKER_"), strings.HasPrefix(name, "XDG_"), strings.HasPrefix(name, "CONTAINER_"):
		default:
			continue
		}
		kept = append(kept, v)
	}
	return kept
}
