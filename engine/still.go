package engine

import (
	"context"
	"time"
)

const (
	// stillLook is how often an engine is looked at, in wall time.
	stillLook = 5 * time.Second
	// idleShare is the share of one processor below which an engine does nothing:
	// one that waits for another process, a lock or a device that has hung. It is
	// above what threads take that look round a few times a second.
	idleShare = 0.02
	// hangLimit is how long an engine that has requests may be still.
	hangLimit = 2 * time.Minute
)

// stillness notices that an engine does nothing: no byte for its log, and next to
// no processor time.
type stillness struct {
	limit   time.Duration // wall time
	written func() int64  // bytes of its log so far
	// cpu is the processor time that it has used so far. One that is not known
	// counts as work.
	cpu  func(context.Context) (time.Duration, error)
	busy func() bool // whether it has something to do; nil: always
}

// wait returns true once the engine has been still for the limit, false when ctx ends.
func (s *stillness) wait(ctx context.Context) bool {
	look := time.NewTicker(min(stillLook, max(s.limit/4, time.Millisecond)))
	defer look.Stop()
	since, last := time.Now(), time.Now()
	bytes, cpu, known := s.written(), time.Duration(0), false
	for {
		select {
		case <-ctx.Done():
			return false
		case <-look.C:
		}
		now := time.Now()
		nowBytes := s.written()
		nowCPU, err := s.cpu(ctx)
		idle := err == nil && known && float64(nowCPU-cpu) <= idleShare*float64(now.Sub(last))
		if nowBytes != bytes || !idle || s.busy != nil && !s.busy() {
			since = now
		}
		bytes, cpu, known, last = nowBytes, nowCPU, err == nil, now
		if now.Sub(since) >= s.limit {
			return true
		}
	}
}

// stalled is the failure of an engine that lives and does nothing.
func stalled(out *sink, what string, limit time.Duration, speed float64, hint string) *Failure {
	f := fail(Stalled, what+" for "+(time.Duration(float64(limit)*speed)).Round(time.Second).String(), hint)
	f.Tail = out.lastLines()
	return f
}
