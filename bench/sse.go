package bench

import (
	"bytes"
	"errors"
	"io"
	"time"
)

// The bounds of an event stream: no line, and no event of several lines, may be
// longer, so that a server cannot make the client allocate without end.
const (
	firstBuffer = 8 << 10
	maxEvent    = 1 << 20
)

var (
	errEventTooLong = errors.New("line or event longer than 1 MiB")
	bom             = []byte("\ufeff")
	dataField       = []byte("data:")
)

// eventReader reads server-sent events as the HTML standard defines them. It
// gives only data, in buffers that it reuses: it allocates nothing per event,
// and a byte is looked at a fixed number of times however the stream was cut.
type eventReader struct {
	src io.Reader
	now func() time.Duration

	at    time.Duration // when the last bytes were read
	reads int           // how many reads brought bytes
	bytes int           // how many bytes came
	lines bool          // every line is an event

	buf     []byte
	r, w    int // unread bytes are buf[r:w]
	scanned int // of those, how many are known to hold no line end
	err     error

	data       []byte
	begun      bool // the stream's first line has been seen
	have       bool // data holds at least one data line
	skipLF     bool // the last line ended in CR: a LF that follows belongs to it
	errorEvent bool // the event is named "error"
	unfinished bool // the last event had no blank line behind it
}

// reset makes r ready for another stream, keeping its buffers. With lines each
// line that is not blank is an event, as Ollama sends them.
func (e *eventReader) reset(src io.Reader, now func() time.Duration, lines bool) {
	buf, data := e.buf, e.data[:0]
	if cap(buf) == 0 || cap(buf) > 64<<10 {
		buf = make([]byte, firstBuffer)
	}
	if cap(data) > 64<<10 {
		data = nil
	}
	*e = eventReader{src: src, now: now, buf: buf, data: data, lines: lines}
}

// next gives the data of the next event, valid until the next call, and whether
// the event was named "error". An event that the end of the stream cut off
// before its blank line is given too, since servers leave it out. Where src says
// errAgain, so does next, and goes on from there when it is called again.
func (e *eventReader) next() (data []byte, isError bool, err error) {
	for {
		line, ok := e.line()
		if !ok {
			if err := e.fill(); err != nil {
				return e.last(err)
			}
			continue
		}
		switch {
		case len(line) > 0 && e.lines:
			return line, false, nil
		case len(line) > 0:
			if err := e.field(line); err != nil {
				return nil, false, err
			}
			continue
		}
		if data, isError, ok := e.dispatch(); ok {
			return data, isError, nil
		}
	}
}

// dispatch ends an event; one without data is none.
func (e *eventReader) dispatch() (data []byte, isError, ok bool) {
	isError, ok = e.errorEvent, e.have && len(e.data) > 0
	e.errorEvent, e.have = false, false
	return e.data, isError, ok
}

// last treats what is unread when the stream has ended as its last line.
func (e *eventReader) last(err error) ([]byte, bool, error) {
	if !errors.Is(err, io.EOF) {
		return nil, false, err
	}
	if e.r < e.w {
		line := e.buf[e.r:e.w]
		e.r, e.scanned = e.w, 0
		if e.lines {
			e.unfinished = true
			return line, false, nil
		}
		if err := e.field(line); err != nil {
			return nil, false, err
		}
	}
	e.unfinished = e.have
	if data, isError, ok := e.dispatch(); ok {
		return data, isError, nil
	}
	return nil, false, err
}

// line cuts the next whole line, without its end (LF, CR or both), off the buffer.
func (e *eventReader) line() ([]byte, bool) {
	if e.skipLF && e.r < e.w {
		e.skipLF = false
		if e.buf[e.r] == '\n' {
			e.r++
		}
	}
	rest := e.buf[e.r+e.scanned : e.w]
	end := bytes.IndexByte(rest, '\n')
	if end >= 0 {
		rest = rest[:end]
	}
	if cr := bytes.IndexByte(rest, '\r'); cr >= 0 {
		e.skipLF = true
		end = cr
	}
	if end < 0 {
		e.scanned = e.w - e.r
		return nil, false
	}
	from, to := e.r, e.r+e.scanned+end
	e.r, e.scanned = to+1, 0
	return e.buf[from:to], true
}

// field takes one line of an event.
func (e *eventReader) field(line []byte) error {
	if !e.begun {
		e.begun = true
		line = bytes.TrimPrefix(line, bom)
	}
	value, isData := bytes.CutPrefix(line, dataField)
	if !isData {
		if string(line) == "event: error" || string(line) == "event:error" {
			e.errorEvent = true
		}
		return nil
	}
	if len(value) > 0 && value[0] == ' ' {
		value = value[1:]
	}
	if !e.have {
		e.have, e.data = true, e.data[:0]
	} else {
		e.data = append(e.data, '\n')
	}
	if len(e.data)+len(value) > maxEvent {
		return errEventTooLong
	}
	e.data = append(e.data, value...)
	return nil
}

// fill reads more bytes, and stamps when they came.
func (e *eventReader) fill() error {
	if e.err != nil {
		return e.err
	}
	if err := e.room(); err != nil {
		return err
	}
	for range 100 {
		n, err := e.src.Read(e.buf[e.w:])
		e.w += n
		if !errors.Is(err, errAgain) {
			e.err = err
		}
		if n > 0 {
			e.at = e.now()
			e.reads++
			e.bytes += n
			return nil
		}
		if err != nil {
			return err
		}
	}
	return io.ErrNoProgress
}

// room makes space behind the unread bytes.
func (e *eventReader) room() error {
	switch {
	case e.r == e.w:
		e.r, e.w = 0, 0
	case e.w < len(e.buf):
	case e.r > 0:
		e.w = copy(e.buf, e.buf[e.r:e.w])
		e.r = 0
	case len(e.buf) >= maxEvent:
		return errEventTooLong
	default:
		e.buf = append(e.buf, make([]byte, len(e.buf))...)
	}
	return nil
}
