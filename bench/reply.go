package bench

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"slices"
)

// The bounds of what a server may send around an answer, in bytes.
const (
	maxHead      = 64 << 10
	maxChunkLine = 4 << 10
	maxDigits    = 15 // of a chunk's length, in hexadecimal
)

var (
	errAgain       = errors.New("nothing more has come yet")
	errHeadTooLong = fmt.Errorf("the answer's head is longer than %d KiB", maxHead>>10)
	errChunk       = errors.New("malformed chunked encoding")
)

// reply reads an HTTP/1.1 answer that is handed to it in pieces, wherever they were
// cut, and never waits: where net/http's reader would, it gives errAgain and goes
// on with the next piece. Heads are parsed by net/http; the body is its own.
type reply struct {
	raw  []byte // what came and was not taken yet; another's buffer
	end  error  // how the connection ended; nil while it is open
	head []byte
	body []byte         // what collect has read
	res  *http.Response // nil until all of its head is there; its Body is empty

	state framing
	left  int64 // bytes of the payload that are still to come
	open  bool  // only the connection's end ends the payload
	width int   // of the line that is being read, in bytes
	extra bool  // the rest of the line is of no interest
}

// framing is what the next byte of a body belongs to.
type framing uint8

const (
	inPayload   framing = iota
	inChunkSize         // the line before a chunk
	inChunkEnd          // the line end behind it
	inTrailer           // the lines behind the last chunk
	inNothing           // the body is over
)

// reset makes r ready for the next answer of its connection, keeping its buffers.
func (r *reply) reset() { *r = reply{head: r.head[:0], body: r.body[:0]} }

// add hands r what was read, or how reading has ended. It is taken before the next.
func (r *reply) add(b []byte, end error) { r.raw, r.end = b, end }

// keeps says whether the connection can be used for another request: all of the answer
// was read, and nothing else came with it.
func (r *reply) keeps() bool {
	return r.res != nil && !r.res.Close && r.state == inNothing && len(r.raw) == 0 && r.end == nil
}

// readHead reads up to the end of the answer's head; errAgain if that did not come yet.
func (r *reply) readHead() error {
	r.head = append(r.head, r.raw...)
	r.raw = nil
	for {
		n := headEnd(r.head)
		switch {
		case n < 0 && r.end == nil && len(r.head) <= maxHead:
			return errAgain
		case n < 0 && len(r.head) == 0:
			return r.end
		case n > maxHead || n < 0 && len(r.head) > maxHead:
			return errHeadTooLong
		case n < 0:
			n = len(r.head) // cut off: net/http says how
		}
		res, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(r.head[:n])), nil)
		if err != nil {
			return fmt.Errorf("reading the answer's head: %w", err)
		}
		_ = res.Body.Close()
		if res.StatusCode/100 == 1 && res.StatusCode != http.StatusSwitchingProtocols {
			r.head = r.head[n:] // the true answer is still to come
			continue
		}
		res.Body = http.NoBody
		r.res, r.raw = res, r.head[n:]
		r.frame()
		return nil
	}
}

// headEnd is where a head ends: behind its first empty line; -1 without one.
func headEnd(b []byte) int {
	for at := 0; ; {
		n := bytes.IndexByte(b[at:], '\n')
		if n < 0 {
			return -1
		}
		at += n + 1
		if rest := bytes.TrimPrefix(b[at:], []byte("\r")); len(rest) > 0 && rest[0] == '\n' {
			return len(b) - len(rest) + 1
		}
	}
}

// frame finds out from the head how long the body is.
func (r *reply) frame() {
	switch {
	case len(r.res.TransferEncoding) > 0: // net/http takes no other than chunked
		r.state = inChunkSize
	case r.res.ContentLength >= 0:
		r.left = r.res.ContentLength
	default:
		r.left, r.open = math.MaxInt64, true
	}
	if r.left == 0 && r.state == inPayload {
		r.state = inNothing
	}
}

// Read gives what came of the body: io.EOF behind its end, errAgain where there is
// nothing yet.
func (r *reply) Read(p []byte) (n int, err error) {
	for n < len(p) && len(r.raw) > 0 && r.state != inNothing {
		if r.state == inPayload {
			n += r.payload(p[n:])
			continue
		}
		c := r.raw[0]
		r.raw = r.raw[1:]
		if err := r.step(c); err != nil {
			return n, err
		}
	}
	switch {
	case n > 0:
		return n, nil
	case r.state == inNothing, r.open && errors.Is(r.end, io.EOF):
		return 0, io.EOF
	case errors.Is(r.end, io.EOF):
		return 0, io.ErrUnexpectedEOF
	case r.end != nil:
		return 0, r.end
	}
	return 0, errAgain
}

// collect reads the body into r.body, up to limit bytes of it; errAgain as long as
// there may be more.
func (r *reply) collect(limit int) error {
	for len(r.body) < limit {
		r.body = slices.Grow(r.body, 512)
		n, err := r.Read(r.body[len(r.body):min(limit, cap(r.body))])
		r.body = r.body[:len(r.body)+n]
		if err != nil {
			return err
		}
	}
	return nil
}

// payload takes bytes of the answer itself.
func (r *reply) payload(p []byte) int {
	n := copy(p, r.raw[:min(int64(len(r.raw)), r.left)])
	r.raw = r.raw[n:]
	if r.open {
		return n
	}
	if r.left -= int64(n); r.left == 0 {
		r.state = inNothing
		if len(r.res.TransferEncoding) > 0 {
			r.state, r.width = inChunkEnd, 0
		}
	}
	return n
}

// step takes a byte of what stands around the chunks.
func (r *reply) step(c byte) error {
	r.width++
	switch r.state {
	case inChunkSize:
		return r.chunkSize(c)
	case inChunkEnd:
		switch {
		case c == '\n':
			r.state, r.width, r.extra = inChunkSize, 0, false
		case c != '\r' || r.width > 1:
			return errChunk
		}
	default:
		return r.trailer(c)
	}
	return nil
}

// chunkSize takes a byte of the line before a chunk: its length, perhaps more.
func (r *reply) chunkSize(c byte) error {
	digit := hexDigit(c)
	switch {
	case c == '\n':
		return r.chunk()
	case r.width > maxChunkLine:
		return errChunk
	case r.extra:
	case digit >= 0 && r.width <= maxDigits:
		r.left = r.left<<4 | int64(digit)
	case r.width > 1 && (c == '\r' || c == ';' || c == ' ' || c == '\t'):
		r.extra = true
	default:
		return errChunk
	}
	return nil
}

// chunk begins the chunk whose length was read.
func (r *reply) chunk() error {
	if r.width == 1 {
		return errChunk
	}
	r.state, r.width, r.extra = inPayload, 0, false
	if r.left == 0 {
		r.state = inTrailer
	}
	return nil
}

// trailer takes a byte of the lines behind the last chunk; an empty one is the end.
func (r *reply) trailer(c byte) error {
	switch {
	case r.width > maxChunkLine:
		return errChunk
	case c == '\n' && !r.extra:
		r.state = inNothing
	case c == '\n':
		r.width, r.extra = 0, false
	case c != '\r':
		r.extra = true
	}
	return nil
}

// hexDigit is the value of a hexadecimal digit, -1 of any other byte.
func hexDigit(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return int(c|0x20-'a') + 10
	}
	return -1
}
