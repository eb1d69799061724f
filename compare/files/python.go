package files

import (
	"bufio"
	"bytes"
	"io"
)

// pythonReader makes JSON of what Python's json module writes for numbers that
// JSON has not: Infinity and NaN become null.
type pythonReader struct {
	in      *bufio.Reader
	out     []byte // ready
	quoted  bool
	escaped bool
	err     error
}

func newPythonReader(r io.Reader) *pythonReader {
	return &pythonReader{in: bufio.NewReaderSize(r, 64<<10)}
}

// pythonNumbers are the words, by their first letter; a minus stands before them
// as before a number, and is taken away with them.
var pythonNumbers = map[byte]string{'I': "Infinity", 'N': "NaN", '-': "-Infinity"}

// Read reads JSON.
func (p *pythonReader) Read(into []byte) (int, error) {
	for len(p.out) == 0 && p.err == nil {
		p.fill()
	}
	if len(p.out) == 0 {
		return 0, p.err
	}
	n := copy(into, p.out)
	p.out = p.out[n:]
	return n, nil
}

// fill makes the next piece ready: up to a word, or what is buffered.
func (p *pythonReader) fill() {
	if _, err := p.in.Peek(1); err != nil {
		p.err = err
		return
	}
	chunk, _ := p.in.Peek(p.in.Buffered()) // no more than what is there
	for i, b := range chunk {
		switch {
		case p.escaped:
			p.escaped = false
		case p.quoted && b == '\\':
			p.escaped = true
		case b == '"':
			p.quoted = !p.quoted
		case !p.quoted && pythonNumbers[b] != "" && i > 0:
			p.take(chunk[:i])
			return
		case !p.quoted && pythonNumbers[b] != "":
			if p.word(pythonNumbers[b]) {
				return
			}
		}
	}
	p.take(chunk)
}

func (p *pythonReader) take(piece []byte) {
	p.out = append(p.out[:0], piece...)
	_, _ = p.in.Discard(len(piece)) // it is in the buffer
}

// word replaces a word that the input is at; false if it is another.
func (p *pythonReader) word(w string) bool {
	head, _ := p.in.Peek(len(w)) // a shorter rest is not the word
	if !bytes.Equal(head, []byte(w)) {
		return false
	}
	p.out = append(p.out[:0], "null"...)
	_, _ = p.in.Discard(len(w))
	return true
}
