package bench

import (
	"math/rand/v2"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// maxSamples is how many requests keep their latencies one by one, in 48 bytes
// each. Of a longer run every request has the same chance to be among them.
const maxSamples = 1 << 17

// sample is the latencies of one completed request.
type sample struct {
	sent, ttft, e2e time.Duration
	queue           time.Duration // from the intended send to the actual
	tpot            float64       // nanoseconds; 0 for fewer than two tokens
	tokens          int
}

// ledger is the book of one phase of a level: it hands out request numbers,
// takes answers, and decides when enough is enough. Its memory is bounded.
// Many users call next, add and halt at once.
type ledger struct {
	level  Level
	limits []Limit // of the SLO
	sure   *verdict
	told   func() bool // says that it is enough; nil: nobody does
	clock  clock
	warmup bool
	all    bool          // every request and all of the time count: there is no window
	origin time.Duration // where the window begins
	limit  int           // requests handed out at most, 0 without limit
	until  time.Duration // no request after that, 0 without limit

	mu       sync.Mutex
	issued   int
	stopped  bool
	stopAt   time.Duration
	stopping chan struct{}
	why      stopReason
	checked  time.Duration
	busy     []time.Duration // since when each user waits for an answer, or idle

	requests  RequestCount
	failures  []FailureCount
	unbroken  int // failures since the last success
	output    int
	input     int
	first     time.Duration // the first send
	last      time.Duration // the last content
	estimated int           // requests without usage
	perEvent  float64       // tokens of an event, where no usage is sent and that is known
	whole     bool          // answers come in one piece
	bytes     int           // of all answers
	timings   timings       // llama.cpp's, summed
	timed     int           // requests that had them
	doubtful  int           // requests whose usage contradicts their events
	short     int           // requests with fewer tokens than asked
	bundled   int           // requests with more tokens than events
	offPrompt int           // requests whose prompt had not the planned length
	worstOff  int

	inFlight int
	peak     int
	waited   int // requests that had to wait since too many were under way
	backlog  backlog
	judged   int   // requests of the measured part that the SLO was asked of, failed ones too
	good     int   // of those that kept to all of it
	breaks   []int // of those that broke each limit

	factors   factors
	delivered bins
	samples   []sample
	sorted    []float64 // of one latency, while it is summarised
	seen      int
	random    *rand.Rand
	gaps      *hdrhistogram.Histogram // ticks between tokens
	gapRatio  ratio                   // per request: gaps and their sum
	delays    *hdrhistogram.Histogram // schedule delay, microseconds of wall time
}

// stopReason is why no more requests are sent.
type stopReason int

const (
	stopNot     stopReason = iota
	stopLimit              // the number of requests is reached
	stopTime               // the time is over
	stopSettled            // the measurement has settled
	stopSure               // whether the SLO holds is certain
	stopTold               // the client's Enough said so
	stopDead               // nothing works
	stopCancel             // interrupted
)

// idle marks a user that waits for no answer.
const idle = -1

func newLedger(l Level, c clock) *ledger {
	return &ledger{
		level: l, clock: c, stopping: make(chan struct{}),
		random: rand.New(rand.NewPCG(1, uint64(l.users()))),
		gaps:   hdrhistogram.New(1, int64(time.Hour/tick), 3),
		delays: hdrhistogram.New(1, int64(time.Hour/time.Microsecond), 3),
	}
}

// next hands a user the number of the next request, or says that there is none.
func (l *ledger) next(user int) (int, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.clock.now()
	if !l.stopped && l.until > 0 && now >= l.until {
		l.stop(l.until, stopTime)
	}
	if !l.stopped && l.told != nil && l.told() {
		l.stop(now, stopTold)
	}
	if l.stopped {
		return 0, false
	}
	l.issued++
	for len(l.busy) <= user {
		l.busy = append(l.busy, idle)
	}
	l.busy[user] = now
	l.inFlight++
	l.peak = max(l.peak, l.inFlight)
	if l.level.timed() {
		l.backlog.add(now, l.inFlight)
	}
	if l.issued == l.limit {
		l.stop(now, stopLimit)
	}
	return l.issued - 1, true
}

// hand is next for a request whose number is known.
func (l *ledger) hand(user int) bool {
	_, ok := l.next(user)
	return ok
}

// held counts a request that had to wait until fewer were under way.
func (l *ledger) held() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waited++
}

// halt stops the level from outside.
func (l *ledger) halt(why stopReason) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stop(l.clock.now(), why)
}

// stop ends the sending at t; the caller holds the lock.
func (l *ledger) stop(t time.Duration, why stopReason) {
	if l.stopped {
		if why > l.why {
			l.why = why
		}
		return
	}
	l.stopped, l.stopAt, l.why = true, t, why
	close(l.stopping)
}

// add enters the answer to a request and gives its outcome.
func (l *ledger) add(r Request, user int, intended time.Duration, a *answer) Outcome {
	o := Outcome{Seq: r.Seq, User: user, Intended: intended, Sent: a.sent, InputTokens: r.InputTokens, Warmup: r.Warmup}
	if a.prompt >= 0 {
		o.InputTokens = a.prompt
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if a.events > 0 {
		o.E2E = a.last - a.sent
		o.OutputTokens = l.tokenCount(a)
		if !a.whole {
			o.TTFT = a.first - a.sent
		}
	}
	l.requests.Total++
	l.busy[user] = idle
	l.inFlight--
	l.bytes += a.bytes
	if a.connected && !r.held { // whoever is held waits for the server, not for the client
		_ = l.delays.RecordValue(max(0, int64(l.clock.wall(a.sent-intended)/time.Microsecond)))
	}
	if a.fail != nil {
		o.Error, o.Detail = a.fail.class, a.fail.detail
		l.judge(&o, sample{sent: a.sent}, false)
		l.failed(a.fail)
		return o
	}
	l.completed(r, &o, a)
	return o
}

// tokenCount is how many tokens came: by usage, else by events and what an event
// is known to hold.
func (l *ledger) tokenCount(a *answer) int {
	switch {
	case a.tokens > 0:
		return a.tokens
	case l.perEvent > 0:
		return max(1, int(float64(a.events)*l.perEvent+0.5))
	}
	return a.events
}

func (l *ledger) failed(f *failure) {
	l.requests.Failed++
	l.unbroken++
	for i := range l.failures {
		if l.failures[i].Reason == f.class {
			l.failures[i].Count++
			return
		}
	}
	l.failures = append(l.failures, FailureCount{Reason: f.class, Count: 1, Example: f.detail})
}

// hopeless says whether so many requests in a row have failed that there is no
// point in going on.
func (l *ledger) hopeless() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.requests.Completed == 0 {
		return l.unbroken >= max(10, 2*l.level.users())
	}
	return l.unbroken >= max(50, 10*l.level.users())
}

func (l *ledger) completed(r Request, o *Outcome, a *answer) {
	if l.requests.Completed == 0 || o.Sent < l.first {
		l.first = o.Sent
	}
	l.requests.Completed++
	l.unbroken = 0
	l.output += o.OutputTokens
	l.input += o.InputTokens
	l.last = max(l.last, a.last)
	l.doubts(r, o, a)
	v := sample{o.Sent, o.TTFT, o.E2E, o.Sent - o.Intended, 0, o.OutputTokens}
	if !a.whole {
		v.tpot = tpot(o.E2E-o.TTFT, o.OutputTokens)
	}
	if o.Sent >= l.origin || l.all {
		l.keep(v)
	}
	if a.timings != (timings{}) {
		l.timed++
		l.timings.prompt += a.timings.prompt
		l.timings.predicted += a.timings.predicted
	}
	l.judge(o, v, true)
	l.spread(o, a)
	l.settle()
}

// judge asks the SLO of a request of the measured part.
func (l *ledger) judge(o *Outcome, s sample, completed bool) {
	if len(l.limits) == 0 || l.warmup {
		return
	}
	ok := completed && good(l.limits, s)
	o.Good = &ok
	if s.sent < l.origin && !l.all {
		return
	}
	l.judged++
	if ok {
		l.good++
	}
	if l.breaks == nil {
		l.breaks = make([]int, len(l.limits))
	}
	for i := range l.limits {
		if !completed || !good(l.limits[i:i+1], s) {
			l.breaks[i]++
		}
	}
	l.decide()
}

// decide stops a level whose SLO certainly holds, or certainly does not; the
// caller holds the lock.
func (l *ledger) decide() {
	if l.sure == nil || l.stopped || !l.sure.certain(l.limits, l.breaks, l.judged) {
		return
	}
	l.stop(l.clock.now(), stopSure)
}

// tpot is the time per output token after the first, (last - first)/(tokens - 1),
// in nanoseconds; 0 where there is no second token.
func tpot(span time.Duration, tokens int) float64 {
	if tokens < 2 {
		return 0
	}
	return float64(span) / float64(tokens-1)
}

// doubts counts what is odd about a completed request.
func (l *ledger) doubts(r Request, o *Outcome, a *answer) {
	switch {
	case a.tokens <= 0:
		l.estimated++
	case a.tokens < a.events || a.tokens > r.OutputTokens:
		l.doubtful++
	case a.tokens > a.events && !a.whole:
		l.bundled++
	}
	if a.tokens == 0 {
		l.doubtful++
	}
	if o.OutputTokens < r.OutputTokens {
		l.short++
	}
	if off := o.InputTokens - r.InputTokens; off != 0 && r.InputTokens > 0 {
		l.offPrompt++
		l.worstOff = max(l.worstOff, off, -off)
	}
}

// keep holds a sample, or once there are too many, lets chance decide.
func (l *ledger) keep(s sample) {
	l.seen++
	if len(l.samples) < maxSamples {
		l.samples = append(l.samples, s)
		return
	}
	if i := l.random.IntN(l.seen); i < maxSamples {
		l.samples[i] = s
	}
}

// credit counts tokens that came at t, if that lies in the window.
func (l *ledger) credit(t time.Duration, tokens float64) {
	if !l.all && (l.stopped && t > l.stopAt || l.until > 0 && t > l.until) {
		return
	}
	l.delivered.add(t-l.origin, tokens)
}

// spread divides a request's tokens over its arrivals: as usage in each event
// says, else in proportion to the events. A gap is shared evenly by the tokens
// that ended it. Those of the first arrival ended none and have no gap.
func (l *ledger) spread(o *Outcome, a *answer) {
	perEvent := float64(o.OutputTokens) / float64(a.events)
	measured := l.all || o.Sent >= l.origin
	var gaps, pending ratio // tokens and the ticks that they took
	ticks, total, rounded := int64(0), 0.0, 0
	for i, v := range a.arrivals {
		n := float64(v.events) * perEvent
		if a.counted == o.OutputTokens {
			n = float64(v.tokens)
		}
		ticks += int64(v.gap)
		l.credit(a.first+time.Duration(ticks)*tick, n)
		total += n
		whole := int(total+0.5) - rounded
		rounded += whole
		if i == 0 {
			continue
		}
		gaps.add(n, float64(v.gap))
		pending.add(n, float64(v.gap))
		if whole > 0 && measured {
			_ = l.gaps.RecordValues(int64(pending.value()+0.5), int64(whole))
			pending = ratio{}
		}
	}
	if gaps.x > 0 && measured {
		l.gapRatio.add(gaps.x, gaps.y)
	}
}

// silent says whether nothing has succeeded yet.
func (l *ledger) silent() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.requests.Completed == 0
}

// over says whether no more requests are handed out.
func (l *ledger) over() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.stopped
}
