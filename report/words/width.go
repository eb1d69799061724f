package words

import "strings"

// Columns is how many columns of a terminal a text takes: letters of East Asia
// take two.
func Columns(s string) int {
	n := 0
	for _, r := range s {
		n++
		if r >= 0x1100 && r <= 0x115f || r >= 0x2e80 && r <= 0xa4cf || r >= 0xac00 && r <= 0xd7a3 || r >= 0xf900 && r <= 0xfaff || r >= 0xfe30 && r <= 0xfe6f || r >= 0xff00 && r <= 0xff60 {
			n++
		}
	}
	return n
}

// Pad fills a text up to a number of columns, at its left for numbers.
func Pad(s string, n int, left bool) string {
	fill := strings.Repeat(" ", max(0, n-Columns(s)))
	if left {
		return fill + s
	}
	return s + fill
}
