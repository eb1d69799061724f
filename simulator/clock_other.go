//go:build !linux

package simulator

import "time"

// exactClock does nothing where there is no better clock than Go's.
func exactClock() (release func()) { return func() {} }

func sleepExactly(d time.Duration) { time.Sleep(d) }
