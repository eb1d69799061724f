package bench

import (
	"context"
	"sync/atomic"
	"time"
)

// withDefaults fills in the time-outs that are not given.
func (t Timeouts) withDefaults() Timeouts {
	fill := func(d *time.Duration, def time.Duration) {
		if *d <= 0 {
			*d = def
		}
	}
	fill(&t.FirstToken, DefaultFirstToken)
	fill(&t.BetweenTokens, DefaultBetweenTokens)
	fill(&t.Request, DefaultRequest)
	return t
}

// watch cancels a request that breaks one of its time-outs. A token costs it one
// atomic store: the timer looks at the deadline only when it fires, and goes on
// sleeping if that has moved.
type watch struct {
	clock  clock
	limits Timeouts
	cancel context.CancelCauseFunc
	timer  *time.Timer
	whole  time.Duration // when the whole request is over
	next   atomic.Int64  // when the next token must be there
	began  atomic.Bool   // the first token is there
}

// startWatch watches a request that was sent now.
func startWatch(c clock, limits Timeouts, cancel context.CancelCauseFunc) *watch {
	now := c.now()
	w := &watch{clock: c, limits: limits, cancel: cancel, whole: now + limits.Request}
	w.next.Store(int64(now + limits.FirstToken))
	w.timer = time.AfterFunc(time.Hour, w.look)
	w.timer.Reset(c.wall(min(limits.FirstToken, limits.Request)))
	return w
}

// token tells the watch that content came at t.
func (w *watch) token(t time.Duration) {
	w.next.Store(int64(t + w.limits.BetweenTokens))
	if !w.began.Load() {
		w.began.Store(true)
		// The timer waits for the first token's deadline, which may be the later one.
		w.timer.Reset(w.clock.wall(min(w.limits.BetweenTokens, w.whole-t)))
	}
}

// lastWords is how long a server may take, in wall time, to end an answer whose
// generation has ended.
const lastWords = 2 * time.Second

// ended tells the watch that nothing but the answer's formal end is left.
func (w *watch) ended() {
	end := w.clock.now() + w.clock.engine(lastWords)
	w.next.Store(int64(min(end, w.whole)))
	w.timer.Reset(lastWords)
}

func (w *watch) stop() { w.timer.Stop() }

func (w *watch) look() {
	now := w.clock.now()
	next := time.Duration(w.next.Load())
	if left := min(next, w.whole) - now; left > 0 {
		w.timer.Reset(w.clock.wall(left) + time.Microsecond)
		return
	}
	w.cancel(w.reason(next))
}

func (w *watch) reason(next time.Duration) error {
	switch {
	case w.whole < next:
		return &timeout{failRequest, w.limits.Request}
	case w.began.Load():
		return &timeout{failBetween, w.limits.BetweenTokens}
	}
	return &timeout{failFirstToken, w.limits.FirstToken}
}
