package bench

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"strings"
	"time"
)

// maxErrorBody is how much of an error answer is read.
const maxErrorBody = 4 << 10

// tick is the resolution at which gaps between tokens are kept.
const tick = 100 * time.Nanosecond

// arrival is one read that brought content: everything that one read brought is
// taken to have come at once, whatever number of events it was cut into.
type arrival struct {
	gap    uint32 // ticks since the arrival before; the first has none
	events uint16 // events with content
	tokens uint16 // tokens, by usage in each event; 0 where that was not sent
}

// answer is what became of one request.
type answer struct {
	sent, first, last time.Duration // engine time; first and last are of content
	connected         bool
	arrivals          []arrival
	events            int // events with content
	prompt, tokens    int // by usage, -1 without
	counted           int // tokens that usage in each event has accounted for
	end               ending
	done              bool // [DONE] was seen
	fail              *failure
	cancelled         bool // the run was interrupted: it neither succeeded nor failed
	whole             bool // it came in one piece: there is no first token
	timings           timings
	bytes             int    // of the answer's body
	text              []byte // what was generated, as JSON writes it between quotes, where that is kept
}

// stream sends requests one after the other, as one user does, and reuses what
// it needs for that.
type stream struct {
	link   *link
	clock  clock
	limits Timeouts
	events eventReader
	chunk  chunk
	answer answer
	wire   *wire
	keep   bool   // the generated text is kept
	limit  int    // the most arrivals that are believed
	reads  int    // the read that the last arrival came with
	ticks  uint64 // when that was
	typed  bool   // the answer says that it is an event stream

	socket   *socket       // of the stream's own, where the link has a hub
	reply    reply         // what comes over it
	came     time.Duration // when its last bytes were read
	denied   bool          // the answer is no event stream
	followed bool          // the events are over
	beyond   int64         // bytes behind them
}

// do sends a body that asks for tokens tokens and follows the answer to its end.
// What it gives is valid until the next call.
func (s *stream) do(ctx context.Context, body []byte, tokens int) *answer {
	s.answer = answer{arrivals: s.answer.arrivals[:0], text: s.answer.text[:0], prompt: -1, tokens: -1}
	s.chunk.dialect = s.wire.dialect
	s.limit = 4*tokens + 1024
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	w := startWatch(s.clock, s.limits, cancel)
	defer w.stop()

	f := s.exchange(ctx, body, w)
	s.answer.bytes = s.events.bytes
	s.answer.fail = f
	s.answer.cancelled = f == nil && !s.complete()
	return &s.answer
}

// complete says whether the answer came to its end.
func (s *stream) complete() bool { return s.answer.done || s.answer.end != endNone }

func (s *stream) exchange(ctx context.Context, body []byte, w *watch) *failure {
	s.answer.sent, s.reads, s.events.bytes = s.clock.now(), -1, 0
	if s.link.reads(s.wire) {
		return s.direct(ctx, body, w)
	}
	var conn *stampedConn
	trace := &httptrace.ClientTrace{GotConn: func(info httptrace.GotConnInfo) {
		s.answer.sent, s.answer.connected = s.clock.now(), true
		if conn, _ = info.Conn.(*stampedConn); conn != nil {
			conn.arm()
		}
	}}
	res, err := s.link.send(httptrace.WithClientTrace(ctx, trace), s.wire.path, s.accept(), body)
	if conn != nil {
		if at, ok := conn.written(); ok {
			s.answer.sent = s.clock.since(at)
		}
	}
	if err != nil {
		return networkFailure(ctx, err)
	}
	defer func() { _ = res.Body.Close() }()
	if f := refusal(ctx, res); f != nil {
		return f
	}
	if s.wire.dialect == dialectWhole {
		return s.readWhole(ctx, res.Body)
	}
	s.typed = strings.HasPrefix(res.Header.Get("Content-Type"), s.accept())
	s.events.reset(res.Body, s.clock.now, s.wire.lines)
	if f, _ := s.follow(ctx, w); f != nil || !s.complete() {
		return f
	}
	w.ended()
	drain(res.Body)
	return s.verdict()
}

// accept is the type of the answer that is wanted.
func (s *stream) accept() string {
	switch {
	case s.wire.dialect == dialectWhole:
		return "application/json"
	case s.wire.lines:
		return "application/x-ndjson"
	}
	return "text/event-stream"
}

// refused says whether an answer is no event stream at all.
func refused(res *http.Response) bool { return compressed(res) || res.StatusCode != http.StatusOK }

// compressed says whether an answer is, though nobody asked for that.
func compressed(res *http.Response) bool {
	enc := res.Header.Get("Content-Encoding")
	return enc != "" && enc != "identity"
}

// refusal is the failure of such an answer; nil of another.
func refusal(ctx context.Context, res *http.Response) *failure {
	if compressed(res) {
		return fail(failCompressed, "Content-Encoding "+res.Header.Get("Content-Encoding")+", though none was asked for")
	}
	if !refused(res) {
		return nil
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, maxErrorBody))
	if err != nil && ctx.Err() != nil {
		return networkFailure(ctx, err)
	}
	return statusFailure(res.StatusCode, res.Header.Get("Location"), res.Header.Get("Retry-After"), body)
}

// follow reads events until the stream's end, or until nothing more has come yet:
// then it is not over. No failure also when ctx was cancelled.
func (s *stream) follow(ctx context.Context, w *watch) (f *failure, over bool) {
	for {
		event, isError, err := s.events.next()
		switch {
		case errors.Is(err, errAgain):
			return nil, false
		case err != nil:
			return s.ended(ctx, err), true
		case bytes.Equal(event, []byte("[DONE]")):
			s.answer.done = true
			return nil, true
		}
		if f := s.event(event, isError, w); f != nil {
			return f, true
		}
	}
}

// event takes the data of one event.
func (s *stream) event(event []byte, isError bool, w *watch) *failure {
	err := s.chunk.parse(event)
	switch {
	case isError || s.chunk.failed:
		return fail(failEvent, errorMessage(event[:min(len(event), maxErrorBody)]))
	case err != nil:
		return s.malformed(event)
	}
	return s.take(w)
}

// ended judges the end of the bytes, or the error that came in its place.
func (s *stream) ended(ctx context.Context, err error) *failure {
	if s.answer.end != endNone && (errors.Is(err, io.EOF) || ctx.Err() != nil) {
		return nil // [DONE] is missing, which some servers never send
	}
	f := networkFailure(ctx, err)
	switch {
	case errors.Is(err, io.EOF) && s.answer.events == 0 && !s.typed:
		return fail(failNotStream, "no event in it")
	case f == nil || f.class != failClosed:
		return f
	case s.answer.events == 0 && errors.Is(err, io.EOF):
		return fail(failEmpty, "the stream ended without an event that has content")
	}
	return fail(failCut, err.Error())
}

// malformed names an event that is no JSON; one that the end of the stream cut is the cut's fault.
func (s *stream) malformed(event []byte) *failure {
	switch {
	case s.events.unfinished:
		return fail(failCut, "in the middle of an event")
	case s.answer.events == 0:
		return fail(failNotStream, string(event[:min(len(event), maxDetail)]))
	}
	return fail(failMalformed, string(event[:min(len(event), maxDetail)]))
}

// take adds one event to the answer.
func (s *stream) take(w *watch) *failure {
	c, a := &s.chunk, &s.answer
	if c.prompt >= 0 {
		a.prompt = c.prompt
	}
	if c.completion >= 0 {
		a.tokens = c.completion
	}
	if c.end != endNone {
		a.end = c.end
		w.ended()
	}
	if c.timings != (timings{}) {
		a.timings = c.timings
	}
	if !c.content || s.wire.cumulative && c.completion >= 0 && c.completion <= a.counted {
		return nil
	}
	if s.keep {
		a.text = append(a.text, c.text...)
	}
	if a.events++; a.events > s.limit {
		return fail(failTooMuch, "the server goes on and on")
	}
	s.arrive(w)
	if fresh := c.completion - a.counted; fresh > 0 {
		last := &a.arrivals[len(a.arrivals)-1]
		last.tokens = uint16(min(int(last.tokens)+fresh, 1<<16-1))
		a.counted = c.completion
	}
	return nil
}

// arrive counts an event with content to the arrival that its read was.
func (s *stream) arrive(w *watch) {
	a := &s.answer
	if s.reads != s.events.reads {
		s.reads = s.events.reads
		a.last = s.events.at
		now := uint64(a.last / tick)
		if len(a.arrivals) == 0 {
			a.first, s.ticks = a.last, now
		}
		a.arrivals = append(a.arrivals, arrival{gap: uint32(min(now-s.ticks, 1<<32-1))})
		s.ticks = now
		w.token(a.last)
	}
	if last := &a.arrivals[len(a.arrivals)-1]; last.events < 1<<16-1 {
		last.events++
	}
}

// maxWhole is how long an answer in one piece may be, in bytes.
const maxWhole = 64 << 20

// readWhole reads an answer that comes in one piece, which tells only when all of
// it was there.
func (s *stream) readWhole(ctx context.Context, body io.Reader) *failure {
	text, err := io.ReadAll(io.LimitReader(body, maxWhole))
	a := &s.answer
	a.whole, a.last, s.events.bytes = true, s.clock.now(), len(text)
	if err != nil {
		return networkFailure(ctx, err)
	}
	switch err := s.chunk.parse(text); {
	case s.chunk.failed:
		return fail(failEvent, errorMessage(text[:min(len(text), maxErrorBody)]))
	case err != nil:
		return fail(failNotStream, string(text[:min(len(text), maxDetail)]))
	}
	c := &s.chunk
	a.prompt, a.tokens, a.end, a.done, a.first = c.prompt, c.completion, c.end, true, a.last
	if c.content {
		a.events = 1
		a.arrivals = append(a.arrivals, arrival{events: 1})
	}
	return s.verdict()
}

// verdict judges an answer that came to its end.
func (s *stream) verdict() *failure {
	switch {
	case s.answer.end == endAbort:
		return fail(failAborted, "")
	case s.answer.events == 0:
		return fail(failEmpty, "the stream ended without an event that has content")
	}
	return nil
}

// maxBeyond is how much a server may send behind the last event, in bytes.
const maxBeyond = 64 << 10

// drain reads what follows the last event, so that the connection can be used
// again; a server that has much more to say loses its connection.
func drain(body io.Reader) {
	_, _ = io.CopyN(io.Discard, body, maxBeyond)
}
