package bench

import (
	"context"
	"errors"
	"sync"
	"time"
)

const (
	firstBackoff  = 10 * time.Millisecond // wall time, after a failed request
	longBackoff   = time.Second           // wall time
	maxRetryAfter = 5 * time.Second       // wall time, where the server asks for a pause
	blindRamp     = time.Second           // engine time, where no warm-up told how long a request takes
)

var (
	errHopeless = errors.New("no request succeeds")
	errDecided  = errors.New("the SLO certainly does not hold")
)

// phase is a stretch of a session with a book of its own.
type phase struct {
	*session
	ledger *ledger
	warmup bool
	abort  context.CancelCauseFunc
	silent time.Duration // session time at which a phase without any success is given up
}

// newPhase starts a clock at 0 for the phase's ledger and streams.
func (s *session) newPhase(ctx context.Context, l Level, warmup bool) (context.Context, *phase) {
	c := newClock(s.client.Speed)
	s.now = c
	for _, st := range s.streams {
		st.clock = c
	}
	ctx, abort := context.WithCancelCause(ctx)
	p := &phase{session: s, ledger: newLedger(l, c), warmup: warmup, abort: abort, silent: 2 * s.limits.FirstToken}
	p.ledger.warmup = warmup
	p.ledger.limits, p.ledger.perEvent, p.ledger.whole = s.work.SLO, s.perEvent, s.wire.dialect == dialectWhole
	if !warmup {
		p.ledger.sure, p.ledger.told = s.verdict, s.client.Enough
	}
	return ctx, p
}

// warmUp sends the level's warm-up requests, as many at once as the level has
// users; nil without any.
func (s *session) warmUp(ctx context.Context) *ledger {
	n := s.level.WarmupRequests()
	if n == 0 {
		return nil
	}
	l := s.level
	l.Requests, l.Duration = n, 0
	ctx, p := s.newPhase(ctx, l, true)
	defer p.abort(nil)
	p.ledger.limit, p.ledger.all = n, true
	p.users(ctx, min(n, s.warmers()), 0)
	return p.ledger
}

// measure sends the level's measured requests.
func (s *session) measure(ctx context.Context, warm *ledger) *ledger {
	ctx, p := s.newPhase(ctx, s.level, false)
	defer p.abort(nil)
	l := p.ledger
	l.limit, l.until = s.level.Cap()
	l.all = s.level.exact() || s.level.lone()
	if warm != nil && warm.requests.Completed == 0 {
		l.unbroken = warm.unbroken
	}
	defer p.report()()
	switch {
	case s.level.timed():
		p.open(ctx)
		return l
	case s.level.Kind == KindBurst:
		p.waves(ctx)
		return l
	case !l.all:
		l.origin = s.ramp(warm)
	}
	p.users(ctx, s.level.users(), l.origin)
	return l
}

// warmers is how many warm-up requests are sent at once.
func (s *session) warmers() int {
	if s.level.timed() {
		return DefaultWarmupOpen
	}
	return s.level.users()
}

// ramp is rampOver for what the warm-up took.
func (s *session) ramp(warm *ledger) time.Duration {
	if warm == nil {
		return s.level.rampOver(0, 0)
	}
	var sum time.Duration
	for _, w := range warm.samples {
		sum += w.e2e
	}
	return s.level.rampOver(sum, len(warm.samples))
}

// rampOver is the time over which a closed loop's users start: the mean time of a
// request, as the warm-up took so long for n of them, so that they are out of step
// with each other as they will be later on.
func (l Level) rampOver(sum time.Duration, n int) time.Duration {
	ramp := blindRamp
	if n > 0 {
		ramp = sum / time.Duration(n)
	}
	if _, d := l.Cap(); d > 0 {
		ramp = min(ramp, d/4)
	}
	return ramp
}

// users runs n users until the ledger stops them, the last starting at ramp's end.
func (p *phase) users(ctx context.Context, n int, ramp time.Duration) {
	var wg sync.WaitGroup
	p.stream(n - 1)
	talks := &p.talks
	for i := range n {
		wg.Go(func() {
			p.user(ctx, i, ramp*time.Duration(i)/time.Duration(n), talker{file: p.conversations(), next: talks})
		})
	}
	wg.Wait()
	p.interrupted(ctx)
}

// interrupted notes that the level was cancelled from outside.
func (p *phase) interrupted(ctx context.Context) {
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, errHopeless) && !errors.Is(cause, errDecided) {
		p.ledger.halt(stopCancel)
	}
}

// user sends one request after the other, from start on.
func (p *phase) user(ctx context.Context, id int, start time.Duration, talk talker) {
	intended := start
	failures := 0
	if !p.pause(ctx, p.ledger.clock.wall(start-p.ledger.clock.now())) {
		return
	}
	for ctx.Err() == nil {
		seq, ok := p.ledger.next(id)
		if !ok {
			return
		}
		r := planned(p.work, p.level, seq, p.warmup)
		talk.take(&r, p.level)
		f := p.request(ctx, p.streams[id], id, r, p.body(r), intended)
		if f == nil {
			failures = 0
			intended = p.ledger.clock.now()
			continue
		}
		failures++
		if !p.pause(ctx, backoff(failures, f.retryAfter)) {
			return
		}
		intended = p.ledger.clock.now()
	}
}

// backoff is how long a user waits after some failures in a row, so that a dead
// server is not hammered.
func backoff(failures int, retryAfter time.Duration) time.Duration {
	wait := min(firstBackoff<<min(failures-1, 10), longBackoff)
	return max(wait, min(retryAfter, maxRetryAfter))
}

// pause waits for a span of wall time; false if the phase stopped meanwhile.
func (p *phase) pause(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-p.ledger.stopping:
	case <-ctx.Done():
	}
	return false
}

// waves sends bursts: every user at once, and again when all have their answers,
// until the number of requests is reached. What is sent is written before the
// moment comes, so that nothing but the sending is left.
func (p *phase) waves(ctx context.Context) {
	p.stream(p.level.users() - 1)
	l := p.ledger
	l.limit, _ = p.level.Cap()
	for sent := 0; ctx.Err() == nil && !l.over(); {
		n := min(p.level.users(), l.limit-sent)
		requests, bodies := make([]Request, n), make([][]byte, n)
		for i := range n {
			requests[i] = planned(p.work, p.level, sent+i, p.warmup)
			bodies[i] = p.body(requests[i])
		}
		sent += n
		p.wave(ctx, requests, bodies)
	}
	p.interrupted(ctx)
}

func (p *phase) wave(ctx context.Context, requests []Request, bodies [][]byte) {
	var wg sync.WaitGroup
	intended := p.ledger.clock.now()
	for i, r := range requests {
		wg.Go(func() {
			if p.ledger.hand(i) {
				_ = p.request(ctx, p.streams[i], i, r, bodies[i], intended)
			}
		})
	}
	wg.Wait()
}

// request sends a request and books its answer; it gives the failure.
func (p *phase) request(ctx context.Context, st *stream, id int, r Request, body []byte, intended time.Duration) *failure {
	if p.client.Sent != nil && !p.warmup {
		p.tell(r, body)
	}
	a := st.do(ctx, body, r.OutputTokens)
	if a.cancelled {
		return nil
	}
	o := p.ledger.add(r, id, intended, a)
	if p.records != nil {
		o.Arrivals = p.client.arrivals(a)
		p.records <- o
	}
	if p.warmup {
		p.countText(a)
	}
	if p.verdict != nil && p.ledger.broken() {
		p.abort(errDecided)
	}
	if a.fail != nil && p.hopeless() {
		p.ledger.halt(stopDead)
		p.abort(errHopeless)
	}
	return a.fail
}

// tell shows a request to the client's Sent.
func (p *phase) tell(r Request, body []byte) {
	p.client.sentMu.Lock()
	defer p.client.sentMu.Unlock()
	tail := len(p.finish(nil, r.OutputTokens))
	prompt := body[len(p.wire.before) : len(body)-tail]
	p.client.Sent(Sent{Prompt: prompt, Messages: p.wire.chat, InputTokens: r.InputTokens, OutputTokens: r.OutputTokens})
}

// hopeless says whether to give the level up: too many failures in a row, or no
// success within twice the time in which there should have been a first token.
func (p *phase) hopeless() bool {
	return p.ledger.hopeless() || p.ledger.silent() && p.begun.now() >= p.silent
}
