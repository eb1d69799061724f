package bench

import (
	"errors"
	"net"
	"sync/atomic"
	"syscall"
	"time"
)

// stampedConn knows when the first byte of a request was written to it: between
// the moment at which a request gets its connection and that one, a client with
// much to do may let some time pass.
type stampedConn struct {
	net.Conn
	raw   net.Conn // without TLS
	epoch time.Time
	wrote atomic.Int64 // nanoseconds after epoch, plus one; 0: nothing since it was armed
	sent  atomic.Bool  // a byte at least has been written since then
}

// arm makes the next write the first of a request.
func (c *stampedConn) arm() {
	c.sent.Store(false)
	c.wrote.Store(0)
}

// Write notes when the first write begins. A server that refuses may hang up with
// the rest of a request unread: what it said before is then still to be read, and
// net/http would not, if it heard of a failed write. Where nothing was written it has
// to hear of it, to send the request over another connection.
func (c *stampedConn) Write(b []byte) (int, error) {
	c.wrote.CompareAndSwap(0, int64(time.Since(c.epoch))+1)
	n, err := c.Conn.Write(b)
	if n > 0 {
		c.sent.Store(true)
	}
	if c.sent.Load() && (errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET)) {
		return len(b), nil
	}
	return n, err
}

// written is when a request was written; false if it was not.
func (c *stampedConn) written() (time.Time, bool) {
	ns := c.wrote.Load()
	return c.epoch.Add(time.Duration(ns - 1)), ns > 0
}
