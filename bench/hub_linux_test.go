package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/qtune/qtune/bench/benchtest"
)

// left is how many goroutines and open descriptors the process has.
func left(t *testing.T) (goroutines, descriptors int) {
	t.Helper()
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return runtime.NumGoroutine(), len(fds)
}

// A level that is over, or was interrupted in mid-stream, leaves nothing behind.
func TestTheHubLeavesNothing(t *testing.T) {
	srv := httptest.NewServer(&benchtest.Server{TTFT: ms, Gap: 5 * ms, BOS: 1, Tokenizer: true})
	defer srv.Close()
	goroutines, descriptors := left(t)
	stop := errors.New("stop")
	for _, tokens := range []int{2, 100_000} {
		ctx, cancel := context.WithTimeoutCause(t.Context(), 200*ms, stop)
		_, err := (&Client{few: true}).Run(ctx, Target{URL: srv.URL}, work(), Level{Kind: KindClosed, Users: 9, OutputTokens: tokens, Requests: 10_000, Warmup: -1})
		cancel()
		if !errors.Is(err, stop) {
			t.Errorf("the run ended: %v", err)
		}
	}
	srv.CloseClientConnections()
	for range 100 { // the server's own go on for a moment
		if g, d := left(t); g <= goroutines && d <= descriptors {
			return
		}
		time.Sleep(20 * ms)
	}
	g, d := left(t)
	t.Errorf("%d goroutines and %d descriptors, before %d and %d", g, d, goroutines, descriptors)
}

// A connection that the server closes behind an answer is replaced, and nothing fails.
func TestClosedConnectionsAreReplaced(t *testing.T) {
	var opened atomic.Int64
	truth := &benchtest.Server{BOS: 1, Tokenizer: true}
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Connection", "close")
		truth.ServeHTTP(w, r)
	}))
	srv.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			opened.Add(1)
		}
	}
	srv.Start()
	defer srv.Close()
	r := mustRun(t, &Client{few: true}, Target{URL: srv.URL}, work(), Level{Kind: KindClosed, Users: 3, Requests: 30, OutputTokens: 3, Warmup: -1})
	if r.Requests.Completed != 30 || opened.Load() < 30 {
		t.Errorf("%+v over %d connections, %+v", r.Requests, opened.Load(), r.Failures)
	}
}

// adopted is both ends of a connection, one of them the hub's.
func adopted(t *testing.T) (*socket, net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	there, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	h := newHub()
	if h == nil {
		t.Skip("no hub: a program that may use one core has none")
	}
	c, err := h.adopt(conn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = there.Close()
		c.close()
		h.close()
	})
	return c, there
}

// More than the sockets hold is written as the other end reads it, and its answer is read.
func TestSocketSendsWhatDoesNotFit(t *testing.T) {
	c, there := adopted(t)
	const size = 32 << 20
	read := make(chan error, 1)
	go func() {
		time.Sleep(10 * ms)
		_, err := io.CopyN(io.Discard, there, size)
		_, _ = fmt.Fprint(there, "thanks")
		read <- err
	}()
	var got string
	sent, err := c.exchange(t.Context(), make([]byte, size), func(b []byte, end error) bool {
		got += string(b)
		return got == "thanks" || end != nil
	})
	if !sent || err != nil || got != "thanks" {
		t.Errorf("sent %v, got %q, %v", sent, got, err)
	}
	if err := <-read; err != nil {
		t.Error(err)
	}
}

// Neither the writing nor a wait for bytes outlives its context.
func TestSocketHearsItsContext(t *testing.T) {
	c, _ := adopted(t)
	late := errors.New("late")
	for _, size := range []int{0, 64 << 20} {
		ctx, cancel := context.WithTimeoutCause(t.Context(), 20*ms, late)
		sent, err := c.exchange(ctx, make([]byte, size), func([]byte, error) bool { return true })
		if !errors.Is(err, late) || sent != (size == 0) {
			t.Errorf("%d bytes: sent %v, %v", size, sent, err)
		}
		cancel()
	}
}

func TestSocketKnowsWhatWaitsAndWhetherItIsAlive(t *testing.T) {
	c, there := adopted(t)
	if n, open := c.unread(); n != 0 || !open || !c.alive() {
		t.Errorf("%d bytes wait, open %v, alive %v", n, open, c.alive())
	}
	_, _ = fmt.Fprint(there, "ab")
	var got []byte
	_, err := c.exchange(t.Context(), nil, func(b []byte, end error) bool {
		got = append(got, b...)
		return len(got) == 2
	})
	if string(got) != "ab" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	_ = there.Close()
	if _, err := c.exchange(t.Context(), nil, func(_ []byte, end error) bool { return errors.Is(end, io.EOF) }); err != nil || c.alive() {
		t.Errorf("%v, alive %v", err, c.alive())
	}
	c.close()
	if _, open := c.unread(); open {
		t.Error("a closed socket is open")
	}
}
