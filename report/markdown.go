package report

import (
	"fmt"
	"io"
	"strings"
)

// Markdown writes the document in the form that GitHub and GitLab show in a
// pull request: pictures are their tables, folded.
func (d *Document) Markdown(w io.Writer) error {
	m := &markdown{}
	m.head(d)
	for _, s := range d.Sections {
		m.printf("\n## %s\n", inlineText(s.Title))
		if s.Lead != "" {
			m.printf("\n%s\n", inlineText(s.Lead))
		}
		for i := range s.Blocks {
			m.block(&s.Blocks[i])
		}
	}
	m.printf("\n---\n\n%s\n", inlineText(d.Generator))
	_, err := io.WriteString(w, printable(m.out.String()))
	return err
}

// markdown collects a document.
type markdown struct{ out strings.Builder }

func (m *markdown) printf(format string, args ...any) { fmt.Fprintf(&m.out, format, args...) }

func (m *markdown) head(d *Document) {
	m.printf("# %s", inlineText(d.Title))
	if d.Badge != "" {
		m.printf(" (%s)", d.Badge)
	}
	m.printf("\n\n%s\n\n**%s**\n", inlineText(d.Lead), inlineText(d.Headline))
	if d.Sure != "" {
		m.printf("\n%s\n", inlineText(d.Sure))
	}
	for _, c := range append([]string{d.Warning}, d.Cautions...) {
		if c != "" {
			m.printf("\n> %s\n", inlineText(c))
		}
	}
	m.printf("\n")
	for _, f := range d.Figures {
		m.printf("- %s: **%s**", inlineText(f.Label), inlineText(f.Value))
		if f.Note != "" {
			m.printf(", %s", inlineText(strings.TrimSpace(f.Note)))
		}
		m.printf("\n")
	}
}

func (m *markdown) block(b *Block) {
	switch {
	case b.Heading != "":
		m.printf("\n### %s\n", inlineText(b.Heading))
	case b.Text != "":
		m.printf("\n%s\n", inlineText(b.Text))
	case len(b.List) > 0:
		m.printf("\n")
		for _, l := range b.List {
			m.printf("- %s\n", inlineText(l))
		}
	case b.Code != nil:
		m.code(b.Code)
	case b.Table != nil:
		m.table(b.Table)
	case b.Figure != nil:
		m.table(b.Figure.Table)
		if b.Figure.Note != "" {
			m.printf("\n%s\n", inlineText(b.Figure.Note))
		}
	case len(b.Facts) > 0:
		m.printf("\n")
		for _, f := range b.Facts {
			m.printf("- %s: %s\n", inlineText(f.Name), inlineText(f.Value))
		}
	case b.Fault != nil:
		m.fault(b.Fault)
	}
}

func (m *markdown) code(c *Code) {
	if c.Fold {
		m.printf("\n<details><summary>%s</summary>\n", inlineText(c.Label))
	}
	m.fenced(c.Text)
	if c.Fold {
		m.printf("\n</details>\n")
	}
}

// fenced writes a code block whose fence the text cannot close.
func (m *markdown) fenced(text string) {
	fence := "```"
	for strings.Contains(text, fence) {
		fence += "`"
	}
	m.printf("\n%s\n%s\n%s\n", fence, strings.TrimRight(text, "\n"), fence)
}

func (m *markdown) table(t *Table) {
	if t.Fold != "" {
		m.printf("\n<details><summary>%s</summary>\n", inlineText(t.Caption))
	} else {
		m.printf("\n**%s**\n", inlineText(t.Caption))
	}
	m.printf("\n|")
	for _, c := range t.Columns {
		title := c.Title
		if c.Group != "" {
			title = c.Group + ": " + title
		}
		m.printf(" %s |", cellText(title))
	}
	m.printf("\n|")
	for _, c := range t.Columns {
		if c.Numeric {
			m.printf("---:|")
		} else {
			m.printf("---|")
		}
	}
	m.printf("\n")
	for _, r := range t.Rows {
		m.row(r)
	}
	if t.Fold != "" {
		m.printf("\n</details>\n")
	}
}

func (m *markdown) row(r TableRow) {
	m.printf("|")
	for _, c := range r.Cells {
		text := cellText(strings.TrimSpace(c.Text + " " + c.Small))
		if r.Kind == rowWinner && text != "" {
			text = "**" + text + "**"
		}
		m.printf(" %s |", text)
	}
	m.printf("\n")
}

func (m *markdown) fault(f *Fault) {
	m.printf("\n### %s\n\n%s\n", inlineText(f.Title), inlineText(f.What))
	if f.Line != "" {
		m.printf("\n%s:\n", inlineText(f.LineLabel))
		m.fenced(f.Line)
	}
	if f.Hint != "" {
		m.printf("\n%s: **%s**\n", inlineText(f.HintLabel), inlineText(f.Hint))
	}
	m.printf("\n%s:\n\n", inlineText(f.TrialsLabel))
	for _, t := range strings.Split(f.Trials, "\n") {
		m.printf("- %s\n", inlineText(t))
	}
}

// inlineText keeps a text from being read as Markdown or HTML.
func inlineText(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	var b strings.Builder
	for i, r := range s {
		switch {
		case strings.ContainsRune("\\`*_[]<>|~", r), r == '#' && i == 0, strings.ContainsRune("@", r):
			if r == '<' {
				b.WriteString("&lt;")
				continue
			}
			b.WriteByte('\\')
		case r < ' ':
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

func cellText(s string) string { return inlineText(s) }
