package simulator

import (
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// exactClock makes sleepExactly exact for the goroutine that calls it, which keeps its
// thread until the returned function is called.
func exactClock() (release func()) {
	runtime.LockOSThread()
	// The kernel may otherwise join wake-ups within 50 µs. Without the permission it stays so.
	_ = unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0)
	return runtime.UnlockOSThread
}

// sleepExactly sleeps in the kernel, which wakes a thread within some 10 µs.
func sleepExactly(d time.Duration) {
	left := unix.NsecToTimespec(int64(d))
	for unix.Nanosleep(&left, &left) == unix.EINTR {
	}
}
