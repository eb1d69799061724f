package bench

import (
	"bytes"
	"encoding/json"
	"strconv"
)

// scan walks JSON bytes. After the first fault bad is set, and it moves no more.
type scan struct {
	b   []byte
	i   int
	bad bool

	from, to int // the last string with something in it that filled has found
}

func (s *scan) space() {
	for s.i < len(s.b) {
		switch s.b[s.i] {
		case ' ', '\t', '\n', '\r':
			s.i++
		default:
			return
		}
	}
}

// peek gives the first byte of the next value, 0 at the end.
func (s *scan) peek() byte {
	s.space()
	if s.bad || s.i >= len(s.b) {
		s.bad = true
		return 0
	}
	return s.b[s.i]
}

// open enters an object or array, and says whether it has an element.
func (s *scan) open(first, last byte) bool {
	if s.peek() != first {
		s.bad = true
		return false
	}
	s.i++
	if s.peek() == last {
		s.i++
		return false
	}
	return !s.bad
}

// more goes past the comma to the next element, or past the end.
func (s *scan) more(last byte) bool {
	switch s.peek() {
	case ',':
		s.i++
		return true
	case last:
		if !s.bad {
			s.i++
		}
		return false
	}
	s.bad = true
	return false
}

// key reads an object's key and its colon.
func (s *scan) key() []byte {
	if s.peek() != '"' {
		s.bad = true
		return nil
	}
	raw := s.str()
	if s.peek() != ':' {
		s.bad = true
		return nil
	}
	s.i++
	return unescape(raw)
}

// unescape decodes a string that holds escapes, which keys and reasons in
// practice never do; this alone allocates.
func unescape(raw []byte) []byte {
	if bytes.IndexByte(raw, '\\') < 0 {
		return raw
	}
	quoted := append(append([]byte{'"'}, raw...), '"')
	var v string
	if json.Unmarshal(quoted, &v) != nil {
		return raw
	}
	return []byte(v)
}

// str reads a string that begins here and gives what is between its quotes.
func (s *scan) str() []byte {
	from := s.i + 1
	for i := from; i < len(s.b); {
		j := bytes.IndexByte(s.b[i:], '"')
		if j < 0 {
			break
		}
		i += j
		slashes := 0
		for k := i - 1; k >= from && s.b[k] == '\\'; k-- {
			slashes++
		}
		if slashes%2 == 0 {
			s.i = i + 1
			return s.b[from:i]
		}
		i++
	}
	s.bad, s.i = true, len(s.b)
	return nil
}

// text reads a value; where it is a string, its decoded bytes, else nil.
func (s *scan) text() []byte {
	if s.peek() != '"' {
		s.skip()
		return nil
	}
	return unescape(s.str())
}

// filled reads a value and says whether it is a string with something in it.
func (s *scan) filled() bool {
	if s.peek() != '"' {
		s.skip()
		return false
	}
	text := s.str()
	if len(text) == 0 {
		return false
	}
	s.from, s.to = s.i-1-len(text), s.i-1
	return true
}

// filledArray reads a value and says whether it is an array with something in it.
func (s *scan) filledArray() bool {
	if s.peek() != '[' {
		s.skip()
		return false
	}
	at := s.i
	some := s.open('[', ']')
	s.i = at
	s.skip()
	return some
}

// count reads a value; where it is a number that can be one of tokens, that; else -1.
func (s *scan) count() int {
	raw := s.raw()
	if s.bad {
		return -1
	}
	n := 0
	for _, d := range raw {
		if d < '0' || d > '9' || n > maxTokens {
			return oddCount(raw)
		}
		n = n*10 + int(d-'0')
	}
	if n > maxTokens {
		return -1
	}
	return n
}

// oddCount reads a number that is not written as plain digits.
func oddCount(raw []byte) int {
	f, err := strconv.ParseFloat(string(raw), 64)
	if err != nil || !(f >= 0 && f <= maxTokens) {
		return -1
	}
	return int(f)
}

// number reads a value; where it is a number of at least 0, that; else 0.
func (s *scan) number() float64 {
	f, err := strconv.ParseFloat(string(s.raw()), 64)
	if err != nil || !(f >= 0) {
		return 0
	}
	return f
}

// truth reads a value and says whether it is true.
func (s *scan) truth() bool { return string(s.raw()) == "true" }

// raw reads a value and gives its bytes.
func (s *scan) raw() []byte {
	s.space()
	from := s.i
	s.skip()
	if s.bad {
		return nil
	}
	return s.b[from:s.i]
}

// skip goes past one value of any kind.
func (s *scan) skip() {
	switch s.peek() {
	case '"':
		s.str()
	case '{', '[':
		s.nested()
	default:
		s.scalar()
	}
}

func (s *scan) scalar() {
	from := s.i
	for s.i < len(s.b) {
		switch s.b[s.i] {
		case ',', '}', ']', ':', ' ', '\t', '\n', '\r', '"', '{', '[':
			s.bad = s.bad || s.i == from
			return
		}
		s.i++
	}
	s.bad = s.bad || s.i == from
}

func (s *scan) nested() {
	depth := 0
	for s.i < len(s.b) {
		switch s.b[s.i] {
		case '"':
			s.str()
			continue
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		}
		s.i++
		if depth == 0 {
			return
		}
	}
	s.bad = true
}
