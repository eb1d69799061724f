package report

import (
	"fmt"

	"github.com/qtune/qtune/bench"
	"github.com/qtune/qtune/profiles"
	"github.com/qtune/qtune/tuner"
)

// second says of an objective of two what the winner's other figure is, and what both
// together gain; "" where there is one figure.
func (b *builder) second() string {
	s := &b.o.Summary
	p := s.Pair
	if p == nil || p.Second.Value == nil {
		return ""
	}
	metric, value, level := b.metricName(p.Second.Metric), b.caption(one(*p.Second.Value, bench.Unit(p.Second.Unit))), b.translated(p.Second.Level)
	if p.Gain.Value == nil || s.KeptBaseline {
		return b.Say("pair.value", metric, value, level)
	}
	text := b.Say("pair.second", metric, value, level, b.gainBetween(p.Gain))
	if p.Both != nil && p.Both.Value != nil {
		text += " " + b.Say("pair.both", b.gainBetween(*p.Both))
	}
	return text
}

// gainBetween says a gain with its interval, where it has one.
func (b *builder) gainBetween(g tuner.Gain) string {
	text := b.gain(*g.Value)
	switch i := g.Interval; {
	case i == nil:
		return text
	case *g.Value >= 1:
		return text + " " + b.Say("interval.times", fixed(1+i[0], 2), fixed(1+i[1], 2))
	default:
		return text + " " + b.Say("interval", changeText(i[0]), changeText(i[1]))
	}
}

// picked says by what one is picked of two figures.
func (b *builder) picked() string {
	s := &b.o.Summary
	first, second := b.metricName(s.Objective.Metric), b.metricName(s.Pair.Second.Metric)
	if s.Pair.Pick == profiles.PickConstraint {
		return b.Say("pair.constraint", first, second)
	}
	return b.Say("pair.knee", first, second)
}

// pair shows the front of an objective of two figures, and how one was picked of it.
func (b *builder) pair() Section {
	s := &b.o.Summary
	if s.Pair == nil {
		return Section{}
	}
	section := Section{ID: "pair", Title: b.Say("pair.title"), Lead: b.picked()}
	if text := b.second(); text != "" {
		section.Blocks = append(section.Blocks, Block{Text: text})
	}
	if len(s.Pair.Front) == 0 {
		return section
	}
	rows := map[string]*tuner.Row{}
	for i := range b.o.Rows {
		rows[b.o.Rows[i].Trial] = &b.o.Rows[i]
	}
	var firsts, seconds []float64
	for _, p := range s.Pair.Front {
		firsts, seconds = append(firsts, p.First), append(seconds, p.Second)
	}
	q, r := quantityOf(firsts, b.unit), quantityOf(seconds, bench.Unit(s.Pair.Second.Unit))
	t := &Table{Caption: b.caption(b.Say("pair.table")), Note: b.Say("pair.note"), Columns: []Column{
		{Title: b.Say("column.trial"), Code: true}, {Title: b.Say("column.configuration")},
		{Title: b.shortMetric(s.Objective.Metric) + ", " + q.unit, Numeric: true}, {Title: b.shortMetric(s.Pair.Second.Metric) + ", " + r.unit, Numeric: true},
		{Title: b.Say("column.remark")},
	}}
	for _, p := range s.Pair.Front {
		row := rows[p.Trial]
		if row == nil {
			continue
		}
		t.Rows = append(t.Rows, TableRow{Kind: rowKind(row), Cells: []Cell{
			{Text: p.Trial}, {Text: row.Engine + " " + row.Name, Small: row.Varies}, {Text: q.number(p.First)}, {Text: r.number(p.Second)}, {Text: b.remarkOf(row)},
		}})
	}
	section.Blocks = append(section.Blocks, Block{Table: t})
	return section
}

// pairFigures are the gains of both figures among the few that stand out.
func (b *builder) pairFigures() []KeyFigure {
	s := &b.o.Summary
	all := []KeyFigure{{b.Say("pair.key", b.shortMetric(s.Objective.Metric)), changeText(*s.Gain), b.caption("")}}
	if g := s.Pair.Gain.Value; g != nil {
		all = append(all, KeyFigure{b.Say("pair.key", b.shortMetric(s.Pair.Second.Metric)), changeText(*g), b.caption("")})
	}
	return all
}

// secondColumns adds the second figure and its gain to the finish's table.
func (b *builder) secondColumns(t *Table, f *tuner.Finish) {
	s := b.o.Summary.Pair
	if s == nil {
		return
	}
	var values []float64
	for i := range f.Rows {
		if r := f.Rows[i].Second; r != nil && r.Value != nil {
			values = append(values, *r.Value)
		}
	}
	q := quantityOf(values, bench.Unit(s.Second.Unit))
	last := len(t.Columns) - 1
	more := []Column{{Title: b.shortMetric(s.Second.Metric) + ", " + q.unit, Numeric: true}, {Title: b.Say("column.gain"), Numeric: true}, {Title: b.Say("finish.interval"), Numeric: true}}
	if s.Both != nil {
		more = append(more, Column{Title: b.Say("pair.column.both"), Numeric: true}, Column{Title: b.Say("finish.interval"), Numeric: true})
	}
	t.Columns = append(append(t.Columns[:last:last], more...), t.Columns[last])
	for i := range f.Rows {
		r, cells := &f.Rows[i], t.Rows[i].Cells
		var second []Cell
		if r.Second == nil {
			second = []Cell{{Text: "–"}, {Text: "–"}, {Text: "–"}}
		} else {
			second = append([]Cell{{Text: q.cell(r.Second.Value)}}, gainCells(&r.Second.Gain)...)
		}
		if s.Both != nil {
			second = append(second, gainCells(r.Both)...)
		}
		t.Rows[i].Cells = append(append(cells[:last:last], second...), cells[last])
	}
}

// gainCells are a gain and its interval.
func gainCells(g *tuner.Gain) []Cell {
	if g == nil || g.Value == nil {
		return []Cell{{Text: "–"}, {Text: "–"}}
	}
	return []Cell{{Text: changeText(*g.Value)}, {Text: gainInterval(g)}}
}

func gainInterval(g *tuner.Gain) string {
	if g == nil || g.Interval == nil {
		return ""
	}
	return changeText(g.Interval[0]) + " … " + changeText(g.Interval[1])
}

// pair is the same for the text that apply prints.
func (p *printer) pair(s *tuner.Summary) {
	if s.Pair == nil || s.Pair.Second.Value == nil {
		return
	}
	o := s.Pair.Second
	p.printf("  %s %s at %s%s%s\n", o.Metric, tuner.Figure(*o.Value, bench.Unit(o.Unit)), o.Level, gainWords(s, &s.Pair.Gain, ": ", " than the baseline"), tag(s))
	switch {
	case s.Pair.Pick == profiles.PickConstraint:
		p.printf("  picked: the most of the first that keeps the constraint on the second, of %s\n", onFront(s.Pair))
	default:
		p.printf("  picked: the knee, where a percent of the one costs a percent of the other, of %s%s%s\n", onFront(s.Pair),
			gainWords(s, s.Pair.Both, "; both together, by the geometric mean of their gains: ", ""), tag(s))
	}
}

func onFront(p *tuner.Pair) string {
	if len(p.Front) == 1 {
		return "1 trial that no other one beats in both"
	}
	return fmt.Sprintf("%d trials that no other one beats in both", len(p.Front))
}

// gainWords says a gain of a run that did not keep the baseline, with what is around it.
func gainWords(s *tuner.Summary, g *tuner.Gain, before, after string) string {
	if g == nil || g.Value == nil || s.KeptBaseline {
		return ""
	}
	text := before + Change(*g.Value)
	if g.Interval != nil {
		text += " (95 % interval " + gainInterval(g) + ")"
	}
	return text + after
}
