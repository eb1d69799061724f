package docker

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/client"
	"github.com/rs/zerolog"
)

// The tests of this file talk to the daemon that the environment names.

const (
	testLabel = "dev.qtune.test"
	guestTag  = "qtune-docker-test:guest"
)

// syncBuffer is a log that a test may read while it is written.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// realClient connects to the daemon, or skips the test.
func realClient(t testing.TB) *Client {
	t.Helper()
	c, err := Connect(t.Context(), zerolog.New(zerolog.NewTestWriter(t)))
	if err != nil {
		t.Skipf("no Docker daemon to test with: %v", err)
	}
	t.Cleanup(func() {
		left, err := c.List(context.WithoutCancel(t.Context()), testLabel)
		if err != nil || len(left) > 0 {
			t.Errorf("left behind: %v, %v", left, err)
		}
		for _, l := range left {
			_ = c.Remove(context.WithoutCancel(t.Context()), l.ID)
		}
		_ = c.Close()
	})
	return c
}

// guestImage is an image whose only file is testdata/guest, built for Linux.
func guestImage(t testing.TB, c *Client) {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "guest")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "./testdata/guest")
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building the guest: %v\n%s", err, out)
	}
	if _, err := c.ImportImage(t.Context(), guestTag, map[string]string{"/guest": binary, "/tmp/": "", "/proc/": "", "/dev/": "", "/data/": ""}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_, err := c.api.ImageRemove(context.WithoutCancel(t.Context()), guestTag, client.ImageRemoveOptions{Force: true})
		if err != nil {
			t.Error(err)
		}
	})
}

func guest(t *testing.T, log *syncBuffer, args ...string) Spec {
	s := Spec{Image: guestTag, Entrypoint: []string{"/guest"}, Command: args, Labels: map[string]string{testLabel: t.Name()}}
	if log != nil {
		s.Log = log
	}
	return s
}

func waitDone(t *testing.T, ctr *Container) Exit {
	t.Helper()
	select {
	case <-ctr.Done():
	case <-time.After(20 * time.Second):
		t.Fatal("the container did not end")
	}
	return ctr.Exit()
}

// run starts a guest that is stopped with the test.
func run(t *testing.T, c *Client, s Spec) *Container {
	t.Helper()
	ctr, err := c.Run(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := ctr.Stop(t.Context(), 0); err != nil {
			t.Error(err)
		}
	})
	return ctr
}

// saying waits until the guest has printed something.
func saying(t *testing.T, log *syncBuffer, words string) {
	t.Helper()
	for range 500 {
		if strings.Contains(log.String(), words) {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("the guest never said %q, but: %s", words, log)
}

func TestReal(t *testing.T) {
	noLeaks(t)
	c := realClient(t)
	guestImage(t, c)
	for _, sub := range []struct {
		name string
		test func(*testing.T, *Client)
	}{
		{"ends", testEnds}, {"stops", testStops}, {"port", testPort}, {"host network", testHostNetwork},
		{"box", testBox}, {"refusals", testRefusals}, {"whole log", testWholeLog},
		{"others", testOthers}, {"images", testImages}, {"cancelled", testCancelled},
	} {
		t.Run(sub.name, func(t *testing.T) { sub.test(t, c) })
	}
}

func testEnds(t *testing.T, c *Client) {
	for _, row := range []struct {
		why  string
		args []string
		want int
	}{
		{"success", []string{"exit", "0"}, 0},
		{"failure", []string{"exit", "3"}, 3},
		{"a code that looks like a signal", []string{"exit", "137"}, 137},
	} {
		t.Run(row.why, func(t *testing.T) {
			var log syncBuffer
			ctr := run(t, c, guest(t, &log, row.args...))
			if exit := waitDone(t, ctr); exit != (Exit{Code: row.want}) {
				t.Errorf("got %+v, want code %d", exit, row.want)
			}
			if got := log.String(); !strings.Contains(got, "first line\n") || !strings.Contains(got, "last line\n") {
				t.Errorf("the log is %q", got)
			}
		})
	}
}

func testStops(t *testing.T, c *Client) {
	for _, row := range []struct {
		why   string
		mode  string
		grace time.Duration
		want  int
		log   string
	}{
		{"one that listens to SIGTERM ends by itself", "polite", 5 * time.Second, 7, "bye"},
		{"one that does not is killed after the grace period", "stubborn", time.Second, 137, ""},
		{"without grace it is killed at once", "polite", 0, 137, ""},
	} {
		t.Run(row.why, func(t *testing.T) {
			var log syncBuffer
			ctr := run(t, c, guest(t, &log, row.mode))
			saying(t, &log, row.mode)
			if err := ctr.Stop(t.Context(), row.grace); err != nil {
				t.Fatal(err)
			}
			if exit := waitDone(t, ctr); exit != (Exit{Code: row.want}) || !strings.Contains(log.String(), row.log) {
				t.Errorf("got %+v and %q, want code %d and %q", exit, log.String(), row.want, row.log)
			}
			if _, err := c.api.ContainerInspect(t.Context(), ctr.ID(), client.ContainerInspectOptions{}); !errdefs.IsNotFound(err) {
				t.Errorf("inspecting it: %v, want that there is none", err)
			}
		})
	}
}

// The container's death is seen within 0.3 s; its own clock says when it died.
// One of three must show it: on a machine with few cores something else may run
// in between.
func testPort(t *testing.T, c *Client) {
	var took time.Duration
	for range 3 {
		if took = deathSeen(t, c); took <= 300*time.Millisecond {
			return
		}
	}
	t.Errorf("seen %v after the exit, three times over, want within 0.3 s", took)
}

// deathSeen is how long a container's exit took to be seen.
func deathSeen(t *testing.T, c *Client) time.Duration {
	t.Helper()
	var log syncBuffer
	s := guest(t, &log, "serve", "8000")
	s.Port = 8000
	ctr := run(t, c, s)
	if !strings.HasPrefix(ctr.Addr(), "127.0.0.1:") {
		t.Fatalf("the address is %q", ctr.Addr())
	}
	saying(t, &log, "serving")
	if got := fetch(t, "http://"+ctr.Addr()+"/"); got != "hello\n" {
		t.Errorf("got %q", got)
	}
	if resp, err := http.Get("http://" + ctr.Addr() + "/die"); err == nil {
		resp.Body.Close()
	}
	exit := waitDone(t, ctr)
	seen := time.Now()
	if exit != (Exit{Code: 3}) {
		t.Errorf("got %+v", exit)
	}
	got, err := c.api.ContainerInspect(t.Context(), ctr.ID(), client.ContainerInspectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	died, err := time.Parse(time.RFC3339Nano, got.Container.State.FinishedAt)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("seen %v after the exit", seen.Sub(died))
	return seen.Sub(died)
}

func fetch(t *testing.T, url string) string {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func testHostNetwork(t *testing.T, c *Client) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	l.Close()
	var log syncBuffer
	s := guest(t, &log, "serve", strconv.Itoa(port))
	s.Port, s.Network = port, "host"
	ctr := run(t, c, s)
	saying(t, &log, "serving")
	if got := fetch(t, "http://"+ctr.Addr()+"/"); got != "hello\n" {
		t.Errorf("got %q", got)
	}
}

// testBox looks from inside at what a Spec gives and takes.
func testBox(t *testing.T, c *Client) {
	host := t.TempDir()
	if err := os.WriteFile(filepath.Join(host, "model"), []byte("weights"), 0o644); err != nil {
		t.Fatal(err)
	}
	var log syncBuffer
	s := guest(t, &log, "facts", "cat:/data/ro/model", "write:/data/ro/x", "write:/data/rw/x", "write:/scratch/x",
		"env:COLOUR", "grep:/proc/self/status:CapEff", "grep:/proc/self/status:NoNewPrivs", "grep:/proc/mounts:/scratch",
		"grep:/proc/mounts:/locked", "grep:/proc/mounts:/dev/shm", "grep:/proc/self/limits:Max core file size")
	s.Env = []string{"COLOUR=blue"}
	s.Mounts = []Mount{{Source: host, Target: "/data/ro"}, {Source: host, Target: "/data/rw", Writable: true}}
	s.Tmpfs = []Tmpfs{{Target: "/scratch", Size: 1 << 20, Exec: true}, {Target: "/locked"}}
	s.ShmSize = 128 << 20
	s.Ulimits = []Ulimit{{Name: "core", Soft: 1000, Hard: 2000}, {Name: "nofile", Soft: 1024, Hard: 1024}, {Name: "nproc", Soft: 1024, Hard: 1024}} // Podman raises those that are not given
	s.CapAdd = []string{"SYS_NICE"}
	s.WorkDir, s.User = "/scratch", "0:0"
	if exit := waitDone(t, run(t, c, s)); exit != (Exit{}) {
		t.Fatalf("got %+v: %s", exit, &log)
	}
	for _, want := range []string{
		"cat:/data/ro/model = weights", "write:/data/ro/x = open /data/ro/x: read-only file system",
		"write:/data/rw/x = <nil>", "write:/scratch/x = <nil>", "env:COLOUR = blue",
		"CapEff:\t0000000000800000", // CAP_SYS_NICE, number 23, and nothing else
		"NoNewPrivs:\t1", "tmpfs /scratch tmpfs rw,nosuid,nodev,relatime,size=1024k",
		"tmpfs /locked tmpfs rw,nosuid,nodev,noexec", "size=131072k", "1000                 2000                 bytes",
	} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("missing %q in\n%s", want, &log)
		}
	}
}
