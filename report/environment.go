package report

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/qtune/qtune/bench"
	"github.com/qtune/qtune/tuner"
)

// environment is what somebody needs to do it again.
func (b *builder) environment() Section {
	h, s := &b.run.Header, &b.o.Summary
	var facts []Fact
	add := func(key, value string) {
		if value != "" {
			facts = append(facts, Fact{b.Say("env." + key), value})
		}
	}
	add("run", s.Run)
	add("folder", s.Folder)
	add("qtune", h.Qtune)
	add("host", h.Host)
	add("started", stamp(b.run))
	if s.Simulated {
		add("card", b.caption(s.Card))
		add("speed", "×"+strconv.FormatFloat(max(h.Speed, 1), 'g', -1, 64))
	}
	add("model", b.model())
	add("seed", b.seeds())
	blocks := []Block{{Facts: facts}}
	if t := b.engines(); len(t.Rows) > 0 {
		blocks = append(blocks, Block{Table: t})
	}
	return b.section("environment", blocks...)
}

func stamp(run *tuner.PastRun) string {
	if run.Started.IsZero() {
		return ""
	}
	return run.Started.UTC().Format("2006-01-02 15:04:05") + " – " + run.Ended.UTC().Format("15:04:05 UTC")
}

func (b *builder) model() string {
	if p := b.run.Profile; p != nil {
		parts := []string{p.Model.ID}
		if p.Model.Revision != "" {
			parts = append(parts, p.Model.Revision)
		}
		if p.Model.Path != "" {
			parts = append(parts, p.Model.Path)
		}
		return strings.TrimSpace(strings.Join(parts, " "))
	}
	for i := range b.run.Results {
		if m := b.run.Results[i].Facts.ModelName; m != "" {
			return m
		}
	}
	return ""
}

// seeds are the workloads', from which every request follows.
func (b *builder) seeds() string {
	if b.run.Profile == nil {
		return ""
	}
	var all []string
	for _, w := range b.run.Profile.Workloads {
		all = append(all, fmt.Sprintf("%s %d", w.Name, w.Seed))
	}
	return strings.Join(all, ", ")
}

// engines says what each engine block started, as the engines themselves told it.
func (b *builder) engines() *Table {
	t := &Table{Caption: b.caption(b.Say("env.engines")), Columns: []Column{
		{Title: b.Say("env.engine")}, {Title: b.Say("env.version")}, {Title: b.Say("env.image"), Code: true}, {Title: b.Say("env.digest"), Code: true}, {Title: b.Say("env.kv"), Numeric: true},
	}}
	at := map[string]int{}
	for i := range b.run.Results {
		r := &b.run.Results[i]
		if r.Status != tuner.OK {
			continue
		}
		kv := "–"
		if r.Facts.KVTokens > 0 {
			kv = group(strconv.Itoa(r.Facts.KVTokens))
		}
		k, ok := at[label(r)]
		if !ok {
			at[label(r)] = len(t.Rows)
			t.Rows = append(t.Rows, TableRow{Cells: []Cell{{Text: label(r)}, {Text: dash(r.Facts.EngineVersion)}, {Text: dash(b.image(r.Engine, r.Name))}, {Text: dash(r.Facts.ImageDigest)}, {Text: kv}}})
			continue
		}
		if cell := &t.Rows[k].Cells[4]; cell.Text != kv && !strings.HasPrefix(cell.Text, "≠") {
			cell.Text = "≠ " + b.Say("env.kv.differs")
		}
	}
	t.dropEmpty()
	return t
}

// dropEmpty leaves out columns of which nothing is known.
func (t *Table) dropEmpty() {
	for i := len(t.Columns) - 1; i > 0; i-- {
		empty := func(r TableRow) bool { return r.Cells[i].Text == "–" }
		if slices.ContainsFunc(t.Rows, func(r TableRow) bool { return !empty(r) }) {
			continue
		}
		t.Columns = slices.Delete(t.Columns, i, i+1)
		for r := range t.Rows {
			t.Rows[r].Cells = slices.Delete(t.Rows[r].Cells, i, i+1)
		}
	}
}

func dash(s string) string {
	if s == "" {
		return "–"
	}
	return s
}

// method says in plain words how the figures came to be, and what they are not.
func (b *builder) method() Section {
	list := []string{b.Say("method.fresh"), b.Say("method.same"), b.Say("method.clock")}
	if b.o.Summary.Objective.Metric != "" {
		list = append(list, b.choice())
	}
	if s := b.o.Summary.Search; s != nil && s.LedBy != "" {
		list = append(list, b.Say("method.ledby", b.translated(s.LedBy)))
	}
	if len(b.o.Constraints) > 0 {
		list = append(list, b.Say("method.limits", b.constraints()))
	}
	if b.o.Summary.GainInterval != nil {
		list = append(list, b.Say("method.interval.finish"), b.Say("method.percentile"))
	} else {
		list = append(list, b.Say("method.interval"), b.Say("method.percentile"))
	}
	return b.section("method", Block{Heading: b.Say("method.how")}, Block{List: list}, Block{Heading: b.Say("method.not")}, Block{List: b.caveats()})
}

// choice says by what the winner is chosen.
func (b *builder) choice() string {
	if b.o.Summary.Pair != nil {
		return b.picked()
	}
	return b.Say("method.choice", b.goal())
}

func (b *builder) goal() string {
	o, key := b.o.Summary.Objective, "goal.maximize"
	if b.minimize() {
		key = "goal.minimize"
	}
	return b.Say(key, b.metricName(o.Metric), b.translated(o.Level))
}

// caveats are what the figures are not, from what was really done.
func (b *builder) caveats() []string {
	var list []string
	if b.o.Summary.Simulated {
		list = append(list, b.Say("simulated.warning", b.o.Summary.Card))
	}
	if b.o.Summary.Finish != nil && b.o.Summary.Finish.Starts > 1 {
		list = append(list, b.Say("caveat.finish"))
	} else {
		list = append(list, b.Say("caveat.onestart"))
	}
	if len(b.o.Rows) > 2 {
		list = append(list, b.Say("caveat.best", len(b.o.Rows)))
	}
	if b.hasBursts() {
		list = append(list, b.Say("caveat.burst"))
	}
	if !b.o.Summary.Simulated {
		list = append(list, b.Say("caveat.card"))
	}
	return append(list, b.notes()...)
}

func (b *builder) hasBursts() bool {
	for _, p := range b.picks {
		for _, w := range p.Result.Workloads {
			for i := range w.Levels {
				if w.Levels[i].Kind == bench.KindBurst {
					return true
				}
			}
		}
	}
	return false
}

// notes are what the measurement itself remarked, each once with its trials.
func (b *builder) notes() []string {
	var order []string
	trials := map[string][]string{}
	for _, r := range b.o.Rows {
		for _, n := range r.Notes {
			if trials[n] == nil {
				order = append(order, n)
			}
			trials[n] = append(trials[n], r.Trial)
		}
	}
	var list []string
	for _, n := range order {
		list = append(list, b.Say("note", b.translated(n), b.some(trials[n])))
	}
	return list
}

func (b *builder) some(ids []string) string {
	switch {
	case len(ids) == len(b.o.Rows) && len(ids) > 1:
		return b.Say("alltrials")
	case len(ids) > 3:
		return strings.Join(ids[:3], ", ") + " " + b.Say("more", len(ids)-3)
	}
	return strings.Join(ids, ", ")
}

// profile shows the profile as it was read.
func (b *builder) profile() Section {
	text := b.source()
	if text == "" {
		return Section{}
	}
	return b.section("profile", Block{Code: &Code{Label: b.Say("profile.show"), Text: text, Fold: true}})
}

// source is the profile's text without its secrets; "" where it cannot be told
// what is one.
func (b *builder) source() string {
	text := string(b.run.Source)
	if b.run.Profile == nil {
		if strings.Contains(text, "sensitive") {
			return ""
		}
		return text
	}
	for _, s := range b.run.Profile.Secrets {
		if s.Value != "" {
			text = strings.ReplaceAll(text, s.Value, "("+s.Name+")")
		}
	}
	return text
}
