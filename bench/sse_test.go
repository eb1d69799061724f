package bench

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

// pieces gives its reader's bytes in pieces cut where the cuts say.
type pieces struct {
	rest []byte
	cuts []byte // the length of each piece, by turns; 0 is one byte
	i    int
}

func (p *pieces) Read(b []byte) (int, error) {
	if len(p.rest) == 0 {
		return 0, io.EOF
	}
	n := len(p.rest)
	if len(p.cuts) > 0 {
		n = min(n, max(1, int(p.cuts[p.i%len(p.cuts)])))
		p.i++
	}
	n = copy(b, p.rest[:n])
	p.rest = p.rest[n:]
	return n, nil
}

// events reads a whole stream; an event named error begins with "!".
func events(r io.Reader) ([]string, error) {
	var e eventReader
	e.reset(r, func() time.Duration { return 0 }, false)
	var all []string
	for {
		data, isError, err := e.next()
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return all, err
		}
		mark := ""
		if isError {
			mark = "!"
		}
		all = append(all, mark+string(data))
	}
}

func TestEventReader(t *testing.T) {
	for _, tc := range []struct {
		name, stream string
		want         []string
	}{
		{"events end at blank lines", "data: a\n\ndata: b\n\n", []string{"a", "b"}},
		{"lines end in CR LF", "data: a\r\n\r\ndata: b\r\n\r\n", []string{"a", "b"}},
		{"lines end in CR", "data: a\r\rdata: b\r\r", []string{"a", "b"}},
		{"one blank after the colon is none of the data's", "data:a\n\ndata:  b\n\n", []string{"a", " b"}},
		{"lines of one event are joined", "data: {\ndata: }\n\n", []string{"{\n}"}},
		{"comments and keep-alives are no events", ": ping\n\ndata: a\n: x\n\n:\n\n\n\n", []string{"a"}},
		{"other fields are ignored", "id: 7\nretry: 10\nevent: message\ndata: a\n\ndatax: b\n\n", []string{"a"}},
		{"an error event is marked, and only that", "event: error\ndata: a\n\ndata: b\n\n", []string{"!a", "b"}},
		{"empty data is no event", "data:\n\ndata: \n\n", nil},
		{"the last event may lack its blank line", "data: a\n\ndata: b", []string{"a", "b"}},
		{"a byte order mark is skipped", "\ufeffdata: a\n\n", []string{"a"}},
		{"nothing", "", nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for cuts, r := range map[string]io.Reader{
				"in one piece": strings.NewReader(tc.stream),
				"byte by byte": iotest.OneByteReader(strings.NewReader(tc.stream)),
				"with the end": iotest.DataErrReader(strings.NewReader(tc.stream)),
			} {
				got, err := events(r)
				if err != nil || !slices.Equal(got, tc.want) {
					t.Errorf("%s: got %q, %v, want %q", cuts, got, err, tc.want)
				}
			}
		})
	}
}

func TestEventReaderBoundsALine(t *testing.T) {
	for name, endless := range map[string]string{"one line": "x", "an event of many lines": "data: xxxxxxxxx\n"} {
		var read int
		_, err := events(readerFunc(func(b []byte) (int, error) {
			n := copy(b, strings.Repeat(endless, len(b)/len(endless)+1))
			read += n
			return n, nil
		}))
		if !errors.Is(err, errEventTooLong) || read > 8*maxEvent {
			t.Errorf("%s: %v after %d bytes", name, err, read)
		}
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(b []byte) (int, error) { return f(b) }

func TestEventReaderGivesUpOnAReaderThatGivesNothing(t *testing.T) {
	_, err := events(readerFunc(func([]byte) (int, error) { return 0, nil }))
	if !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("got %v", err)
	}
}

func TestEventReaderAllocatesNothingPerEvent(t *testing.T) {
	stream := bytes.Repeat([]byte("data: {\"choices\":[{\"text\":\" a\"}]}\n\n"), 1000)
	var e eventReader
	var c chunk
	r := bytes.NewReader(stream)
	now := func() time.Duration { return 0 }
	n := testing.AllocsPerRun(10, func() {
		r.Reset(stream)
		e.reset(r, now, false)
		for {
			data, _, err := e.next()
			if err != nil {
				return
			}
			_ = c.parse(data)
		}
	})
	if n > 1 {
		t.Errorf("%v allocations for 1000 events", n)
	}
}

func FuzzEventReader(f *testing.F) {
	f.Add([]byte("data: a\r\n\r\n: c\ndata: b\ndata: c\n\nevent: error\ndata: x\n\n"), []byte{1, 2, 3})
	f.Add([]byte("\ufeffdata: a\rdata\n\r\ndata:b"), []byte{0})
	f.Fuzz(func(t *testing.T, stream, cuts []byte) {
		whole, err := events(bytes.NewReader(stream))
		for _, cut := range [][]byte{cuts, {1}} {
			split, splitErr := events(&pieces{rest: stream, cuts: cut})
			if !slices.Equal(whole, split) || !errors.Is(splitErr, err) {
				t.Errorf("in one piece %q, %v; cut by %v %q, %v", whole, err, cut, split, splitErr)
			}
		}
	})
}

// Lines that are events are the same however the stream was cut.
func TestLinesAreTheSameHoweverTheyAreCut(t *testing.T) {
	const stream = "{\"response\":\"a\"}\n\r\n{\"response\":\"b\"}\r\n{\"done\":true}"
	for cut := range len(stream) {
		var e eventReader
		e.reset(io.MultiReader(strings.NewReader(stream[:cut]), strings.NewReader(stream[cut:])), func() time.Duration { return 0 }, true)
		var got []string
		for {
			line, _, err := e.next()
			if err != nil {
				break
			}
			got = append(got, string(line))
		}
		if strings.Join(got, "|") != `{"response":"a"}|{"response":"b"}|{"done":true}` {
			t.Errorf("cut at %d: %q", cut, got)
		}
	}
}
