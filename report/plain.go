package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/qtune/qtune/report/chart"
	"github.com/qtune/qtune/report/words"
)

// Plain writes the document as text for a terminal, in its own language.
// Pictures of bars are drawn with blocks; the others are their tables.
func (d *Document) Plain(w io.Writer) error {
	var p plain
	p.line(d.Title, d.Badge)
	p.line(d.Lead)
	p.line("")
	p.wrapped("", d.Headline)
	for _, c := range append([]string{d.Sure, d.Warning}, d.Cautions...) {
		if c != "" {
			p.wrapped("  ", c)
		}
	}
	p.line("")
	for _, f := range d.Figures {
		p.line("  "+words.Pad(f.Label, 24, false), f.Value, strings.TrimSpace(f.Note))
	}
	for _, s := range d.Sections {
		p.line("")
		p.line(s.Title)
		p.line(strings.Repeat("─", words.Columns(s.Title)))
		for i := range s.Blocks {
			p.block(&s.Blocks[i])
		}
	}
	p.line("")
	p.line(d.Generator)
	_, err := io.WriteString(w, printable(p.out.String()))
	return err
}

// plain collects lines.
type plain struct{ out strings.Builder }

func (p *plain) line(parts ...string) {
	var there []string
	for _, w := range parts {
		if w != "" {
			there = append(there, w)
		}
	}
	p.out.WriteString(strings.TrimRight(strings.Join(there, " "), " ") + "\n")
}

// lineWidth is how many columns a paragraph may take.
const lineWidth = 100

// wrapped writes a paragraph behind an indent, which is spaces from the second
// line on.
func (p *plain) wrapped(indent, text string) {
	line, empty := indent, true
	for _, word := range strings.Fields(text) {
		if words.Columns(line)+1+words.Columns(word) > lineWidth && !empty {
			p.line(line)
			line, empty = strings.Repeat(" ", words.Columns(indent)), true
		}
		if !empty {
			line += " "
		}
		line, empty = line+word, false
	}
	p.line(line)
}

func (p *plain) block(b *Block) {
	switch {
	case b.Heading != "":
		p.line("")
		p.line(b.Heading)
	case b.Text != "":
		p.wrapped("", b.Text)
	case b.Code != nil:
		for _, l := range strings.Split(b.Code.Text, "\n") {
			p.line("  " + l)
		}
	case b.Table != nil:
		p.table(b.Table)
	case b.Figure != nil:
		p.figure(b.Figure)
	case b.Fault != nil:
		p.fault(b.Fault)
	}
	for _, l := range b.List {
		p.wrapped("  - ", l)
	}
	for _, f := range b.Facts {
		p.line("  "+words.Pad(f.Name, 24, false), f.Value)
	}
}

func (p *plain) fault(f *Fault) {
	p.line("")
	p.line(f.Title)
	p.wrapped("  ", f.What)
	for _, part := range [][2]string{{f.LineLabel, f.Line}, {f.HintLabel, f.Hint}, {f.TrialsLabel, f.Trials}} {
		if part[1] == "" {
			continue
		}
		p.line("  " + part[0] + ":")
		for _, l := range strings.Split(part[1], "\n") {
			p.line("    " + l)
		}
	}
}

// table writes aligned columns, numbers at the right.
func (p *plain) table(t *Table) {
	p.line("")
	p.line(t.Caption)
	head := TableRow{}
	for _, c := range t.Columns {
		head.Cells = append(head.Cells, Cell{Text: c.Title})
	}
	rows := append([]TableRow{head}, t.Rows...)
	widths := make([]int, len(t.Columns))
	text := func(row, i int) string {
		c := rows[row].Cells[i]
		return strings.TrimSpace(c.Text + " " + c.Small)
	}
	for r := range rows {
		for i := range rows[r].Cells {
			widths[i] = max(widths[i], words.Columns(text(r, i)))
		}
	}
	p.groups(t, widths)
	for r := range rows {
		line := ""
		for i := range rows[r].Cells {
			line += "  " + words.Pad(text(r, i), widths[i], t.Columns[i].Numeric)
		}
		p.line(line)
	}
}

// groups writes the headings that stand above several columns.
func (p *plain) groups(t *Table, widths []int) {
	line, at := "", 0
	for i, c := range t.Columns {
		if c.Group != "" && (i == 0 || c.Group != t.Columns[i-1].Group) {
			line = words.Pad(line, at+2, false) + c.Group
		}
		at += 2 + widths[i]
	}
	if line != "" {
		p.line(line)
	}
}

// barWidth is how many columns the longest bar takes.
const barWidth = 40

// figure draws bars, and writes the table of any other picture.
func (p *plain) figure(f *Figure) {
	bars, ok := f.picture.(chart.Bars)
	if !ok {
		p.table(f.Table)
		return
	}
	p.line("")
	p.line(f.Title)
	most, names := extent(&bars)
	for _, g := range bars.Groups {
		p.line("  " + g.Label)
		for i, v := range g.Values {
			n := 0
			if most > 0 {
				n = int(v.V/most*barWidth + .5)
			}
			p.line(fmt.Sprintf("    %s %s %s", words.Pad(bars.Series[i].Name, names, false), strings.Repeat("█", n), strings.TrimSpace(v.Label+" "+bars.Unit)))
		}
	}
}

// extent is the greatest value and the width of the longest name.
func extent(b *chart.Bars) (most float64, names int) {
	for _, s := range b.Series {
		names = max(names, words.Columns(s.Name))
	}
	for _, g := range b.Groups {
		for _, v := range g.Values {
			most = max(most, v.V)
		}
	}
	return most, names
}
