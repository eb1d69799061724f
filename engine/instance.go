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
	clean  func() error
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
