package docker

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/moby/moby/api/types/container"
)

func TestExit(t *testing.T) {
	for _, row := range []struct {
		why  string
		end  func(f *fake, c *fakeContainer)
		want Exit // Err is compared by says
		says string
	}{
		{"it exits by itself", func(f *fake, c *fakeContainer) {
			f.exit(c, container.State{Status: "exited", ExitCode: 2})
		}, Exit{Code: 2}, ""},
		{"the kernel kills it for memory", func(f *fake, c *fakeContainer) {
			f.exit(c, container.State{Status: "exited", ExitCode: 137, OOMKilled: true})
		}, Exit{Code: 137, OOMKilled: true}, ""},
		{"the daemon dies", func(f *fake, _ *fakeContainer) { f.gone() }, Exit{}, "the Docker daemon went away"},
		{"the daemon dies right after telling of the exit", func(f *fake, c *fakeContainer) {
			f.on("GET /containers/{id}/json", func(w http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) { cut(w) })
			f.exit(c, container.State{Status: "exited", ExitCode: 143})
		}, Exit{Code: 143}, "the Docker daemon went away"},
		{"somebody else removes it", func(f *fake, c *fakeContainer) {
			f.mu.Lock()
			delete(f.containers, c.id)
			f.mu.Unlock()
			f.exit(c, container.State{ExitCode: 137})
		}, Exit{Code: 137}, "removed by somebody else"},
		{"the wait is cut off twice, by a proxy, while it runs on", func(f *fake, c *fakeContainer) {
			f.server.CloseClientConnections()
			time.Sleep(250 * time.Millisecond)
			f.server.CloseClientConnections()
			time.Sleep(250 * time.Millisecond)
			f.exit(c, container.State{Status: "exited", ExitCode: 4})
		}, Exit{Code: 4}, ""},
		{"the wait is cut off and it has exited meanwhile", func(f *fake, c *fakeContainer) {
			f.mu.Lock()
			c.state = container.State{Status: "exited", ExitCode: 5}
			f.mu.Unlock()
			f.server.CloseClientConnections()
		}, Exit{Code: 5}, ""},
	} {
		t.Run(row.why, func(t *testing.T) {
			noLeaks(t)
			f := newFake(t)
			c := f.connect(t)
			ctr, err := c.Run(t.Context(), Spec{Image: "x:1", Log: io.Discard})
			if err != nil {
				t.Fatal(err)
			}
			row.end(f, f.only(t))
			got := waitDone(t, ctr)
			if says := text(got.Err); got.Code != row.want.Code || got.OOMKilled != row.want.OOMKilled || !strings.Contains(says, row.says) || (says == "") != (row.says == "") {
				t.Errorf("got %+v, want %+v with an error that says %q", got, row.want, row.says)
			}
			_ = ctr.Stop(t.Context(), 0) // its errors are TestStop's
		})
	}
}

func TestDoneWithoutOneOfTheTwoThatTellOfIt(t *testing.T) {
	for _, row := range []struct {
		why, route string
		broken     fault
	}{
		{"the daemon has no events", "GET /events", deny(http.StatusForbidden, "not through this proxy")},
		{"the wait is answered five seconds late", "POST /containers/{id}/wait", func(w http.ResponseWriter, r *http.Request, do http.HandlerFunc) {
			_ = http.NewResponseController(w).Flush()
			rec := &answered{header: http.Header{}}
			do(rec, r)
			time.Sleep(5 * time.Second)
			_, _ = w.Write(rec.body.Bytes())
		}},
	} {
		t.Run(row.why, func(t *testing.T) {
			noLeaks(t)
			f := newFake(t)
			f.on(row.route, row.broken)
			ctr, err := f.connect(t).Run(t.Context(), Spec{Image: "x:1", Log: io.Discard})
			if err != nil {
				t.Fatal(err)
			}
			ended := time.Now()
			f.exit(f.only(t), container.State{Status: "exited", ExitCode: 9})
			<-ctr.Done()
			if took := time.Since(ended); took > 2*time.Second {
				t.Errorf("done after %v, want within 2 s", took)
			}
			if exit := ctr.Exit(); exit != (Exit{Code: 9}) {
				t.Errorf("got %+v", exit)
			}
			if err := ctr.Stop(t.Context(), 0); err != nil {
				t.Error(err)
			}
		})
	}
}

// answered keeps an answer.
type answered struct {
	header http.Header
	body   bytes.Buffer
}

func (a *answered) Header() http.Header         { return a.header }
func (a *answered) Write(p []byte) (int, error) { return a.body.Write(p) }
func (a *answered) WriteHeader(int)             {}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestDoneDoesNotWaitForALogThatHangs(t *testing.T) {
	stuck := make(hanging)
	for _, row := range []struct {
		why string
		log io.Writer
	}{
		{"the stream does not end", io.Discard},
		{"the writer hangs", stuck},
	} {
		t.Run(row.why, func(t *testing.T) {
			noLeaks(t)
			f := newFake(t)
			ctr, err := f.connect(t).Run(t.Context(), Spec{Image: "x:1", Log: row.log})
			if err != nil {
				t.Fatal(err)
			}
			c := f.only(t)
			_, _ = c.output.Write(frame(1, "a line\n"))
			c.output = nil // so that exit does not close it
			ended := time.Now()
			f.exit(c, container.State{Status: "exited", ExitCode: 1})
			got := waitDone(t, ctr)
			if took := time.Since(ended); took > 2*time.Second {
				t.Errorf("done after %v, want within 2 s", took)
			}
			if got.Code != 1 || got.LogErr == nil {
				t.Errorf("got %+v, want code 1 and the news that the log is not whole", got)
			}
			if row.log == stuck {
				close(stuck)
			}
			if err := ctr.Stop(t.Context(), 0); err != nil {
				t.Error(err)
			}
		})
	}
}

// hanging is a disk that does not answer.
type hanging chan struct{}

func (h hanging) Write(p []byte) (int, error) {
	<-h
	return len(p), nil
}

func TestStop(t *testing.T) {
	for _, row := range []struct {
		why    string
		route  string
		broken fault
		calls  int // of the route, at least
	}{
		{"nothing goes wrong", "DELETE /containers/{id}", nil, 1},
		{"it has been removed already", "DELETE /containers/{id}", func(w http.ResponseWriter, r *http.Request, do http.HandlerFunc) {
			discarded(r, do)
			do(w, r)
		}, 1},
		{"its removal is in progress", "DELETE /containers/{id}", func(w http.ResponseWriter, r *http.Request, do http.HandlerFunc) {
			refuse(w, http.StatusConflict, "removal of container x is already in progress")
			discarded(r, do)
		}, 1},
		{"the daemon never answers the stop", "POST /containers/{id}/stop", func(_ http.ResponseWriter, r *http.Request, _ http.HandlerFunc) {
			<-r.Context().Done()
		}, 1},
		{"the daemon takes a second to remove it", "DELETE /containers/{id}", func(w http.ResponseWriter, r *http.Request, do http.HandlerFunc) {
			time.Sleep(time.Second)
			do(w, r)
		}, 1},
		{"the daemon cannot stop it", "POST /containers/{id}/stop", deny(http.StatusInternalServerError, "tried to kill container, but did not receive an exit event"), 1},
		{"the first removals fail", "DELETE /containers/{id}", onceIn(3, deny(http.StatusInternalServerError, "device or resource busy")), 3},
		{"the connection breaks during the removal", "DELETE /containers/{id}", onceIn(2, func(w http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) { cut(w) }), 2},
		{"the daemon claims to have removed it and has not", "DELETE /containers/{id}", onceIn(2, func(w http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) {
			w.WriteHeader(http.StatusNoContent)
		}), 2},
	} {
		t.Run(row.why, func(t *testing.T) {
			noLeaks(t)
			f := newFake(t)
			ctx, cancel := context.WithCancel(t.Context())
			ctr, err := f.connect(t).Run(ctx, Spec{Image: "x:1", Log: io.Discard})
			if err != nil {
				t.Fatal(err)
			}
			f.on(row.route, row.broken)
			cancel() // what a teardown must not care about
			if err := ctr.Stop(ctx, time.Second); err != nil {
				t.Error(err)
			}
			if n := f.left(); n != 0 {
				t.Errorf("%d containers left", n)
			}
			if n := f.count(row.route); n < row.calls {
				t.Errorf("%d times %s, want at least %d", n, row.route, row.calls)
			}
			if err := ctr.Stop(ctx, time.Second); err != nil {
				t.Errorf("a second time: %v", err)
			}
		})
	}
}

// onceIn lets every n-th request through.
func onceIn(n int, broken fault) fault {
	var mu sync.Mutex
	seen := 0
	return func(w http.ResponseWriter, r *http.Request, do http.HandlerFunc) {
		mu.Lock()
		seen++
		let := seen%n == 0
		mu.Unlock()
		if let {
			do(w, r)
			return
		}
		broken(w, r, do)
	}
}

func TestStopSaysWhatItCouldNotRemove(t *testing.T) {
	noLeaks(t)
	f := newFake(t)
	ctr, err := f.connect(t).Run(t.Context(), Spec{Image: "x:1", Log: io.Discard})
	if err != nil {
		t.Fatal(err)
	}
	f.gone()
	err = ctr.Stop(t.Context(), time.Second)
	var known *Error
	if !errors.As(err, &known) || known.Reason != NotRemoved || !strings.Contains(err.Error(), ctr.ID()) || known.Hint() == "" {
		t.Errorf("got %v, want an error that names the container and has a hint", err)
	}
}

func TestLogIsWholeWhenDone(t *testing.T) {
	noLeaks(t)
	f := newFake(t)
	var log syncBuffer
	ctr, err := f.connect(t).Run(t.Context(), Spec{Image: "x:1", Log: &log})
	if err != nil {
		t.Fatal(err)
	}
	c := f.only(t)
	for _, part := range [][]byte{frame(1, "out\n"), frame(2, "err\n"), frame(1, strings.Repeat("x", 100_000)+"\n")} {
		_, _ = c.output.Write(part)
	}
	f.exit(c, container.State{Status: "exited"})
	if exit := waitDone(t, ctr); exit != (Exit{}) {
		t.Errorf("got %+v", exit)
	}
	if want := "out\nerr\n" + strings.Repeat("x", 100_000) + "\n"; log.String() != want {
		t.Errorf("got %d bytes, want %d", len(log.String()), len(want))
	}
	if err := ctr.Stop(t.Context(), 0); err != nil {
		t.Error(err)
	}
}

func TestLogThatCannotBeWrittenIsTold(t *testing.T) {
	noLeaks(t)
	f := newFake(t)
	full := errors.New("no space left on device")
	ctr, err := f.connect(t).Run(t.Context(), Spec{Image: "x:1", Log: failing{full}})
	if err != nil {
		t.Fatal(err)
	}
	c := f.only(t)
	_, _ = c.output.Write(frame(1, "a line\n"))
	f.exit(c, container.State{Status: "exited"})
	if exit := waitDone(t, ctr); !errors.Is(exit.LogErr, full) {
		t.Errorf("got %+v, want the writer's error", exit)
	}
	if err := ctr.Stop(t.Context(), 0); err != nil {
		t.Error(err)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }
