package bench

import (
	"strconv"
	"time"
)

// Virtual is the client's side of a level whose server is computed instead of asked. It
// sends what Client.Run would send and when it would send it (warm-up, ramp, users,
// schedule, back-off, end) and makes the same result of it, in a time that the caller
// tells: nothing sleeps and there are no goroutines. The caller computes the server:
//
//	for !v.Over() {
//		// Send what is Due up to now, compute until the next thing happens,
//		// and tell Tokens and Answer of it.
//	}
//
// Times are of the caller's clock, which starts at 0; what happened earlier is told
// earlier. The client itself costs nothing. It is for one goroutine, and Reset makes it fresh for another
// run of the same level without allocating again.
type Virtual struct {
	session *session
	timed   bool // requests are sent by a schedule
	streams int  // of a timed level, at once at most
	warm    []Request
	list    []Request // measured, as far as they were needed
	times   []time.Duration
	every   []talker // of each user

	ledger  *ledger
	now     time.Duration // of the ledger's clock
	base    time.Duration // where the measured part begins
	measure bool          // it has begun
	warming warming
	due     []sending // users that will send, the next one last
	next    int       // of the schedule
	until   time.Duration
	flying  int
	held    time.Duration // until when a timed level had no stream left
	free    []int         // streams of a timed level that are not in use
	failing []int         // failures in a row of each user
	over    bool
}

// warming is what became of the warm-up.
type warming struct {
	issued, ended, completed int
	sum                      time.Duration // of the completed requests' times
}

// sending is a user that will send.
type sending struct {
	at   time.Duration
	user int
}

// Sending is a request that was sent.
type Sending struct {
	Request  Request
	User     int
	At       time.Duration // when it was sent
	Measured bool          // it is part of what is measured
	intended time.Duration // of the ledger's clock
}

// Reply is what became of a request.
type Reply struct {
	First, Last  time.Duration // when its first and last token came
	PromptTokens int
	Tokens       int
	Status       int    // of the HTTP answer that refuses it, such as 400; 0: it was answered
	Late         bool   // it was given up for a time-out: Timeouts says which there are
	Detail       string // of a refusal
}

// NewVirtual makes the client of a level. The error says why the level cannot be run;
// one of KindMaxRate is made of others, see VirtualMaxRate.
func NewVirtual(w Workload, l Level) (*Virtual, error) {
	if err := w.Check(l); err != nil {
		return nil, err
	}
	if l.Kind == KindMaxRate {
		return nil, &usageError{"a maximal rate is not one level but several", "use VirtualMaxRate"}
	}
	return newVirtual(w, l, nil), nil
}

// VirtualMaxRate finds the highest rate that keeps to w's SLO, as a level of KindMaxRate
// does; run computes one rate with the client that it is given.
func VirtualMaxRate(w Workload, l Level, run func(*Virtual) LevelResult) (LevelResult, error) {
	if err := w.Check(l); err != nil {
		return LevelResult{}, err
	}
	return findRate(w, l, func(l Level) (LevelResult, error) { return run(newVirtual(w, l, &verdict{})), nil })
}

func newVirtual(w Workload, l Level, sure *verdict) *Virtual {
	v := &Virtual{timed: l.timed(), streams: l.connections(), session: &session{work: w, level: l, limits: w.Timeouts.withDefaults(), verdict: sure}}
	for i := range l.WarmupRequests() {
		v.warm = append(v.warm, planned(w, l, i, true))
	}
	v.every = make([]talker, l.users())
	v.ledger = newLedger(l, clock{speed: 1, virtual: &v.now})
	v.schedule()
	v.Reset()
	return v
}

// schedule writes down when a timed level's requests are sent.
func (v *Virtual) schedule() {
	l := v.session.level
	if !l.timed() {
		return
	}
	s := newSchedule(v.session.work, l)
	for {
		at, ok := s.next()
		if !ok {
			break
		}
		v.times = append(v.times, at)
	}
	if _, d := l.Cap(); l.Duration > 0 || d > 0 {
		v.until = s.length
	}
}

// Reset makes v as new.
func (v *Virtual) Reset() {
	v.ledger.again()
	v.now, v.base, v.measure, v.over = 0, 0, false, false
	v.warming, v.flying, v.next, v.held = warming{}, 0, 0, 0
	v.due, v.free, v.failing = v.due[:0], v.free[:0], v.failing[:0]
	v.session.talks.Store(0)
	v.session.notes = nil
	if len(v.warm) == 0 {
		v.begin()
		return
	}
	for i := range min(len(v.warm), v.session.warmers()) {
		v.later(sending{0, i})
	}
}

// Timeouts are those of each request, none of them zero.
func (v *Virtual) Timeouts() Timeouts { return v.session.limits }

// Over says that the level has ended: nothing will be sent and nothing is under way.
func (v *Virtual) Over() bool {
	if v.over {
		return true
	}
	_, more := v.Due()
	return !more && v.flying == 0
}

// Due is when the next request is sent, if nothing is answered before; false: none is.
func (v *Virtual) Due() (time.Duration, bool) {
	switch {
	case v.over || v.measure && v.ledger.stopped:
		return 0, false
	case v.measure && v.timed:
		if v.next == len(v.times) || v.flying >= v.streams {
			return 0, false
		}
		return v.base + max(v.times[v.next], v.held), true
	case len(v.due) == 0:
		return 0, false
	}
	return v.base + v.due[len(v.due)-1].at, true
}

// Send sends the request that is due at t; false: it is not sent after all, since the
// level ended.
func (v *Virtual) Send(t time.Duration) (Sending, bool) {
	v.now = t - v.base
	if !v.measure {
		return v.sendWarm(), true
	}
	var s Sending
	if v.timed {
		s = v.sendTimed()
	} else {
		at := v.due[len(v.due)-1]
		v.due = v.due[:len(v.due)-1]
		s = Sending{User: at.user, intended: at.at}
	}
	seq, ok := v.ledger.next(s.User)
	if !ok {
		return s, false
	}
	s.Request, s.At = v.request(seq), t
	if !v.timed {
		v.every[s.User].take(&s.Request, v.session.level)
	}
	s.Measured = v.ledger.all || v.now >= v.ledger.origin
	v.flying++
	return s, true
}

func (v *Virtual) sendWarm() Sending {
	s := Sending{User: v.due[len(v.due)-1].user, At: v.now, Request: v.warm[v.warming.issued]}
	v.due = v.due[:len(v.due)-1]
	v.warming.issued++
	v.flying++
	return s
}

// sendTimed takes the schedule's next entry, and a stream for it.
func (v *Virtual) sendTimed() Sending {
	s := Sending{User: v.flying, intended: v.times[v.next]}
	if n := len(v.free); n > 0 {
		s.User = v.free[n-1]
		v.free = v.free[:n-1]
	}
	if v.now > s.intended {
		v.ledger.held()
	}
	v.next++
	return s
}

func (v *Virtual) request(seq int) Request {
	for len(v.list) <= seq {
		v.list = append(v.list, planned(v.session.work, v.session.level, len(v.list), false))
	}
	r := v.list[seq]
	if v.times != nil {
		r.At = v.times[seq]
	}
	return r
}

// Tokens tells of n tokens that came at t, each by gap after the one before it of its
// request; of that many the requests are measured. Of first tokens gap is 0.
func (v *Virtual) Tokens(t, gap time.Duration, n, measured int) {
	if !v.measure || v.session.work.Whole {
		return
	}
	v.ledger.credit(t-v.base, float64(n))
	if gap > 0 && measured > 0 {
		_ = v.ledger.gaps.RecordValues(int64(gap/tick), int64(measured)) // an hour and more is out of range
	}
}

// Answer tells at t what became of a request.
func (v *Virtual) Answer(t time.Duration, s *Sending, r Reply) {
	v.flying--
	v.now = t - v.base
	if !v.measure {
		v.warmed(t, s, r)
		return
	}
	l := v.ledger
	a := answer{sent: s.At - v.base, first: r.First - v.base, last: r.Last - v.base, events: r.Tokens, prompt: r.PromptTokens, tokens: r.Tokens, end: endLength}
	a.fail = v.session.failed(r)
	if r.Tokens == 0 {
		a.events, a.tokens = 0, -1
	}
	switch a.whole = v.session.work.Whole; {
	case a.fail != nil:
	case a.whole:
		l.credit(a.last, float64(r.Tokens))
	case r.Tokens > 1 && s.Measured:
		l.gapRatio.add(float64(r.Tokens-1), float64((r.Last-r.First)/tick))
	}
	l.add(s.Request, s.User, s.intended, &a)
	v.afterwards(s, a.fail)
}

// failed names why a request failed, nil if it did not.
func (s *session) failed(r Reply) *failure {
	switch {
	case r.Status != 0:
		return fail(failHTTP+strconv.Itoa(r.Status), r.Detail)
	case r.Late && r.Tokens == 0:
		return fail(failFirstToken, "limit "+s.limits.FirstToken.String())
	case r.Late:
		return fail(failRequest, "limit "+s.limits.Request.String())
	}
	return nil
}

// afterwards decides what the sender of a request does next.
func (v *Virtual) afterwards(s *Sending, f *failure) {
	l, level := v.ledger, v.session.level
	if l.until > 0 && v.now >= l.until {
		l.stop(l.until, stopTime)
	}
	if f != nil && (l.hopeless() || l.silent() && v.now >= 2*v.session.limits.FirstToken) {
		l.halt(stopDead)
		v.over = true
	}
	v.over = v.over || l.broken()
	switch {
	case v.timed:
		v.free = append(v.free, s.User)
		if v.flying+1 == v.streams {
			v.held = v.now
		}
	case level.Kind == KindBurst:
		if v.flying == 0 {
			v.wave()
		}
	default:
		v.later(sending{v.now + v.pause(s.User, f), s.User})
	}
}

// pause is how long a user waits before the next request.
func (v *Virtual) pause(user int, f *failure) time.Duration {
	for len(v.failing) <= user {
		v.failing = append(v.failing, 0)
	}
	if f == nil {
		v.failing[user] = 0
		return 0
	}
	v.failing[user]++
	return backoff(v.failing[user], f.retryAfter)
}

// warmed counts an answer of the warm-up; behind the last one the measured part begins.
func (v *Virtual) warmed(t time.Duration, s *Sending, r Reply) {
	w := &v.warming
	w.ended++
	f := v.session.failed(r)
	if f == nil {
		w.completed++
		w.sum += r.Last - s.At
	}
	switch {
	case w.ended == len(v.warm):
		v.base = t
		v.begin()
	case w.issued+len(v.due) < len(v.warm):
		v.later(sending{v.now + v.pause(s.User, f), s.User})
	}
}

// Result is what the level measured. It is marked simulated and has none of the figures
// that only a real client and a real server have.
func (v *Virtual) Result() LevelResult {
	l := v.ledger
	if l.until > 0 {
		l.stop(l.until, stopTime)
	}
	if !v.measure {
		v.session.note("nothing was measured: the warm-up did not come to its end")
	}
	r, view := v.session.figures(l)
	r.Client.Reasons = []string{}
	r.Simulated = true
	r.Notes = append(v.session.notes, v.session.remarks(l, view)...)
	return r
}
