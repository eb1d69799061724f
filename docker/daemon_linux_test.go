package docker

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rs/zerolog"
)

// private is a Docker daemon of the test's own, which it may kill.
type private struct {
	dir    string
	daemon *exec.Cmd
	log    string     // its output: a file, since its containerd outlives it and must not lose a pipe
	port   *os.File   // nil, or the socket of TCP that it serves by TLS
	asks   *authority // for certificates there
}

// newPrivate starts a daemon, or skips the test where none can be.
func newPrivate(t *testing.T) *private {
	t.Helper()
	p := ownDaemon(t)
	p.begin(t)
	return p
}

// ownDaemon is one that has not been started.
func ownDaemon(t *testing.T) *private {
	t.Helper()
	if testing.Short() {
		t.Skip("starting a Docker daemon takes seconds; not with -short")
	}
	if _, err := exec.LookPath("dockerd"); err != nil || os.Geteuid() != 0 {
		t.Skipf("a daemon of the test's own needs root and dockerd: uid %d, %v", os.Geteuid(), err)
	}
	dir, err := os.MkdirTemp("", "qd") //nolint:usetesting // a socket's path has at most 107 bytes
	if err != nil {
		t.Fatal(err)
	}
	p := &private{dir: dir, log: filepath.Join(dir, "log")}
	t.Cleanup(func() { p.clean(t) })
	return p
}

func (p *private) host() string { return "unix://" + filepath.Join(p.dir, "sock") }

// begin starts the daemon and returns once it answers.
func (p *private) begin(t *testing.T) {
	t.Helper()
	// A killed daemon leaves these; its containerd dies with it, but where process
	// 1 does not reap, the number stays taken and the next daemon believes it.
	_ = os.Remove(filepath.Join(p.dir, "pid"))
	_ = os.Remove(filepath.Join(p.dir, "exec", "containerd", "containerd.pid"))
	out, err := os.Create(p.log)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	p.daemon = exec.Command("dockerd", "--host", p.host(), "--data-root", filepath.Join(p.dir, "data"),
		"--exec-root", filepath.Join(p.dir, "exec"), "--pidfile", filepath.Join(p.dir, "pid"),
		"--bridge=none", "--iptables=false", "--ip-forward=false", "--shutdown-timeout=3")
	if p.port != nil {
		p.serveTLS()
	}
	p.daemon.Stdout, p.daemon.Stderr = out, out
	// A network namespace of its own: a daemon without a bridge removes docker0,
	// which the machine's daemon uses.
	p.daemon.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Cloneflags: syscall.CLONE_NEWNET}
	if err := p.daemon.Start(); err != nil {
		t.Fatal(err)
	}
	for range 300 {
		if said, _ := os.ReadFile(p.log); strings.Contains(string(said), "API listen on") {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	said, _ := os.ReadFile(p.log)
	t.Fatalf("dockerd did not start:\n%s", said)
}

// serveTLS hands the daemon a socket of the test's own network, as systemd does: it
// cannot open one there.
func (p *private) serveTLS() {
	at := func(name string) string { return filepath.Join(p.asks.dir, name) }
	p.daemon.Args = append([]string{"sh", "-c", `LISTEN_FDS=1 LISTEN_PID=$$ exec "$0" "$@"`}, append(p.daemon.Args, "--host", "fd://",
		"--tlsverify", "--tlscacert", at(caFile), "--tlscert", at("daemon.pem"), "--tlskey", at("daemon-key.pem"))...)
	p.daemon.Path, p.daemon.ExtraFiles = "/bin/sh", []*os.File{p.port}
}

// end signals the daemon and waits for it to be gone.
func (p *private) end(s syscall.Signal) {
	if p.daemon == nil {
		return
	}
	_ = p.daemon.Process.Signal(s)
	_ = p.daemon.Wait() // killed on purpose
	p.daemon = nil
}

// clean ends the daemon and what a killed one left: its containerd and shims,
// which carry the folder's name in their command lines, and its mounts.
func (p *private) clean(t *testing.T) {
	p.end(syscall.SIGTERM)
	lines, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, line := range lines {
		if words, _ := os.ReadFile(line); bytes.Contains(words, []byte(p.dir+"/")) {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(line)))
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
	mounts, _ := os.ReadFile("/proc/mounts")
	for line := range strings.Lines(string(mounts)) {
		if at := strings.Fields(line)[1]; strings.HasPrefix(at, p.dir+"/") {
			_ = syscall.Unmount(at, syscall.MNT_DETACH)
		}
	}
	if err := os.RemoveAll(p.dir); err != nil {
		t.Error(err)
	}
}

func (p *private) connect(t *testing.T) *Client {
	t.Helper()
	t.Setenv("DOCKER_HOST", p.host())
	c, err := Connect(t.Context(), zerolog.New(zerolog.NewTestWriter(t)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func TestTheDaemonIsStoppedWhileAContainerRuns(t *testing.T) {
	for _, row := range []struct {
		why string
		how syscall.Signal
	}{
		{"shut down in order, which ends the container too", syscall.SIGTERM},
		{"killed, which leaves the container running", syscall.SIGKILL},
	} {
		t.Run(row.why, func(t *testing.T) {
			noLeaks(t)
			p := newPrivate(t)
			c := p.connect(t)
			guestImage(t, c)
			var log syncBuffer
			s := guest(t, &log, "polite")
			s.Network = "none"
			ctr, err := c.Run(t.Context(), s)
			if err != nil {
				t.Fatal(err)
			}
			p.end(row.how)
			select {
			case <-ctr.Done():
			case <-time.After(time.Second):
				t.Fatal("not done a second after the daemon's end")
			}
			if exit := ctr.Exit(); exit.Err == nil || !strings.Contains(exit.Err.Error(), "the Docker daemon went away") {
				t.Errorf("got %+v, want an error that blames the daemon", exit)
			}
			back := make(chan struct{})
			go func() { defer close(back); time.Sleep(500 * time.Millisecond); p.begin(t) }()
			if err := ctr.Stop(t.Context(), time.Second); err != nil {
				t.Errorf("stopping it though the daemon came back: %v", err)
			}
			<-back
			if left, err := c.List(context.WithoutCancel(t.Context()), testLabel); err != nil || len(left) > 0 {
				t.Errorf("left: %v, %v", left, err)
			}
		})
	}
}

// TestTheDaemonWantsTLS is TestTLS with a Docker daemon: what fits runs a container,
// by the environment and by a context.
func TestTheDaemonWantsTLS(t *testing.T) {
	p, a := ownDaemon(t), newAuthority(t)
	a.client(t)
	a.server(t, "daemon", "127.0.0.1", time.Time{})
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if p.port, err = l.(*net.TCPListener).File(); err != nil {
		t.Fatal(err)
	}
	defer p.port.Close()
	p.asks = a
	p.begin(t)
	host := "tcp://" + l.Addr().String()
	for _, r := range tlsRows(t, host, a) {
		t.Run(r.why, func(t *testing.T) {
			if c := r.connects(t); c != nil {
				runsAGuest(t, c)
			}
		})
	}
	t.Run("by a context", func(t *testing.T) {
		t.Setenv("DOCKER_HOST", "")
		t.Setenv("DOCKER_CONTEXT", "secure")
		t.Setenv("DOCKER_CONFIG", dockerConfig(t, "", map[string]string{"secure": host}))
		_, tls := contextFolders(os.Getenv("DOCKER_CONFIG"), "secure")
		for _, f := range []string{caFile, certFile, keyFile} {
			if err := errors.Join(os.MkdirAll(tls, 0o755), os.Rename(filepath.Join(a.folder(t, f), f), filepath.Join(tls, f))); err != nil {
				t.Fatal(err)
			}
		}
		c, err := Connect(t.Context(), zerolog.Nop())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		runsAGuest(t, c)
	})
}

// runsAGuest runs a container to its end by a connection.
func runsAGuest(t *testing.T, c *Client) {
	t.Helper()
	guestImage(t, c)
	var log syncBuffer
	s := guest(t, &log, "exit", "3")
	s.Network = "none"
	if exit := waitDone(t, run(t, c, s)); exit != (Exit{Code: 3}) || !strings.Contains(log.String(), "last line\n") {
		t.Errorf("got %+v and the log %q", exit, &log)
	}
}
