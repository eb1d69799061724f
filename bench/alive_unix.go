//go:build unix

package bench

import (
	"net"
	"syscall"
)

// alive says whether the server has not closed a connection on which nothing was
// sent yet: a peek that would block means that it is open and silent.
func alive(conn net.Conn) bool {
	if stamped, ok := conn.(*stampedConn); ok {
		conn = stamped.raw
	}
	sc, ok := conn.(syscall.Conn)
	if !ok {
		return true
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return false
	}
	open := false
	err = raw.Read(func(fd uintptr) bool {
		var b [1]byte
		_, _, peek := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		open = peek == syscall.EAGAIN || peek == syscall.EWOULDBLOCK
		return true
	})
	return err == nil && open
}
