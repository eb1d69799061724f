//go:build !unix

package bench

import "net"

// alive cannot look at a connection here, and hopes.
func alive(net.Conn) bool { return true }
