package simulator

import (
	"context"
	"sync"
	"time"
)

// driver runs a Core against the wall's clock, faster by speed. Steps sit on absolute
// deadlines, so being late once makes nothing later.
type driver struct {
	core  *Core
	speed float64
	lag   lagMeter      // of each step
	write lagMeter      // of each token, when it was handed to the network
	wake  chan struct{} // holds one
	wait  func(ctx context.Context, t time.Time, awake time.Duration) bool
	steps int64 // after which it fails; 0: never
	fail  func() (hung bool)

	mu      sync.Mutex
	arrived []*stream // not yet submitted
	leaving []*stream // to be aborted
	stats   Stats
	forget  bool // the cache of prefixes is to be emptied
	closed  bool
}

// stream is one request on its way through a driver.
type stream struct {
	request Request
	arrived time.Time
	// write hands a token to the client, from the driver's goroutine, and must not block
	// for long; false: the client is gone.
	write func(Event) bool
	done  chan struct{} // closed after the last call of write
}

func newDriver(core *Core, speed float64) *driver {
	return &driver{core: core, speed: speed, wake: make(chan struct{}, 1), wait: wait}
}

// submit queues a request that arrived at s.arrived. After done is closed the driver
// is finished with it; s.request tells how many tokens it got.
func (d *driver) submit(s *stream) {
	s.request.Owner = s
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		close(s.done)
		return
	}
	d.arrived = append(d.arrived, s)
	d.signal()
}

// abort takes a request back. s.done is closed soon after.
func (d *driver) abort(s *stream) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.leaving = append(d.leaving, s)
	d.signal()
}

// forgetPrefixes empties the cache of prefixes before the next step.
func (d *driver) forgetPrefixes() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.forget = true
	d.signal()
}

func (d *driver) signal() {
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

// snapshot is the core's state after its last step.
func (d *driver) snapshot() Stats {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := d.stats
	s.Waiting += len(d.arrived)
	return s
}

// run computes steps until the context ends; then every stream left is done.
func (d *driver) run(ctx context.Context) {
	release := exactClock()
	defer release()
	defer d.close()
	live := map[*stream]bool{}
	defer func() {
		for s := range live {
			close(s.done)
		}
	}()
	var deadline time.Time
	for {
		first := d.take(live)
		if d.steps > 0 && d.core.stats.Steps >= d.steps {
			if d.fail() {
				<-ctx.Done()
			}
			return
		}
		step, events := d.core.Step()
		if step == 0 {
			deadline = time.Time{}
			d.publish()
			if !d.idle(ctx) {
				return
			}
			continue
		}
		if deadline.IsZero() { // idle before: the step began when the request came
			deadline = first
		}
		wall := time.Duration(float64(step) / d.speed)
		deadline = deadline.Add(wall)
		if !d.wait(ctx, deadline, awakeFor(wall)) {
			return
		}
		d.lag.add(time.Since(deadline))
		d.deliver(events, deadline, live)
		d.publish()
	}
}

// awakeFor is how long of a step's end is not slept: about what a thread needs to wake
// up, so that little of it is spent. Lateness counts only in short steps.
func awakeFor(wall time.Duration) time.Duration {
	if wall > 4*time.Millisecond {
		return 0
	}
	return min(30*time.Microsecond, wall/8)
}

// idle waits until there is something to do; false: the context ended.
func (d *driver) idle(ctx context.Context) bool {
	select {
	case <-d.wake:
		return true
	case <-ctx.Done():
		return false
	}
}

// take hands what came since the last step to the core: when the first request of it
// arrived, or now.
func (d *driver) take(live map[*stream]bool) (first time.Time) {
	first = time.Now()
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.forget {
		d.core.Forget()
		d.forget = false
	}
	for _, s := range d.arrived {
		if s.arrived.Before(first) {
			first = s.arrived
		}
		live[s] = true
		d.core.Submit(&s.request)
	}
	d.arrived = d.arrived[:0]
	for _, s := range d.leaving {
		if live[s] {
			d.end(s, live)
		}
	}
	d.leaving = d.leaving[:0]
	return first
}

func (d *driver) end(s *stream, live map[*stream]bool) {
	d.core.Abort(&s.request)
	delete(live, s)
	close(s.done)
}

func (d *driver) deliver(events []Event, deadline time.Time, live map[*stream]bool) {
	for _, e := range events {
		s := e.Request.Owner.(*stream)
		if !live[s] {
			continue
		}
		open := s.write(e)
		d.write.add(time.Since(deadline))
		if e.Done || !open {
			d.end(s, live)
		}
	}
}

func (d *driver) publish() {
	d.mu.Lock()
	d.stats = d.core.Stats()
	d.mu.Unlock()
}

// close refuses what comes later and ends what was never taken.
func (d *driver) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
	for _, s := range d.arrived {
		close(s.done)
	}
	d.arrived = nil
}
