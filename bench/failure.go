package bench

import (
	"context"
	"errors"
	"io"
	"net"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unicode"
)

// The classes of failed requests. They are few and fixed, so that failures can be
// counted by them; what the server said goes into a failure's detail.
const (
	failFirstToken = "time-out before the first token"
	failBetween    = "time-out between tokens"
	failRequest    = "time-out of the whole request"
	failConnect    = "cannot connect"
	failRefused    = "connection refused"
	failClosed     = "connection closed by the server"
	failNetwork    = "network error"
	failCut        = "stream cut off before its end"
	failEmpty      = "stream without content"
	failMalformed  = "malformed event"
	failTooLong    = "event too long"
	failNotStream  = "answer is not an event stream"
	failCompressed = "compressed answer"
	failTooMuch    = "more events than tokens asked for"
	failEvent      = "error event"
	failAborted    = "aborted by the server"
	failHTTP       = "HTTP " // and the status code
)

// maxDetail is the length of a failure's detail, in bytes.
const maxDetail = 200

// failure is why a request failed.
type failure struct {
	class      string
	detail     string
	retryAfter time.Duration // wall time that the server asked to wait
}

func fail(class, detail string) *failure {
	return &failure{class: class, detail: clean(detail)}
}

// clean makes a server's words safe for one line of a terminal, and short.
func clean(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return ' '
		}
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, s)
	s = strings.Join(strings.Fields(s), " ")
	if len(s) > maxDetail {
		s = strings.ToValidUTF8(s[:maxDetail-3], "") + "..."
	}
	return s
}

// timeout is the cause with which a request that took too long is cancelled.
type timeout struct {
	class string
	limit time.Duration
}

func (t *timeout) Error() string { return t.class + " (" + t.limit.String() + ")" }

// networkFailure names an error of sending a request or reading its answer. It
// gives nil where the request was not at fault: the run itself was interrupted.
func networkFailure(ctx context.Context, err error) *failure {
	if ctx.Err() != nil {
		var late *timeout
		if errors.As(context.Cause(ctx), &late) {
			return fail(late.class, "limit "+late.limit.String())
		}
		return nil
	}
	var op *net.OpError
	switch {
	case errors.Is(err, errEventTooLong):
		return fail(failTooLong, err.Error())
	case errors.Is(err, syscall.ECONNREFUSED):
		return fail(failRefused, err.Error())
	case errors.As(err, &op) && op.Op == "dial":
		return fail(failConnect, err.Error())
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return fail(failClosed, err.Error())
	}
	return fail(failNetwork, err.Error())
}

// statusFailure names an answer that is not 200, quoting some of its body.
func statusFailure(status int, location, retryAfter string, body []byte) *failure {
	detail := errorMessage(body)
	if location != "" {
		detail = "redirected to " + location
	}
	f := fail(failHTTP+strconv.Itoa(status), detail)
	if s, err := strconv.Atoi(retryAfter); err == nil && s > 0 {
		f.retryAfter = time.Duration(min(s, 3600)) * time.Second
	}
	return f
}

// errorMessage finds the message in an error body of any of the engines, else
// gives the body.
func errorMessage(body []byte) string {
	var c chunk
	if c.parse(body) == nil && len(c.message) > 0 {
		return string(c.message)
	}
	return string(body)
}
