package gpu

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/gofrs/flock"
)

// Locks is a folder of locks, one for each card or part of one, which all users of
// this host share. A lock ends with the process that has it. Its file stays, since
// to remove it would let two have it.
type Locks string

// SharedLocks is the folder that every qtune of this host uses: /run/lock, or
// /tmp where that may not be written to. It does not hang on an environment
// variable, which might differ between two runs.
func SharedLocks() Locks {
	const writable = 2 // W_OK of access(2)
	if syscall.Access("/run/lock", writable) == nil {
		return "/run/lock"
	}
	return "/tmp"
}

// Holder is who has a card.
type Holder struct {
	PID   int       `json:"pid"`
	Run   string    `json:"run"`
	Dir   string    `json:"dir"` // of the run
	Since time.Time `json:"since"`
}

// HeldError is a card that another run has.
type HeldError struct {
	UUID   string
	Holder Holder // zero where it is not told
}

// Error says who has it.
func (e *HeldError) Error() string {
	if e.Holder.Run == "" {
		return fmt.Sprintf("card %s belongs to another run", e.UUID)
	}
	return fmt.Sprintf("card %s belongs to run %s of process %d (%s) since %s",
		e.UUID, e.Holder.Run, e.Holder.PID, e.Holder.Dir, e.Holder.Since.Local().Format("15:04:05"))
}

// Claim is a card that one run has for itself.
type Claim struct{ lock *flock.Flock }

// Take gives a card to h until Release or the end of this process. The error is a
// *HeldError if somebody else has it.
func (l Locks) Take(uuid string, h Holder) (*Claim, error) {
	path := l.path(uuid)
	lock := flock.New(path, flock.SetFlag(openFlag(path)), flock.SetPermissions(0o666))
	ok, err := lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("lock card %s: %w", uuid, err)
	}
	if !ok {
		return nil, &HeldError{UUID: uuid, Holder: l.whose(uuid)}
	}
	if err := note(path, h); err != nil {
		return nil, errors.Join(fmt.Errorf("note who has card %s: %w", uuid, err), lock.Close())
	}
	return &Claim{lock}, nil
}

func (l Locks) path(uuid string) string { return filepath.Join(string(l), "qtune-"+uuid+".lock") }

// openFlag opens another user's file as it may be opened: a lock needs no right to
// write. A link that somebody has put there is not followed.
func openFlag(path string) int {
	const writable = 2 // W_OK of access(2)
	_, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return os.O_RDWR | os.O_CREATE | syscall.O_NOFOLLOW
	case syscall.Access(path, writable) == nil:
		return os.O_RDWR | syscall.O_NOFOLLOW
	}
	return os.O_RDONLY | syscall.O_NOFOLLOW
}

// note writes who has the card, for those who ask. Another user's file keeps what
// it says.
func note(path string, h Holder) error {
	text, err := json.Marshal(h)
	if err != nil {
		return err
	}
	return rewrite(path, text)
}

// rewrite follows no link: the file may be another user's, who may have put one there.
func rewrite(path string, text []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|syscall.O_NOFOLLOW, 0)
	if errors.Is(err, fs.ErrPermission) {
		return nil
	}
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	return errors.Join(f.Truncate(int64(len(text))), err, f.Close())
}

// Holder is who has a card, so far as its file tells: false where nobody does, or
// one who may not write to it, as a file of another user's.
func (l Locks) Holder(uuid string) (Holder, bool) {
	h := l.whose(uuid)
	return h, h.Run != ""
}

// whose reads a lock's file; what a process has written that is gone is nothing.
func (l Locks) whose(uuid string) Holder {
	var h Holder
	text, err := os.ReadFile(l.path(uuid))
	if err != nil || json.Unmarshal(text, &h) != nil || errors.Is(syscall.Kill(h.PID, 0), syscall.ESRCH) {
		return Holder{}
	}
	return h
}

// Release gives the card back.
func (c *Claim) Release() error {
	if err := errors.Join(rewrite(c.lock.Path(), nil), c.lock.Close()); err != nil {
		return fmt.Errorf("release %s: %w", c.lock.Path(), err)
	}
	return nil
}
