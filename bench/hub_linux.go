package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"
)

const (
	hubBuffer = 16 << 10 // bytes of one read
	hubEvents = 256      // sockets that one wait may tell of
)

// hub reads many sockets at once. Go wakes a goroutine for each socket that has
// something to read, which where a token comes alone costs four times what the
// token does; a shard of the hub waits for all of its sockets with one call and
// handles what came itself.
type hub struct {
	shards []*shard
	next   atomic.Int64
}

// newHub starts a hub of one shard for every two cores that the program may use.
// It gives nil where that is none, or the system has no more descriptors: the
// transport does without.
func newHub() *hub {
	h := &hub{}
	for range runtime.GOMAXPROCS(0) / 2 {
		s, err := newShard()
		if err != nil {
			h.close()
			return nil
		}
		h.shards = append(h.shards, s)
	}
	if len(h.shards) == 0 {
		return nil
	}
	return h
}

// close ends the shards. No socket is in use any more.
func (h *hub) close() {
	if h == nil {
		return
	}
	for _, s := range h.shards {
		s.close()
	}
}

// adopt makes a socket of a new connection, taking it from Go's poller, which
// would wake for it too.
func (h *hub) adopt(conn net.Conn) (*socket, error) {
	if stamped, ok := conn.(*stampedConn); ok {
		conn = stamped.raw
	}
	defer func() { _ = conn.Close() }()
	sc, ok := conn.(syscall.Conn)
	if !ok {
		return nil, fmt.Errorf("the connection to %v is no socket", conn.RemoteAddr())
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return nil, fmt.Errorf("taking over the connection to %v: %w", conn.RemoteAddr(), err)
	}
	var fd int
	var failed error
	err = raw.Control(func(old uintptr) { fd, failed = unix.FcntlInt(old, unix.F_DUPFD_CLOEXEC, 0) })
	if err := errors.Join(err, failed); err != nil {
		return nil, fmt.Errorf("taking over the connection to %v: %w", conn.RemoteAddr(), err)
	}
	i := int(h.next.Add(1)) % len(h.shards)
	return &socket{fd: fd, shard: h.shards[i]}, nil
}

// shard is a goroutine that waits for sockets.
type shard struct {
	epoll, bell int // bell is an event descriptor that ends the shard
	buf         []byte
	ended       sync.WaitGroup

	mu      sync.Mutex
	waiting map[int]*waiter
}

// waiter is one socket's wait. Its ready is called whenever the socket is, under
// the shard's lock, until it says that the wait is over.
type waiter struct {
	ready func() (over bool)
	over  chan struct{}
}

func newShard() (*shard, error) {
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	bell, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		_ = unix.Close(epoll)
		return nil, os.NewSyscallError("eventfd", err)
	}
	s := &shard{epoll: epoll, bell: bell, buf: make([]byte, hubBuffer), waiting: map[int]*waiter{}}
	if err := s.control(unix.EPOLL_CTL_ADD, bell, unix.EPOLLIN); err != nil {
		_ = unix.Close(bell)
		_ = unix.Close(epoll)
		return nil, err
	}
	s.ended.Go(s.run)
	return s, nil
}

func (s *shard) close() {
	_, _ = unix.Write(s.bell, []byte{1, 0, 0, 0, 0, 0, 0, 0})
	s.ended.Wait()
	_ = unix.Close(s.bell)
	_ = unix.Close(s.epoll)
}

func (s *shard) control(op, fd int, events uint32) error {
	return os.NewSyscallError("epoll_ctl", unix.EpollCtl(s.epoll, op, fd, &unix.EpollEvent{Events: events, Fd: int32(fd)}))
}

// run serves the sockets until the bell rings.
func (s *shard) run() {
	events := make([]unix.EpollEvent, hubEvents)
	for {
		n, err := unix.EpollWait(s.epoll, events, -1)
		if err != nil && !errors.Is(err, unix.EINTR) {
			return // not with a descriptor of its own; every wait has its deadline
		}
		over := 0
		for _, e := range events[:max(n, 0)] {
			if int(e.Fd) == s.bell {
				return
			}
			if s.serve(int(e.Fd)) {
				over++
			}
		}
		if over > 0 {
			runtime.Gosched() // those who waited go on before this goroutine waits again
		}
	}
}

// serve handles a socket that is ready, and says whether its wait is over. One
// that is not waited for was given up meanwhile.
func (s *shard) serve(fd int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := s.waiting[fd]
	if w == nil || !w.ready() {
		return false
	}
	s.forget(fd)
	close(w.over)
	return true
}

func (s *shard) forget(fd int) {
	delete(s.waiting, fd)
	_ = s.control(unix.EPOLL_CTL_DEL, fd, 0)
}

// await calls ready whenever fd is ready for events until it says that the wait
// is over, or ctx ends: afterwards it is not called any more.
func (s *shard) await(ctx context.Context, fd int, events uint32, ready func() (over bool)) error {
	w := &waiter{ready: ready, over: make(chan struct{})}
	s.mu.Lock()
	s.waiting[fd] = w
	err := s.control(unix.EPOLL_CTL_ADD, fd, events)
	if err != nil {
		delete(s.waiting, fd)
	}
	s.mu.Unlock()
	if err != nil {
		return err
	}
	select {
	case <-w.over:
		return nil
	case <-ctx.Done():
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.waiting[fd] != w {
		return nil // it was over first
	}
	s.forget(fd)
	return context.Cause(ctx)
}

// socket is a connection that belongs to one stream and that the hub reads.
type socket struct {
	shard *shard
	mu    sync.Mutex // against looks at a socket that is being closed
	fd    int        // -1 when closed
}

// exchange writes b and gives what comes to feed until that says that it is over.
// It does both at once, since a server that refuses may answer before it has read
// all of a request, and hang up on the rest: then it was not all sent. With an
// end, io.EOF or an error, nothing more comes.
func (c *socket) exchange(ctx context.Context, b []byte, feed func(b []byte, end error) (over bool)) (sent bool, err error) {
	rest, broken := c.write(b)
	events := uint32(unix.EPOLLIN)
	if len(rest) > 0 {
		events |= unix.EPOLLOUT
	}
	err = c.shard.await(ctx, c.fd, events, func() (over bool) {
		if len(rest) > 0 {
			if rest, broken = c.write(rest); len(rest) == 0 {
				_ = c.shard.control(unix.EPOLL_CTL_MOD, c.fd, unix.EPOLLIN)
			}
		}
		return c.read(feed)
	})
	return len(rest) == 0 && !broken, err
}

// write writes what the socket takes of b and gives the rest; none if the connection is broken.
func (c *socket) write(b []byte) (rest []byte, broken bool) {
	n, err := unix.Write(c.fd, b)
	if err != nil && !wouldBlock(err) {
		return nil, true
	}
	return b[max(n, 0):], false
}

// read gives what has come to feed, if there is anything.
func (c *socket) read(feed func(b []byte, end error) (over bool)) (over bool) {
	buf := c.shard.buf
	n, err := unix.Read(c.fd, buf)
	switch {
	case wouldBlock(err):
		return false
	case err != nil:
		feed(nil, os.NewSyscallError("read", err))
		return true
	case n == 0:
		feed(nil, io.EOF)
		return true
	}
	return feed(buf[:n], nil)
}

func wouldBlock(err error) bool {
	return errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EINTR)
}

// alive says whether the server has neither closed the connection nor sent
// anything that nobody asked for.
func (c *socket) alive() bool {
	var b [1]byte
	_, _, err := unix.Recvfrom(c.fd, b[:], unix.MSG_PEEK|unix.MSG_DONTWAIT)
	return wouldBlock(err)
}

// unread is how many bytes wait to be read; false if the socket is closed.
func (c *socket) unread() (int, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fd < 0 {
		return 0, false
	}
	n, err := unix.IoctlGetInt(c.fd, unix.SIOCINQ)
	return n, err == nil
}

func (c *socket) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	_ = unix.Close(c.fd)
	c.fd = -1
}
