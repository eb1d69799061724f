package bench

import (
	"math"
	"time"
)

// clock tells the engine's time: wall time since base, times speed; or a time that is
// computed.
type clock struct {
	base    time.Time
	speed   float64
	virtual *time.Duration // the time, where it is computed
}

func newClock(speed float64) clock {
	if !(speed > 0) || math.IsInf(speed, 1) {
		speed = 1
	}
	return clock{base: time.Now(), speed: speed}
}

// now is the engine's time since the clock's start.
func (c clock) now() time.Duration {
	if c.virtual != nil {
		return *c.virtual
	}
	return c.engine(time.Since(c.base))
}

// since is the engine's time at a moment.
func (c clock) since(t time.Time) time.Duration { return c.engine(t.Sub(c.base)) }

// engine turns a span of wall time into the engine's.
func (c clock) engine(wall time.Duration) time.Duration {
	if c.speed == 1 {
		return wall
	}
	return time.Duration(math.Round(float64(wall) * c.speed))
}

// wall turns a span of the engine's time into wall time.
func (c clock) wall(engine time.Duration) time.Duration {
	if c.speed == 1 {
		return engine
	}
	return time.Duration(math.Round(float64(engine) / c.speed))
}
