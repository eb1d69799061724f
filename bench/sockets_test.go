package bench

import (
	"testing"
	"time"
)

// By Little's law a byte waits for what waits on average, divided by what comes a
// second. Of a few bytes in a long time that says nothing: where a server trickles,
// one sighting would make its byte's wait a second.
func TestHowLongBytesWait(t *testing.T) {
	for _, tc := range []struct {
		name    string
		looks   int
		waiting int // bytes in the socket at each look
		total   int // bytes that came in ten seconds
		want    float64
	}{
		{"a reader that keeps up", 100, 0, 1e6, 0},
		{"a slow reader: of 100 bytes/ms, 400 wait", 100, 400, 1e6, 4},
		{"a trickle of a byte a second, one of which is always about to be read", 100, 1, 10, -1},
		{"a byte for each look is enough to tell", 100, 1, 100, 100},
		{"too few looks", MinInterval - 1, 400, 1e6, -1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var s sockets
			s.add(func() (int, bool) { return tc.waiting, true })
			s.add(func() (int, bool) { return 1 << 20, false }) // closed: it counts for nothing
			for range tc.looks {
				s.look()
			}
			got := s.wait(tc.total, 10*time.Second)
			if (got != nil) != (tc.want >= 0) || got != nil && *got != tc.want {
				t.Errorf("got %v, want %v", got, tc.want)
			}
			s.restart()
			if got := s.wait(tc.total, 10*time.Second); got != nil {
				t.Errorf("behind a restart: %v", *got)
			}
		})
	}
}
