package engine

import (
	"regexp"
	"slices"
)

const (
	tailLines = 40  // kept, so that some are real among what a crash prints last
	tailShown = 8   // shown where nothing decisive was found
	tailWidth = 800 // bytes kept of each
)

// tail keeps the last lines of a log.
type tail struct {
	kept    [tailLines][]byte
	numbers [tailLines]int
	n       int
}

func (t *tail) add(raw []byte, number int) {
	i := t.n % tailLines
	t.kept[i] = append(t.kept[i][:0], raw[:min(len(raw), tailWidth)]...)
	t.numbers[i] = number
	t.n++
}

// noise is what crashes print after the last line that means something.
var noise = regexp.MustCompile(`^\s*$|^\s*[\^~]+\s*$|^  +File "|^    |^SystemExit|^kill_process_tree called|it/s\]|^Traceback \(most|^  warnings\.warn|resource_tracker: There appear`)

// each calls f with the real lines, the last first, until it says stop.
func (t *tail) each(f func(line string, number int) bool) {
	for back := range min(t.n, tailLines) {
		i := (t.n - 1 - back) % tailLines
		line := clean(string(t.kept[i])).text
		if !noise.MatchString(line) && !f(line, t.numbers[i]) {
			return
		}
	}
}

// last is the last real line and its number.
func (t *tail) last() (text string, number int) {
	t.each(func(line string, n int) bool {
		text, number = show(line), n
		return false
	})
	return text, number
}

// lines are the last real lines, in order.
func (t *tail) lines() []string {
	var lines []string
	t.each(func(line string, _ int) bool {
		lines = append(lines, show(line))
		return len(lines) < tailShown
	})
	slices.Reverse(lines)
	return lines
}
