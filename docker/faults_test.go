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
		{"the wait is answered a second late", "POST /containers/{id}/wait", func(w http.ResponseWriter, r *http.Request, do http.HandlerFunc) {
			_ = http.NewResponseController(w).Flush()
			rec := &answered{header: http.Header{}}
			do(rec, r)
			time.Sleep(time.Second)
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
			if took := time.Since(ended); took > 300*time.Millisecond {
				t.Errorf("done after %v, want within 0.3 s", took)
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
			if took := time.Since(ended); took > 300*time.Millisecond {
				t.Errorf("done after %v, want within 0.3 s", took)
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
