package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/qtune/qtune/profiles"
)

// fakeLife is a container or process that lives as long as a test wants it to.
type fakeLife struct {
	done    chan struct{}
	once    sync.Once
	stopped atomic.Int32
	stopErr error
}

func newFakeLife() *fakeLife { return &fakeLife{done: make(chan struct{})} }

func (f *fakeLife) Done() <-chan struct{} { return f.done }
func (f *fakeLife) end()                  { f.once.Do(func() { close(f.done) }) }
func (f *fakeLife) Stop(context.Context, time.Duration) error {
	f.stopped.Add(1)
	f.end()
	return f.stopErr
}

// routes are what a fake engine answers; a missing one is 404.
type routes map[string]http.HandlerFunc

func answer(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

const (
	modelList = `{"data":[{"id":"m","root":"/model/m"}]}`
	oneToken  = `{"choices":[{"text":" a"}],"usage":{"completion_tokens":1}}`
)

func good() routes {
	return routes{
		"/health": answer(200, ""), "/v1/models": answer(200, modelList), "/v1/completions": answer(200, oneToken),
		"/version": answer(200, `{"version":"0.32.0"}`),
	}
}

func (r routes) with(path string, h http.HandlerFunc) routes {
	r[path] = h
	return r
}

func (r routes) server(t *testing.T) *httptest.Server {
	t.Helper()
	mux := http.NewServeMux()
	for path, h := range r {
		mux.HandleFunc(path, h)
	}
	s := httptest.NewServer(mux)
	t.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
	})
	return s
}

// start serves a fake engine and waits for it as Launch does.
type start struct {
	launcher *Launcher
	st       Start
	life     *fakeLife
	inst     *instance
	out      *sink
}

func newStart(t *testing.T, addr string) *start {
	t.Helper()
	path := filepath.Join(t.TempDir(), "engine.log")
	file, err := openLog(path)
	if err != nil {
		t.Fatal(err)
	}
	life := newFakeLife()
	s := &start{
		launcher: &Launcher{Log: zerolog.Nop()}, life: life,
		st: Start{Trial: "t001", LogPath: path, Model: profiles.Model{ID: "m"},
			Engine: &profiles.Engine{Kind: "vllm", Runtime: profiles.RuntimeDocker, StartupTimeout: 20 * time.Second}},
		inst: &instance{life: life, name: "a fake", addr: addr, exit: func() Exit { return Exit{Code: 1} }},
	}
	s.out = newSink(file, "vllm", newRedactor([]profiles.Secret{{Name: "env.KEY", Value: "hunter2"}}), nil)
	return s
}

func (s *start) serve(t *testing.T) (*Server, *Failure, error) {
	t.Helper()
	return s.launcher.serve(t.Context(), s.st, s.inst, s.out, time.Now())
}

func (s *start) log(line string) { fmt.Fprintln(s.out, line) }

func TestReady(t *testing.T) {
	var asked atomic.Int32
	warming := func(after int32, then http.HandlerFunc, meanwhile http.HandlerFunc) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if asked.Add(1) <= after {
				meanwhile(w, r)
				return
			}
			then(w, r)
		}
	}
	hangUp := func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err == nil {
			_ = conn.Close()
		}
	}
	tests := []struct {
		why    string
		routes routes
	}{
		{"at once", good()},
		{"503 while it warms up", good().with("/health", warming(2, answer(200, ""), answer(503, "")))},
		{"a connection that is cut off while it starts", good().with("/health", warming(2, answer(200, ""), hangUp))},
		{"a first request that fails", good().with("/v1/completions", warming(1, answer(200, oneToken), answer(500, "warming up")))},
		{"a first answer that breaks off", good().with("/v1/completions", warming(1, answer(200, oneToken), func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "1000")
			_, _ = io.WriteString(w, `{"cho`)
		}))},
		{"a first request that takes its time, as SGLang's does", good().with("/v1/completions", func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(700 * time.Millisecond)
			answer(200, oneToken)(w, r)
		})},
		{"a health that is good before the engine is, as vLLM's: its requests hang up at first", good().with("/v1/completions", warming(3, answer(200, oneToken), hangUp))},
		{"a health that is good before the models are listed", good().with("/v1/models", warming(2, answer(200, modelList), answer(503, "")))},
		{"a token whose text is empty", good().with("/v1/completions", answer(200, `{"choices":[{"text":""}],"usage":{"completion_tokens":1}}`))},
	}
	for _, test := range tests {
		t.Run(test.why, func(t *testing.T) {
			asked.Store(0)
			s := newStart(t, test.routes.server(t).Listener.Addr().String())
			s.log("INFO KV cache size: 93,184 tokens, Maximum")
			server, failure, err := s.serve(t)
			if failure != nil || err != nil {
				t.Fatal(failure, err)
			}
			defer server.Close(t.Context())
			facts := server.Facts()
			if facts.KVTokens != 93184 || facts.EngineVersion != "0.32.0" || facts.ModelName != "m" || facts.StartupS <= 0 {
				t.Errorf("facts %+v", facts)
			}
			if target := server.Target(); target.URL != "http://"+s.inst.addr || target.Model != "m" {
				t.Errorf("target %+v", target)
			}
			if err := server.Close(t.Context()); err != nil || s.life.stopped.Load() != 1 {
				t.Errorf("close: %v, stopped %d times", err, s.life.stopped.Load())
			}
			if server.Failure() != nil {
				t.Errorf("closing it is no failure: %v", server.Failure())
			}
		})
	}
}

func TestNeverReady(t *testing.T) {
	block := func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // only then does a server notice that its client has gone
		<-r.Context().Done()
	}
	tests := []struct {
		why    string
		routes routes
		class  Class
		line   string
	}{
		{"it accepts and never answers", good().with("/health", block), StartupTimeout, "not ready after 1 s"},
		{"it is healthy and never generates", good().with("/v1/completions", block), StartupTimeout, "not ready after 1 s"},
		{"its health stays bad", good().with("/health", answer(503, "")), StartupTimeout, "GET /health answered 503"},
		{"it serves another model", good().with("/v1/models", answer(200, `{"data":[{"id":"other"}]}`)), ModelMissing, "the server lists other, not m"},
		{"it serves none", good().with("/v1/models", answer(200, `{"data":[]}`)), ModelMissing, "lists no model"},
		{"llama.cpp's router without a model: healthy, and nothing in it", good().with("/v1/models", answer(200, `{"object":"list","data":[]}`)).with("/v1/completions", answer(400, `{"error":{"message":"model name is missing from the request"}}`)), ModelMissing, "lists no model"},
		{"a health that is good before the engine is, for ever", good().with("/v1/completions", answer(500, "EngineDeadError")), StartupTimeout, "the first request was answered 500"},
		{"it wants a key", good().with("/v1/models", answer(401, "no")), Unauthorized, "401"},
		{"its answers are empty", good().with("/v1/completions", answer(200, "")), BadAnswer, "no JSON"},
		{"its answers are rubbish", good().with("/v1/completions", answer(200, "<html>")), BadAnswer, "no JSON"},
		{"its answers hold no token", good().with("/v1/completions", answer(200, `{"choices":[]}`)), BadAnswer, "without a token"},
	}
	for _, test := range tests {
		t.Run(test.why, func(t *testing.T) {
			t.Parallel()
			s := newStart(t, test.routes.server(t).Listener.Addr().String())
			s.st.Engine.StartupTimeout = time.Second
			if test.class == BadAnswer {
				s.st.Engine.StartupTimeout = 20 * time.Second
			}
			server, failure, err := s.serve(t)
			if server != nil || err != nil || failure == nil {
				t.Fatal(server, failure, err)
			}
			if failure.Class != test.class || !strings.Contains(failure.Line, test.line) || failure.Hint == "" {
				t.Errorf("got %+v", failure)
			}
			if s.life.stopped.Load() != 1 {
				t.Error("it was left running")
			}
		})
	}
}

// refused is an address at which nobody listens.
func refused() string {
	s := httptest.NewServer(http.NotFoundHandler())
	s.Close()
	return s.Listener.Addr().String()
}

func TestStartupTimeoutIsEngineTime(t *testing.T) {
	s := newStart(t, refused())
	s.launcher.Simulate = &Simulation{Speed: 100}
	s.st.Engine.StartupTimeout = time.Minute // 0.6 s on the wall
	s.log("INFO loading weights")
	_, failure, err := s.serve(t)
	if err != nil || failure == nil || failure.Class != StartupTimeout || !strings.Contains(failure.Line, "not ready after 60 s") {
		t.Fatal(failure, err)
	}
	if len(failure.Tail) != 1 || failure.Tail[0] != "INFO loading weights" {
		t.Errorf("tail %q", failure.Tail)
	}
}

func TestExitEndsTheStartAtOnce(t *testing.T) {
	s := newStart(t, refused())
	s.log("vllm: error: unrecognized arguments: --bogus hunter2")
	s.life.end()
	began := time.Now()
	_, failure, err := s.serve(t)
	if err != nil || failure == nil || failure.Class != BadFlag || failure.ExitCode == nil || *failure.ExitCode != 1 {
		t.Fatal(failure, err)
	}
	if strings.Contains(failure.Line, "hunter2") || !strings.Contains(failure.Line, "(env.KEY)") {
		t.Errorf("a secret is shown: %q", failure.Line)
	}
	if took := time.Since(began); took > time.Second {
		t.Errorf("it took %v", took)
	}
}

// TestFatalLineEndsALivingEngine: the limit is the issue's own, 2 s.
func TestFatalLineEndsALivingEngine(t *testing.T) {
	s := newStart(t, refused())
	var fatal time.Time
	go func() {
		time.Sleep(100 * time.Millisecond)
		fatal = time.Now()
		s.log("(Worker pid=53) ERROR 11-24 00:21:29 [m.py:1] WorkerProc hit an exception.")
		time.Sleep(100 * time.Millisecond)
		s.log("(Worker pid=53) ERROR 11-24 00:21:29 [m.py:1] ValueError: No available memory for the cache blocks. Try")
	}()
	_, failure, err := s.serve(t)
	if err != nil || failure == nil || failure.Class != KVTooSmall || failure.LineNumber != 2 || failure.ExitCode != nil {
		t.Fatal(failure, err)
	}
	if took := time.Since(fatal); took > 2*time.Second {
		t.Errorf("it took %v", took)
	}
	if s.life.stopped.Load() != 1 {
		t.Error("it was left running")
	}
}

func TestRecordedDeathEndsALivingEngine(t *testing.T) {
	log, err := os.ReadFile(filepath.Join(dataFolder(t), "vllm-startup/cpu-0.32-engine-core-died-container-running.log"))
	if err != nil {
		t.Fatal(err)
	}
	s := newStart(t, refused())
	began := time.Now()
	go func() {
		for line := range strings.Lines(string(log)) { // as it comes, some of it in pieces
			_, _ = s.out.Write([]byte(line[:len(line)/2]))
			_, _ = s.out.Write([]byte(line[len(line)/2:]))
		}
	}()
	_, failure, err := s.serve(t)
	if err != nil || failure == nil || failure.Class != NoExec || failure.LineNumber != 149 {
		t.Fatal(failure, err)
	}
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("it took %v", took)
	}
	written, _ := os.ReadFile(s.st.LogPath)
	if string(written) != string(log) {
		t.Error("the log was not written whole")
	}
}

func TestCancelledStart(t *testing.T) {
	s := newStart(t, refused())
	cause := errors.New("interrupt signal received")
	ctx, cancel := context.WithCancelCause(t.Context())
	time.AfterFunc(50*time.Millisecond, func() { cancel(cause) })
	server, failure, err := s.launcher.serve(ctx, s.st, s.inst, s.out, time.Now())
	if server != nil || failure != nil || !errors.Is(err, cause) || s.life.stopped.Load() != 1 {
		t.Fatal(server, failure, err, s.life.stopped.Load())
	}
}

func TestWhatCannotBeRemovedIsAnError(t *testing.T) {
	s := newStart(t, refused())
	s.life.stopErr = errors.New("the daemon does not answer")
	s.life.end()
	_, failure, err := s.serve(t)
	var left *TeardownError
	if failure == nil || !errors.As(err, &left) || left.Hint() == "" {
		t.Fatal(failure, err)
	}
}

type brokenFile struct{}

func (brokenFile) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }
func (brokenFile) Close() error              { return nil }

func TestALogThatCannotBeWrittenEndsTheRun(t *testing.T) {
	s := newStart(t, refused())
	s.out = newSink(brokenFile{}, "vllm", redactor{}, nil)
	s.log("hello")
	server, failure, err := s.serve(t)
	if server != nil || failure != nil || err == nil || !strings.Contains(err.Error(), "no space left") {
		t.Fatal(server, failure, err)
	}
}

func TestDiedUnderLoad(t *testing.T) {
	tests := []struct {
		why   string
		die   func(*start)
		class Class
		line  string
	}{
		{"its process ends", func(s *start) { s.log("some last words"); s.life.end() }, DiedUnderLoad, "some last words"},
		{"it runs out of memory", func(s *start) {
			s.log("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has")
			s.life.end()
		}, GPUOutOfMemory, "torch.OutOfMemoryError"},
		{"a line says so and the process lives", func(s *start) {
			s.log("(EngineCore pid=3) ERROR 01-01 00:00:00 [core.py:1] EngineCore encountered a fatal error.")
		}, DiedUnderLoad, "EngineCore encountered a fatal error."},
	}
	for _, test := range tests {
		t.Run(test.why, func(t *testing.T) {
			t.Parallel()
			s := newStart(t, good().server(t).Listener.Addr().String())
			s.log("OSError: [Errno 98] Address already in use") // it served all the same
			server, failure, err := s.serve(t)
			if failure != nil || err != nil {
				t.Fatal(failure, err)
			}
			defer server.Close(t.Context())
			s.log("(Worker pid=53) ERROR 11-24 00:21:29 [m.py:1] WorkerProc hit an exception.") // of one request
			test.die(s)
			select {
			case <-server.Died():
			case <-time.After(2 * time.Second):
				t.Fatal("its death was not seen")
			}
			if f := server.Failure(); f.Class != test.class || !strings.HasPrefix(f.Line, test.line) {
				t.Errorf("got %+v", f)
			}
		})
	}
}

func TestExternal(t *testing.T) {
	external := func(url, model string) Start {
		return Start{Trial: "t", Engine: &profiles.Engine{Kind: "openai", Runtime: profiles.RuntimeExternal, URL: url}, Model: profiles.Model{ID: model}}
	}
	t.Run("the name that the server gives the model", func(t *testing.T) {
		s := good().server(t)
		server, failure, err := (&Launcher{}).Launch(t.Context(), external(s.URL+"/v1/", "org/m"))
		if failure != nil || err != nil || server.Target().Model != "m" || server.Target().URL != s.URL {
			t.Fatal(server, failure, err)
		}
		if err := server.Close(t.Context()); err != nil {
			t.Error(err)
		}
		if _, simulated := server.Lag(t.Context()); simulated {
			t.Error("a real server has no lag of its own")
		}
	})
	t.Run("a server that only chats", func(t *testing.T) {
		r := routes{"/v1/models": answer(200, modelList), "/v1/chat/completions": answer(200, `{"choices":[{"message":{"content":"a"}}]}`)}
		_, failure, err := (&Launcher{}).Launch(t.Context(), external(r.server(t).URL, ""))
		if failure != nil || err != nil {
			t.Fatal(failure, err)
		}
	})
	t.Run("it cannot be simulated", func(t *testing.T) {
		_, _, err := (&Launcher{Simulate: &Simulation{}}).Launch(t.Context(), external("http://x", "m"))
		var ee *SimulateError
		if !errors.As(err, &ee) {
			t.Fatal(err)
		}
	})
}

func TestLag(t *testing.T) {
	s := good().with("/simulator", answer(200, `{"simulated":true,"lag_mean_ms":2.5,"write_mean_ms":3}`)).server(t)
	st := newStart(t, s.Listener.Addr().String())
	st.launcher.Simulate = &Simulation{Speed: 50}
	server, failure, err := st.serve(t)
	if failure != nil || err != nil {
		t.Fatal(failure, err)
	}
	defer server.Close(t.Context())
	if lag, ok := server.Lag(t.Context()); !ok || lag.Step != 2500*time.Microsecond || lag.Write != 3*time.Millisecond {
		t.Errorf("lag %v, %v", lag, ok)
	}
	if f := server.Facts(); f.StartupS < 49*f.WallS || f.StartupS > 51*f.WallS {
		t.Errorf("start-up %v s in the engine's time, %v s on the wall", f.StartupS, f.WallS)
	}
}

// A server that sends the probe elsewhere is not followed there.
func TestAProbeFollowsNoRedirect(t *testing.T) {
	var reached atomic.Int32
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Add(1) }))
	defer elsewhere.Close()
	server := httptest.NewServer(http.RedirectHandler(elsewhere.URL, http.StatusTemporaryRedirect))
	defer server.Close()
	p := prober{base: server.URL, key: "secret", http: newHTTP()}
	if status, _, err := p.ask(t.Context(), time.Second, http.MethodGet, "/v1/models", nil); err != nil || status != http.StatusTemporaryRedirect || reached.Load() != 0 {
		t.Errorf("status %d, %v; the other server was asked %d times", status, err, reached.Load())
	}
}
