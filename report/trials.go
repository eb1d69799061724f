package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/qtune/qtune/bench"
	"github.com/qtune/qtune/tuner"
)

// Of more than mostOpen trials the bestOpen best stand open, and all of them are folded.
const (
	mostOpen = 60
	bestOpen = 20
)

// trials lists every trial, the best first.
func (b *builder) trials() Section {
	if len(b.o.Rows) == 0 {
		return Section{}
	}
	rows := b.ranked()
	metric, _ := b.latencyMetric()
	latencies := map[*tuner.Row]*float64{}
	var values, times []float64
	for _, s := range b.spots(metric) {
		latencies[s.row] = &s.y
		times = append(times, s.y)
	}
	for _, r := range rows {
		if r.Value != nil {
			values = append(values, *r.Value)
		}
	}
	q, lat := quantityOf(values, b.unit), quantityOf(times, bench.UnitMilliseconds)
	twice := metric == b.o.Summary.Objective.Metric // the objective is that latency
	t := &Table{Caption: b.caption(b.Say("trials.caption", len(rows))), Columns: []Column{
		{Title: b.Say("column.trial"), Code: true}, {Title: b.Say("column.configuration")},
		{Title: b.shortMetric(b.o.Summary.Objective.Metric) + ", " + q.unit, Numeric: true}, {Title: b.Say("column.gain"), Numeric: true},
		{Title: b.shortMetric(metric) + ", " + lat.unit, Numeric: true}, {Title: b.Say("column.start"), Numeric: true}, {Title: b.Say("column.remark")},
	}}
	for _, r := range rows {
		row := b.trialRow(r, q, lat.cell(latencies[r]))
		if twice {
			row.Cells = slices.Delete(row.Cells, 4, 5)
		}
		t.Rows = append(t.Rows, row)
	}
	if twice {
		t.Columns = slices.Delete(t.Columns, 4, 5)
	}
	s := b.section("trials", Block{Table: t})
	if len(rows) > mostOpen {
		best := *t
		best.Caption, best.Rows = b.caption(b.Say("trials.best", bestOpen, len(rows))), t.Rows[:bestOpen]
		t.Fold = b.Say("trials.all", len(rows))
		s.Blocks = []Block{{Table: &best}, {Table: t}}
	}
	if list := b.notStarted(); len(list) > 0 {
		s.Blocks = append(s.Blocks, Block{List: list})
	}
	return s
}

func (b *builder) trialRow(r *tuner.Row, q quantity, latency string) TableRow {
	gain := Cell{Text: "–"}
	if r.Gain != nil && !r.Baseline {
		gain = Cell{Text: changeText(*r.Gain), Tone: toneOf(*r.Gain)}
	}
	return TableRow{Kind: rowKind(r), Cells: []Cell{
		{Text: r.Trial}, {Text: r.Engine + " " + r.Name, Small: r.Varies},
		{Text: q.cell(r.Value)}, gain, {Text: latency}, {Text: b.duration(r.StartS)}, {Text: b.remarkOf(r)},
	}}
}

func toneOf(gain float64) Tone {
	switch {
	case gain > 0.0005:
		return Better
	case gain < -0.0005:
		return Worse
	}
	return Plain
}

// ranked are the rows with the best first: allowed ones, then those that broke
// a limit, then those without a value.
func (b *builder) ranked() []*tuner.Row {
	rows := make([]*tuner.Row, len(b.o.Rows))
	for i := range rows {
		rows[i] = &b.o.Rows[i]
	}
	class := func(r *tuner.Row) int {
		switch {
		case r.Value == nil:
			return 2
		case r.Out != "":
			return 1
		}
		return 0
	}
	slices.SortStableFunc(rows, func(x, y *tuner.Row) int {
		if c := cmp.Compare(class(x), class(y)); c != 0 || x.Value == nil {
			return c
		}
		if b.minimize() {
			return cmp.Compare(*x.Value, *y.Value)
		}
		return cmp.Compare(*y.Value, *x.Value)
	})
	return rows
}

func (b *builder) remarkOf(r *tuner.Row) string {
	var parts []string
	if r.Winner {
		parts = append(parts, b.Say("winner"))
	}
	if r.Baseline {
		parts = append(parts, b.Say("baseline"))
	}
	switch {
	case r.Failure != nil:
		parts = append(parts, b.Say("failed")+": "+b.className(string(r.Failure.Class)))
	case r.Out != "":
		parts = append(parts, b.translated(r.Out))
	case r.Screened != "":
		parts = append(parts, b.Say("screened", b.translated(r.Screened)))
	}
	if r.Reused != "" {
		parts = append(parts, b.Say("reused", r.Reused))
	}
	return strings.Join(parts, "; ")
}

// notStarted counts what was planned and never started.
func (b *builder) notStarted() []string {
	var list []string
	for _, p := range b.o.Pruned {
		list = append(list, b.Say("trials.pruned", p.Count, b.translated(p.Reason)))
	}
	return list
}

// failureGroup are trials that failed for one reason.
type failureGroup struct {
	rows []*tuner.Row
}

// failures tells what did not work and what to change, each reason once.
func (b *builder) failures() Section {
	s := b.section("failures")
	for _, g := range b.failureGroups() {
		f := g.rows[0].Failure
		fault := &Fault{
			Title: b.Say("failures.group", b.className(string(f.Class)), len(g.rows)), What: b.aboutClass(string(f.Class)) + b.Say("fault."+string(f.Fault)),
			TrialsLabel: b.Say("failures.trials"), Trials: b.names(g.rows),
		}
		if f.Line != "" {
			fault.LineLabel, fault.Line = b.Say("failures.line"), f.Line
			if f.LineNumber > 0 {
				fault.LineLabel = b.Say("failures.linenumber", f.LineNumber)
			}
		} else if len(f.Tail) > 0 {
			fault.LineLabel, fault.Line = b.Say("failures.tail"), strings.Join(f.Tail, "\n")
		}
		if f.Hint != "" {
			fault.HintLabel, fault.Hint = b.Say("failures.hint"), f.Hint
		}
		s.Blocks = append(s.Blocks, Block{Fault: fault})
	}
	return s
}

// failureGroups puts failures together that have one class and one hint, or,
// without a hint, one line.
func (b *builder) failureGroups() []failureGroup {
	var groups []failureGroup
	at := map[string]int{}
	for i := range b.o.Rows {
		r := &b.o.Rows[i]
		if r.Failure == nil {
			continue
		}
		key := string(r.Failure.Class) + "\x00" + cmp.Or(r.Failure.Hint, r.Failure.Line)
		k, ok := at[key]
		if !ok {
			k = len(groups)
			at[key] = k
			groups = append(groups, failureGroup{})
		}
		groups[k].rows = append(groups[k].rows, r)
	}
	slices.SortStableFunc(groups, func(x, y failureGroup) int { return cmp.Compare(len(y.rows), len(x.rows)) })
	return groups
}

// names lists trials, but not hundreds of them.
func (b *builder) names(rows []*tuner.Row) string {
	const most = 5
	var names []string
	for _, r := range rows[:min(len(rows), most)] {
		name := fmt.Sprintf("%s %s %s", r.Trial, r.Engine, r.Name)
		if r.Varies != "" {
			name += " (" + r.Varies + ")"
		}
		names = append(names, name)
	}
	text := strings.Join(names, "\n")
	if len(rows) > most {
		text += "\n" + b.Say("more", len(rows)-most)
	}
	return text
}

// aboutClass tells what a class of failures is, in a sentence; "" for one that
// has no words yet.
func (b *builder) aboutClass(class string) string {
	if key := "about." + class; b.Has(key) {
		return b.Say(key) + " "
	}
	return ""
}

func (b *builder) className(class string) string {
	if key := "class." + class; b.Has(key) {
		return b.Say(key)
	}
	return class
}
