package simulator

import (
	"context"
	"time"
)

// coarse is how long before its end a wait is left to sleepExactly. Go's timers are
// late by up to a millisecond.
const coarse = 2 * time.Millisecond

// sleepUntil waits for a moment and says whether it came; false: the context ended.
func sleepUntil(ctx context.Context, t time.Time) bool { return wait(ctx, t, 0) }

// wait is sleepUntil that stays awake for the last part of the time. A thread that was
// asleep is late by some 50 µs, more on a busy machine.
func wait(ctx context.Context, t time.Time, awake time.Duration) bool {
	if left := time.Until(t); left > coarse {
		timer := time.NewTimer(left - coarse)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			return false
		}
	}
	if left := time.Until(t) - awake; left > 0 {
		sleepExactly(left)
	}
	for awake > 0 && time.Until(t) > 0 { // no longer than awake
	}
	return ctx.Err() == nil
}
