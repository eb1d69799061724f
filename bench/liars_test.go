package bench

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/qtune/qtune/bench/benchtest"
)

const oneToken = `data: {"choices":[{"text":"w","finish_reason":null}]}` + "\n\n"
const finished = `data: {"choices":[{"text":"w","finish_reason":"length"}]}` + "\n\n"

func says(s string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, s)
	}
}

func hangs(first string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if first != "" {
			says(first)(w, r)
			_ = http.NewResponseController(w).Flush()
		}
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	}
}

// hijacks closes the connection itself after some bytes.
func hijacks(raw string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		conn, _, err := http.NewResponseController(w).Hijack()
		if err == nil {
			_, _ = io.WriteString(conn, raw)
			_ = conn.Close()
		}
	}
}

// liar is a server that fails every request, and how.
type liar struct {
	name    string
	handler http.HandlerFunc
	class   string
	detail  string
}

func liars() []liar {
	const head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
	chunked := fmt.Sprintf("%x\r\n%s\r\n", len(oneToken), oneToken)
	return []liar{
		{"accepts and never answers", hangs(""), failFirstToken, "limit 2m0s"},
		{"answers and says nothing", hangs(": ping\n\n"), failFirstToken, "limit 2m0s"},
		{"stops after a token", hangs(oneToken), failBetween, "limit 1m0s"},
		{"closes without an answer", hijacks(""), failClosed, ""},
		{"an empty stream", says(""), failEmpty, ""},
		{"an empty stream that ends well", says("data: [DONE]\n\n"), failEmpty, ""},
		{"a role and nothing else", says(`data: {"choices":[{"delta":{"role":"assistant"},"finish_reason":"stop"}]}` + "\n\ndata: [DONE]\n\n"), failEmpty, ""},
		{"rubbish", says("\x00\x01\x02 rubbish\nmore\n\n"), failEmpty, ""},
		{"rubbish in an event", says("data: <html>\x1b[31m</html>\n\n"), failNotStream, "<html>[31m</html>"},
		{"rubbish after a token", says(oneToken + "data: <html>\n\n" + oneToken), failMalformed, "<html>"},
		{"a web page", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>hello</html>") }, failNotStream, ""},
		{"closes in the head", hijacks("HTTP/1.1 200 OK\r\nContent-"), failNetwork, "malformed MIME header"},
		{"closes before the stream", hijacks(head), failCut, ""},
		{"closes between tokens", hijacks(head + chunked), failCut, ""},
		{"closes in an event", hijacks(head + chunked[:30]), failCut, ""},
		{"ends in the middle of an event", says(oneToken + oneToken[:30]), failCut, "in the middle of an event"},
		{"ends without having finished", says(oneToken + oneToken), failCut, ""},
		{"an error in mid-stream", says(oneToken + `data: {"error":{"message":"CUDA out of memory","code":500}}` + "\n\ndata: [DONE]\n\n"), failEvent, "CUDA out of memory"},
		{"an error by its name", says("event: error\ndata: no JSON\n\n"), failEvent, "no JSON"},
		{"aborted", says(oneToken + `data: {"choices":[{"text":"","finish_reason":"abort"}]}` + "\n\n"), failAborted, ""},
		{"100 MB in one line", endless("x"), failTooLong, "1 MiB"},
		{"an event that never ends", endless("data: xxxxxxxxx\n"), failTooLong, "1 MiB"},
		{"tokens that never end", endless(oneToken), failTooMuch, ""},
		{"gzip", zipped, failCompressed, "gzip"},
		{"a redirect", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://elsewhere/", http.StatusTemporaryRedirect)
		}, "HTTP 307", "http://elsewhere/"},
		{"too many requests", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "1")
			http.Error(w, `{"error":{"message":"slow down"}}`, http.StatusTooManyRequests)
		}, "HTTP 429", "slow down"},
		{"an endless error body", func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusInternalServerError)
			endless("oops ")(w, r)
		}, "HTTP 500", "oops"},
	}
}

func TestServersThatFail(t *testing.T) {
	for _, tc := range liars() {
		t.Run(tc.name, func(t *testing.T) {
			inFalseTime(t, tc.handler, func(t *testing.T, c *Client, to Target) { tc.check(t, c, to, work(), 0) })
		})
	}
}

// Over sockets, which the hub reads, it is the same, but that nobody waits for minutes.
func TestServersThatFailOverTheNetwork(t *testing.T) {
	for _, tc := range liars() {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			w := work()
			w.Timeouts = Timeouts{FirstToken: time.Second, BetweenTokens: time.Second}
			tc.detail = strings.NewReplacer("2m0s", "1s", "1m0s", "1s").Replace(tc.detail)
			tc.check(t, &Client{few: true}, newLoopback(t, tc.handler), w, -1)
		})
	}
}

func (tc *liar) check(t *testing.T, c *Client, to Target, w Workload, warmup int) {
	t.Helper()
	r := mustRun(t, c, to, w, Level{Kind: KindSingle, OutputTokens: 4, Requests: 2, Warmup: warmup})
	if r.Requests.Completed != 0 || r.Requests.Failed == 0 || len(r.Failures) != 1 || r.ErrorRate() != 1 {
		t.Fatalf("requests %+v, failures %+v", r.Requests, r.Failures)
	}
	f := r.Failures[0]
	if f.Reason != tc.class || !strings.Contains(f.Example, tc.detail) || len(f.Example) > maxDetail {
		t.Errorf("got %q (%q), want %q (%q)", f.Reason, f.Example, tc.class, tc.detail)
	}
}

func endless(s string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		block := strings.Repeat(s, 64<<10/len(s))
		for sent := 0; sent < 100<<20; sent += len(block) {
			if _, err := io.WriteString(w, block); err != nil {
				return
			}
		}
	}
}

func zipped(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Encoding", "gzip")
	z := gzip.NewWriter(w)
	_, _ = io.WriteString(z, oneToken)
	_ = z.Close()
}

// oddity is a server that answers every request, in a way of its own.
type oddity struct {
	name      string
	handler   http.HandlerFunc
	tokens    int
	estimated bool
	note      string
}

func oddities() []oddity {
	const usage = `data: {"choices":[],"usage":{"prompt_tokens":32,"completion_tokens":4}}` + "\n\n"
	three := oneToken + oneToken + oneToken
	return []oddity{
		{"[DONE] is missing", says(three + finished + usage), 4, false, ""},
		{"[DONE] is missing and the connection stays open", hangs(three + finished + usage), 4, false, ""},
		{"the connection stays open after [DONE]", hangs(three + finished + usage + "data: [DONE]\n\n"), 4, false, ""},
		{"no usage: events are counted", says(three + finished + "data: [DONE]\n\n"), 4, true, "estimated"},
		{"CR LF and comments", says(strings.ReplaceAll(": hello\n\n"+three+": ping\n\n"+finished+usage, "\n", "\r\n")), 4, false, ""},
		{"usage says less than the events", says(three + three + finished + usage), 4, false, "usage contradicts"},
		{"usage says more than was asked for", says(finished + strings.Replace(usage, `_tokens":4`, `_tokens":9`, 1)), 9, false, "usage contradicts"},
		{"usage says nothing came", says(three + finished + strings.Replace(usage, `_tokens":4`, `_tokens":0`, 1)), 4, true, "usage contradicts"},
		{"the end of sequence comes early", says(oneToken + `data: {"choices":[{"text":"w","finish_reason":"stop"}],"usage":{"prompt_tokens":32,"completion_tokens":2}}` + "\n\n"), 2, false, "ended early"},
		{"several tokens in an event", says(oneToken + finished + usage), 4, false, "several tokens in an event"},
		{"the prompt is longer than planned", says(three + finished + strings.Replace(usage, "32", "35", 1)), 4, false, "up to 3 tokens off"},
		{"a head of two, another case and lengths in the middle", hijacks("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n" +
			chunks(7, three+finished+usage) + "0; last\r\nTrailer: x\r\n\r\n"), 4, false, ""},
		{"a body without a length, until the connection ends", hijacks("HTTP/1.0 200 OK\nContent-Type: text/event-stream\n\n" + three + finished + usage), 4, false, ""},
		{"a body of a known length", hijacks(fmt.Sprintf("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: text/event-stream\r\nContent-Length: %d\r\n\r\n", len(three+finished+usage)) + three + finished + usage), 4, false, ""},
	}
}

// chunks is a body in chunks of n bytes.
func chunks(n int, body string) string {
	var b strings.Builder
	for len(body) > 0 {
		k := min(n, len(body))
		_, _ = fmt.Fprintf(&b, "%X\r\n%s\r\n", k, body[:k])
		body = body[k:]
	}
	return b.String()
}

func TestServersThatAreOddButRight(t *testing.T) {
	for _, tc := range oddities() {
		t.Run(tc.name, func(t *testing.T) {
			inFalseTime(t, tc.handler, func(t *testing.T, c *Client, to Target) { tc.check(t, c, to, 0) })
		})
	}
}

// The same over sockets, which the hub reads.
func TestServersThatAreOddButRightOverTheNetwork(t *testing.T) {
	for _, tc := range oddities() {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			tc.check(t, &Client{few: true}, newLoopback(t, tc.handler), -1)
		})
	}
}

func (tc *oddity) check(t *testing.T, c *Client, to Target, warmup int) {
	t.Helper()
	r := mustRun(t, c, to, work(), Level{Kind: KindSingle, OutputTokens: 4, Requests: 3, Warmup: warmup})
	notes := strings.Join(r.Notes, "\n")
	if r.Requests.Completed != 3 || r.OutputTokens != 3*tc.tokens || r.TokensEstimated != tc.estimated {
		t.Errorf("requests %+v, tokens %d, estimated %v, failures %+v", r.Requests, r.OutputTokens, r.TokensEstimated, r.Failures)
	}
	if !strings.Contains(notes, tc.note) {
		t.Errorf("notes %q lack %q", notes, tc.note)
	}
}

func TestOneFailureInTenIsCountedAndTheRestIsMeasured(t *testing.T) {
	srv := &benchtest.Server{TTFT: 10 * ms, Gap: ms, BOS: 1, Tokenizer: true}
	var n atomic.Int64
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/tokenize" && n.Add(1)%10 == 0 {
			http.Error(w, "bad luck", http.StatusInternalServerError)
			return
		}
		srv.ServeHTTP(w, r)
	})
	inFalseTime(t, h, func(t *testing.T, c *Client, to Target) {
		r := mustRun(t, c, to, work(), Level{Kind: KindClosed, Users: 4, Requests: 100, OutputTokens: 10})
		if r.Requests.Total != 100 || r.Requests.Failed != 10 || r.TTFT.N != 90 || r.ErrorRate() != 0.1 {
			t.Errorf("requests %+v, n %d", r.Requests, r.TTFT.N)
		}
		want := []FailureCount{{Reason: "HTTP 500", Count: 10, Example: "bad luck"}}
		if !slices.Equal(r.Failures, want) {
			t.Errorf("failures %+v", r.Failures)
		}
	})
}

func TestALevelWhereNothingWorksEndsQuickly(t *testing.T) {
	refused := func(context.Context, string, string) (net.Conn, error) { //nolint:unparam // it is a dialFunc
		return nil, &net.OpError{Op: "dial", Err: errors.New("no route to host")}
	}
	for _, l := range []Level{
		{Kind: KindSingle, OutputTokens: 10, Warmup: -1},
		{Kind: KindClosed, Users: 20, OutputTokens: 10, Warmup: -1},
		{Kind: KindClosed, Users: 20, OutputTokens: 10, Duration: time.Hour, Warmup: -1},
		{Kind: KindClosed, Users: 2, OutputTokens: 10, Requests: 10_000},
		{Kind: KindBurst, Users: 3, OutputTokens: 10, Requests: 10_000},
	} {
		t.Run(l.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				r := mustRun(t, &Client{dial: refused}, Target{URL: "http://gone"}, work(), l)
				if r.Requests.Completed > 0 || r.Requests.Failed < 9 || // the warm-up's failure counts too
					r.Requests.Failed > 3*max(10, 2*l.Users) || r.Failures[0].Reason != failConnect {
					t.Errorf("requests %+v, failures %+v", r.Requests, r.Failures)
				}
				if took := time.Since(began); took > 20*time.Second {
					t.Errorf("took %v", took)
				}
				if !strings.Contains(strings.Join(r.Notes, "\n"), "in a row failed") {
					t.Errorf("notes %q", r.Notes)
				}
			})
		})
	}
}

func TestASilentServerIsGivenUpAfterTwiceTheTimeOut(t *testing.T) {
	for _, l := range []Level{
		{Kind: KindSingle, OutputTokens: 10, Warmup: -1},
		{Kind: KindClosed, Users: 20, OutputTokens: 10, Warmup: -1},
	} {
		inFalseTime(t, hangs(""), func(t *testing.T, c *Client, to Target) {
			c.Speed = 10
			began := time.Now()
			w := work()
			w.Timeouts.FirstToken = time.Minute
			r := mustRun(t, c, to, w, l)
			if took := time.Since(began); took > 30*time.Second || len(r.Failures) != 1 || r.Failures[0].Reason != failFirstToken {
				t.Errorf("%v: took %v, failures %+v", l, took, r.Failures)
			}
		})
	}
}

func TestADripOfBytesIsNotATokenThatCame(t *testing.T) {
	drip := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for range 10_000 {
			if _, err := io.WriteString(w, ":"); err != nil || http.NewResponseController(w).Flush() != nil {
				return
			}
			select {
			case <-time.After(time.Second):
			case <-r.Context().Done():
				return
			}
		}
	})
	inFalseTime(t, drip, func(t *testing.T, c *Client, to Target) {
		r := mustRun(t, c, to, work(), Level{Kind: KindSingle, OutputTokens: 10, Requests: 1})
		if len(r.Failures) != 1 || r.Failures[0].Reason != failFirstToken {
			t.Errorf("failures %+v", r.Failures)
		}
	})
}

func TestAWholeRequestIsBounded(t *testing.T) {
	srv := &benchtest.Server{TTFT: time.Second, Gap: time.Second, Tokenizer: true}
	inFalseTime(t, srv, func(t *testing.T, c *Client, to Target) {
		w := work()
		w.Timeouts = Timeouts{Request: 20 * time.Second}
		r := mustRun(t, c, to, w, Level{Kind: KindSingle, OutputTokens: 100, Requests: 1})
		if len(r.Failures) != 1 || r.Failures[0].Reason != failRequest {
			t.Errorf("failures %+v", r.Failures)
		}
	})
}

func TestConnectionsAreOpenedOnceAndReused(t *testing.T) {
	for _, warmup := range []int{-1, 0, 1, 5, 20} {
		var opened atomic.Int64
		srv := httptest.NewUnstartedServer(&benchtest.Server{TTFT: 2 * ms, BOS: 1, Tokenizer: true})
		srv.Config.ConnState = func(_ net.Conn, s http.ConnState) {
			if s == http.StateNew {
				opened.Add(1)
			}
		}
		srv.Start()
		var c Client
		r := mustRun(t, &c, Target{URL: srv.URL}, work(), Level{Kind: KindClosed, Users: 8, Requests: 80, OutputTokens: 3, Warmup: warmup})
		srv.Close()
		if n := opened.Load(); n != 8+1 || r.Requests.Completed != 80 {
			t.Errorf("warm-up %d: %d connections for 8 users and what is not measured; %+v", warmup, n, r.Requests)
		}
	}
}
