package simulator

import (
	"context"
	"time"
)

// coarse is how long before its end a wait is left to sleepExactly. Go's timers are
// late by up to a millisecond.
const coarse = 2 * time.Millisecond

// sleepUntil waits for a moment and says whether it came; false: the context ended.
func sleepUntil(ctx context.Context, t time.Time) bool {
	if left := time.Until(t); left > coarse {
		timer := time.NewTimer(left - coarse)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			return false
		}
	}
	if left := time.Until(t); left > 0 {
		sleepExactly(left)
	}
	return ctx.Err() == nil
}
