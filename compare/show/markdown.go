package show

import (
	"fmt"
	"io"
	"strings"

	"github.com/qtune/qtune/compare"
)

// Markdown writes a comparison as a comment of a pull request.
func Markdown(w io.Writer, c *compare.Comparison, o Options) error {
	p := newPage(c, o)
	p.says("## %s\n\n", p.marked(p.Say("compare.title", c.A.Name, c.B.Name)))
	for i, s := range []*compare.Side{c.A, c.B} {
		p.says("- **%c** %s\n", 'A'+i, p.marked(s.Name+", "+p.about(s)))
		for _, n := range s.Notes {
			p.says("  - %s\n", p.marked(n))
		}
	}
	if !c.Comparable() {
		p.says("\n> **%s**\n>\n", p.marked(p.Say("compare.against")))
		for _, r := range c.Reasons {
			p.says("> - %s\n", p.marked(p.reason(r)))
		}
	}
	for i := range c.Levels {
		p.markdownLevel(&c.Levels[i])
	}
	p.aloneMarkdown()
	for i, l := range p.gate() {
		if i == 0 {
			p.says("\n")
		}
		p.says("- **%s**\n", p.marked(l))
	}
	p.says("\n%s\n", p.marked(p.method()))
	_, err := io.WriteString(w, p.out.String())
	return err
}

func (p *page) says(format string, args ...any) { fmt.Fprintf(&p.out, format, args...) }

// marked is a text without any markup in it, that says what every line has to.
func (p *page) marked(text string) string {
	text = inline(text)
	if mark := p.marks(); mark != "" {
		text += " (" + mark + ")"
	}
	return text
}

func (p *page) markdownLevel(l *compare.LevelPair) {
	p.says("\n### %s\n\n%s\n\n", p.marked(p.level(l.Workload, l.Name)), p.marked(p.basis(l)))
	p.says("| | A | B | %s | %s | |\n|---|---:|---:|---:|---|---|\n", p.Say("change"), p.Say("compare.sure"))
	for _, r := range p.rows(l) {
		a, b, unit := quoted(r)
		verdict := p.marked(p.verdict(r.Verdict))
		if r.Verdict == compare.Better || r.Verdict == compare.Worse {
			verdict = "**" + verdict + "**"
		}
		p.says("| `%s` | %s %s | %s %s | %s | %s | %s |\n", r.Metric.Name, a, unit, b, unit, p.change(r), p.interval(r), verdict)
	}
}

func (p *page) aloneMarkdown() {
	for _, s := range []struct {
		side  string
		names []string
	}{{"A", p.c.OnlyA}, {"B", p.c.OnlyB}} {
		if len(s.names) > 0 {
			p.says("\n%s\n", p.marked(p.Say("compare.only", s.side, strings.Join(s.names, "; "))))
		}
	}
}

// inline keeps a text from being read as Markdown or HTML.
func inline(s string) string {
	var b strings.Builder
	for _, r := range printable(strings.Join(strings.Fields(s), " ")) {
		if r == '<' {
			b.WriteString("&lt;")
			continue
		}
		if strings.ContainsRune("\\`*_[]>|~@#", r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}
