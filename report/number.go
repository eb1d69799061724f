package report

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/qtune/qtune/bench"
	"github.com/qtune/qtune/tuner"
)

// quantity is how the figures of one column or axis are written: all in one
// unit and to one number of decimals, so that they can be compared by eye.
type quantity struct {
	unit     string
	factor   float64
	decimals int
}

// quantityOf fits a unit to values: three digits of the smallest, where that
// takes no more than two decimals, or three beside nothing above ten.
func quantityOf(values []float64, u bench.Unit) quantity {
	q := quantity{unit: string(u), factor: 1}
	low, high := math.Inf(1), 0.0
	for _, v := range values {
		if v = math.Abs(v); v > 0 && !math.IsInf(v, 0) {
			low, high = min(low, v), max(high, v)
		}
	}
	switch {
	case u == bench.UnitMilliseconds && high >= 1000:
		q.unit, q.factor = "s", 1e-3
	case u == bench.UnitShare:
		q.unit, q.factor = "%", 100
	}
	if high > 0 {
		most := 2
		if high*q.factor < 10 {
			most = 3
		}
		q.decimals = min(max(2-int(math.Floor(math.Log10(low*q.factor))), 0), most)
	}
	if high*q.factor >= 10000 {
		q.decimals = 0
	}
	return q
}

// number writes a value without its unit.
func (q quantity) number(v float64) string { return fixed(v*q.factor, q.decimals) }

// text writes a value with its unit.
func (q quantity) text(v float64) string { return q.number(v) + " " + q.unit }

// tick writes a place on an axis, without needless zeros.
func (q quantity) tick(v float64) string {
	text := strconv.FormatFloat(math.Round(v*q.factor*1e6)/1e6, 'f', -1, 64)
	return group(text)
}

// cell writes a value that may be missing.
func (q quantity) cell(v *float64) string {
	if v == nil {
		return "–"
	}
	return q.number(*v)
}

// fixed writes a number to some decimals, with commas from 10,000 on and a true minus sign.
func fixed(v float64, decimals int) string {
	text := strconv.FormatFloat(math.Abs(v), 'f', decimals, 64)
	if v < 0 && strings.Trim(text, "0.") != "" {
		return "−" + group(text)
	}
	return group(text)
}

func group(text string) string {
	whole, rest, _ := strings.Cut(text, ".")
	if len(whole) < 5 {
		return text
	}
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if rest != "" {
		whole += "." + rest
	}
	return whole
}

// one writes a single value with its unit, as the text report does.
func one(v float64, u bench.Unit) string { return tuner.Figure(v, u) }

// hundredfold is from when on a change is no figure any more.
const hundredfold = 100

// changeText writes a change as a signed percentage.
func changeText(fraction float64) string {
	text := fixed(100*math.Abs(fraction), 1)
	switch {
	case strings.Trim(text, "0.") == "":
		return "0.0 %"
	case fraction >= hundredfold:
		return "> +9,999 %" // the end of an interval of starts that have little in common
	case fraction < 0:
		return "−" + text + " %"
	}
	return "+" + text + " %"
}

// change is a cell that tells how a figure differs from the baseline's.
func change(now, before *float64, less bool) Cell {
	if now == nil || before == nil || *before == 0 {
		return Cell{Text: "–"}
	}
	fraction := *now / *before - 1
	c := Cell{Text: changeText(fraction)}
	switch {
	case math.Abs(fraction) < 0.0005:
	case (fraction < 0) == less:
		c.Tone = Better
	default:
		c.Tone = Worse
	}
	return c
}

// duration says seconds as a person does.
func (b *builder) duration(seconds float64) string {
	s := int(seconds + 0.5)
	switch {
	case seconds < 9.95:
		return b.Say("duration.s", strconv.FormatFloat(seconds, 'f', 1, 64))
	case s < 120:
		return b.Say("duration.s", strconv.Itoa(s))
	case s < 7200:
		return b.Say("duration.min", s/60, s%60)
	}
	return b.Say("duration.h", s/3600, s%3600/60)
}

// clock says a place on a timeline.
func (b *builder) clock(seconds float64) string {
	s := int(seconds + 0.5)
	switch {
	case s == 0:
		return "0"
	case s < 120:
		return b.Say("duration.s", strconv.Itoa(s))
	case s%60 == 0 && s < 7200:
		return b.Say("clock.min", s/60)
	case s%3600 == 0:
		return b.Say("clock.h", s/3600)
	case s < 7200:
		return b.Say("duration.min", s/60, s%60)
	}
	return b.Say("duration.h", s/3600, s%3600/60)
}

// clockStep is the least round step of time that is not below s.
func clockStep(s float64) float64 {
	for _, step := range []float64{1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 28800} {
		if step >= s {
			return step
		}
	}
	return 86400 * math.Ceil(s/86400)
}

// percent writes a share.
func share(part, whole float64) string {
	if whole == 0 {
		return "–"
	}
	return fmt.Sprintf("%s %%", fixed(100*part/whole, 1))
}
