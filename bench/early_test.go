package bench

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// refuse answers with 413 once some of a request has come, and does not read the
// rest: it hangs up at once, or keeps the connection open until the test ends.
func refuse(conn net.Conn, hangsUp bool, ended <-chan struct{}) {
	defer func() { _ = conn.Close() }()
	_, _ = io.ReadFull(conn, make([]byte, 100))
	const body = `{"error":{"message":"the prompt is too large"}}`
	_, _ = fmt.Fprintf(conn, "HTTP/1.1 413 Payload Too Large\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", len(body), body)
	if !hangsUp {
		<-ended
	}
}

// newRefuser serves refuse until the test ends.
func newRefuser(t *testing.T, hangsUp bool) Target {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	var served sync.WaitGroup
	served.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			served.Go(func() { refuse(conn, hangsUp, ended) })
		}
	})
	t.Cleanup(func() {
		close(ended)
		_ = l.Close()
		served.Wait()
	})
	return Target{URL: "http://" + l.Addr().String(), Model: "m"}
}

// What a server says before it has read the request is heard at once, whoever reads
// it, and not when the time for a first token is over.
func TestARefusalIsHeardWhileTheRequestIsStillWritten(t *testing.T) {
	prompt := `{"prompt":"` + strings.Repeat("x", 6<<20) + `"}` // more than the sockets hold
	file, err := ReadFile("large", strings.NewReader(prompt))
	if err != nil {
		t.Fatal(err)
	}
	w := Workload{Prompts: Prompts{File: file}, Timeouts: Timeouts{FirstToken: time.Minute}}
	for _, hangsUp := range []bool{false, true} {
		for _, hub := range []bool{false, true} {
			t.Run(fmt.Sprintf("hangs up %v, over the hub %v", hangsUp, hub), func(t *testing.T) {
				r := mustRun(t, &Client{few: hub}, newRefuser(t, hangsUp), w, Level{Kind: KindSingle, OutputTokens: 4, Requests: 1})
				if r.Requests.Failed != 1 || len(r.Failures) != 1 || r.Failures[0].Reason != "HTTP 413" || r.Failures[0].Example != "the prompt is too large" {
					t.Errorf("requests %+v, failures %+v", r.Requests, r.Failures)
				}
			})
		}
	}
}

// gone is a connection whose other end has gone behind left bytes.
type gone struct {
	net.Conn
	left int
}

func (g *gone) Write(b []byte) (int, error) {
	n := min(len(b), g.left)
	if g.left -= n; n < len(b) {
		return n, syscall.EPIPE
	}
	return n, nil
}

// A write that fails is kept quiet only if some of the request was written: else
// net/http sends it over another connection.
func TestStampedConnTellsThatNothingWasWritten(t *testing.T) {
	for _, tc := range []struct {
		why    string
		left   int
		writes string // w: of one byte; a: it is armed
		told   bool   // the last write's error
	}{
		{"the first write of a new connection", 0, "w", true},
		{"the second, with nothing written by the first", 0, "ww", true},
		{"the first write of a request", 0, "aw", true},
		{"the second write of a request", 1, "aww", false},
		{"the first write of another request", 1, "awaw", true},
		{"the second write of another request", 2, "awaww", false},
	} {
		c := &stampedConn{Conn: &gone{left: tc.left}, epoch: time.Now()}
		var err error
		for _, step := range tc.writes {
			if step == 'a' {
				c.arm()
				continue
			}
			_, err = c.Write([]byte("x"))
		}
		if (err != nil) != tc.told {
			t.Errorf("%s: %v", tc.why, err)
		}
	}
}

// closer answers every other request whole, and of the others one byte more each
// time before it closes the connection.
type closer struct {
	answer string
	asked  atomic.Int64
}

func (c *closer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/v1/completions" {
		http.NotFound(w, r)
		return
	}
	n, asked := len(c.answer), int(c.asked.Add(1)-1)
	if asked%2 == 0 {
		n = asked / 2
	}
	hijacks(c.answer[:n])(w, r)
}

// Wherever a connection is closed, a request has failed, and says why, as long as the
// last event has not come, since its encoding says that there is more; from then on
// nothing is missing.
func TestAConnectionClosedAtEachByte(t *testing.T) {
	const head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
	upTo := head + strings.TrimSuffix(chunks(60, oneToken+finished+"data: [DONE]\n\n"), "\r\n")
	answer := upTo + "\r\n0\r\n\r\n"
	closes := func(t *testing.T, c *Client, to Target) {
		seen := 0
		c.Record = func(o Outcome) {
			n := len(answer)
			if seen%2 == 0 {
				n = seen / 2
			}
			seen++
			if failed := n < len(upTo); failed != (o.Error != "") {
				t.Errorf("closed behind %d bytes of %d, %q: %q (%q)", n, len(upTo), answer[max(0, n-20):n], o.Error, o.Detail)
			}
		}
		requests := 2 * len(answer)
		file, err := ReadFile("one", strings.NewReader(`{"prompt":"x"}`)) // of which no tokens are asked for before
		if err != nil {
			t.Fatal(err)
		}
		r := mustRun(t, c, to, Workload{Prompts: Prompts{File: file}}, Level{Kind: KindBurst, Users: 1, Requests: requests, OutputTokens: 2})
		if seen != requests || r.Requests.Failed != len(upTo) {
			t.Errorf("%d requests, %+v, failures %+v", seen, r.Requests, r.Failures)
		}
	}
	t.Run("transport", func(t *testing.T) { inFalseTime(t, &closer{answer: answer}, closes) })
	t.Run("hub", func(t *testing.T) { closes(t, &Client{few: true}, newLoopback(t, &closer{answer: answer})) })
}
