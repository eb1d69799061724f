package report

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/qtune/qtune/bench"
	"github.com/qtune/qtune/report/chart"
	"github.com/qtune/qtune/tuner"
)

// effects shows what each flag does, whatever the others are.
func (b *builder) effects() Section {
	s := b.section("effects")
	for _, a := range onBoth(b.o, b.results) {
		all := a.effects()
		if f := b.effectFigure(&a, all); f != nil {
			if b.o.Summary.Pair != nil {
				s.Blocks = append(s.Blocks, Block{Text: b.Say("effects.on", b.toldApart(a.figure), a.engine)})
			}
			s.Blocks = append(s.Blocks, Block{List: b.strongest(all)}, Block{Figure: f})
		}
	}
	return s
}

// strongest says each axis in a sentence, the strongest first.
func (b *builder) strongest(all [][]Effect) []string {
	var lines []string
	for _, effects := range all {
		best := pickEffect(effects)
		if best == nil {
			continue
		}
		flag := best.Axis + "=" + best.Value
		reference := effects[slices.IndexFunc(effects, func(e Effect) bool { return e.Reference })].Value
		mean := changeText(*best.Change)
		if best.Interval == nil {
			lines = append(lines, b.caption(b.Say("effects.zero", flag, reference, mean, changeText(*best.Low), changeText(*best.High), best.Pairs)))
			continue
		}
		low, high := changeText(best.Interval[0]), changeText(best.Interval[1])
		switch {
		case best.Pairs == 1:
			lines = append(lines, b.caption(b.Say("effects.single", flag, reference, mean, low, high)))
		case best.clear():
			lines = append(lines, b.caption(b.Say("effects.clear", flag, reference, mean, low, high, best.Pairs)))
		case math.Abs(*best.Change) < tuner.SmallGain:
			lines = append(lines, b.caption(b.Say("effects.none", best.Axis, mean, low, high, best.Pairs)))
		default:
			lines = append(lines, b.caption(b.Say("effects.mixed", flag, reference, mean, low, high, best.Pairs)))
		}
	}
	return lines
}

// pickEffect is the value of an axis that changes most; nil without pairs.
func pickEffect(effects []Effect) *Effect {
	var most *Effect
	for i := range effects {
		e := &effects[i]
		if e.Change != nil && (most == nil || math.Abs(*e.Change) > math.Abs(*most.Change)) {
			most = e
		}
	}
	return most
}

func (b *builder) effectFigure(a *axes, all [][]Effect) *Figure {
	title := b.caption(b.Say("effects.figure", b.toldApart(a.figure), a.engine))
	picture := chart.Effects{Title: title, Unit: b.Say("effects.axis"), Format: func(v float64) string {
		return strings.TrimSuffix(changeText(v), ".0 %") + " %"
	}}
	var means []float64
	for _, effects := range all {
		for _, e := range effects {
			if e.Mean != nil {
				means = append(means, *e.Mean)
			}
		}
	}
	q := quantityOf(means, bench.Unit(a.figure.Unit))
	t := &Table{Caption: title, Fold: b.Say("data"), Columns: []Column{
		{Title: b.Say("column.flag"), Code: true}, {Title: b.Say("column.value"), Code: true},
		{Title: b.Say("column.trials"), Numeric: true}, {Title: b.Say("column.failed"), Numeric: true},
		{Title: b.Say("column.mean", q.unit), Numeric: true}, {Title: b.Say("column.change"), Numeric: true}, {Title: b.Say("column.interval"), Numeric: true}, {Title: b.Say("column.median"), Numeric: true},
		{Title: b.Say("column.range"), Numeric: true}, {Title: b.Say("column.pairs"), Numeric: true},
	}}
	for _, effects := range all {
		drawn := pickEffect(effects) != nil
		for i := range effects {
			e := &effects[i]
			t.Rows = append(t.Rows, effectRow(e, q))
			if drawn && (e.Change != nil || e.Reference) {
				picture.Rows = append(picture.Rows, b.effectMark(e))
			}
		}
	}
	if len(picture.Rows) == 0 {
		return nil
	}
	name := "effects-" + fileName(a.engine)
	if !sameFigure(a.figure, b.o.Summary.Objective) {
		name += "-" + fileName(a.figure.Metric)
		if a.figure.Metric == b.o.Summary.Objective.Metric {
			name += "-" + fileName(a.figure.Workload+" "+a.figure.Level)
		}
	}
	return &Figure{Name: name, Title: title, Note: b.Say("effects.note"), picture: picture, Table: t}
}

// sameFigure says that two are one metric at one load.
func sameFigure(a, b tuner.ObjectiveValue) bool {
	return a.Metric == b.Metric && a.Level == b.Level && a.Workload == b.Workload
}

// toldApart names a figure, with its load where an objective has one metric at two.
func (b *builder) toldApart(f tuner.ObjectiveValue) string {
	name, s := b.metricName(f.Metric), b.o.Summary
	if s.Pair == nil || s.Pair.Second.Metric != s.Objective.Metric {
		return name
	}
	return fmt.Sprintf("%s (%s, %s)", name, f.Workload, b.translated(f.Level))
}

func effectRow(e *Effect, q quantity) TableRow {
	row := TableRow{Cells: []Cell{{Text: e.Axis}, {Text: e.Value}, {Text: fmt.Sprint(e.Trials)}, {Text: fmt.Sprint(e.Failed)}, {Text: q.cell(e.Mean)}}}
	if e.Change == nil {
		none := Cell{Text: "–"}
		return TableRow{Cells: append(row.Cells, none, none, none, none, Cell{Text: fmt.Sprint(e.Pairs)})}
	}
	interval := "–"
	if e.Interval != nil {
		interval = changeText(e.Interval[0]) + " … " + changeText(e.Interval[1])
	}
	row.Cells = append(row.Cells, Cell{Text: changeText(*e.Change)}, Cell{Text: interval},
		Cell{Text: changeText(*e.Median)}, Cell{Text: changeText(*e.Low) + " … " + changeText(*e.High)}, Cell{Text: fmt.Sprint(e.Pairs)})
	return row
}

func (b *builder) effectMark(e *Effect) chart.Effect {
	m := chart.Effect{Group: e.Axis, Label: e.Value, Zero: e.Reference}
	if e.Change == nil {
		m.Note = b.Say("effects.reference")
		m.Tip = e.Axis + "=" + e.Value + ": " + m.Note
		return m
	}
	m.V, m.Low, m.High = *e.Change, *e.Low, *e.High
	m.Text, m.Note = changeText(m.V), b.Say("effects.n", e.Pairs)
	m.Tip = b.caption(fmt.Sprintf("%s=%s: %s (%s … %s), %s", e.Axis, e.Value, m.Text, changeText(m.Low), changeText(m.High), m.Note))
	return m
}
