package main

import (
	"fmt"

	"github.com/qtune/qtune/tuner"
)

// searchLine says how trials are chosen: "auto chooses among 2,592 candidates, at most 40 trials".
func searchLine(s *tuner.Search) string {
	about := ""
	if !s.Exact {
		about = "about "
	}
	line := fmt.Sprintf("%s chooses among %s%s candidates", s.Strategy, about, manyText(s.Candidates))
	if s.Most == 0 {
		line += ", until nothing promises to be better"
	} else {
		line += fmt.Sprintf(", at most %s", plural(s.Most, "trial"))
	}
	if s.Earlier > 0 {
		line += fmt.Sprintf("; the search starts from %s of earlier runs", plural(s.Earlier, "trial"))
	}
	return line
}

// manyText writes a number of things, with an exponent where its digits would say nothing.
func manyText(n float64) string {
	if n >= 1e9 {
		return fmt.Sprintf("%.1e", n)
	}
	return grouped(n)
}

// grouped writes a whole number with commas: 10,000.
func grouped(n float64) string {
	s := fmt.Sprintf("%.0f", n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
