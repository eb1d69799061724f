package simulator

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// timerWait waits on Go's timers, which a synctest bubble can turn.
func timerWait(ctx context.Context, t time.Time, _ time.Duration) bool {
	select {
	case <-time.After(time.Until(t)):
		return true
	case <-ctx.Done():
		return false
	}
}

// startDriver runs a driver until the test's bubble ends it with stop.
func startDriver(t *testing.T, speed float64) (d *driver, stop func()) {
	t.Helper()
	d = newDriver(smallCore(t, Scheduling{MaxRunning: 8, Budget: 2048, Chunked: true, Pool: 16000, Block: 16}), speed)
	d.wait = timerWait
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { d.run(ctx); close(ended) }()
	return d, func() { cancel(); <-ended }
}

// When a client is slow to take one token, the next ones come early enough that the
// rest of the answer is on time: lateness is never added up.
func TestLatenessDoesNotAddUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, stop := startDriver(t, 1)
		defer stop()
		const tokens, slow = 40, 20 * time.Millisecond
		begun := time.Now()
		var at []time.Duration
		s := &stream{request: Request{Prompt: 10, Output: tokens}, arrived: begun, done: make(chan struct{})}
		s.write = func(e Event) bool {
			at = append(at, time.Since(begun))
			if e.Index%10 == 3 {
				time.Sleep(slow) // longer than a step
			}
			return true
		}
		d.submit(s)
		<-s.done
		var want time.Duration
		c := smallCore(t, d.core.s)
		submit(c, "a", 10, tokens)
		for i, step := range runAll(t, c) {
			want += step.took
			late := at[i] - want
			if late < 0 || late > slow {
				t.Errorf("token %d came %v after its time", i, late)
			}
			if i%10 == 9 && late > time.Microsecond {
				t.Errorf("token %d, six steps after the slow one, is still %v late", i, late)
			}
		}
		if lag := d.lag.read(); lag.n != tokens || lag.p99 > slow {
			t.Errorf("%d lags of up to %v reported", lag.n, lag.p99)
		}
	})
}

func TestSpeedDividesTime(t *testing.T) {
	took := func(speed float64) (d time.Duration) {
		synctest.Test(t, func(t *testing.T) {
			dr, stop := startDriver(t, speed)
			defer stop()
			begun := time.Now()
			s := &stream{request: Request{Prompt: 10, Output: 100}, arrived: begun, done: make(chan struct{}), write: func(Event) bool { return true }}
			dr.submit(s)
			<-s.done
			d = time.Since(begun)
		})
		return d
	}
	one, fifty := took(1), took(50)
	if diff := one - 50*fifty; diff < -time.Millisecond || diff > time.Millisecond {
		t.Errorf("%v at speed 1, %v at speed 50", one, fifty)
	}
}

// Clients that leave, and a server that ends, leave nothing behind.
func TestStreamsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, stop := startDriver(t, 1)
		open := func(write func(Event) bool) *stream {
			s := &stream{request: Request{Prompt: 10, Output: 1000}, arrived: time.Now(), done: make(chan struct{}), write: write}
			d.submit(s)
			return s
		}
		forever := func(Event) bool { return true }
		gone := open(func(e Event) bool { return e.Index < 3 })
		aborted, cut := open(forever), open(forever)
		time.Sleep(time.Second)
		<-gone.done
		d.abort(aborted)
		<-aborted.done
		time.Sleep(time.Second)
		if st := d.snapshot(); st.Running != 1 {
			t.Errorf("%d requests run, want the one that is left", st.Running)
		}
		stop()
		<-cut.done
		late := open(forever)
		<-late.done
	})
}
