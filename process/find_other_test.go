//go:build unix && !linux

package process

import (
	"errors"
	"syscall"
	"testing"
)

// none checks that the group is gone, which is all that can be seen here.
func none(t *testing.T, p *Process, _ string) {
	t.Helper()
	if err := syscall.Kill(-p.PID(), 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("the process group is still there: %v", err)
	}
}

func TestFindSaysThatItCannot(t *testing.T) {
	if _, err := Find("QTUNE_RUN"); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("got %v", err)
	}
}
