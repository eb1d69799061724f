//go:build unix && !linux

package process

import (
	"errors"
	"fmt"
	"runtime"
	"syscall"
)

// Find needs to read the environment of other processes, which is possible on
// Linux only: the error wraps errors.ErrUnsupported.
func Find(key string) ([]Found, error) {
	return nil, fmt.Errorf("finding processes with %s on %s: %w", key, runtime.GOOS, errors.ErrUnsupported)
}

// members gives one entry for the whole group as long as it is there.
func (t tree) members() ([]running, error) {
	if t.group == 0 || syscall.Kill(-t.group, 0) != nil {
		return nil, nil
	}
	return []running{{pid: t.group, group: t.group, name: "process group"}}, nil
}

// whole is the tree of a process that Start has started.
func (p *Process) whole() tree {
	return tree{group: p.PID(), belongs: func(running) bool { return true }}
}

func lookAt(pid int) (running, error) { return running{pid: pid}, nil }

func carries(int, string) bool { return false }
