package docker

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/rs/zerolog"
)

// podman starts Podman's service with a store of its own and connects to it, or skips
// the test where there is none.
func podman(t *testing.T) *Client {
	t.Helper()
	if testing.Short() {
		t.Skip("starting Podman's service takes seconds; not with -short")
	}
	path, err := exec.LookPath("podman")
	if err != nil || os.Geteuid() != 0 {
		t.Skipf("this needs Podman and root: uid %d, %v", os.Geteuid(), err)
	}
	dir, err := os.MkdirTemp("", "qp") //nolint:usetesting // a socket's path has at most 107 bytes
	if err != nil {
		t.Fatal(err)
	}
	at := func(name string) string { return filepath.Join(dir, name) }
	service := exec.Command(path, "--root", at("root"), "--runroot", at("run"), "--tmpdir", at("tmp"), "--storage-driver", "vfs",
		"--cgroup-manager", "cgroupfs", "--events-backend", "file", "system", "service", "--time", "0", "unix://"+at("sock"))
	// By default it raises limits, which root may not do everywhere.
	conf := "[containers]\ndefault_ulimits = [\"nofile=1024:1024\", \"nproc=1024:1024\"]\n"
	if err := os.WriteFile(at("containers.conf"), []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	service.Env = append(os.Environ(), "CONTAINERS_CONF="+at("containers.conf"))
	var said bytes.Buffer
	service.Stdout, service.Stderr = &said, &said
	// A network of its own: that of the machine is not Podman's to change.
	service.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Cloneflags: syscall.CLONE_NEWNET}
	if err := service.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = service.Process.Signal(syscall.SIGTERM)
		_ = service.Wait() // told to end
		(&private{dir: dir}).clean(t)
	})
	t.Setenv("DOCKER_HOST", "unix://"+at("sock"))
	for range 100 {
		if _, err = os.Stat(at("sock")); err == nil {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	c, err := Connect(t.Context(), zerolog.New(zerolog.NewTestWriter(t)))
	if err != nil {
		t.Fatalf("%v\n%s", err, said.String())
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// Podman speaks the Docker Engine's language well enough for a trial on a CPU, and what
// it would pass over in silence is refused.
func TestPodman(t *testing.T) {
	c := podman(t)
	info, err := c.Info(t.Context())
	if err != nil || info.Engine != "Podman" {
		t.Errorf("got %+v, %v", info, err)
	}
	guestImage(t, c)
	for _, sub := range []struct {
		name string
		test func(*testing.T, *Client)
	}{
		{"ends", testEnds}, {"stops", testStops}, {"box", testBox}, {"whole log", testWholeLog},
		{"cancelled", testCancelled}, {"refusals", testRefusals},
	} {
		t.Run(sub.name, func(t *testing.T) { sub.test(t, c) })
	}
	if left, err := c.List(t.Context(), testLabel); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}
