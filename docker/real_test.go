package docker

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

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
func realClient(t *testing.T) *Client {
	t.Helper()
	c, err := Connect(t.Context(), zerolog.New(zerolog.NewTestWriter(t)))
	if err != nil {
		t.Skipf("no Docker daemon to test with: %v", err)
	}
	t.Cleanup(func() {
		left, err := c.List(context.WithoutCancel(t.Context()), testLabel+"="+t.Name())
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
func guestImage(t *testing.T, c *Client) {
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

func TestRealLives(t *testing.T) {
	c := realClient(t)
	guestImage(t, c)
	t0 := time.Now()
	var log syncBuffer
	ctr, err := c.Run(t.Context(), guest(t, &log, "exit", "5"))
	if err != nil {
		t.Fatal(err)
	}
	t.Log("run", time.Since(t0))
	exit := waitDone(t, ctr)
	t.Log("done", time.Since(t0), exit, log.String())
	if err := ctr.Stop(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	t.Log("stopped", time.Since(t0))
}
