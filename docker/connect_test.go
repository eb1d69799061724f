package docker

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"
)

func TestConnectSaysWhatIsWrong(t *testing.T) {
	noLeaks(t)
	dir, err := os.MkdirTemp("", "qd") //nolint:usetesting // a socket's path has at most 107 bytes
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	dead := filepath.Join(dir, "dead")
	l, err := net.Listen("unix", dead)
	if err != nil {
		t.Fatal(err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	l.Close()

	old := newFake(t)
	old.on("/_ping", func(w http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) {
		w.Header().Set("Api-Version", "1.40")
	})
	broken := newFake(t)
	broken.on("/_ping", deny(http.StatusBadGateway, "the daemon is not well"))

	for _, row := range []struct {
		why, host string
		want      Reason
		says      string
	}{
		{"no socket", "unix://" + filepath.Join(dir, "none"), NoDaemon, "no such file"},
		{"a socket that nobody serves", "unix://" + dead, NoDaemon, "daemon"},
		{"a port that nobody serves", "tcp://127.0.0.1:1", NoDaemon, "127.0.0.1:1"},
		{"a host name that does not exist", "tcp://no-such-host.invalid:2375", NoDaemon, "no-such-host"},
		{"a scheme of the docker command's", "ssh://gpu-box", BadHost, "ssh"},
		{"rubbish", "rubbish", BadHost, "rubbish"},
		{"a daemon that is too old", "tcp://" + old.server.Listener.Addr().String(), OldDaemon, "1.40"},
		{"a daemon that is not well", "tcp://" + broken.server.Listener.Addr().String(), "", "not well"},
	} {
		t.Run(row.why, func(t *testing.T) {
			t.Setenv("DOCKER_HOST", row.host)
			c, err := Connect(t.Context(), zerolog.Nop())
			if err == nil {
				_ = c.Close()
				t.Fatal("connected")
			}
			var known *Error
			if !errors.As(err, &known) || known.Reason != row.want || !strings.Contains(err.Error(), row.says) || (known.Hint() == "") != (row.want == "") {
				t.Errorf("got %q with reason %q and hint %q, want %q and reason %q", err, known.Reason, known.Hint(), row.says, row.want)
			}
		})
	}
}

// The hint is the way on for somebody who has no Docker.
func TestNoDaemonHint(t *testing.T) {
	for _, r := range []Reason{NoDaemon, NoPermission} {
		if hint := (&Error{Reason: r}).Hint(); !strings.Contains(hint, "--simulate") || !strings.Contains(hint, `runtime = "process"`) {
			t.Errorf("%s: %q", r, hint)
		}
	}
}

func TestPermissionDeniedOnTheSocket(t *testing.T) {
	err := fail("connecting", errors.New("permission denied while trying to connect to the docker API at unix:///var/run/docker.sock"))
	var known *Error
	if !errors.As(err, &known) || known.Reason != NoPermission {
		t.Errorf("got %+v", err)
	}
}

func TestConnectHearsItsContext(t *testing.T) {
	noLeaks(t)
	f := newFake(t)
	f.on("/_ping", func(_ http.ResponseWriter, r *http.Request, _ http.HandlerFunc) { <-r.Context().Done() })
	t.Setenv("DOCKER_HOST", "tcp://"+f.server.Listener.Addr().String())
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := Connect(ctx, zerolog.Nop()); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

func TestAwait(t *testing.T) {
	f := newFake(t)
	c := f.connect(t)
	if err := c.Await(t.Context(), 0); err != nil {
		t.Errorf("a daemon that is there: %v", err)
	}
	away := true
	f.on("/_ping", func(w http.ResponseWriter, r *http.Request, do http.HandlerFunc) {
		if away {
			away = false
			deny(http.StatusServiceUnavailable, "starting")(w, r, do)
			return
		}
		do(w, r)
	})
	if err := c.Await(t.Context(), 5*time.Second); err != nil {
		t.Errorf("one that comes back: %v", err)
	}
	f.gone()
	err := c.Await(t.Context(), 300*time.Millisecond)
	var known *Error
	if !errors.As(err, &known) || known.Reason != NoDaemon || known.Hint() == "" {
		t.Errorf("one that stays away: %v", err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("interrupted"))
	if err := c.Await(ctx, time.Minute); err == nil || err.Error() != "interrupted" {
		t.Errorf("an interrupted wait: %v", err)
	}
}
