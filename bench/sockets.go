package bench

import (
	"sync"
	"time"
)

const (
	socketLook = 100 * time.Millisecond // wall time between two looks
	socketMost = 64                     // sockets looked at in one look
)

// sockets looks from time to time at how many bytes wait in the sockets for the
// client to read them. By Little's law the mean of that, divided by the bytes a
// second that come, is how long a byte waits: what a client that cannot keep up
// adds to every latency.
type sockets struct {
	mu      sync.Mutex
	all     []func() (bytes int, open bool)
	next    int
	looks   int
	waiting float64 // bytes, summed over the looks
}

// add adds a socket by what says how many bytes wait in it, until it is closed.
func (s *sockets) add(unread func() (bytes int, open bool)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = append(s.all, unread)
}

// look takes one look at some of the sockets, going round them, and forgets those
// that were closed.
func (s *sockets) look() {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := min(len(s.all), socketMost)
	if n == 0 {
		return
	}
	sum, seen := 0, 0
	for range n {
		if len(s.all) == 0 {
			break
		}
		s.next %= len(s.all)
		bytes, ok := s.all[s.next]()
		if !ok {
			last := len(s.all) - 1
			s.all[s.next], s.all[last] = s.all[last], nil
			s.all = s.all[:last]
			continue
		}
		sum += bytes
		seen++
		s.next++
	}
	if seen > 0 {
		s.looks++
		s.waiting += float64(sum) * float64(len(s.all)) / float64(seen)
	}
}

// wait is the mean time that a byte waited, of total bytes that came in a span of
// wall time; nil where it is not known.
func (s *sockets) wait(total int, span time.Duration) *float64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.looks < MinInterval || total < s.looks { // of a byte a second one sighting would be a second's wait
		return nil
	}
	ms := s.waiting / float64(s.looks) / (float64(total) / inMS(span))
	return &ms
}

// restart forgets what was seen.
func (s *sockets) restart() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.looks, s.waiting = 0, 0
}
