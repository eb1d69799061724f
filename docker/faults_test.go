package docker

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/moby/moby/api/types/container"
)

// cut ends a request without an answer, as a daemon that dies does.
func cut(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err == nil {
		_ = conn.Close()
	}
}

func deny(status int, message string) fault {
	return func(w http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) { refuse(w, status, message) }
}

// discarded carries a request out and throws its answer away.
func discarded(r *http.Request, do http.HandlerFunc) { do(&nowhere{header: http.Header{}}, r) }

type nowhere struct{ header http.Header }

func (n *nowhere) Header() http.Header         { return n.header }
func (n *nowhere) Write(p []byte) (int, error) { return len(p), nil }
func (n *nowhere) WriteHeader(int)             {}

func TestRunLeavesNothingBehindWhenItFails(t *testing.T) {
	for _, row := range []struct {
		why    string
		route  string
		broken fault
		reason Reason
		says   string
	}{
		{"the daemon refuses the create call", "POST /containers/create",
			deny(http.StatusNotFound, "No such image: x:1"), NoImage, "No such image"},
		{"the connection breaks before the daemon has made anything", "POST /containers/create",
			func(w http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) { cut(w) }, NoDaemon, ""},
		{"the connection breaks after the daemon has made the container", "POST /containers/create",
			func(w http.ResponseWriter, r *http.Request, do http.HandlerFunc) { discarded(r, do); cut(w) }, NoDaemon, ""},
		{"the daemon makes the container half a second after the connection broke", "POST /containers/create",
			func(w http.ResponseWriter, r *http.Request, do http.HandlerFunc) {
				body, _ := io.ReadAll(r.Body)
				later := r.Clone(context.WithoutCancel(r.Context()))
				later.Body = io.NopCloser(bytes.NewReader(body))
				cut(w)
				time.AfterFunc(500*time.Millisecond, func() { discarded(later, do) })
			}, NoDaemon, ""},
		{"the daemon answers with an error though it has made the container", "POST /containers/create",
			func(w http.ResponseWriter, r *http.Request, do http.HandlerFunc) {
				discarded(r, do)
				refuse(w, http.StatusInternalServerError, "the disk is odd")
			}, "", "the disk is odd"},
		{"the output cannot be attached", "POST /containers/{id}/attach",
			deny(http.StatusInternalServerError, "no"), "", "attaching to its output"},
		{"the wait is refused", "POST /containers/{id}/wait",
			deny(http.StatusInternalServerError, "no waiting"), "", "no waiting"},
		{"there is no GPU runtime", "POST /containers/{id}/start",
			deny(http.StatusInternalServerError, `could not select device driver "nvidia" with capabilities: [[gpu]]`), NoGPURuntime, "device driver"},
		{"the port is taken", "POST /containers/{id}/start",
			deny(http.StatusInternalServerError, "driver failed programming external connectivity: Bind for 127.0.0.1:1 failed: port is already allocated"), PortTaken, "allocated"},
		{"the start is cut off", "POST /containers/{id}/start",
			func(w http.ResponseWriter, r *http.Request, do http.HandlerFunc) { discarded(r, do); cut(w) }, NoDaemon, ""},
		{"the port is not found", "GET /containers/{id}/json",
			func(w http.ResponseWriter, r *http.Request, do http.HandlerFunc) {
				rec := &recorder{nowhere: nowhere{header: http.Header{}}}
				do(rec, r)
				if rec.status == http.StatusNotFound {
					refuse(w, rec.status, "No such container")
					return
				}
				answer(w, map[string]any{"State": container.State{Running: true}})
			}, "", "not published"},
	} {
		t.Run(row.why, func(t *testing.T) {
			noLeaks(t)
			f := newFake(t)
			f.on(row.route, row.broken)
			c := f.connect(t)
			_, err := c.Run(t.Context(), Spec{Image: "x:1", Port: 8000, Log: io.Discard})
			var known *Error
			if !errors.As(err, &known) || known.Reason != row.reason || !strings.Contains(err.Error(), row.says) {
				t.Errorf("got the error %q with reason %q, want one with %q and reason %q", err, known.Reason, row.says, row.reason)
			}
			if n := f.left(); n != 0 {
				t.Errorf("%d containers left", n)
			}
		})
	}
}

// A limit that the daemon would pass over is refused before anything is made.
func TestRunRefusesALimitThatTheDaemonLacks(t *testing.T) {
	for _, row := range []struct {
		why    string
		spec   Spec
		reason Reason // "": it runs
	}{
		{"memory, which it can limit", Spec{Memory: 1 << 20}, ""},
		{"processes, which this one cannot", Spec{Memory: 1 << 20, PIDs: 10}, BadUlimit},
	} {
		f := newFake(t)
		f.on("GET /info", func(w http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) {
			_, _ = io.WriteString(w, `{"MemoryLimit":true}`)
		})
		row.spec.Image, row.spec.Log = "x:1", io.Discard
		c, err := f.connect(t).Run(t.Context(), row.spec)
		var known *Error
		if errors.As(err, &known); row.reason == "" && err != nil || row.reason != "" && (known == nil || known.Reason != row.reason || f.left() != 0) {
			t.Errorf("%s: %v, %d containers", row.why, err, f.left())
		}
		if err == nil {
			if err := c.Stop(t.Context(), 0); err != nil {
				t.Error(err)
			}
		}
	}
}

// What the daemon's host cannot limit is asked for once, and again where that failed.
func TestRunAsksOnceWhatCanBeLimited(t *testing.T) {
	f := newFake(t)
	c := f.connect(t)
	f.on("GET /info", deny(http.StatusInternalServerError, "busy"))
	if _, err := c.Run(t.Context(), Spec{Image: "x:1", Memory: 1 << 20}); err == nil {
		t.Error("it ran, though nobody knows whether it is limited")
	}
	f.on("GET /info", nil)
	for range 3 {
		ctr, err := c.Run(t.Context(), Spec{Image: "x:1", Memory: 1 << 20, PIDs: 10})
		if err != nil {
			t.Fatal(err)
		}
		if err := ctr.Stop(t.Context(), 0); err != nil {
			t.Error(err)
		}
	}
	if n := f.count("GET /info"); n != 2 {
		t.Errorf("asked %d times, want once in vain and once for all", n)
	}
}

type recorder struct {
	nowhere
	status int
}

func (r *recorder) WriteHeader(status int) { r.status = status }

func TestRunLeavesNothingBehindWhenCancelled(t *testing.T) {
	for _, row := range []struct{ why, route string }{
		{"during the create call", "POST /containers/create"},
		{"while the output is attached", "POST /containers/{id}/attach"},
		{"while the wait is opened", "POST /containers/{id}/wait"},
		{"while the events are opened", "GET /events"},
		{"during the start", "POST /containers/{id}/start"},
	} {
		t.Run(row.why, func(t *testing.T) {
			noLeaks(t)
			f := newFake(t)
			ctx, cancel := context.WithCancel(t.Context())
			f.on(row.route, func(w http.ResponseWriter, r *http.Request, do http.HandlerFunc) {
				cancel()
				time.Sleep(50 * time.Millisecond) // so that the client has seen it
				do(w, r)
			})
			_, err := f.connect(t).Run(ctx, Spec{Image: "x:1", Log: io.Discard})
			if !errors.Is(err, context.Canceled) {
				t.Errorf("got %v, want the cancellation", err)
			}
			if n := f.left(); n != 0 {
				t.Errorf("%d containers left", n)
			}
		})
	}
}

// A daemon that never answers costs a cancelled caller the grace of the create
// call, not its whole limit, and what it makes in the end is found.
func TestRunGivesUpOnADaemonThatDoesNotAnswer(t *testing.T) {
	noLeaks(t)
	f := newFake(t)
	ctx, cancel := context.WithCancel(t.Context())
	f.on("POST /containers/create", func(w http.ResponseWriter, r *http.Request, do http.HandlerFunc) {
		body, _ := io.ReadAll(r.Body)
		cancel()
		<-r.Context().Done()
		late := r.Clone(context.WithoutCancel(r.Context()))
		late.Body = io.NopCloser(bytes.NewReader(body))
		time.Sleep(200 * time.Millisecond)
		discarded(late, do)
	})
	began := time.Now()
	if _, err := f.connect(t).Run(ctx, Spec{Image: "x:1"}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the cancellation", err)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it took %v", took)
	}
	if n := f.left(); n != 0 {
		t.Errorf("%d containers left", n)
	}
}

func TestRunStartsNothingForACancelledCaller(t *testing.T) {
	noLeaks(t)
	f := newFake(t)
	c := f.connect(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Run(ctx, Spec{Image: "x:1"}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the cancellation", err)
	}
	if n := f.count("POST /containers/create"); n != 0 {
		t.Errorf("%d create calls", n)
	}
}
