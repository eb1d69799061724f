package simulator

import (
	"time"

	"github.com/qtune/qtune/bench"
)

// wayThere is how long a request is on its way to the scheduler. So a user whose answer
// ends with a step sends the next request too late for the step behind it, as at a
// real server (judgement; a local connection takes some 50 to 200 µs).
const wayThere = 50 * time.Microsecond

// flight is a request under way.
type flight struct {
	request Request
	sent    bench.Sending
	first   time.Duration // when its first token came; 0: none has
	event   time.Duration // when its last event came
	told    int           // the index of its last token that the client was told of
	key     [1]uint64     // of the prompt's beginning
	ended   bool
	_       [32]byte // to whole lines of the processor's cache
}

// run is one level in virtual time.
type run struct {
	engine *Engine
	load   *Load
	client *bench.Virtual
	core   *Core
	limits bench.Timeouts

	now     time.Duration
	silent  line // requests that have no token yet, and some that have
	under   line // requests under way, and some that have ended
	begun   bool // the measured part has
	outside int  // requests under way that are not measured
	waitMax int
	runMax  int
}

// all runs until the level has ended.
func (r *run) all() {
	r.load.ends = append(r.load.ends[:0], 0)
	for !r.client.Over() {
		next := r.send()
		if r.leap(next) || r.step() {
			r.expire()
			continue
		}
		if next == forever {
			return
		}
		r.now = max(r.now, next)
	}
}

// step computes one step; false: there is nothing to do.
func (r *run) step() bool {
	step, events := r.core.Step()
	if step == 0 {
		return false
	}
	r.runMax, r.waitMax = max(r.runMax, len(r.core.running)), max(r.waitMax, r.core.waiting.len())
	r.pass(step)
	r.deliver(events)
	return true
}

// send hands over what has arrived by now, and tells when the next request will.
func (r *run) send() time.Duration {
	for {
		next := r.next()
		if next > r.now {
			return next
		}
		if s, ok := r.client.Send(next - wayThere); ok {
			r.submit(s)
		}
	}
}

// next is when the next request arrives.
func (r *run) next() time.Duration {
	at, ok := r.client.Due()
	if !ok {
		return forever
	}
	return at + wayThere
}

// submit gives a request to the scheduler, unless the engine refuses it.
func (r *run) submit(s bench.Sending) {
	i := r.engine.i
	if !s.Request.Warmup && !r.begun {
		r.begun = true
		if r.load.work.ResetCache {
			r.core.Forget()
		}
	}
	f := r.load.flight()
	*f = flight{sent: s}
	p := r.load.prompt(&s.Request, i, &f.key)
	if err := i.checkLength(p.tokens, s.Request.OutputTokens); err != nil {
		r.client.Answer(r.now, &s, bench.Reply{PromptTokens: p.tokens, Status: 400, Detail: err.Error()})
		return
	}
	f.request = Request{Prompt: p.tokens, Output: i.clip(p.tokens, s.Request.OutputTokens), Prefix: p.keys, Segment: p.piece, Owner: f, measured: s.Measured}
	if !s.Measured {
		r.outside++
	}
	r.core.Submit(&f.request)
	r.silent.push(f)
	r.under.push(f)
}

// pass ends a step.
func (r *run) pass(step time.Duration) {
	r.now += step
	r.load.ends = append(r.load.ends, r.now)
}

// deliver tells the client of the tokens of the step that ended now. Those that waited
// equally long for theirs are told of together.
func (r *run) deliver(events []Event) {
	var n, measured int
	since := int64(-1)
	for i := range events {
		e := &events[i]
		f := e.Request.Owner.(*flight)
		if e.Index == 0 {
			f.first, f.event = r.now, r.now
		}
		if r.engine.i.interval > 1 && e.Index > 0 {
			r.bundle(f, e)
			continue
		}
		if r.engine.i.scheduling.Drafted > 0 && e.Index > 0 {
			if i+1 == len(events) || events[i+1].Request != e.Request {
				r.together(f, e)
			}
			continue
		}
		if e.Steps != since {
			r.tell(since, n, measured)
			since, n, measured = e.Steps, 0, 0
		}
		n++
		if f.sent.Measured {
			measured++
		}
	}
	r.tell(since, n, measured)
	r.tell(1, r.core.plain, r.core.counted)
	r.finish(events)
}

// tell tells the client of tokens whose requests got theirs before some steps ago.
func (r *run) tell(since int64, n, measured int) {
	if n == 0 {
		return
	}
	gap := time.Duration(0)
	if ends := r.load.ends; since > 0 {
		gap = r.now - ends[int64(len(ends))-1-since]
	}
	r.client.Tokens(r.now, gap, n, measured)
}

// bundle tells the client of an event that holds several tokens.
func (r *run) bundle(f *flight, e *Event) {
	interval := r.engine.i.interval
	if !e.Done && e.Index%interval != 0 {
		return
	}
	n := (e.Index-1)%interval + 1
	measured := 0
	if f.sent.Measured {
		measured = n
	}
	r.client.Tokens(r.now, (r.now-f.event)/time.Duration(n), n, measured)
	f.event = r.now
}

// together tells the client of the tokens that a sequence got in one step, e being the
// last of them.
func (r *run) together(f *flight, e *Event) {
	n := e.Index - f.told
	measured := 0
	if f.sent.Measured {
		measured = n
	}
	r.client.Tokens(r.now, (r.now-f.event)/time.Duration(n), n, measured)
	f.event, f.told = r.now, e.Index
}

// finish ends the requests whose last token is there, behind what was sent meanwhile.
func (r *run) finish(events []Event) {
	r.send()
	for i := range events {
		if events[i].Done {
			r.end(events[i].Request.Owner.(*flight), false)
		}
	}
}

func (r *run) end(f *flight, late bool) {
	f.ended = true
	if !f.sent.Measured {
		r.outside--
	}
	r.client.Answer(r.now, &f.sent, bench.Reply{
		First: f.first, Last: r.now, PromptTokens: f.request.Prompt, Tokens: f.request.generated, Late: late,
	})
}

// leap passes over steps in which nothing happens but one more token for everybody; false:
// there are none. next is when the next request arrives.
func (r *run) leap(next time.Duration) bool {
	times, events := r.core.Leap(next - r.now)
	if len(times) == 0 {
		return false
	}
	n := len(r.core.decodes)
	measured := n
	if r.outside > 0 {
		measured = 0
		for _, q := range r.core.decodes {
			if q.measured {
				measured++
			}
		}
	}
	for i, step := range times {
		r.pass(step)
		if r.engine.i.interval > 1 {
			r.bundles(len(times) - i)
			continue
		}
		r.client.Tokens(r.now, step, n, measured)
	}
	r.finish(events)
	return true
}

// bundles tells the client of the events of a step of a leap: its sequences have as many
// tokens as left more at the leap's end than before this step.
func (r *run) bundles(left int) {
	for _, q := range r.core.decodes {
		i := q.generated - left
		r.bundle(q.Owner.(*flight), &Event{Request: q, Index: i, Done: i+1 == q.Output})
	}
}

// expire gives up what took too long, as the client does.
func (r *run) expire() {
	for f := r.silent.first(); f != nil; f = r.silent.first() {
		if !f.ended && f.first == 0 {
			if r.now-f.sent.At <= r.limits.FirstToken {
				break
			}
			r.giveUp(f)
		}
		r.silent.pop()
	}
	for f := r.under.first(); f != nil; f = r.under.first() {
		if !f.ended {
			if r.now-f.sent.At <= r.limits.Request {
				break
			}
			r.giveUp(f)
		}
		r.under.pop()
	}
}

func (r *run) giveUp(f *flight) {
	r.core.Abort(&f.request)
	r.end(f, true)
}

// server is what the engine's own metrics would tell of the level and its warm-up.
func (r *run) server() *bench.ServerView {
	st := r.core.Stats()
	number := func(n float64) *float64 { return &n }
	return &bench.ServerView{
		Engine: r.engine.i.kind, PromptTokens: number(float64(st.PromptTokens)), GeneratedTokens: number(float64(st.GeneratedTokens)),
		RunningMax: number(float64(r.runMax)), WaitingMax: number(float64(r.waitMax)), KVUseMax: number(st.KVPeak),
		Preemptions: number(float64(st.Preemptions)), PrefixHitRate: st.hitRate(),
	}
}

// line is requests in the order of their sending.
type line struct {
	all  []*flight
	head int
}

func (l *line) push(f *flight) {
	if l.head > 64 && l.head > len(l.all)/2 {
		l.all = l.all[:copy(l.all, l.all[l.head:])]
		l.head = 0
	}
	l.all = append(l.all, f)
}

func (l *line) first() *flight {
	if l.head == len(l.all) {
		return nil
	}
	return l.all[l.head]
}

func (l *line) pop() { l.head++ }

// empty is a line without requests in the same memory.
func (l *line) empty() line { return line{all: l.all[:0]} }
