//go:build !linux

package bench

import "context"

// Where there is no epoll, there is no hub: requests go over the transport.
type (
	hub    struct{}
	socket struct{}
)

func newHub() *hub    { return nil }
func (h *hub) close() {}

// direct is never called without a hub.
func (s *stream) direct(context.Context, []byte, *watch) *failure { return nil }

func (s *stream) hangUp() {}
