// Package bench measures an LLM server: a URL and a workload in, measurements
// out. It owns what is sent and when, how answers are timed and tokens counted,
// and the statistics of it. It knows nothing of containers, flags or engines,
// prints nothing and logs nothing.
//
// All times are the engine's: wall time multiplied by Client.Speed, which is 1
// for a real server and more for a simulated one that lives faster.
//
// # What is measured
//
//   - TTFT: from the send to the first event with non-empty text, reasoning or tool call.
//   - E2E: from the send to the last such event.
//   - TPOT: (last content - first content) / (tokens - 1), of requests with at least two tokens.
//   - ITL: the gap between two arrivals of content, shared evenly by the tokens
//     of the later one. Events that one read brought came together and are one arrival.
//     Tokens of a request's first arrival end no gap and have none.
//   - Tokens are the server's usage, never words or events; without usage events
//     stand in for them, and the result says so.
//   - Throughput: of a closed loop without an exact number of requests, what came
//     between the end of the ramp (and of any start-up that MSER-5 finds behind
//     it) and the last send, each token counted when it came. Otherwise all that
//     came between the first send and the last token, divided by that time.
//     Requests and input tokens pass at the rate of the output tokens, times what
//     completed requests have of them for each.
//
// A send is the moment at which the request is written to its connection, which
// was opened before.
package bench

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// Client sends workloads to servers. Its fields are not changed while it runs.
// It remembers what it learned about a server's tokenizer.
type Client struct {
	// Speed is how many of the engine's seconds pass in one of the wall's; 0 means 1.
	Speed float64
	// Record, if set, is given each finished request, warm-up too, by one
	// goroutine in the order of their ends. If it is slow, it slows the load.
	Record func(Outcome)

	dial   dialFunc // for tests; nil is the network
	mu     sync.Mutex
	learnt map[learntKey]*lexicon
}

// A usageError is a level or target that cannot be run at all.
type usageError struct{ problem, hint string }

func (e *usageError) Error() string { return e.problem }

// Hint says what to do instead.
func (e *usageError) Hint() string { return e.hint }

// Run sends one level of w to t. Failed requests are data in the result. An
// error means that the level could not be run, or was interrupted: then the
// result holds what there was until that, marked Partial, and the error is the
// context's cause.
func (c *Client) Run(ctx context.Context, t Target, w Workload, l Level) (LevelResult, error) {
	if err := check(l); err != nil {
		return LevelResult{}, err
	}
	s, err := c.newSession(t, w, l)
	if err != nil {
		return LevelResult{}, err
	}
	defer s.close()
	result := s.run(ctx)
	if ctx.Err() != nil {
		result.Partial = true
		return result, fmt.Errorf("measuring %s: %w", l, context.Cause(ctx))
	}
	return result, nil
}

func check(l Level) error {
	switch l.Kind {
	case KindSingle, KindClosed, KindBurst:
	default:
		return &usageError{fmt.Sprintf("load of kind %q is not built yet", l.Kind), "use a single, closed or burst level"}
	}
	switch {
	case l.Kind != KindSingle && l.Users < 1:
		return &usageError{fmt.Sprintf("a level of kind %q has %d users", l.Kind, l.Users), "give it at least one"}
	case l.OutputTokens < 1:
		return &usageError{fmt.Sprintf("a level asks for %d output tokens", l.OutputTokens), "ask for at least one"}
	case l.Requests < 0 || l.Duration < 0:
		return errors.New("a level's requests or duration is below zero")
	}
	return nil
}

// session is one level at one server.
type session struct {
	client  *Client
	work    Workload
	level   Level
	limits  Timeouts
	wire    wire
	link    *link
	lexicon *lexicon
	begun   clock // started with the session; the level's own clock starts later
	streams []*stream
	records chan Outcome
	written sync.WaitGroup
	notes   []string
}

func (c *Client) newSession(t Target, w Workload, l Level) (*session, error) {
	wire, err := newWire(w.API, t.Model)
	if err != nil {
		return nil, err
	}
	link, err := newLink(t, wire.path, l.users(), c.dial)
	if err != nil {
		return nil, err
	}
	s := &session{
		client: c, work: w, level: l, limits: w.Timeouts.withDefaults(),
		wire: wire, link: link, lexicon: uncalibrated(), begun: newClock(c.Speed),
	}
	for range l.users() {
		s.streams = append(s.streams, &stream{link: link, clock: s.begun, limits: s.limits})
	}
	s.startRecords()
	return s, nil
}

// startRecords gives outcomes to Record in one goroutine.
func (s *session) startRecords() {
	if s.client.Record == nil {
		return
	}
	s.records = make(chan Outcome, 256)
	s.written.Go(func() {
		for o := range s.records {
			s.client.Record(o)
		}
	})
}

func (s *session) close() {
	if s.records != nil {
		close(s.records)
		s.written.Wait()
	}
	s.link.close()
}

// run opens connections, calibrates, warms up, and then measures.
func (s *session) run(ctx context.Context) LevelResult {
	s.link.open(ctx)
	s.calibrate(ctx)
	warm := s.warmUp(ctx)
	switch {
	case ctx.Err() != nil:
		return s.summary(newLedger(s.level, s.begun), clientUse{}, 0)
	case warm != nil && warm.why == stopDead:
		s.note("nothing was measured: no warm-up request succeeded, and those that failed are counted here")
		return s.summary(warm, clientUse{}, 0)
	}
	s.link.open(ctx)
	before := lookAtClient()
	start := time.Now()
	l := s.measure(ctx, warm)
	return s.summary(l, lookAtClient().since(before), time.Since(start))
}

func (s *session) note(format string, args ...any) {
	s.notes = append(s.notes, fmt.Sprintf(format, args...))
}
