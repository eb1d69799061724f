// Package show owns how a comparison is written: text for a terminal, Markdown for
// a pull request, JSON and JUnit XML for programs. Where a side is simulated, or the
// two are not comparable and compared all the same, every line says so. It decides
// nothing.
package show

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/qtune/qtune/bench"
	"github.com/qtune/qtune/compare"
	"github.com/qtune/qtune/report/words"
)

// Options say how a comparison is written.
type Options struct {
	Words   *words.Words
	Version string   // of qtune
	Width   int      // of the terminal, in columns; text alone
	Metrics []string // what is shown; empty: compare.DefaultMetrics. JSON has all
	Forced  bool     // the reasons against comparing were overruled
}

// page writes one comparison.
type page struct {
	*words.Words
	o   Options
	c   *compare.Comparison
	out strings.Builder

	asked bool // for the metrics that are shown
}

func newPage(c *compare.Comparison, o Options) *page {
	p := &page{Words: o.Words, o: o, c: c, asked: len(o.Metrics) > 0}
	if !p.asked {
		p.o.Metrics = compare.DefaultMetrics()
		for _, o := range slices.Concat(c.B.Objectives, c.A.Objectives) {
			if !slices.Contains(p.o.Metrics, o.Metric) {
				p.o.Metrics = append(p.o.Metrics, o.Metric)
			}
		}
	}
	return p
}

// marks are the words that stand in every line of figures; "" for none.
func (p *page) marks() string {
	var all []string
	if p.c.Simulated() {
		all = append(all, p.Say("simulated"))
	}
	if p.o.Forced && !p.c.Comparable() {
		all = append(all, p.Say("compare.forced"))
	}
	return strings.Join(all, ", ")
}

// rows are those of a level that are shown.
func (p *page) rows(l *compare.LevelPair) []*compare.Row {
	var all []*compare.Row
	for _, name := range p.o.Metrics {
		r := l.Row(name)
		if r == nil || !p.asked && name == "error_rate" && r.A == 0 && r.B == 0 {
			continue // that nothing failed is no news
		}
		all = append(all, r)
	}
	return all
}

// level names a level and its workload.
func (p *page) level(workload, name string) string {
	name, _ = p.Translate(name)
	if workload == "" {
		return name
	}
	return workload + ", " + name
}

// basis says what the intervals of a level are made of.
func (p *page) basis(l *compare.LevelPair) string {
	a, b := len(l.A.Starts), len(l.B.Starts)
	switch {
	case l.Paired():
		return p.Say("compare.paired", l.Pairs)
	case a > 1 || b > 1:
		return p.Say("compare.starts", a, b)
	}
	return p.Say("compare.single")
}

// quoted are the two values of a row in one unit, and the unit.
func quoted(r *compare.Row) (a, b, unit string) {
	factor, unit := 1.0, string(r.Metric.Unit)
	least, greatest := math.Min(r.A, r.B), math.Max(r.A, r.B)
	switch {
	case r.Metric.Unit == bench.UnitShare:
		return number(100*r.A, 2), number(100*r.B, 2), "%"
	case r.Metric.Unit == bench.UnitMilliseconds && greatest >= 1000:
		factor, unit = 1e-3, "s"
	}
	decimals := 0
	if least = least * factor; least > 0 {
		decimals = min(max(2-int(math.Floor(math.Log10(least))), 0), 3)
	}
	return number(factor*r.A, decimals), number(factor*r.B, decimals), unit
}

func number(v float64, decimals int) string { return strconv.FormatFloat(v, 'f', decimals, 64) }

// signed writes a change in percent: "+9.8", "−12.1".
func signed(fraction float64) string {
	text := number(100*math.Abs(fraction), 1)
	switch {
	case strings.Trim(text, "0.") == "":
		return "0.0"
	case fraction < 0:
		return "−" + text
	}
	return "+" + text
}

// change is that of a row; a difference of shares is in points of a percent.
func (p *page) change(r *compare.Row) string {
	if r.Change == nil {
		return "–"
	}
	return signed(*r.Change) + " " + p.percent(r)
}

func (p *page) percent(r *compare.Row) string {
	if r.Metric.Unit == bench.UnitShare {
		return p.Say("compare.points")
	}
	return "%"
}

// interval is that of a row's change, or why there is none.
func (p *page) interval(r *compare.Row) string {
	if r.Interval == nil {
		return p.Say("compare.why." + string(r.Why))
	}
	return p.Say("compare.interval", signed(r.Interval[0]), signed(r.Interval[1]))
}

func (p *page) verdict(v compare.Verdict) string {
	return p.Say("compare.verdict." + strings.ReplaceAll(string(v), " ", "-"))
}

// reason says one reason against comparing.
func (p *page) reason(r compare.Reason) string {
	a, _ := p.Translate(r.A)
	b, _ := p.Translate(r.B)
	text := p.Say("compare.reason."+r.Code, p.or(a), p.or(b))
	if r.Level != "" {
		text = p.level("", r.Level) + ": " + text
	}
	return text
}

func (p *page) or(s string) string {
	if s == "" {
		return "–"
	}
	return s
}

// Reasons says what speaks against comparing, a line each.
func Reasons(c *compare.Comparison, w *words.Words) []string {
	p := newPage(c, Options{Words: w})
	var all []string
	for _, r := range c.Reasons {
		all = append(all, p.reason(r))
	}
	return all
}

// gate says what became of the gate, a line for each check.
func (p *page) gate() []string {
	g := p.c.Gate
	if g == nil {
		return nil
	}
	var all []string
	allowed := number(100*g.Gate.Slower, -1)
	for i := range g.Checks {
		k := &g.Checks[i]
		where := k.Metric + ", " + p.level(k.Workload, k.Level)
		switch {
		case k.Row == nil:
			all = append(all, p.Say("compare.gate.missing", where))
		case k.Row.Interval == nil:
			all = append(all, p.Say("compare.gate.bare", where, p.interval(k.Row)))
		default:
			key := "compare.gate." + strings.ReplaceAll(string(k.Outcome), " ", "-")
			all = append(all, p.Say(key, where, p.change(k.Row), p.interval(k.Row), allowed))
		}
	}
	return all
}

// method says how the figures were made.
func (p *page) method() string {
	text := p.Say("compare.method", number(100*p.c.Margin, -1))
	if p.c.Restart > 0 {
		text += " " + p.Say("compare.restart", number(100*p.c.Restart, -1))
	}
	return text
}
