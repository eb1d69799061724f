package bench

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
)

// pipeNetwork connects clients and a server in memory, so that a test's time can be false.
type pipeNetwork struct {
	conns chan net.Conn
	done  chan struct{}
}

func (n *pipeNetwork) Accept() (net.Conn, error) {
	select {
	case c := <-n.conns:
		return c, nil
	case <-n.done:
		return nil, net.ErrClosed
	}
}

func (n *pipeNetwork) Close() error {
	select {
	case <-n.done:
	default:
		close(n.done)
	}
	return nil
}

func (n *pipeNetwork) Addr() net.Addr { return &net.TCPAddr{} }

func (n *pipeNetwork) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	here, there := net.Pipe()
	select {
	case n.conns <- there:
		return here, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// inFalseTime runs f in a bubble where time jumps, with a client of a server made
// of h: what it measures is exact.
func inFalseTime(t *testing.T, h http.Handler, f func(t *testing.T, c *Client, to Target)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		n := &pipeNetwork{conns: make(chan net.Conn), done: make(chan struct{})}
		srv := &http.Server{Handler: h}
		served := make(chan error, 1)
		go func() { served <- srv.Serve(n) }()
		f(t, &Client{dial: n.dial}, Target{URL: "http://pipe", Model: "m"})
		_ = srv.Close()
		if err := <-served; !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("the server ended: %v", err)
		}
	})
}

func mustRun(t *testing.T, c *Client, to Target, w Workload, l Level) LevelResult {
	t.Helper()
	r, err := c.Run(t.Context(), to, w, l)
	if err != nil {
		t.Fatalf("Run(%s): %v", l, err)
	}
	return r
}

// work is a small workload.
func work() Workload { return Workload{Prompts: Prompts{InputTokens: 32}, Seed: 7} }

// newLoopback serves h on the network until the test ends.
func newLoopback(t *testing.T, h http.Handler) Target {
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return Target{URL: srv.URL, Model: "m"}
}
