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
//   - Tokens are the server's usage, never words. Without usage they are estimated:
//     by events, times the tokens of an event where the server's tokenizer counts
//     those of the warm-up's answers. The result says which (tokens_counted_by).
//     Where an event holds several tokens, the engine is asked for usage in each,
//     if it is known to take that.
//   - Queue: from the intended send to the actual. TTFT and E2E are also given from
//     the intended send: that is what a user of an open loop waits.
//   - UserRate: (tokens - 1) / (last content - first content), tokens per second.
//   - GoodShare: good requests / all requests, failed ones among them; a request is
//     good if it completed and all limits of the SLO hold, TTFT and E2E from the
//     intended send. Goodput: good requests per second.
//   - Peak: the most output tokens per second of any stretch of about a second.
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
	"fmt"
	"math"
	"sync"
	"sync/atomic"
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
	// TokenTimes gives Record when the tokens of each request came.
	TokenTimes bool
	// Sent, if set, is told of each measured request before it is sent, by one
	// goroutine at a time. If it is slow, it slows the load.
	Sent func(Sent)
	// Enough, if set, is asked before each measured request, by many goroutines: once it
	// says yes, nothing more is sent, and the level ends with what is under way.
	Enough func() bool
	// Progress, if set, is told about once a second of wall time how a level goes on.
	Progress func(Progress)

	dial   dialFunc // for tests; nil is the network
	few    bool     // for tests: the hub reads few streams as well
	sentMu sync.Mutex
	mu     sync.Mutex
	learnt map[learntKey]*lexicon
}

// Run sends one level of w to t. Failed requests are data in the result. An
// error means that the level could not be run, or was interrupted: then the
// result holds what there was until that, marked Partial, and the error is the
// context's cause.
func (c *Client) Run(ctx context.Context, t Target, w Workload, l Level) (LevelResult, error) {
	if err := check(w, l); err != nil {
		return LevelResult{}, err
	}
	if l.Kind == KindMaxRate {
		return c.maxRate(ctx, t, w, l)
	}
	return c.level(ctx, t, w, l, nil)
}

// level runs a level that is not made of others. It may be ended as soon as
// verdict, if given, is sure.
func (c *Client) level(ctx context.Context, t Target, w Workload, l Level, v *verdict) (LevelResult, error) {
	s, err := c.newSession(t, w, l)
	if err != nil {
		return LevelResult{}, err
	}
	s.verdict = v
	defer s.close()
	result := s.run(ctx)
	if ctx.Err() != nil {
		result.Partial = true
		return result, fmt.Errorf("measuring %s: %w", l, context.Cause(ctx))
	}
	return result, nil
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
	now     clock // of the phase
	streams []*stream
	records chan Outcome
	written sync.WaitGroup
	notes   []string

	running  bool    // usage is asked for in each event
	perEvent float64 // tokens of an event, where no usage is sent and a tokenizer told; else 0
	texts    texts
	talks    atomic.Int64 // conversations that were begun
	verdict  *verdict
	server   serverLog
}

func (c *Client) newSession(t Target, w Workload, l Level) (*session, error) {
	wire, err := newWire(w.API, t.Model, w.Whole)
	if err != nil {
		return nil, err
	}
	if w.Prompts.File != nil {
		if err := wire.takes(w.Prompts.File); err != nil {
			return nil, err
		}
	}
	link, err := newLink(t, l.connections(), c.dial)
	if err != nil {
		return nil, err
	}
	s := &session{
		client: c, work: w, level: l, limits: w.Timeouts.withDefaults(),
		wire: wire, link: link, lexicon: uncalibrated(), begun: newClock(c.Speed),
	}
	s.now = s.begun
	if c.dial == nil && link.base.Scheme == "http" && (c.few || l.ahead() >= hubStreams) {
		link.hub = newHub()
	}
	s.startRecords()
	return s, nil
}

// hubStreams is from how many streams on the hub reads them. What it saves is the
// waking for each token, which few streams do not need often: of a real vLLM that had
// its two cores in common with the client, 4 and 16 streams over the hub cost some percent
// of the throughput.
const hubStreams = 64

// connections is how many connections a level uses at most.
func (l Level) connections() int {
	switch {
	case !l.timed():
		return l.users()
	case l.MaxInFlight > 0:
		return l.MaxInFlight
	}
	return DefaultMaxInFlight
}

// ahead is how many connections are opened before the clock starts: one a user,
// or as many as an open loop needs in a second, within reason.
func (l Level) ahead() int {
	if !l.timed() {
		return l.users()
	}
	rate := max(l.Rate, l.RateEnd, 16)
	return min(int(math.Min(rate, 1024)), l.connections())
}

// stream is the stream number i, made if need be. It is called by one goroutine.
func (s *session) stream(i int) *stream {
	for len(s.streams) <= i {
		s.streams = append(s.streams, &stream{link: s.link, wire: &s.wire, clock: s.now, limits: s.limits})
	}
	return s.streams[i]
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
	for _, st := range s.streams {
		st.hangUp()
	}
	s.link.close()
}

// run opens connections, calibrates, warms up, and then measures.
func (s *session) run(ctx context.Context) LevelResult {
	s.link.open(ctx, s.level.ahead())
	s.calibrate(ctx)
	s.keepTexts(true)
	warm := s.warmUp(ctx)
	s.keepTexts(false)
	switch {
	case ctx.Err() != nil:
		return s.summary(newLedger(s.level, s.begun), clientUse{}, 0)
	case warm != nil && warm.why == stopDead:
		s.note("nothing was measured: no warm-up request succeeded, and those that failed are counted here")
		return s.summary(warm, clientUse{}, 0)
	}
	s.lookAtServer(ctx)
	s.learnCounting(ctx, warm)
	s.resetCache(ctx)
	s.link.open(ctx, s.level.ahead())
	stop := s.observe(ctx)
	before := lookAtClient()
	start := time.Now()
	l := s.measure(ctx, warm)
	wall := time.Since(start)
	use := lookAtClient().since(before)
	stop()
	r := s.summary(l, use, wall)
	r.Began = start
	return r
}

func (s *session) note(format string, args ...any) {
	s.notes = append(s.notes, fmt.Sprintf(format, args...))
}
