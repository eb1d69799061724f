package process

import (
	"errors"
	"io"
	"os"
	"time"
)

// logCopy brings what a command prints to a writer. The pipe outlives the
// command, so that children which outlive it can go on printing.
type logCopy struct {
	direct *os.File // handed to the command as it is
	r, w   *os.File // else a pipe
	ended  chan struct{}
	err    error // written before ended is closed
}

func newLogCopy(to io.Writer) (*logCopy, error) {
	l := &logCopy{ended: make(chan struct{})}
	if f, ok := to.(*os.File); ok || to == nil {
		l.direct = f
		close(l.ended)
		return l, nil
	}
	var err error
	if l.r, l.w, err = os.Pipe(); err != nil {
		return nil, err
	}
	go func() {
		defer close(l.ended)
		l.err = l.copy(to)
	}()
	return l, nil
}

// copy goes on reading where writing fails: a full pipe would stop the command.
func (l *logCopy) copy(to io.Writer) error {
	_, err := io.Copy(to, l.r)
	if errors.Is(err, os.ErrClosed) {
		return nil
	}
	if err != nil {
		_, _ = io.Copy(io.Discard, l.r) // the first error is the one to tell
	}
	return err
}

// file is what the command writes to, or nil.
func (l *logCopy) file() *os.File {
	if l.w != nil {
		return l.w
	}
	return l.direct
}

// release closes our end for writing once the command has its own.
func (l *logCopy) release() {
	if l.w != nil {
		_ = l.w.Close() // a pipe's; nothing is buffered
	}
}

// settle waits for the log's end, but not longer than limit, and tells whether
// writing has failed.
func (l *logCopy) settle(limit time.Duration) error {
	if l.over(limit) {
		return l.err
	}
	return nil
}

// abort ends the copying: nobody is left who could print. A writer that hangs is
// left to itself.
func (l *logCopy) abort() {
	if l.r == nil {
		return
	}
	l.release()
	if !l.over(logLimit) {
		_ = l.r.Close() // ends a pending read
		l.over(logLimit)
		return
	}
	_ = l.r.Close() // read to its end
}

// over waits for the end of the copying, but not longer than limit.
func (l *logCopy) over(limit time.Duration) bool {
	select {
	case <-l.ended:
		return true
	case <-time.After(limit):
		return false
	}
}
