package report

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/qtune/qtune/report/chart"
	"github.com/qtune/qtune/tuner"
)

// heat shows, for each engine block, the best value at each place of the two
// settings that matter most.
func (b *builder) heat() Section {
	s := b.section("heat")
	for _, a := range axesOf(b.o, b.results) {
		if f := b.firstHeat(&a); f != nil {
			s.Blocks = append(s.Blocks, Block{Figure: f})
		}
	}
	return s
}

// mostSteps is how many values an axis of a heat map may have.
const mostSteps = 12

// firstHeat is the map of the two strongest axes that fill one.
func (b *builder) firstHeat(a *axes) *Figure {
	order := a.byStrength()
	for j := 1; j < len(order); j++ {
		for i := range j {
			x, y := order[i], order[j]
			if len(a.values(y)) > len(a.values(x)) {
				x, y = y, x // the longer one across
			}
			if f := b.heatFigure(a, x, y); f != nil {
				return f
			}
		}
	}
	return nil
}

// byStrength are the axes, the strongest first.
func (a *axes) byStrength() []int {
	order, strengths := make([]int, len(a.names)), make([]float64, len(a.names))
	for i := range order {
		order[i], strengths[i] = i, strength(a.effectsOf(i))
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(strengths[j], strengths[i]) })
	return order
}

// place is what was measured at one place of a heat map.
type place struct {
	best   *tuner.Row
	trials int
	failed int
}

func (b *builder) places(a *axes, x, y int) map[[2]string]*place {
	all := map[[2]string]*place{}
	for _, s := range a.settings {
		key := [2]string{s.values[x], s.values[y]}
		p := all[key]
		if p == nil {
			p = &place{}
			all[key] = p
		}
		switch {
		case s.row.Value == nil:
			p.failed++
			continue
		case p.best == nil || b.better(*s.row.Value, *p.best.Value):
			p.best = s.row
		}
		p.trials++
	}
	return all
}

func (b *builder) heatFigure(a *axes, x, y int) *Figure {
	xs, ys := a.values(x), a.values(y)
	places := b.places(a, x, y)
	if len(xs) > mostSteps || len(ys) > mostSteps || len(places) < 4 {
		return nil
	}
	low, high := math.Inf(1), math.Inf(-1)
	var values []float64
	for _, p := range places {
		if p.best != nil {
			values = append(values, *p.best.Value)
			low, high = math.Min(low, *p.best.Value), math.Max(high, *p.best.Value)
		}
	}
	if !(high > low) {
		return nil
	}
	q := quantityOf(values, b.unit)
	title := capital(b.caption(b.Say("heat.figure", b.metricName(b.o.Summary.Objective.Metric), a.engine)))
	picture := chart.Heat{Title: title, XName: a.names[x], YName: a.names[y], XLabels: xs, YLabels: ys, Low: q.number(low), High: q.text(high), ScaleLabel: b.heatScale()}
	t := &Table{Caption: title, Fold: b.Say("data"), Columns: []Column{{Title: a.names[y] + " \\ " + a.names[x], Code: true}}}
	for _, v := range xs {
		t.Columns = append(t.Columns, Column{Title: v, Numeric: true})
	}
	for _, yv := range ys {
		row, cells := TableRow{Cells: []Cell{{Text: yv}}}, []chart.Cell(nil)
		for _, xv := range xs {
			c := b.heatCell(places[[2]string{xv, yv}], q, low, high)
			c.Tip = fmt.Sprintf("%s=%s, %s=%s: %s", a.names[x], xv, a.names[y], yv, c.Tip)
			cells, row.Cells = append(cells, c), append(row.Cells, Cell{Text: c.Label})
		}
		t.Rows, picture.Cells = append(t.Rows, row), append(picture.Cells, cells)
	}
	note := b.Say("heat.note")
	if len(a.names) > 2 {
		note = b.Say("heat.best")
	}
	return &Figure{Name: "heat-" + fileName(a.engine), Title: title, Note: note, picture: picture, Table: t}
}

func (b *builder) heatScale() string {
	if b.minimize() {
		return b.Say("heat.lower")
	}
	return ""
}

func (b *builder) heatCell(p *place, q quantity, low, high float64) chart.Cell {
	switch {
	case p == nil:
		return chart.Cell{Empty: true, Label: "–", Tip: b.Say("heat.untried")}
	case p.best == nil:
		return chart.Cell{Empty: true, Label: b.Say("failed"), Tip: b.Say("heat.failed", p.failed)}
	}
	v := *p.best.Value
	c := chart.Cell{Share: (v - low) / (high - low), Label: q.number(v), Pick: p.best.Winner}
	if b.minimize() {
		c.Share = 1 - c.Share
	}
	c.Tip = b.caption(b.Say("heat.tip", q.text(v), p.trials, p.failed))
	return c
}
