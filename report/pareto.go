package report

import (
	"cmp"
	"slices"
	"strings"

	"github.com/qtune/qtune/bench"
	"github.com/qtune/qtune/report/chart"
	"github.com/qtune/qtune/tuner"
)

// spot is a trial as a place between throughput and latency.
type spot struct {
	row  *tuner.Row
	x, y float64
}

// pareto shows every trial between throughput and latency where the objective
// is, and those that no other trial beats in both.
func (b *builder) pareto() Section {
	metric, limit := b.latencyMetric()
	spots := b.spots(metric)
	if len(spots) < 3 {
		return Section{}
	}
	var xs, ys []float64
	for _, s := range spots {
		xs, ys = append(xs, s.x), append(ys, s.y)
	}
	x, y := quantityOf(xs, bench.UnitTokensPerSecond), quantityOf(ys, bench.UnitMilliseconds)
	title := capital(b.caption(b.Say("pareto.figure", b.metricName(metric), b.translated(b.o.Summary.Objective.Level))))
	plane := chart.Plane{
		Title: title, Limit: limit, Word: b.Say("pareto.limit"),
		X: chart.Axis{Title: b.metricName("output_throughput") + ", " + x.unit, Format: x.tick},
		Y: chart.Axis{Title: b.metricName(metric) + ", " + y.unit, Format: y.tick},
	}
	front := paretoFront(spots)
	on := map[*tuner.Row]bool{}
	for _, s := range front {
		on[s.row] = true
		plane.Front = append(plane.Front, chart.Point{X: s.x, Y: s.y})
	}
	for _, s := range spots {
		plane.Points = append(plane.Points, b.spotPoint(s, x, y, on[s.row]))
	}
	b.legendOf(&plane, spots)
	t := b.frontTable(front, x, y, plane.X.Title, plane.Y.Title)
	fig := &Figure{Name: "pareto", Title: title, Note: b.Say("pareto.note"), picture: plane, Table: t}
	return b.section("pareto", Block{Figure: fig})
}

// latencyMetric is the latency that the run cares about: the one that it limits
// where the objective is, else the mean of whole answers; with its limit.
func (b *builder) latencyMetric() (string, *float64) {
	if p := b.o.Summary.Pair; p != nil && p.Second.Unit == string(bench.UnitMilliseconds) && p.Second.Level == b.o.Summary.Objective.Level && p.Second.Workload == b.o.Summary.Objective.Workload {
		return p.Second.Metric, b.limitOf(p.Second.Metric)
	}
	if p := b.run.Profile; p != nil {
		for _, c := range p.Constraints {
			if c.At == p.Objective.At && c.Max != nil && c.Metric.Unit == bench.UnitMilliseconds {
				return c.Metric.Name, c.Max
			}
		}
	}
	goal := b.o.Summary.Objective.Metric
	if m, ok := bench.LookupMetric(goal); ok && m.Unit == bench.UnitMilliseconds {
		return goal, nil
	}
	return "e2e_mean", nil
}

// limitOf is the most that a metric may be where the objective is; nil if nothing bounds it.
func (b *builder) limitOf(metric string) *float64 {
	if p := b.run.Profile; p != nil {
		for _, c := range p.Constraints {
			if c.At == p.Objective.At && c.Max != nil && c.Metric.Name == metric {
				return c.Max
			}
		}
	}
	return nil
}

func (b *builder) spots(metric string) []spot {
	var all []spot
	for i := range b.o.Rows {
		row := &b.o.Rows[i]
		r := b.results[row.Trial]
		if r == nil {
			continue
		}
		l := b.goalLevel(r)
		if l == nil {
			continue
		}
		if v, ok := l.Metric(metric); ok {
			all = append(all, spot{row, l.OutputThroughput, v})
		}
	}
	return all
}

// paretoFront are the allowed spots that no other one beats in both, by
// growing throughput.
func paretoFront(spots []spot) []spot {
	var allowed, front []spot
	for _, s := range spots {
		if s.row.Out == "" {
			allowed = append(allowed, s)
		}
	}
	slices.SortStableFunc(allowed, func(a, b spot) int { return cmp.Or(cmp.Compare(b.x, a.x), cmp.Compare(a.y, b.y)) })
	for _, s := range allowed {
		if len(front) == 0 || s.y < front[len(front)-1].y {
			front = append(front, s)
		}
	}
	slices.Reverse(front)
	return front
}

func (b *builder) spotPoint(s spot, x, y quantity, front bool) chart.Point {
	tone := b.tones[s.row.Engine+" "+s.row.Name]
	p := chart.Point{X: s.x, Y: s.y, Tone: tone, Hollow: s.row.Out != "", Faint: !front}
	switch {
	case s.row.Winner:
		p.Tone, p.Ring, p.Label, p.Faint = chart.Winner, true, b.Say("pareto.pick"), false
	case s.row.Baseline:
		p.Tone, p.Label, p.Faint = chart.Baseline, b.Say("baseline"), false
	}
	tip := []string{s.row.Trial + " " + s.row.Engine + " " + s.row.Name}
	if s.row.Varies != "" {
		tip = append(tip, s.row.Varies)
	}
	tip = append(tip, b.caption(x.text(s.x)+", "+y.text(s.y)))
	if s.row.Out != "" {
		tip = append(tip, b.translated(s.row.Out))
	}
	p.Tip = strings.Join(tip, "\n")
	return p
}

// legendOf names the tones that the picture has.
func (b *builder) legendOf(p *chart.Plane, spots []spot) {
	seen := map[chart.Tone]bool{}
	for i, s := range spots {
		tone := p.Points[i].Tone
		if seen[tone] || tone == chart.Baseline || tone == chart.Winner {
			continue
		}
		seen[tone] = true
		p.Legend = append(p.Legend, chart.Series{Name: s.row.Engine + " " + s.row.Name, Tone: tone})
	}
}

func (b *builder) frontTable(front []spot, x, y quantity, xTitle, yTitle string) *Table {
	t := &Table{Caption: b.caption(b.Say("pareto.table")), Fold: b.Say("data"), Note: b.Say("pareto.rest"), Columns: []Column{
		{Title: b.Say("column.trial"), Code: true}, {Title: b.Say("column.configuration")},
		{Title: xTitle, Numeric: true}, {Title: yTitle, Numeric: true},
	}}
	for _, s := range front {
		t.Rows = append(t.Rows, TableRow{Kind: rowKind(s.row), Cells: []Cell{
			{Text: s.row.Trial}, {Text: s.row.Engine + " " + s.row.Name, Small: s.row.Varies}, {Text: x.number(s.x)}, {Text: y.number(s.y)},
		}})
	}
	return t
}

func rowKind(r *tuner.Row) string {
	switch {
	case r.Winner:
		return rowWinner
	case r.Baseline:
		return rowBaseline
	case r.Out != "":
		return rowOut
	}
	return ""
}
