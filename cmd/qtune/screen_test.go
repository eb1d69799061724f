package main

import (
	"strconv"
	"strings"
	"testing"
)

// screen is as much of a terminal as the live view needs: it takes what a program
// writes, and knows what stands where. Lines above its top are kept.
type screen struct {
	t       *testing.T
	columns int
	rows    int
	reflows bool
	lines   []screenLine
	row     int // of the cursor, in lines
	column  int
	blanked int // how often something that could be seen was erased outside of an update
	inside  bool
}

// screenLine is a row; goesOn says that the next one is its rest.
type screenLine struct {
	text   []rune
	goesOn bool
}

func newScreen(t *testing.T, columns, rows int, reflows bool) *screen {
	return &screen{t: t, columns: columns, rows: rows, reflows: reflows, lines: make([]screenLine, 1)}
}

// Write implements io.Writer.
func (s *screen) Write(p []byte) (int, error) {
	text := []rune(string(p))
	for i := 0; i < len(text); i++ {
		switch r := text[i]; r {
		case '\r':
			s.column = 0
		case '\n':
			s.down(false)
		case 0x1b:
			i += s.control(text[i:])
		default:
			s.put(r)
		}
	}
	return len(p), nil
}

func (s *screen) down(goesOn bool) {
	s.lines[s.row].goesOn = goesOn
	s.row, s.column = s.row+1, 0
	if s.row == len(s.lines) {
		s.lines = append(s.lines, screenLine{})
	}
}

func (s *screen) put(r rune) {
	if s.column == s.columns {
		s.down(true)
	}
	l := &s.lines[s.row]
	for len(l.text) <= s.column {
		l.text = append(l.text, ' ')
	}
	l.text[s.column] = r
	s.column++
}

// control does a control sequence, and says how many runes it has behind the first.
func (s *screen) control(text []rune) int {
	end := 2
	for end < len(text) && (text[end] < '@' || text[end] > '~') {
		end++
	}
	argument := string(text[2:end])
	switch text[end] {
	case 'A':
		n, _ := strconv.Atoi(argument)
		top := max(0, len(s.lines)-s.rows)
		s.row = max(s.row-n, top)
	case 'K':
		s.erase(false)
	case 'J':
		s.erase(true)
	case 'h', 'l':
		s.inside = text[end] == 'h'
	case 'm':
	default:
		s.t.Errorf("a sequence that this terminal does not know: %q", string(text[:end+1]))
	}
	return end
}

func (s *screen) erase(below bool) {
	l := &s.lines[s.row]
	if len(l.text) > s.column {
		if !s.inside {
			s.blanked++
		}
		l.text = l.text[:s.column]
	}
	if below {
		s.lines = s.lines[:s.row+1]
	}
}

// resize changes the width as terminals do that break lines anew, or as those that cut
// them.
func (s *screen) resize(columns int) {
	s.columns = columns
	if !s.reflows {
		for i := range s.lines {
			s.lines[i].text = s.lines[i].text[:min(len(s.lines[i].text), columns)]
		}
		return
	}
	var all []screenLine
	for _, l := range s.lines {
		for len(l.text) > columns {
			all = append(all, screenLine{l.text[:columns:columns], true})
			l.text = l.text[columns:]
		}
		all = append(all, l)
	}
	s.lines, s.row = all, len(all)-1
}

// String is all that was ever on it, without blank ends.
func (s *screen) String() string {
	var all []string
	for _, l := range s.lines {
		all = append(all, strings.TrimRight(string(l.text), " "))
	}
	return strings.TrimRight(strings.Join(all, "\n"), "\n")
}
