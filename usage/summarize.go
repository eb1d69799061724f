package usage

import (
	"fmt"
	"math"
	"time"
)

// Summarize sums up what was sampled in a span, in which so many tokens were
// generated. What lies outside the span is left out.
func Summarize(cards []CardSamples, kind string, engine []EngineSample, span Span, tokens int) *Level {
	l := &Level{On: summarizeEngine(kind, engine, span)}
	for _, c := range cards {
		if s, ok := summarizeCard(&c, span); ok {
			l.Cards = append(l.Cards, s)
		}
	}
	if len(l.Cards) == 0 {
		return l
	}
	l.PowerW = sum(l.Cards, func(c *Card) *float64 { return c.PowerW })
	l.EnergyJ = sum(l.Cards, func(c *Card) *float64 { return c.EnergyJ })
	if l.EnergyJ != nil && tokens > 0 {
		per := *l.EnergyJ / float64(tokens)
		l.JoulesPerToken = &per
	}
	for i := range l.Cards {
		l.PeakBytes += l.Cards[i].PeakBytes
	}
	return l
}

// sum adds a figure of all cards; nil where one does not tell it.
func sum(cards []Card, of func(*Card) *float64) *float64 {
	total := 0.0
	for i := range cards {
		v := of(&cards[i])
		if v == nil {
			return nil
		}
		total += *v
	}
	return &total
}

// summarizeCard is false for a card of which nothing was seen in the span.
func summarizeCard(c *CardSamples, span Span) (Card, bool) {
	s := Card{Index: c.Index, UUID: c.UUID, Name: c.Name}
	var in []CardSample
	for _, x := range c.Samples {
		if span.holds(x.At) {
			in = append(in, x)
		}
	}
	for _, x := range c.Xids {
		if span.holds(x.At) {
			s.Xids = append(s.Xids, x.Code)
		}
	}
	if len(in) == 0 {
		return s, len(s.Xids) > 0
	}
	s.Samples = len(in)
	s.memory(in)
	s.figures(in)
	s.slowdowns(in)
	s.EnergyJ, s.EnergyBy = energy(in, span)
	s.NVLink = perSecond(in, func(x *CardSample) float64 { return x.Link })
	if first, last := told(in, func(x *CardSample) float64 { return x.ECC }); first != nil && last.ECC > first.ECC {
		s.ECCErrors = int(last.ECC - first.ECC)
	}
	return s, true
}

func (s *Card) memory(in []CardSample) {
	total := 0.0
	for i := range in {
		total += float64(in[i].UsedBytes)
		s.PeakBytes = max(s.PeakBytes, in[i].UsedBytes)
	}
	s.MeanBytes = uint64(total / float64(len(in)))
}

func (s *Card) figures(in []CardSample) {
	s.SM, _, _ = spread(in, func(x *CardSample) float64 { return x.SM })
	s.Memory, _, _ = spread(in, func(x *CardSample) float64 { return x.Memory })
	s.PowerW, _, s.PowerPeakW = spread(in, func(x *CardSample) float64 { return x.Power })
	s.ClockMHz, s.ClockLeast, _ = spread(in, func(x *CardSample) float64 { return x.Clock })
	s.MemoryClock, _, _ = spread(in, func(x *CardSample) float64 { return x.MemoryClock })
	_, _, s.TemperatureC = spread(in, func(x *CardSample) float64 { return x.Temperature })
	s.PCIeIn, _, _ = spread(in, func(x *CardSample) float64 { return x.PCIeIn })
	s.PCIeOut, _, _ = spread(in, func(x *CardSample) float64 { return x.PCIeOut })
}

// spread is the mean, the least and the most of a figure; nil where it is never told.
func spread(in []CardSample, of func(*CardSample) float64) (mean, least, most *float64) {
	n, total, low, high := 0, 0.0, math.Inf(1), math.Inf(-1)
	for i := range in {
		if v := of(&in[i]); !math.IsNaN(v) {
			n++
			total += v
			low, high = min(low, v), max(high, v)
		}
	}
	if n == 0 {
		return nil, nil, nil
	}
	total /= float64(n)
	return &total, &low, &high
}

// slowdowns are shares of the samples, which come at even steps.
func (s *Card) slowdowns(in []CardSample) {
	for _, r := range reasonNames {
		n := 0
		for i := range in {
			if in[i].Slow&r.bit != 0 {
				n++
			}
		}
		if n > 0 {
			s.Slowed = append(s.Slowed, Slowdown{r.name, float64(n) / float64(len(in))})
		}
	}
}

// energy is what a card took in the span: by its counter where it has one, else by
// its power. Both are known between the first and the last sample, and what the
// span has beyond them, a step at either end, is taken at the same rate.
func energy(in []CardSample, span Span) (joules *float64, by string) {
	rate, by := perSecond(in, func(x *CardSample) float64 { return x.Energy }), "counter"
	if rate == nil {
		rate, by = meanPower(in), "power"
	}
	if rate == nil {
		return nil, ""
	}
	total := *rate * span.seconds()
	return &total, by
}

// told are the first and the last sample that tell a figure; nil where none does.
func told(in []CardSample, of func(*CardSample) float64) (first, last *CardSample) {
	for i := range in {
		if math.IsNaN(of(&in[i])) {
			continue
		}
		if last = &in[i]; first == nil {
			first = last
		}
	}
	return first, last
}

// perSecond is the rate at which a counter grew; nil where it is not told, or went
// back, as it does when a driver is loaded anew.
func perSecond(in []CardSample, of func(*CardSample) float64) *float64 {
	first, last := told(in, of)
	if first == last {
		return nil
	}
	rate := (of(last) - of(first)) / last.At.Sub(first.At).Seconds()
	if rate < 0 {
		return nil
	}
	return &rate
}

// meanPower integrates power over time by trapezia and divides by that time.
func meanPower(in []CardSample) *float64 {
	joules, seconds := 0.0, 0.0
	for i := 1; i < len(in); i++ {
		step := in[i].At.Sub(in[i-1].At).Seconds()
		if p := (in[i].Power + in[i-1].Power) / 2; !math.IsNaN(p) {
			joules, seconds = joules+p*step, seconds+step
		}
	}
	if seconds <= 0 {
		return nil
	}
	mean := joules / seconds
	return &mean
}

// summarizeEngine is nil where nothing was seen in the span. Looks are seldom, so
// the counters at its ends are taken from the looks before and behind them.
func summarizeEngine(kind string, all []EngineSample, span Span) *Engine {
	if len(all) == 0 || all[len(all)-1].At.Before(span.From) || all[0].At.After(span.To) {
		return nil
	}
	from, to := span.From, span.To
	if from.Before(all[0].At) {
		from = all[0].At
	}
	if last := all[len(all)-1].At; to.After(last) {
		to = last
	}
	e := &Engine{Kind: kind}
	for i, x := range all {
		before := i+1 < len(all) && !all[i+1].At.After(from)
		behind := i > 0 && !all[i-1].At.Before(to)
		if !before && !behind {
			e.PeakBytes = max(e.PeakBytes, x.MemoryBytes)
		}
	}
	first, last := between(all, from), between(all, to)
	e.CPUs = fraction(last.CPU-first.CPU, to.Sub(from))
	e.Throttled = fraction(last.Throttled-first.Throttled, to.Sub(from))
	return e
}

// between is what the counters were at a moment that lies among the samples.
func between(all []EngineSample, t time.Time) EngineSample {
	for i := 1; i < len(all); i++ {
		if a, b := all[i-1], all[i]; !t.After(b.At) && b.At.After(a.At) {
			part := t.Sub(a.At).Seconds() / b.At.Sub(a.At).Seconds()
			grown := func(from, to time.Duration) time.Duration { return from + time.Duration(part*float64(to-from)) }
			return EngineSample{At: t, CPU: grown(a.CPU, b.CPU), Throttled: grown(a.Throttled, b.Throttled)}
		}
	}
	return all[0]
}

func fraction(part, whole time.Duration) *float64 {
	if whole <= 0 || part < 0 {
		return nil
	}
	f := part.Seconds() / whole.Seconds()
	return &f
}

// Tellable is the share of the time from which a slowdown is worth a warning: below
// it the figures of a level move by less than its interval (judgement).
const Tellable = 0.05

// Warnings are what a reader must know before believing the level's figures.
func (l *Level) Warnings() []string {
	var all []string
	for i := range l.Cards {
		c := &l.Cards[i]
		for _, s := range c.Slowed {
			if s.Share >= Tellable {
				all = append(all, fmt.Sprintf("card %d was throttled %.0f %% of the time: %s", c.Index, 100*s.Share, s.Reason))
			}
		}
		for _, x := range c.Xids {
			all = append(all, fmt.Sprintf("the driver reported error Xid %d of card %d", x, c.Index))
		}
		if c.ECCErrors > 0 {
			all = append(all, fmt.Sprintf("card %d had %d memory errors that could not be corrected", c.Index, c.ECCErrors))
		}
	}
	if e := l.On; e != nil && e.Throttled != nil && *e.Throttled >= Tellable {
		all = append(all, fmt.Sprintf("a CPU quota held the engine back for %.0f %% of the time", 100**e.Throttled))
	}
	return all
}
