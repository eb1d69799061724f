package bench

import (
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
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
	prompt := `{"prompt":"` + strings.Repeat("x", 12<<20) + `"}` // more than the sockets hold
	file, err := ReadFile("large", strings.NewReader(prompt))
	if err != nil {
		t.Fatal(err)
	}
	w := Workload{Prompts: Prompts{File: file}, Timeouts: Timeouts{FirstToken: time.Minute}}
	for _, hangsUp := range []bool{false, true} {
		for _, hub := range []bool{false, true} {
			t.Run(fmt.Sprintf("hangs up %v, over the hub %v", hangsUp, hub), func(t *testing.T) {
				r := mustRun(t, &Client{few: hub}, newRefuser(t, hangsUp), w, Level{Kind: KindSingle, OutputTokens: 4, Requests: 2, Warmup: -1})
				if r.Requests.Failed != 2 || len(r.Failures) != 1 || r.Failures[0].Reason != "HTTP 413" || r.Failures[0].Example != "the prompt is too large" {
					t.Errorf("requests %+v, failures %+v", r.Requests, r.Failures)
				}
			})
		}
	}
}
