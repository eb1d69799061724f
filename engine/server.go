package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/qtune/qtune/bench"
)

const (
	// stopGrace is how long a serving engine may take to end by itself. SGLang
	// takes 5 s.
	stopGrace = 10 * time.Second
	// externalLimit is how long a server that is said to be up may take to show it.
	externalLimit = 30 * time.Second
)

// Server is an engine that serves.
type Server struct {
	target    bench.Target
	facts     Facts
	speed     float64
	simulated bool

	inst    *instance // nil: it was up before and stays up
	out     *sink
	owned   sync.WaitGroup
	died    chan struct{}
	hung    chan struct{}      // closed when it has requests and does nothing
	busy    atomic.Bool        // it has requests all the time
	failure *Failure           // written before died is closed
	cancel  context.CancelFunc // ends the watch
	once    sync.Once
	err     error // of Close
}

// Target is where the server is measured.
func (s *Server) Target() bench.Target { return s.target }

// Facts are what the engine said about itself.
func (s *Server) Facts() Facts { return s.facts }

// Died is closed when the engine dies while it should serve: within moments of
// its end, or of a line in its log that means death. It is never closed for a
// server that was already up.
func (s *Server) Died() <-chan struct{} { return s.died }

// Busy tells the server whether it has requests all the time: then one that does
// nothing for two minutes counts as dead.
func (s *Server) Busy(yes bool) { s.busy.Store(yes) }

// Failure is why the engine died; nil as long as it has not.
func (s *Server) Failure() *Failure {
	select {
	case <-s.died:
		return s.failure
	default:
		return nil
	}
}

// monitor watches the engine until it dies or ctx ends.
func (s *Server) monitor(ctx context.Context) {
	select {
	case <-ctx.Done():
		return
	case <-s.out.broken:
		s.failure = fail(DiskFull, "the trial's log cannot be written: "+s.out.err.Error(), hintDisk)
	case <-s.hung:
		s.failure = stalled(s.out, "it has requests, and has neither logged nor computed anything", hangLimit, s.speed,
			"it hangs: another attention backend, scheduler setting or image may not")
	case <-s.inst.Done():
		s.failure = s.mortal()
	case <-s.out.alarm():
		if afterFatal(ctx, s.inst) == nil {
			return // closed meanwhile
		}
		s.failure = s.mortal()
	}
	close(s.died)
}

// mortal is why an engine that served does so no more.
func (s *Server) mortal() *Failure {
	f := s.out.failure(s.inst.ended())
	if f == nil {
		f = fail(Unknown, "", "")
	}
	if f.Class == Unknown {
		f.Class = DiedUnderLoad
		if f.Hint == unknownHint {
			f.Hint = "it started well and died with requests running, as of memory that only load needs: lower its share of the memory or its batch limits; the log has the whole of it"
		}
		f.Fault = FaultOf(DiedUnderLoad)
	}
	return f
}

// Close ends the engine and removes all that there is of it, whatever becomes of
// ctx. A server that was already up is left alone. The error is a *TeardownError,
// or that of the log. Later calls give the same.
func (s *Server) Close(ctx context.Context) error {
	s.once.Do(func() {
		if s.inst == nil {
			return
		}
		s.cancel()
		s.owned.Wait()
		grace := stopGrace
		if s.simulated {
			grace = time.Second
		}
		s.err = errors.Join(s.inst.stop(ctx, grace), s.out.close())
	})
	return s.err
}

// Lag is how late a simulated engine was, on average since the last call, in
// wall time.
type Lag struct {
	Step  time.Duration // the end of a step
	Write time.Duration // a token on the network
}

// Lag asks a simulated engine how late it was; false for a real one.
func (s *Server) Lag(ctx context.Context) (Lag, bool) {
	if !s.simulated {
		return Lag{}, false
	}
	p := prober{base: s.target.URL, key: s.target.APIKey, http: newHTTP()}
	status, body, err := p.ask(ctx, 5*time.Second, http.MethodGet, "/simulator", nil)
	var answer struct {
		StepMS  *float64 `json:"lag_mean_ms"`
		WriteMS *float64 `json:"write_mean_ms"`
	}
	if err != nil || status != http.StatusOK || json.Unmarshal(body, &answer) != nil || answer.StepMS == nil || answer.WriteMS == nil {
		return Lag{}, false
	}
	return Lag{Step: milliseconds(*answer.StepMS), Write: milliseconds(*answer.WriteMS)}, true
}

func milliseconds(ms float64) time.Duration { return time.Duration(ms * float64(time.Millisecond)) }

// connect takes a server that is already up.
func (l *Launcher) connect(ctx context.Context, st Start) (*Server, *Failure, error) {
	if l.Simulate != nil {
		return nil, nil, &SimulateError{st.Engine.Label(), "it is a server that is already up"}
	}
	k, _ := Lookup(st.Engine.Kind)
	p := &prober{kind: k, base: trimURL(st.Engine.URL), key: apiKey(k, st.Candidate), model: st.Model.ID, root: st.Model.ID, any: true, http: newHTTP()}
	began := time.Now()
	limited, cancel := context.WithTimeoutCause(ctx, externalLimit, errSlow)
	defer cancel()
	err := l.poll(limited, p)
	var no refusal
	switch {
	case ctx.Err() != nil:
		return nil, nil, context.Cause(ctx)
	case errors.As(err, &no):
		return nil, newRedactor(l.Secrets).failure(no.Failure), nil
	case err != nil:
		f := fail(RuntimeLost, fmt.Sprintf("%s does not serve: %v", p.base, err), "start the server, or correct the engine's url")
		return nil, newRedactor(l.Secrets).failure(f), nil
	}
	s := &Server{target: p.target(), speed: 1, died: make(chan struct{})}
	wall := time.Since(began).Seconds()
	s.facts = Facts{ModelName: p.model, StartupS: wall, WallS: wall, EngineVersion: p.version(ctx)}
	return s, nil, nil
}

// trimURL makes a base of what people write: with a slash at the end, or with
// the API's own /v1.
func trimURL(url string) string {
	for _, suffix := range []string{"/", "/v1"} {
		if n := len(url) - len(suffix); n > 0 && url[n:] == suffix {
			url = url[:n]
		}
	}
	return url
}

// SimulateError says that an engine cannot be simulated.
type SimulateError struct{ Engine, Why string }

// Error implements error.
func (e *SimulateError) Error() string {
	return fmt.Sprintf("simulating engine %s: %s", e.Engine, e.Why)
}

// Hint says what to do about it.
func (e *SimulateError) Hint() string {
	return "run without --simulate, or take the engine out of the profile"
}
