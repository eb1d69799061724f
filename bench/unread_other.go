//go:build !linux

package bench

import "net"

// unread is not known on this system.
func unread(net.Conn) (int, bool) { return 0, false }
