package bench

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
)

// inPieces reads an answer cut as pieces cuts it, to its connection's end. A status
// of 0 is no answer.
func inPieces(p *pieces) (status int, body []byte, err error) {
	var r reply
	piece := make([]byte, 64<<10)
	for {
		n, end := p.Read(piece)
		r.add(piece[:n], end)
		if r.res == nil {
			if err := r.readHead(); errors.Is(err, errAgain) {
				continue
			} else if err != nil {
				return 0, nil, err
			}
		}
		for err = error(nil); err == nil; {
			var b [16]byte
			n, err = r.Read(b[:])
			body = append(body, b[:n]...)
		}
		switch {
		case errors.Is(err, io.EOF):
			return r.res.StatusCode, body, nil
		case !errors.Is(err, errAgain):
			return r.res.StatusCode, body, err
		}
	}
}

func TestReply(t *testing.T) {
	const head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
	for _, tc := range []struct {
		name, answer string
		body         string
		err          error // nil: any
		fails        bool
	}{
		{"chunks", head + "3\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n", "abc0123456789", nil, false},
		{"extensions and trailers are passed over", head + "3;x=y\r\nabc\r\n0\r\nT: 1\r\nU: 2\r\n\r\n", "abc", nil, false},
		{"line ends without CR", head + "3\nabc\n0\n\n", "abc", nil, false},
		{"no body", "HTTP/1.1 204 No Content\r\n\r\n", "", nil, false},
		{"a length", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcdef", "abc", nil, false},
		{"until the end", "HTTP/1.1 200 OK\r\n\r\nabcdef", "abcdef", nil, false},
		{"a head before the head", "HTTP/1.1 100 Continue\r\n\r\n" + head + "1\r\na\r\n0\r\n\r\n", "a", nil, false},
		{"nothing", "", "", io.EOF, true},
		{"cut off in the head", "HTTP/1.1 200 OK\r\nConte", "", nil, true},
		{"no HTTP", "SSH-2.0-OpenSSH_9.6\r\n\r\n", "", nil, true},
		{"cut off in a chunk", head + "3\r\nab", "ab", io.ErrUnexpectedEOF, true},
		{"cut off between chunks", head + "3\r\nabc\r\n", "abc", io.ErrUnexpectedEOF, true},
		{"cut off before a length", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab", "ab", io.ErrUnexpectedEOF, true},
		{"a length that is no number", head + "3\r\nabc\r\nxyz\r\n", "abc", errChunk, true},
		{"a length that is empty", head + "\r\nabc", "", errChunk, true},
		{"a length beyond all measure", head + "1000000000000000\r\nabc", "", errChunk, true},
		{"a chunk that is longer than it says", head + "3\r\nabcd\r\n", "abc", errChunk, true},
		{"an extension without an end", head + "3;" + strings.Repeat("x", maxChunkLine+1), "", errChunk, true},
		{"a trailer without an end", head + "0\r\n" + strings.Repeat("x", maxChunkLine+1), "", errChunk, true},
		{"a head without an end", "HTTP/1.1 200 OK\r\nA: " + strings.Repeat("x", maxHead+1), "", errHeadTooLong, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for _, cuts := range [][]byte{nil, {0}, {3, 1, 7}} {
				_, body, err := inPieces(&pieces{rest: []byte(tc.answer), cuts: cuts})
				if string(body) != tc.body || (err != nil) != tc.fails || tc.err != nil && !errors.Is(err, tc.err) {
					t.Errorf("cut by %v: %q, %v, want %q, %v", cuts, body, err, tc.body, tc.err)
				}
			}
		})
	}
}

func TestReplySaysWhetherItsConnectionCanBeUsedAgain(t *testing.T) {
	const chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
	for answer, want := range map[string]bool{
		chunked + "\r\n1\r\na\r\n0\r\n\r\n":                      true,
		chunked + "Connection: close\r\n\r\n1\r\na\r\n0\r\n\r\n": false,
		chunked + "\r\n1\r\na\r\n0\r\n\r\nmore":                  false,
		chunked + "\r\n1\r\na\r\n":                               false,
		"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n":           false,
		"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n":           true,
	} {
		var r reply
		r.add([]byte(answer), nil)
		if err := r.readHead(); err != nil {
			t.Fatal(err)
		}
		_ = r.collect(1 << 10)
		if r.keeps() != want {
			t.Errorf("%q: %v", answer, r.keeps())
		}
	}
}

// What net/http understands is understood as it does, however it was cut.
func FuzzReply(f *testing.F) {
	f.Add([]byte("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x\r\nabc\r\n0\r\nA: b\r\n\r\n"), []byte{1, 2})
	f.Add([]byte("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 429 Slow\r\nContent-Length: 2\r\n\r\nno"), []byte{5})
	f.Add([]byte("HTTP/1.0 200 OK\n\ndata: a\n\n"), []byte{0})
	f.Fuzz(func(t *testing.T, answer, cuts []byte) {
		status, body, err := inPieces(&pieces{rest: bytes.Clone(answer), cuts: cuts})
		whole, wholeBody, wholeErr := inPieces(&pieces{rest: bytes.Clone(answer)})
		if !bytes.Equal(body, wholeBody) || (err == nil) != (wholeErr == nil) || status != whole {
			t.Fatalf("cut by %v: %q, %v; in one piece %q, %v", cuts, body, err, wholeBody, wholeErr)
		}
		its, want, ok := asNetHTTP(answer)
		if ok && (err != nil || status != its || !bytes.Equal(body, want)) {
			t.Errorf("got %q, %v; net/http %d, %q", body, err, its, want)
		}
	})
}

// asNetHTTP reads an answer with net/http; not ok where that fails.
func asNetHTTP(answer []byte) (status int, body []byte, ok bool) {
	r := bufio.NewReader(bytes.NewReader(answer))
	for {
		res, err := http.ReadResponse(r, nil)
		if err != nil {
			return 0, nil, false
		}
		if res.StatusCode/100 == 1 && res.StatusCode != http.StatusSwitchingProtocols {
			continue
		}
		body, err = io.ReadAll(res.Body)
		_ = res.Body.Close()
		return res.StatusCode, body, err == nil
	}
}
