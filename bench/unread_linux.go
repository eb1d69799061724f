package bench

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// unread is how many bytes a connection holds that were not read yet; false if it
// was closed or is no socket.
func unread(conn net.Conn) (int, bool) {
	sc, ok := conn.(syscall.Conn)
	if !ok {
		return 0, false
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return 0, false
	}
	var n int
	var failed error
	err = raw.Control(func(fd uintptr) { n, failed = unix.IoctlGetInt(int(fd), unix.SIOCINQ) })
	return n, err == nil && failed == nil
}
