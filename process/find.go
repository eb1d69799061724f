package process

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// killGrace is what Kill leaves an orphan between SIGTERM and SIGKILL.
const killGrace = 3 * time.Second

// Found is a running process that Find has found.
type Found struct {
	PID, PGID int
	Env       map[string]string // only the variables that start with QTUNE_
	Argv      []string
	Started   time.Time // to a hundredth of a second

	key   string // what it was found by, "NAME=value"
	ticks uint64 // its start as the kernel has it
}

// ErrNoKey is what Kill returns for a Found that did not come from Find.
var ErrNoKey = errors.New("a process is ended only by what Find has found")

// Kill ends what f belongs to: those processes of its group that carry the very
// variable by which it was found. SIGTERM, after 3 s SIGKILL, then it is verified
// that none is left. A process without that variable is never signalled. Kill
// ignores the cancellation of ctx and ends after 33 s at the latest. Gone already
// is success.
func Kill(ctx context.Context, f Found) error {
	if f.key == "" {
		return ErrNoKey
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), killGrace+killLimit)
	defer cancel()
	t := tree{belongs: func(r running) bool {
		return r.group == f.PGID && r.started >= f.ticks && carries(r.pid, f.key)
	}}
	if err := t.end(ctx, killGrace); err != nil {
		return fmt.Errorf("ending process %d (%s): %w", f.PID, strings.Join(f.Argv, " "), err)
	}
	return nil
}
