package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/qtune/qtune/bench"
	"github.com/qtune/qtune/profiles"
	"github.com/qtune/qtune/report/chart"
)

// curves shows what latency each throughput costs, from few users to many.
func (b *builder) curves() Section {
	if len(b.picks) == 0 {
		return Section{}
	}
	s := b.section("curves")
	for w, workload := range b.picks[0].Result.Workloads {
		for _, kind := range []bench.Kind{bench.KindClosed, bench.KindBurst, bench.KindOpen} {
			levels := b.levelsOfKind(w, kind)
			if len(levels) < 2 {
				continue
			}
			for _, metric := range []string{"e2e_mean", "ttft_mean"} {
				if f := b.curve(workload.Workload, kind, levels, metric); f != nil {
					s.Blocks = append(s.Blocks, Block{Figure: f})
				}
			}
		}
	}
	return s
}

func (b *builder) levelsOfKind(workload int, kind bench.Kind) []profiles.At {
	var all []profiles.At
	for i, l := range b.picks[0].Result.Workloads[workload].Levels {
		if l.Kind == kind {
			all = append(all, profiles.At{Workload: workload, Level: i})
		}
	}
	slices.SortStableFunc(all, func(x, y profiles.At) int {
		lx, ly := b.picks[0].Result.Level(x), b.picks[0].Result.Level(y)
		if lx.Users != ly.Users {
			return lx.Users - ly.Users
		}
		return int(1e6 * (lx.Rate - ly.Rate))
	})
	return all
}

func (b *builder) curve(workload string, kind bench.Kind, levels []profiles.At, metric string) *Figure {
	var xs, ys [][]*float64
	for _, at := range levels {
		xs, ys = append(xs, b.figures(at, "output_throughput")), append(ys, b.figures(at, metric))
	}
	if len(known(ys...)) == 0 {
		return nil
	}
	x, y := quantityOf(known(xs...), bench.UnitTokensPerSecond), quantityOf(known(ys...), bench.UnitMilliseconds)
	title := capital(b.caption(b.Say("curves.figure", b.metricName(metric), workload, b.Say("kind."+string(kind)))))
	plane := chart.Plane{
		Title: title,
		X:     chart.Axis{Title: b.metricName("output_throughput") + ", " + x.unit, Format: x.tick},
		Y:     chart.Axis{Title: b.metricName(metric) + ", " + y.unit, Format: y.tick},
	}
	t := &Table{Caption: title, Fold: b.Say("data"), Columns: []Column{
		{Title: b.Say("column.configuration")}, {Title: b.Say("comparison.load")},
		{Title: plane.X.Title, Numeric: true}, {Title: b.Say("column.interval"), Numeric: true},
		{Title: plane.Y.Title, Numeric: true}, {Title: b.Say("column.interval"), Numeric: true},
	}}
	for i, p := range b.picks {
		curve := chart.Curve{Series: chart.Series{Name: p.Name, Tone: p.Tone}}
		for j, at := range levels {
			l := p.Result.Level(at)
			if l == nil || ys[j][i] == nil {
				continue
			}
			pt := b.curvePoint(p, l, b.levelName(at), x, y, metric, *ys[j][i])
			if j == len(levels)-1 {
				pt.Label = b.levelName(at)
			}
			curve.Points = append(curve.Points, pt)
			t.Rows = append(t.Rows, TableRow{Cells: []Cell{
				{Text: p.Name}, {Text: b.levelName(at)},
				{Text: x.number(pt.X)}, {Text: span(x, l.ThroughputInterval)}, {Text: y.number(pt.Y)}, {Text: span(y, intervalOf(l, metric))},
			}})
		}
		if len(curve.Points) > 0 {
			plane.Curves = append(plane.Curves, curve)
		}
	}
	return &Figure{Name: fmt.Sprintf("%s-by-throughput-%s-%s", strings.TrimSuffix(metric, "_mean"), kind, fileName(workload)), Title: title, Note: b.curveNote(kind), picture: plane, Table: t}
}

func (b *builder) curveNote(kind bench.Kind) string {
	if kind == bench.KindBurst {
		return b.Say("curves.burst")
	}
	return b.Say("curves.note")
}

func (b *builder) curvePoint(p pick, l *bench.LevelResult, name string, x, y quantity, metric string, value float64) chart.Point {
	pt := chart.Point{X: l.OutputThroughput, Y: value}
	tip := b.caption(fmt.Sprintf("%s, %s: %s", p.Name, name, x.text(pt.X)))
	if in := l.ThroughputInterval; in != nil {
		pt.XLow, pt.XHigh = &in[0], &in[1]
		tip += " " + b.Say("interval", x.number(in[0]), x.number(in[1]))
	}
	tip += ", " + y.text(pt.Y)
	if in := intervalOf(l, metric); in != nil {
		pt.YLow, pt.YHigh = &in[0], &in[1]
		tip += " " + b.Say("interval", y.number(in[0]), y.number(in[1]))
	}
	pt.Tip = tip
	return pt
}

// span writes an interval for a table.
func span(q quantity, in *[2]float64) string {
	if in == nil {
		return "–"
	}
	return q.number(in[0]) + " – " + q.number(in[1])
}
