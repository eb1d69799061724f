package report

import (
	"fmt"
	"slices"

	"github.com/qtune/qtune/bench"
	"github.com/qtune/qtune/catalog"
	"github.com/qtune/qtune/tuner"
)

// ceilingLine says in English how near the winner came to what its card can do;
// "" where nobody looked.
func ceilingLine(s *tuner.Summary) string {
	c := s.Ceiling
	switch {
	case c == nil:
		return ""
	case c.Unknown != "":
		return "the card's ceiling is not known: " + c.Unknown
	case c.Winner == nil:
		return ""
	}
	line := fmt.Sprintf("%s %% of the %s that %s can do with %s there", reached(c.Winner.Share), tuner.Figure(c.Winner.AtLoad, bench.UnitTokensPerSecond), c.Card, c.Model)
	if c.Baseline != nil && !s.KeptBaseline {
		line += fmt.Sprintf(", where the baseline reaches %s %%", reached(c.Baseline.Share))
	}
	return line + tag(s)
}

// mostAbove is how many trials with impossible figures are told one by one.
const mostAbove = 2

// impossible lists what is above the card's ceiling; more is the sentence, with a
// place for their number, for those beyond the first.
func impossible(s *tuner.Summary, more string) []string {
	if s.Ceiling == nil {
		return nil
	}
	list := slices.Clone(s.Ceiling.Above[:min(len(s.Ceiling.Above), mostAbove)])
	if rest := len(s.Ceiling.Above) - len(list); rest > 0 {
		list = append(list, fmt.Sprintf(more, rest))
	}
	return list
}

// reached writes a share of a ceiling as a number of percent.
func reached(f float64) string {
	if f < 0.1 {
		return fixed(100*f, 1)
	}
	return fixed(100*f, 0)
}

// ceiling shows how near the run came to what its card can do with its model.
func (b *builder) ceiling() Section {
	c := b.o.Summary.Ceiling
	switch {
	case c == nil:
		return Section{}
	case c.Unknown != "":
		return b.section("ceiling", Block{Text: b.Say("ceiling.unknown", b.translated(c.Unknown))})
	}
	s := b.section("ceiling")
	if t := b.reaches(c); len(t.Rows) > 0 {
		s.Blocks = append(s.Blocks, Block{Table: t}, Block{Text: b.Say("ceiling.how", c.Card)})
	}
	return s
}

func (b *builder) reaches(c *tuner.Ceiling) *Table {
	t := &Table{Caption: b.caption(b.Say("ceiling.caption", c.Model, c.Card, b.translated(b.o.Summary.Objective.Level))), Columns: []Column{
		{Title: b.Say("column.configuration")}, {Title: b.Say("ceiling.reached"), Numeric: true}, {Title: b.Say("ceiling.atload"), Numeric: true},
		{Title: b.Say("ceiling.share"), Numeric: true}, {Title: b.Say("ceiling.bound")}, {Title: b.Say("ceiling.alone"), Numeric: true},
	}}
	add := func(kind string, choice *tuner.Choice, r *tuner.Reach) {
		if choice == nil || r == nil {
			return
		}
		q := quantityOf([]float64{r.Tokens, r.AtLoad, r.Alone}, bench.UnitTokensPerSecond)
		t.Rows = append(t.Rows, TableRow{Kind: kind, Cells: []Cell{
			{Text: choice.Engine + " " + choice.Name}, {Text: q.number(r.Tokens)}, {Text: q.number(r.AtLoad)}, {Text: reached(r.Share) + " %"},
			{Text: b.bound(r.Bound)}, {Text: q.number(r.Alone)},
		}})
	}
	s := &b.o.Summary
	add(rowWinner, s.Winner, c.Winner)
	if !s.KeptBaseline {
		add(rowBaseline, s.Baseline, c.Baseline)
	}
	return t
}

func (b *builder) bound(by catalog.Bound) string {
	if by == catalog.ByFLOPS {
		return b.Say("ceiling.flops")
	}
	return b.Say("ceiling.bandwidth")
}

// ceilingFigure is the winner's share of the ceiling among the figures that stand out.
func (b *builder) ceilingFigure() (KeyFigure, bool) {
	c := b.o.Summary.Ceiling
	if c == nil || c.Winner == nil {
		return KeyFigure{}, false
	}
	note := b.Say("key.ceiling.note", one(c.Winner.AtLoad, bench.UnitTokensPerSecond), b.bound(c.Winner.Bound))
	return KeyFigure{b.Say("key.ceiling"), reached(c.Winner.Share) + " %", b.caption(note)}, true
}
