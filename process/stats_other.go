//go:build !linux

package process

import (
	"errors"
	"time"
)

// Stats are what a command and all that it started have used up to a moment.
type Stats struct {
	CPU         time.Duration // processor time
	MemoryBytes uint64        // resident
	Throttled   time.Duration // for which a CPU quota kept it from running
}

// Stats returns errors.ErrUnsupported: only Linux tells this by files.
func (p *Process) Stats() (Stats, error) { return Stats{}, errors.ErrUnsupported }
