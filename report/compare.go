package report

import (
	"fmt"
	"math"
	"strconv"

	"github.com/qtune/qtune/bench"
	"github.com/qtune/qtune/profiles"
	"github.com/qtune/qtune/report/chart"
)

// comparison shows the configurations side by side in the form that people know:
// answers by their length, users by their number, changes in percent, bars.
func (b *builder) comparison() Section {
	if len(b.picks) == 0 {
		return Section{}
	}
	s := b.section("comparison")
	ratios := speedUps{}
	for w, workload := range b.picks[0].Result.Workloads {
		single, load := b.levelsOf(w)
		if len(single) > 0 {
			s.Blocks = append(s.Blocks, b.lengths(workload.Workload, single, &ratios)...)
		}
		if len(load) > 0 {
			s.Blocks = append(s.Blocks, b.users(workload.Workload, load, &ratios)...)
		}
	}
	if mean, n := ratios.mean(); n > 1 && len(b.picks) > 1 {
		s.Blocks = append(s.Blocks, Block{Text: b.caption(b.Say("comparison.mean", b.picks[1].Name, fixed(mean, 2), n))})
	}
	return s
}

// speedUps collects how many times faster the second pick is in each row.
type speedUps struct {
	logs float64
	n    int
}

func (s *speedUps) add(now, before *float64, less bool) {
	if now == nil || before == nil || *now <= 0 || *before <= 0 {
		return
	}
	l := math.Log(*now / *before)
	if less {
		l = -l
	}
	s.logs, s.n = s.logs+l, s.n+1
}

// mean is geometric: a factor of two and a factor of a half cancel out.
func (s *speedUps) mean() (float64, int) {
	if s.n == 0 {
		return 0, 0
	}
	return math.Exp(s.logs / float64(s.n)), s.n
}

// levelsOf are the places of a workload's levels, single streams apart.
func (b *builder) levelsOf(workload int) (single, load []profiles.At) {
	for i, l := range b.picks[0].Result.Workloads[workload].Levels {
		at := profiles.At{Workload: workload, Level: i}
		if l.Kind == bench.KindSingle {
			single = append(single, at)
		} else {
			load = append(load, at)
		}
	}
	return single, load
}

// figures are one figure of each pick at a level.
func (b *builder) figures(at profiles.At, metric string) []*float64 {
	values := make([]*float64, len(b.picks))
	for i, p := range b.picks {
		if l := p.Result.Level(at); l != nil {
			if v, ok := l.Metric(metric); ok {
				values[i] = &v
			}
		}
	}
	return values
}

func known(rows ...[]*float64) []float64 {
	var all []float64
	for _, row := range rows {
		for _, v := range row {
			if v != nil {
				all = append(all, *v)
			}
		}
	}
	return all
}

// side writes the columns of one figure: each pick, and its change against the first.
func (b *builder) side(group string, columns []Column) []Column {
	for i, p := range b.picks {
		columns = append(columns, Column{Group: group, Title: p.Name, Numeric: true})
		if i > 0 {
			columns = append(columns, Column{Group: group, Title: b.Say("change"), Numeric: true})
		}
	}
	return columns
}

func sideCells(cells []Cell, q quantity, values []*float64, less bool) []Cell {
	for i, v := range values {
		cells = append(cells, Cell{Text: q.cell(v)})
		if i > 0 {
			cells = append(cells, change(v, values[0], less))
		}
	}
	return cells
}

// lengths compares answers of growing length, one at a time.
func (b *builder) lengths(workload string, levels []profiles.At, ratios *speedUps) []Block {
	rows := make([][]*float64, len(levels))
	for i, at := range levels {
		rows[i] = b.figures(at, "e2e_mean")
	}
	q := quantityOf(known(rows...), bench.UnitMilliseconds)
	t := &Table{Caption: b.caption(b.Say("comparison.lengths", workload)), Columns: b.side(b.Say("comparison.latency", q.unit), []Column{{Title: b.Say("comparison.tokens"), Numeric: true}})}
	bars := chart.Bars{Title: b.caption(b.Say("comparison.lengths.bars", workload)), Unit: q.unit, Series: b.series()}
	for i, at := range levels {
		l := b.picks[0].Result.Level(at)
		name := strconv.Itoa(l.RequestedOutputTokens)
		t.Rows = append(t.Rows, TableRow{Cells: sideCells([]Cell{{Text: name}}, q, rows[i], true)})
		bars.Groups = append(bars.Groups, b.group(b.Say("tokens", l.RequestedOutputTokens), q, at, "e2e_mean"))
		if len(rows[i]) > 1 {
			ratios.add(rows[i][1], rows[i][0], true)
		}
	}
	speeds := b.meanSpeeds(levels)
	speed := quantityOf(known(speeds), bench.UnitTokensPerSecond)
	t.Rows = append(t.Rows, TableRow{Kind: rowTotal, Cells: sideCells([]Cell{{Text: b.Say("comparison.speed")}}, speed, speeds, false)})
	return []Block{{Table: t}, b.barFigure("latency-by-length", workload, bars, q)}
}

// meanSpeeds is each pick's mean of tokens a second over the levels.
func (b *builder) meanSpeeds(levels []profiles.At) []*float64 {
	means := make([]*float64, len(b.picks))
	for i, p := range b.picks {
		sum, n := 0.0, 0
		for _, at := range levels {
			if l := p.Result.Level(at); l != nil {
				sum, n = sum+l.OutputThroughput, n+1
			}
		}
		if n == len(levels) {
			mean := sum / float64(n)
			means[i] = &mean
		}
	}
	return means
}

// users compares what many users get at once.
func (b *builder) users(workload string, levels []profiles.At, ratios *speedUps) []Block {
	var rates, times [][]*float64
	for _, at := range levels {
		rates = append(rates, b.figures(at, "request_throughput"))
		times = append(times, b.figures(at, "e2e_mean"))
	}
	rate, time := quantityOf(known(rates...), bench.UnitRequestsPerSecond), quantityOf(known(times...), bench.UnitMilliseconds)
	columns := b.side(b.Say("comparison.rate", rate.unit), []Column{{Title: b.Say("comparison.load")}})
	t := &Table{Caption: b.caption(b.Say("comparison.users", workload)), Columns: b.side(b.Say("comparison.latency", time.unit), columns)}
	tokens := make([][]*float64, len(levels))
	for i, at := range levels {
		cells := sideCells([]Cell{{Text: b.levelName(at)}}, rate, rates[i], false)
		t.Rows = append(t.Rows, TableRow{Cells: sideCells(cells, time, times[i], true)})
		tokens[i] = b.figures(at, "output_throughput")
		if len(b.picks) > 1 {
			ratios.add(rates[i][1], rates[i][0], false)
			ratios.add(times[i][1], times[i][0], true)
		}
	}
	q := quantityOf(known(tokens...), bench.UnitTokensPerSecond)
	bars := chart.Bars{Title: b.caption(b.Say("comparison.users.bars", workload)), Unit: q.unit, Series: b.series()}
	for _, at := range levels {
		bars.Groups = append(bars.Groups, b.group(b.levelName(at), q, at, "output_throughput"))
	}
	return []Block{{Table: t}, b.barFigure("throughput-by-users", workload, bars, q)}
}

func (b *builder) series() []chart.Series {
	var all []chart.Series
	for _, p := range b.picks {
		all = append(all, chart.Series{Name: p.Name, Tone: p.Tone})
	}
	return all
}

// group is the bars of one level.
func (b *builder) group(name string, q quantity, at profiles.At, metric string) chart.Group {
	g := chart.Group{Label: name}
	for i, v := range b.figures(at, metric) {
		p := b.picks[i]
		if v == nil {
			g.Values = append(g.Values, chart.Value{Missing: true})
			continue
		}
		value := chart.Value{V: *v, Label: q.number(*v), Tip: b.caption(fmt.Sprintf("%s, %s: %s", p.Name, name, q.text(*v)))}
		if in := intervalOf(p.Result.Level(at), metric); in != nil {
			value.Low, value.High = &in[0], &in[1]
			value.Tip += " " + b.Say("interval", q.number(in[0]), q.number(in[1]))
		}
		g.Values = append(g.Values, value)
	}
	return g
}

func intervalOf(l *bench.LevelResult, metric string) *[2]float64 {
	switch metric {
	case "output_throughput":
		return l.ThroughputInterval
	case "e2e_mean":
		return l.E2E.MeanInterval
	case "ttft_mean":
		return l.TTFT.MeanInterval
	}
	return nil
}

// barFigure is a picture of bars with its table.
func (b *builder) barFigure(name, workload string, bars chart.Bars, q quantity) Block {
	t := &Table{Caption: bars.Title, Columns: []Column{{Title: b.Say("comparison.load")}}, Fold: b.Say("data")}
	for _, s := range bars.Series {
		t.Columns = append(t.Columns, Column{Title: s.Name + ", " + q.unit, Numeric: true})
	}
	for _, g := range bars.Groups {
		row := TableRow{Cells: []Cell{{Text: g.Label}}}
		for _, v := range g.Values {
			row.Cells = append(row.Cells, Cell{Text: b.orInterval(v, q)})
		}
		t.Rows = append(t.Rows, row)
	}
	return Block{Figure: &Figure{Name: name + "-" + fileName(workload), Title: bars.Title, picture: bars, Table: t}}
}

func (b *builder) orInterval(v chart.Value, q quantity) string {
	switch {
	case v.Missing:
		return "–"
	case v.Low != nil:
		return v.Label + " " + b.Say("interval", q.number(*v.Low), q.number(*v.High))
	}
	return v.Label
}

// fileName keeps what is safe in the name of a file.
func fileName(s string) string {
	out := []rune(s)
	for i, r := range out {
		if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' {
			out[i] = '-'
		}
	}
	return string(out)
}
