package bench

import (
	"net"
	"sync/atomic"
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
}

// arm makes the next write the first of a request.
func (c *stampedConn) arm() { c.wrote.Store(0) }

// Write notes when the first write begins.
func (c *stampedConn) Write(b []byte) (int, error) {
	if c.wrote.Load() == 0 {
		c.wrote.Store(int64(time.Since(c.epoch)) + 1)
	}
	return c.Conn.Write(b)
}

// written is when a request was written; false if it was not.
func (c *stampedConn) written() (time.Time, bool) {
	ns := c.wrote.Load()
	return c.epoch.Add(time.Duration(ns - 1)), ns > 0
}
