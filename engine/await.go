package engine

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

const (
	// fatalGrace is how long the log is read on after its first fatal line: what
	// decided it often stands below. With the time to look and to stop, the
	// trial ends within 2 s of that line.
	fatalGrace = 700 * time.Millisecond
	// probeEvery is the time between two questions, in wall time.
	probeEvery = 250 * time.Millisecond
)

// What ends the wait for readiness, as the cause of its context.
var (
	errEnded  = errors.New("the engine has ended")
	errFatal  = errors.New("the engine's log says that it is dead")
	errSlow   = errors.New("the engine has not become ready in time")
	errStill  = errors.New("the engine does nothing")
	errNoLog  = errors.New("the engine's log cannot be written")
	errServes = errors.New("the engine serves")
)

// await asks the server again and again until it serves, or something says that
// it never will.
func (l *Launcher) await(ctx context.Context, st Start, inst *instance, out *sink, p *prober) (*Failure, error) {
	limit := l.limit(st.Engine)
	watched, cancel := context.WithCancelCause(ctx)
	var watcher sync.WaitGroup
	watcher.Go(func() { cancel(watch(watched, inst, out, limit)) })
	still, watches := inst.still(l.stallLimit(st.Engine), out)
	if watches {
		watcher.Go(func() {
			if still.wait(watched) {
				cancel(errStill)
			}
		})
	}
	err := l.poll(watched, p)
	cause := context.Cause(watched)
	cancel(errServes)
	watcher.Wait()

	var no refusal
	switch {
	case err == nil:
		return nil, nil
	case errors.As(err, &no):
		return out.redact.failure(no.Failure), nil
	case errors.Is(cause, errEnded), errors.Is(cause, errFatal):
		return out.failure(inst.ended()), nil
	case errors.Is(cause, errSlow):
		return timedOut(out, limit, l.speed(), err), nil
	case errors.Is(cause, errStill):
		return stalled(out, "it lives, and has neither logged nor computed anything", still.limit, l.speed(),
			"it waits for something that does not come: another process, a lock, a device, the network; raise stall_timeout if it is known to rest for so long"), nil
	case errors.Is(cause, errNoLog):
		return nil, fmt.Errorf("writing the trial's log %s: %w", st.LogPath, out.err)
	}
	if cause := context.Cause(ctx); cause != nil {
		return nil, cause
	}
	return nil, fmt.Errorf("asking the engine whether it is ready: %w", err)
}

// watch waits for what ends a start before it serves. nil: ctx has ended.
func watch(ctx context.Context, inst *instance, out *sink, limit time.Duration) error {
	slow := time.NewTimer(limit)
	defer slow.Stop()
	select {
	case <-ctx.Done():
		return nil
	case <-slow.C:
		return errSlow
	case <-out.broken:
		return errNoLog
	case <-inst.Done():
		return errEnded
	case <-out.alarm():
		return afterFatal(ctx, inst)
	}
}

// afterFatal gives the log a moment to say more.
func afterFatal(ctx context.Context, inst *instance) error {
	grace := time.NewTimer(fatalGrace)
	defer grace.Stop()
	select {
	case <-ctx.Done():
		return nil
	case <-inst.Done():
		return errEnded
	case <-grace.C:
		return errFatal
	}
}

// poll asks until the server serves or ctx ends. Its error is the last reason
// why it does not serve.
func (l *Launcher) poll(ctx context.Context, p *prober) error {
	every := max(time.Duration(float64(probeEvery)/l.speed()), 10*time.Millisecond)
	last := error(notYet{"it was never asked"})
	for {
		err := p.probe(ctx)
		var wait notYet
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return last
		case !errors.As(err, &wait):
			return err
		}
		last = err
		select {
		case <-ctx.Done():
			return last
		case <-time.After(every):
		}
	}
}

// timedOut is the failure of an engine that lives and does not serve.
func timedOut(out *sink, limit time.Duration, speed float64, last error) *Failure {
	seconds := limit.Seconds() * speed
	f := fail(StartupTimeout, fmt.Sprintf("not ready after %.0f s: %v", seconds, last),
		"raise startup_timeout if the log shows that it was getting on")
	f.Tail = out.lastLines()
	return f
}
