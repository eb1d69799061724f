package process

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"
)

// tree is what has to end together.
type tree struct {
	group   int                // a process group that is signalled as a whole; 0: none
	belongs func(running) bool // tells each running process that is in the tree
}

// running is a process that is alive, not a zombie.
type running struct {
	pid, parent, group int
	started            uint64 // clock ticks since boot
	name               string
}

func (r running) String() string { return fmt.Sprintf("%d (%s)", r.pid, r.name) }

// end terminates a tree and returns once it is gone. Members may be born while
// others are signalled, so SIGKILL is repeated until none is left.
func (t tree) end(ctx context.Context, grace time.Duration) error {
	if grace > 0 {
		if err := t.signal(syscall.SIGTERM); err != nil {
			return err
		}
		polite, cancel := context.WithTimeout(ctx, grace)
		defer cancel()
		if left, err := t.watch(polite, 0); len(left) == 0 || err != nil {
			return err
		}
	}
	left, err := t.watch(ctx, syscall.SIGKILL)
	if err != nil || len(left) == 0 {
		return err
	}
	return fmt.Errorf("still there after SIGKILL: %s", names(left))
}

// watch looks again and again, each time after sending urge unless that is 0,
// until nothing is left or ctx ends, and returns what is left.
func (t tree) watch(ctx context.Context, urge syscall.Signal) ([]running, error) {
	for wait := 2 * time.Millisecond; ; wait = min(2*wait, 100*time.Millisecond) {
		if urge != 0 {
			if err := t.signal(urge); err != nil {
				return nil, err
			}
		}
		left, err := t.members()
		if err != nil || len(left) == 0 || !pause(ctx, wait) {
			return left, err
		}
	}
}

// signal reaches the group at once, and one by one what is outside it.
func (t tree) signal(s syscall.Signal) error {
	if t.group != 0 {
		if err := syscall.Kill(-t.group, s); err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("sending %v to the process group %d: %w", s, t.group, err)
		}
	}
	all, err := t.members()
	if err != nil {
		return err
	}
	for _, r := range all {
		if r.group == t.group {
			continue
		}
		if err := t.signalOne(r, s); err != nil {
			return fmt.Errorf("sending %v to process %v: %w", s, r, err)
		}
	}
	return nil
}

// signalOne takes hold of the process before it looks again whether it is the
// one that was found: its number may have gone to another one since.
func (t tree) signalOne(r running, s syscall.Signal) error {
	held, err := os.FindProcess(r.pid)
	if err != nil {
		return err
	}
	defer held.Release() //nolint:errcheck // frees a handle, nothing more
	if now, err := lookAt(r.pid); err != nil || now.started != r.started || !t.belongs(now) {
		return nil // it has gone meanwhile
	}
	if err := held.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) && !errors.Is(err, syscall.ESRCH) {
		return err
	}
	return nil
}

func names(all []running) string {
	var words []string
	for _, r := range all {
		words = append(words, r.String())
	}
	return strings.Join(words, ", ")
}

// pause waits for d and tells whether ctx is still alive.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
