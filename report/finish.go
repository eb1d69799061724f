package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/qtune/qtune/bench"
	"github.com/qtune/qtune/tuner"
)

// finish shows what measuring the best few again has given.
func (b *builder) finish() Section {
	f := b.o.Summary.Finish
	if f == nil {
		return Section{}
	}
	var values []float64
	for i := range f.Rows {
		for _, v := range f.Rows[i].Values {
			if v != nil {
				values = append(values, *v)
			}
		}
	}
	q := quantityOf(values, b.unit)
	t := &Table{Caption: b.caption(b.Say("finish.caption", f.Starts)), Columns: []Column{
		{Title: b.Say("column.configuration")}, {Title: b.Say("finish.starts", q.unit), Numeric: true}, {Title: b.Say("finish.mean", q.unit), Numeric: true},
		{Title: b.Say("column.gain"), Numeric: true}, {Title: b.Say("finish.interval"), Numeric: true}, {Title: b.Say("column.remark")},
	}}
	for i := range f.Rows {
		t.Rows = append(t.Rows, b.finishRow(&f.Rows[i], q))
	}
	b.secondColumns(t, f)
	s := b.section("finish", Block{Table: t})
	switch {
	case f.Failed != "":
		s.Blocks = append(s.Blocks, Block{Text: b.Say("finish.failed", b.translated(f.Failed))})
	case f.StartSD > 0:
		s.Blocks = append(s.Blocks, Block{Text: b.Say("finish.sd", fixed(100*f.StartSD, 1))})
	}
	return s
}

func (b *builder) finishRow(r *tuner.FinishRow, q quantity) TableRow {
	row := TableRow{Cells: []Cell{
		{Text: r.Engine + " " + r.Name, Small: r.Varies}, {Text: startsText(r, q)}, {Text: q.cell(r.Value)}, {Text: "–"}, {Text: "–"}, {Text: b.finishRemark(r)},
	}}
	switch {
	case r.Winner:
		row.Kind = rowWinner
	case r.Baseline:
		row.Kind = rowBaseline
	case r.Out != "":
		row.Kind = rowOut
	}
	if r.Gain != nil {
		row.Cells[3] = Cell{Text: changeText(*r.Gain)}
		if r.Better {
			row.Cells[3].Tone = toneOf(*r.Gain)
		}
		row.Cells[4] = Cell{Text: changeText(*r.Low) + " … " + changeText(*r.High)}
	}
	return row
}

func startsText(r *tuner.FinishRow, q quantity) string {
	var all []string
	for _, v := range r.Values {
		all = append(all, q.cell(v))
	}
	return strings.Join(all, "  ")
}

func (b *builder) finishRemark(r *tuner.FinishRow) string {
	var parts []string
	if r.Winner {
		parts = append(parts, b.Say("winner"))
	}
	switch {
	case r.Baseline:
		parts = append(parts, b.Say("baseline"))
	case r.Out != "":
	case r.Gain != nil && !r.Better:
		parts = append(parts, b.Say("finish.nobetter"))
	}
	if r.Out != "" {
		parts = append(parts, b.translated(r.Out))
	} else if r.Tied && !r.Winner && !r.Baseline && r.Better {
		parts = append(parts, b.Say("finish.tied"))
	}
	return strings.Join(parts, "; ")
}

// finish is the same for the text that apply prints.
func (p *printer) finish(o *tuner.Outcome) {
	f := o.Summary.Finish
	if f == nil {
		return
	}
	unit := bench.Unit(o.Summary.Objective.Unit)
	starts := fmt.Sprintf("%d fresh starts", f.Starts)
	if f.Starts == 1 {
		starts = "1 fresh start"
	}
	p.printf("\nFinish: %s of each, with new requests, in mixed order%s\n", starts, tag(&o.Summary))
	p.table(func(row func(...string)) {
		head := []string{"", "configuration", "trial", o.Summary.Objective.Metric, "gain", "95 % interval", ""}
		if pair := o.Summary.Pair; pair != nil {
			head = slices.Insert(head, 6, pair.Second.Metric, "gain", "95 % interval")
		}
		row(head...)
		for i := range f.Rows {
			r := &f.Rows[i]
			value, gain, interval := "–", "", ""
			if r.Value != nil {
				value = tuner.Figure(*r.Value, unit)
			}
			if r.Gain != nil {
				gain, interval = changeText(*r.Gain), changeText(*r.Low)+" … "+changeText(*r.High)
			}
			cells := []string{mark(r.Baseline, r.Winner), r.Engine + " " + r.Name, r.Trial, value, gain, interval, finishWord(r)}
			if o.Summary.Pair != nil {
				cells = slices.Insert(cells, 6, secondTexts(r, bench.Unit(o.Summary.Pair.Second.Unit))...)
			}
			row(cells...)
		}
	})
	if f.Failed != "" {
		p.printf("  it could not decide: %s\n", f.Failed)
	}
}

// secondTexts are the second figure of an objective of two, its gain and the interval.
func secondTexts(r *tuner.FinishRow, unit bench.Unit) []string {
	texts := []string{"–", "", ""}
	if r.Second == nil {
		return texts
	}
	if r.Second.Value != nil {
		texts[0] = tuner.Figure(*r.Second.Value, unit)
	}
	if g := &r.Second.Gain; g.Value != nil {
		texts[1], texts[2] = changeText(*g.Value), gainInterval(g)
	}
	return texts
}

func finishWord(r *tuner.FinishRow) string {
	switch {
	case r.Out != "":
		return r.Out
	case r.Winner:
		return "winner"
	case r.Baseline:
		return "baseline"
	case r.Gain != nil && !r.Better:
		return "no better than the baseline, as far as can be told"
	case r.Tied:
		return "as good as the winner, but less simple"
	}
	return ""
}
