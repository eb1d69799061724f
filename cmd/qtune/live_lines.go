package main

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/qtune/qtune/bench"
	"github.com/qtune/qtune/profiles"
	"github.com/qtune/qtune/report"
	"github.com/qtune/qtune/report/words"
	"github.com/qtune/qtune/tuner"
)

// liveLine is a line of the live region: what it is about, and what there is to say.
type liveLine struct {
	label, text string
	style       string // SGR parameters of the text; "": none
}

// The styles. What they say stands in the text too.
const (
	styleTitle = "1"   // bold
	styleBest  = "32"  // green
	styleLabel = "2"   // faint
	labelWidth = 7     // of the longest label and the space behind it
	between    = " · " // fields of a line
	narrow     = 60    // columns under which the gates that are behind or ahead are left out
	cells      = 16    // of a bar
	ramp       = "▁▂▃▄▅▆▇█"
)

// plain is the line as it stands on the screen, cut to so many columns.
func (l liveLine) plain(columns int) string {
	if l.style == styleTitle {
		return fit(l.text, columns)
	}
	return fit("  "+words.Pad(l.label, labelWidth, false)+l.text, columns)
}

// painted is its plain text with colours.
func (l liveLine) painted(plain string, color bool) string {
	head := min(2+labelWidth, len(plain)) // labels are ASCII
	switch {
	case !color:
		return plain
	case l.style == styleTitle:
		return "\x1b[" + styleTitle + "m" + plain + "\x1b[0m"
	case l.style == "":
		return "\x1b[" + styleLabel + "m" + plain[:head] + "\x1b[0m" + plain[head:]
	}
	return "\x1b[" + styleLabel + "m" + plain[:head] + "\x1b[0;" + l.style + "m" + plain[head:] + "\x1b[0m"
}

// lines is the region at a moment, for so many columns.
func (c *liveCourse) lines(now time.Time, columns int) []liveLine {
	room := columns - 2 - labelWidth
	if c.now.Trial == nil {
		if c.stage == "" {
			return nil
		}
		return packed("first", "", room, clock(now.Sub(c.began)), c.stage, c.bar())
	}
	all := []liveLine{{text: title(c.now), style: styleTitle}}
	if c.gate != gateNone {
		all = append(all, packed("gate", "", room, c.gates(columns))...)
		all = append(all, packed("now", "", room, c.doing(now)...)...)
	}
	if curve := c.curve(room); curve != "" {
		all = append(all, liveLine{label: "curve", text: curve})
	}
	if c.now.Best != nil {
		all = append(all, packed("best", styleBest, room, c.best()...)...)
	}
	return append(all, packed("run", "", room, c.account(now)...)...)
}

// packed puts as many fields into a line as there is room for.
func packed(label, style string, room int, fields ...string) []liveLine {
	all := []liveLine{{label: label, style: style}}
	for _, f := range fields {
		last := &all[len(all)-1]
		switch {
		case f == "":
		case last.text == "":
			last.text = f
		case words.Columns(last.text+between+f) <= room:
			last.text += between + f
		default:
			all = append(all, liveLine{text: f, style: style})
		}
	}
	return all
}

// gates are those that a trial goes through, the one that it is at in brackets.
func (c *liveCourse) gates(columns int) string {
	steps := []string{"start", "load", "stop"}
	if c.gate > gateStart {
		steps[0] += " " + report.Duration(c.startS)
	}
	if n := c.levels(); n > 0 {
		steps[1] = fmt.Sprintf("load %d of %d levels", min(len(c.points)+1, n), n)
		if c.gate != gateLoad {
			steps[1] = plural(n, "level")
		}
	}
	at := int(c.gate - gateStart)
	if columns < narrow {
		return steps[at]
	}
	steps[at] = "[" + steps[at] + "]"
	return strings.Join(steps, " › ")
}

// doing is what the gate is at.
func (c *liveCourse) doing(now time.Time) []string {
	took := clock(now.Sub(c.since)) // first: whatever stands behind it may wrap
	switch {
	case c.gate == gateStart && c.stage == "":
		return []string{took, "starting"}
	case c.gate == gateStart:
		return []string{took, c.stage, c.bar()}
	case c.gate == gateStop:
		return []string{took, "removing the server"}
	case c.now.Stage == "":
		return []string{took, "ready"}
	}
	return append([]string{took, c.now.Stage}, c.pace()...)
}

// pace is how the level under way goes on, as far as it has been told.
func (c *liveCourse) pace() []string {
	if len(c.recent) == 0 {
		return nil
	}
	p := c.recent[len(c.recent)-1]
	var fields []string
	if v, current, ok := c.rate(); ok {
		when := "now"
		if !current {
			when = "so far"
		}
		fields = append(fields, tuner.Figure(v, bench.UnitTokensPerSecond)+" "+when+simulatedWord(c.simulated))
	}
	fields = append(fields, fmt.Sprintf("%d done, %d under way", p.Requests.Completed, p.InFlight))
	if p.Requests.Failed > 0 {
		fields = append(fields, fmt.Sprintf("%d failed", p.Requests.Failed))
	}
	return fields
}

var ofTotal = regexp.MustCompile(`(\d+)/(\d+)$`)

// bar is how far a start has come, where its stage counts something.
func (c *liveCourse) bar() string {
	m := ofTotal.FindStringSubmatch(c.stage)
	if m == nil {
		return ""
	}
	done, _ := strconv.ParseFloat(m[1], 64) // digits
	total, _ := strconv.ParseFloat(m[2], 64)
	if total < 1 || done > total {
		return ""
	}
	full := int(done / total * cells)
	return strings.Repeat("█", full) + strings.Repeat("░", cells-full)
}

// curve is the throughput over the load as measured so far, of levels of the kind that
// came last: what there is no room for is left out at its beginning.
func (c *liveCourse) curve(room int) string {
	if len(c.points) == 0 {
		return ""
	}
	kind := c.points[len(c.points)-1].Kind
	points := slices.DeleteFunc(slices.Clone(c.points), func(p bench.LevelResult) bool { return p.Kind != kind })
	slices.SortStableFunc(points, func(a, b bench.LevelResult) int {
		xa, _ := loadOf(&a)
		xb, _ := loadOf(&b)
		return int(max(-1, min(1, xa-xb)))
	})
	_, of := loadOf(&points[0])
	word := strings.TrimPrefix(simulatedWord(c.simulated)+" ", " ")
	head := fmt.Sprintf("%stok/s by %s: ", word, of)
	if len(points) > 1 {
		head = spark(points) + " " + head
	}
	if words.Columns(head) > room/2 {
		head = word
	}
	text := ""
	for i := len(points) - 1; i >= 0; i-- {
		x, _ := loadOf(&points[i])
		one := fmt.Sprintf("%s→%s", strconv.FormatFloat(x, 'g', 4, 64), brief(points[i].OutputThroughput))
		if text != "" {
			one += "  "
		}
		if words.Columns(head+one+text) > room {
			break
		}
		text = one + text
	}
	return head + text
}

// brief is a throughput in as many digits as a person reads at a glance.
func brief(v float64) string {
	figure := tuner.Figure(v, bench.UnitTokensPerSecond)
	return strings.TrimSuffix(figure, " "+string(bench.UnitTokensPerSecond))
}

// loadOf is where a level stands on its curve, and what is counted there.
func loadOf(l *bench.LevelResult) (x float64, of string) {
	switch l.Kind {
	case bench.KindSingle:
		return float64(l.RequestedOutputTokens), "length"
	case bench.KindClosed, bench.KindBurst:
		return float64(l.Users), "users"
	}
	return l.Rate, "rate"
}

// spark draws the throughputs, the highest as a full cell.
func spark(points []bench.LevelResult) string {
	steps := []rune(ramp)
	most := 0.0
	for i := range points {
		most = max(most, points[i].OutputThroughput)
	}
	line := ""
	for i := range points {
		at := 0
		if most > 0 {
			at = int(points[i].OutputThroughput / most * float64(len(steps)-1))
		}
		line += string(steps[at])
	}
	return line
}

// best is the trial that leads, its one or two figures, and what these are to the
// baseline's.
func (c *liveCourse) best() []string {
	b := c.now.Best
	fields := []string{b.Result.Engine + " " + b.Result.Name}
	values := []*float64{b.Value, b.Second}
	goals := tuner.Figures(c.profile.Objective)
	for i, o := range goals {
		figure := tuner.Figure(*values[i], o.Metric.Unit) + simulatedWord(c.simulated)
		if len(goals) > 1 {
			figure = o.Metric.Name + " " + figure
		}
		fields = append(fields, figure)
		if !b.Result.Baseline {
			fields = append(fields, c.toBaseline(o, *values[i]))
		}
	}
	if b.Result.Baseline {
		fields = append(fields, "the baseline")
	}
	return fields
}

// toBaseline is what a figure is to the baseline's; "" where that has none.
func (c *liveCourse) toBaseline(o profiles.Objective, value float64) string {
	if c.base == nil {
		return ""
	}
	base, ok := c.base.Value(o)
	if !ok || base <= 0 {
		return ""
	}
	return fmt.Sprintf("%+.1f %% to the baseline", 100*(value/base-1))
}

// account is the time and the money, gone and left.
func (c *liveCourse) account(now time.Time) []string {
	rest, ok := c.left(now)
	fields := []string{clock(now.Sub(c.began)) + " gone"}
	if ok {
		fields = append(fields, "about "+clock(rest.wall)+" left")
	}
	if c.profile == nil || c.profile.Search.Budget.GPUHourPrice == 0 {
		return fields
	}
	cost := fmt.Sprintf("cost %.2f%s", c.cost(), simulatedWord(c.simulated))
	if most := c.profile.Search.Budget.Cost; most > 0 {
		cost += fmt.Sprintf(" of %.2f", most)
	}
	fields = append(fields, cost)
	if ok {
		fields = append(fields, fmt.Sprintf("about %.2f to come", rest.cost))
	}
	return fields
}

func clock(d time.Duration) string { return report.Duration(d.Seconds()) }

func simulatedWord(simulated bool) string {
	if simulated {
		return " simulated"
	}
	return ""
}
