package show

import (
	"io"
	"strings"

	"github.com/qtune/qtune/compare"
	"github.com/qtune/qtune/report/words"
)

// Text writes a comparison for a terminal.
func Text(w io.Writer, c *compare.Comparison, o Options) error {
	p := newPage(c, o)
	p.head()
	for i := range c.Levels {
		p.pair(&c.Levels[i])
	}
	p.alone()
	if lines := p.gate(); len(lines) > 0 {
		p.line("")
		for _, l := range lines {
			p.wrapped("", l)
		}
	}
	p.line("")
	p.wrapped("", p.method())
	_, err := io.WriteString(w, p.out.String())
	return err
}

// line writes a line; where force was needed, it says so.
func (p *page) line(text string) {
	if p.o.Forced && !p.c.Comparable() && text != "" {
		text = p.Say("compare.forced") + ": " + text
	}
	p.out.WriteString(strings.TrimRight(printable(text), " ") + "\n")
}

// room is how many columns a line may take.
func (p *page) room() int {
	n := max(p.o.Width, 40)
	if p.o.Forced && !p.c.Comparable() {
		n -= words.Columns(p.Say("compare.forced")) + 2
	}
	return n
}

func (p *page) head() {
	sides := []*compare.Side{p.c.A, p.c.B}
	for i, s := range sides {
		p.wrapped("   ", string(rune('A'+i))+"  "+s.Name)
		p.wrapped("   ", "   "+p.about(s))
	}
	for i, s := range sides {
		for _, n := range s.Notes {
			p.wrapped("   ", string(rune('A'+i))+"  "+n)
		}
	}
	if !p.c.Comparable() {
		p.line("")
		p.wrapped("", p.Say("compare.against"))
		for _, r := range p.c.Reasons {
			p.wrapped("  ", "- "+p.reason(r))
		}
	}
}

// about is where a side comes from.
func (p *page) about(s *compare.Side) string {
	var parts []string
	for _, part := range []string{s.Source, s.Client, s.Model, s.Card} {
		if part != "" && part != s.Name {
			parts = append(parts, part)
		}
	}
	if s.Simulated {
		parts = append(parts, p.Say("simulated"))
	}
	return strings.Join(parts, ", ")
}

// pair writes the figures of one level: a table where it fits, else two lines each.
func (p *page) pair(l *compare.LevelPair) {
	p.line("")
	p.wrapped("", p.level(l.Workload, l.Name)+": "+p.basis(l))
	rows := [][]string{{"", "A", "B", "", p.Say("change"), p.Say("compare.sure"), ""}}
	for _, r := range p.rows(l) {
		a, b, unit := quoted(r)
		rows = append(rows, []string{r.Metric.Name, a, b, unit, p.change(r), p.interval(r), p.verdict(r.Verdict)})
	}
	if mark := p.rowMark(); mark != "" {
		for i := range rows[1:] {
			rows[i+1] = append(rows[i+1], mark)
		}
		rows[0] = append(rows[0], "")
	}
	if lines := aligned(rows); widest(lines) <= p.room() {
		for _, t := range lines {
			p.line(t)
		}
		return
	}
	for _, r := range rows[1:] {
		mark := ""
		if len(r) > 7 {
			mark = ", " + r[7]
		}
		p.line("  " + r[0] + ": " + r[6] + mark)
		p.line("    " + r[1] + " → " + r[2] + " " + r[3] + ", " + r[4] + " (" + r[5] + ")" + mark)
	}
}

// rowMark is what a row says besides what its line does.
func (p *page) rowMark() string {
	if p.c.Simulated() {
		return p.Say("simulated")
	}
	return ""
}

// alone names the levels that only one side has.
func (p *page) alone() {
	for _, s := range []struct {
		side  string
		names []string
	}{{"A", p.c.OnlyA}, {"B", p.c.OnlyB}} {
		if len(s.names) == 0 {
			continue
		}
		var names []string
		for _, n := range s.names {
			n, _ = p.Translate(n)
			names = append(names, n)
		}
		p.line("")
		p.wrapped("", p.Say("compare.only", s.side, strings.Join(names, "; ")))
	}
}

// wrapped breaks a text between words.
func (p *page) wrapped(indent, text string) {
	line := text[:len(text)-len(strings.TrimLeft(text, " "))]
	for i, word := range strings.Split(strings.TrimLeft(text, " "), " ") {
		if i > 0 && words.Columns(line)+1+words.Columns(word) > p.room() {
			p.line(line)
			line = indent + word
			continue
		}
		if i > 0 {
			line += " "
		}
		line += word
	}
	p.line(line)
}

// aligned are the lines of a table: names at the left, numbers at the right.
func aligned(rows [][]string) []string {
	widths := make([]int, len(rows[0]))
	for _, r := range rows {
		for i, c := range r {
			widths[i] = max(widths[i], words.Columns(c))
		}
	}
	var lines []string
	for _, r := range rows {
		line := " "
		for i, c := range r {
			line += " " + words.Pad(c, widths[i], i == 1 || i == 2 || i == 4)
		}
		lines = append(lines, strings.TrimRight(line, " "))
	}
	return lines
}

func widest(lines []string) int {
	n := 0
	for _, l := range lines {
		n = max(n, words.Columns(l))
	}
	return n
}

// printable keeps what a file says from steering the terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
			return -1
		}
		return r
	}, s)
}
