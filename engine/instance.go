package engine

import (
	"context"
	"errors"
	"time"
)

// life is what is needed of a container or a process once it has started.
type life interface {
	Done() <-chan struct{}
	// Stop ends and removes it whatever becomes of ctx, and verifies that.
	Stop(ctx context.Context, grace time.Duration) error
}

// instance is one start of an engine.
type instance struct {
	life
	name   string      // for messages: "container qtune-…", "process 4711"
	addr   string      // host:port
	exit   func() Exit // after Done
	digest string      // of the image; "" for a process
	used   func(context.Context) (Used, error)
	clean  func() error
}

// still watches the instance for doing nothing, by its log; ok is false where what
// it uses cannot be told.
func (i *instance) still(limit time.Duration, out *sink) (s stillness, ok bool) {
	if i.used == nil || limit <= 0 {
		return stillness{}, false
	}
	cpu := func(ctx context.Context) (time.Duration, error) {
		u, err := i.used(ctx)
		return u.CPU, err
	}
	return stillness{limit: limit, written: out.written, cpu: cpu}, true
}

// stop removes all that there is of the instance. Its error is a *TeardownError.
func (i *instance) stop(ctx context.Context, grace time.Duration) error {
	var errs []error
	if err := i.Stop(ctx, grace); err != nil {
		errs = append(errs, err)
	}
	if i.clean != nil {
		errs = append(errs, i.clean())
	}
	if err := errors.Join(errs...); err != nil {
		return &TeardownError{What: i.name, Err: err}
	}
	return nil
}

// ended is how the instance ended, if it has.
func (i *instance) ended() *Exit {
	select {
	case <-i.Done():
		exit := i.exit()
		return &exit
	default:
		return nil
	}
}

// Used is what an engine has used since its start.
type Used struct {
	Kind        string // "container", or "process" with all that it started
	CPU         time.Duration
	MemoryBytes uint64
	Throttled   time.Duration // for which a CPU quota kept it from running
}

// Used asks the runtime what the engine has used so far. A server that was up
// before is not ours to look into: errors.ErrUnsupported.
func (s *Server) Used(ctx context.Context) (Used, error) {
	if s.inst == nil || s.inst.used == nil {
		return Used{}, errors.ErrUnsupported
	}
	return s.inst.used(ctx)
}
