package report

import (
	"fmt"
	"strings"

	"github.com/qtune/qtune/bench"
	"github.com/qtune/qtune/tuner"
	"github.com/qtune/qtune/usage"
)

// hardwareColumn is one figure of what the machine did; "–" where it is not known.
type hardwareColumn struct {
	key  string // of its words
	csv  string // its name in a file
	card bool   // it is a card's, not the engine's
	cell func(*usage.Level) string
	raw  func(*usage.Level) string // for a file; "" where it is not known
}

const gibibyte = 1 << 30

// hardwareColumns are in the order in which they are shown. Figures of several
// cards are added where they add, else the mean is taken, and of temperatures the
// highest.
var hardwareColumns = []hardwareColumn{
	figureColumn("power", "power_w", true, 1, 0, func(l *usage.Level) *float64 { return l.PowerW }),
	figureColumn("joules", "joules_per_output_token", true, 1, 3, func(l *usage.Level) *float64 { return l.JoulesPerToken }),
	figureColumn("energy", "energy_j", true, 1e-3, 1, func(l *usage.Level) *float64 { return l.EnergyJ }),
	figureColumn("gpumemory", "gpu_peak_bytes", true, 1./gibibyte, 1, func(l *usage.Level) *float64 { return bytesOf(l.PeakBytes) }),
	figureColumn("sm", "gpu_sm", true, 100, 0, func(l *usage.Level) *float64 { return meanOf(l, func(c *usage.Card) *float64 { return c.SM }) }),
	figureColumn("bandwidth", "gpu_memory_busy", true, 100, 0, func(l *usage.Level) *float64 { return meanOf(l, func(c *usage.Card) *float64 { return c.Memory }) }),
	figureColumn("clock", "gpu_clock_mhz", true, 1, 0, func(l *usage.Level) *float64 { return meanOf(l, func(c *usage.Card) *float64 { return c.ClockMHz }) }),
	figureColumn("temperature", "gpu_temperature_c", true, 1, 0, hottest),
	{"slowed", "gpu_slowed", true, func(l *usage.Level) string { return dash(slowed(l)) }, slowed},
	figureColumn("cpus", "engine_cpus", false, 1, 2, func(l *usage.Level) *float64 { return onEngine(l, func(e *usage.Engine) *float64 { return e.CPUs }) }),
	figureColumn("memory", "engine_peak_bytes", false, 1./gibibyte, 2, func(l *usage.Level) *float64 {
		return onEngine(l, func(e *usage.Engine) *float64 { return bytesOf(e.PeakBytes) })
	}),
	figureColumn("quota", "engine_throttled", false, 100, 0, func(l *usage.Level) *float64 {
		return onEngine(l, func(e *usage.Engine) *float64 { return e.Throttled })
	}),
}

func figureColumn(key, csv string, card bool, factor float64, decimals int, of func(*usage.Level) *float64) hardwareColumn {
	cell := func(l *usage.Level) string {
		v := of(l)
		if v == nil {
			return "–"
		}
		return fixed(*v*factor, decimals)
	}
	raw := func(l *usage.Level) string {
		v := of(l)
		if v == nil {
			return ""
		}
		return exact(*v)
	}
	return hardwareColumn{key, csv, card, cell, raw}
}

func bytesOf(n uint64) *float64 {
	if n == 0 {
		return nil
	}
	v := float64(n)
	return &v
}

// meanOf is a figure's mean over all cards; nil where one does not tell it.
func meanOf(l *usage.Level, of func(*usage.Card) *float64) *float64 {
	if len(l.Cards) == 0 {
		return nil
	}
	total := 0.0
	for i := range l.Cards {
		v := of(&l.Cards[i])
		if v == nil {
			return nil
		}
		total += *v
	}
	total /= float64(len(l.Cards))
	return &total
}

func hottest(l *usage.Level) *float64 {
	var most *float64
	for i := range l.Cards {
		if t := l.Cards[i].TemperatureC; t != nil && (most == nil || *t > *most) {
			most = t
		}
	}
	return most
}

func onEngine(l *usage.Level, of func(*usage.Engine) *float64) *float64 {
	if l.On == nil {
		return nil
	}
	return of(l.On)
}

// slowed names the reason that slowed a card longest; "" for none.
func slowed(l *usage.Level) string {
	var worst usage.Slowdown
	for i := range l.Cards {
		for _, s := range l.Cards[i].Slowed {
			if s.Share > worst.Share {
				worst = s
			}
		}
	}
	if worst.Share == 0 {
		return ""
	}
	return fmt.Sprintf("%.0f %% %s", 100*worst.Share, worst.Reason)
}

// hardware shows what the machine did at the objective's level.
func (b *builder) hardware() Section {
	t := &Table{Columns: []Column{{Title: b.Say("column.configuration")}}}
	for _, c := range hardwareColumns {
		t.Columns = append(t.Columns, Column{Title: b.Say("hardware." + c.key), Numeric: c.key != "slowed"})
	}
	noGPU := ""
	for _, r := range b.ranked() {
		l := b.usageOf(r)
		if l == nil {
			continue
		}
		noGPU = l.NoGPU
		t.Rows = append(t.Rows, b.hardwareRow(r, l))
	}
	if len(t.Rows) == 0 {
		return Section{}
	}
	t.Caption = b.caption(b.Say("hardware.caption", b.translated(b.o.Summary.Objective.Level)))
	t.dropEmpty()
	if len(t.Rows) > bestOpen {
		t.Fold = b.Say("trials.all", len(t.Rows))
	}
	s := b.section("hardware")
	if len(t.Columns) > 1 {
		s.Blocks = append(s.Blocks, Block{Table: t})
	}
	if noGPU != "" {
		s.Blocks = append(s.Blocks, Block{Text: b.Say("hardware.nogpu", b.translated(noGPU))})
	}
	return s
}

func (b *builder) usageOf(r *tuner.Row) *usage.Level {
	result := b.results[r.Trial]
	if result == nil {
		return nil
	}
	if l := b.goalLevel(result); l != nil {
		return l.Usage
	}
	return nil
}

func (b *builder) hardwareRow(r *tuner.Row, l *usage.Level) TableRow {
	row := TableRow{Kind: rowKind(r), Cells: []Cell{{Text: r.Engine + " " + r.Name, Small: r.Varies}}}
	for _, c := range hardwareColumns {
		text := c.cell(l)
		if c.key == "slowed" && text != "–" {
			text = b.translated(text)
		}
		row.Cells = append(row.Cells, Cell{Text: text})
	}
	return row
}

// hardware tells in the text report what the machine did under the winner and the
// baseline.
func (p *printer) hardware(o *tuner.Outcome) {
	type line struct {
		who string
		use *usage.Level
	}
	var lines []line
	for _, r := range []struct {
		who    string
		result *tuner.TrialResult
	}{{"baseline", o.Base}, {"winner", o.Best}} {
		if goal, ok := o.Objective(r.result); ok && (r.who == "baseline" || !o.Summary.KeptBaseline) {
			if use := r.result.Level(goal.At).Usage; use != nil {
				lines = append(lines, line{r.who, use})
			}
		}
	}
	if len(lines) == 0 {
		return
	}
	p.printf("\nThe machine at %s\n", o.Summary.Objective.Level)
	for _, l := range lines {
		p.printf("  %s: %s\n", l.who, strings.Join(hardwareWords(l.use), ", "))
	}
	if why := lines[0].use.NoGPU; why != "" {
		p.printf("  no figures of a GPU: %s\n", why)
	}
}

// hardwareWords are the figures that are known, each with its unit.
func hardwareWords(l *usage.Level) []string {
	units := map[string]string{
		"power": "%s W", "joules": "%s J an output token", "energy": "%s kJ", "gpumemory": "%s GiB of the card at most", "sm": "kernels %s %% of the time",
		"clock": "%s MHz", "temperature": "%s °C", "slowed": "throttled %s", "cpus": "%s CPUs busy", "memory": "%s GiB of memory", "quota": "held back by a CPU quota %s %% of the time",
	}
	var words []string
	for _, c := range hardwareColumns {
		unit, told := units[c.key]
		if text := c.cell(l); told && text != "–" && (c.key != "quota" || text != "0") {
			words = append(words, fmt.Sprintf(unit, text))
		}
	}
	if words == nil {
		return []string{"nothing was told"}
	}
	return words
}

// hardwareKinds tells whether any level has figures of cards, and of engines.
func hardwareKinds(run *tuner.PastRun) (cards, engines bool) {
	_ = eachLevel(run, func(_ *tuner.TrialResult, _ string, l *bench.LevelResult) error { // it cannot fail
		if l.Usage != nil {
			cards = cards || len(l.Usage.Cards) > 0
			engines = engines || l.Usage.On != nil
		}
		return nil
	})
	return cards, engines
}

// hardwareCSV are the columns of a file that the run has figures for: names for a nil level.
func hardwareCSV(cards, engines bool, l *bench.LevelResult) []string {
	var cells []string
	for _, c := range hardwareColumns {
		switch {
		case c.card && !cards, !c.card && !engines:
		case l == nil:
			cells = append(cells, c.csv)
		case l.Usage == nil:
			cells = append(cells, "")
		default:
			cells = append(cells, c.raw(l.Usage))
		}
	}
	return cells
}
