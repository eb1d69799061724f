package report

import (
	"fmt"
	"strings"

	"github.com/qtune/qtune/tuner"
)

// lead names the run under the title.
func (b *builder) lead() string {
	parts := []string{b.Say("lead.run", b.o.Summary.Run)}
	if !b.run.Started.IsZero() {
		parts = append(parts, b.run.Started.UTC().Format("2006-01-02 15:04 UTC"))
	}
	if b.run.Header.Host != "" {
		parts = append(parts, b.Say("lead.host", b.run.Header.Host))
	}
	if card := b.o.Summary.Card; card != "" {
		parts = append(parts, b.caption(card))
	}
	return strings.Join(parts, " · ")
}

// headline is the verdict in one sentence, and of an objective of two in one more.
func (b *builder) headline() string {
	return strings.TrimSpace(b.verdict() + " " + b.second())
}

func (b *builder) verdict() string {
	s := &b.o.Summary
	switch {
	case s.Winner == nil && s.Error != "":
		return b.Say("verdict.none.error")
	case s.Winner == nil && len(b.o.Constraints) == 0:
		return b.Say("verdict.none.unmeasured")
	case s.Winner == nil:
		return b.Say("verdict.none", b.constraints())
	}
	name, value := s.Winner.Engine+" "+s.Winner.Name, "–"
	if s.Winner.Value != nil {
		interval := b.o.Interval(b.o.Best)
		if s.Finish != nil {
			interval = nil // that of one start, and the value is the mean of several
		}
		value = b.caption(b.withInterval(*s.Winner.Value, interval))
	}
	level, metric := b.translated(s.Objective.Level), b.metricName(s.Objective.Metric)
	switch {
	case s.KeptBaseline && s.Error != "":
		return b.Say("verdict.sofar.kept", name, metric, value, level)
	case s.KeptBaseline && s.Finish != nil && s.Finish.Failed == "":
		return b.Say("verdict.kept.finish", name, metric, value, level)
	case s.KeptBaseline:
		return b.Say("verdict.kept", name, s.Trials.OK+s.Trials.Failed, metric, value, level)
	case s.Error != "":
		return b.Say("verdict.sofar", name, metric, value, level, b.against())
	}
	return b.Say("verdict.winner", name, metric, value, level, b.against())
}

func (b *builder) constraints() string {
	all := make([]string, len(b.o.Constraints))
	for i, c := range b.o.Constraints {
		all[i] = b.translated(c)
	}
	return strings.Join(all, ", ")
}

// withInterval writes the objective's value with its interval, where it is known.
func (b *builder) withInterval(v float64, interval *[2]float64) string {
	if interval == nil {
		return one(v, b.unit)
	}
	q := quantityOf([]float64{v}, b.unit)
	return q.text(v) + " " + b.Say("interval", q.number(interval[0]), q.number(interval[1]))
}

// against says how the winner compares with the baseline.
func (b *builder) against() string {
	s := &b.o.Summary
	switch {
	case s.Baseline == nil:
		return b.Say("against.unmeasured")
	case s.Finish != nil && s.Finish.Failed != "":
		return b.Say("against.undecided")
	case s.Gain == nil:
		return b.Say("against.novalue", s.Baseline.Engine+" "+s.Baseline.Name)
	}
	text := b.Say("against", b.gain(*s.Gain), s.Baseline.Engine+" "+s.Baseline.Name)
	switch i := b.o.GainInterval(); {
	case i == nil:
	case *s.Gain >= 1:
		text += " " + b.Say("interval.times", fixed(1+i[0], 2), fixed(1+i[1], 2))
	default:
		text += " " + b.Say("interval", changeText(i[0]), changeText(i[1]))
	}
	return text
}

// gain says a signed fraction in words.
func (b *builder) gain(g float64) string {
	switch {
	case g >= 1:
		return b.Say("gain.times", fixed(g+1, 1))
	case g >= 0:
		return b.Say("gain.better", fixed(100*g, 1))
	}
	return b.Say("gain.worse", fixed(-100*g, 1))
}

// sure says how far the verdict can be believed.
func (b *builder) sure() string {
	s := &b.o.Summary
	switch {
	case s.Winner == nil || s.KeptBaseline:
		return ""
	case s.Doubt != "":
		return b.Say("sure.doubt", b.translated(s.Doubt))
	case s.Gain == nil:
		return ""
	case s.GainInterval != nil:
		return b.Say("sure.finish", len(s.Finish.Rows), s.Finish.Starts)
	case b.o.GainInterval() != nil:
		return b.Say("sure.interval")
	}
	return b.Say("sure.nointerval", fixed(100*tuner.SmallGain, 0))
}

// cautions are what a reader must know before anything else.
func (b *builder) cautions() []string {
	s := &b.o.Summary
	var all []string
	if s.Error != "" {
		all = append(all, b.translated(s.Error))
	}
	switch b.run.State {
	case tuner.RunRunning:
		all = append(all, b.Say("caution.running"))
	case tuner.RunCrashed:
		all = append(all, b.Say("caution.crashed"))
	}
	if s.NotRun > 0 {
		all = append(all, b.Say("caution.notrun", s.NotRun))
	}
	for _, m := range b.run.Missing {
		all = append(all, b.translated(m))
	}
	for _, l := range s.Left {
		all = append(all, b.Say("caution.left", l))
	}
	for _, a := range impossible(s, b.Say("ceiling.more")) {
		all = append(all, b.translated(a))
	}
	return all
}

// keyFigures are the few figures that stand out.
func (b *builder) keyFigures() []KeyFigure {
	s := &b.o.Summary
	var all []KeyFigure
	add := func(label, value, note string) { all = append(all, KeyFigure{label, value, note}) }
	switch {
	case s.Gain == nil || s.KeptBaseline:
	case s.Pair != nil:
		all = b.pairFigures()
	case *s.Gain >= 1:
		add(b.Say("key.gain"), "×"+fixed(1+*s.Gain, 1), b.caption(changeText(*s.Gain)))
	default:
		add(b.Say("key.gain"), changeText(*s.Gain), b.caption(""))
	}
	if s.Winner != nil && s.Winner.Value != nil {
		add(b.Say("key.winner"), one(*s.Winner.Value, b.unit), b.caption(s.Winner.Engine+" "+s.Winner.Name))
	}
	if s.Baseline != nil && s.Baseline.Value != nil && !s.KeptBaseline {
		add(b.Say("key.baseline"), one(*s.Baseline.Value, b.unit), b.caption(s.Baseline.Engine+" "+s.Baseline.Name))
	}
	if f, ok := b.ceilingFigure(); ok {
		all = append(all, f)
	}
	add(b.Say("key.trials"), fmt.Sprint(s.Trials.OK+s.Trials.Failed), b.Say("key.trials.note", s.Trials.Failed, s.Trials.Pruned))
	if s.Simulated {
		add(b.Say("key.time"), b.duration(s.EngineS), b.caption(b.Say("key.time.simulated", b.duration(s.WallS))))
	} else {
		add(b.Say("key.time"), b.duration(s.WallS), b.Say("key.time.note", b.duration(s.EngineS)))
	}
	return all
}

// command is what to run to get the winner.
func (b *builder) command() Section {
	s := &b.o.Summary
	if s.Winner == nil || len(s.Winner.Command) == 0 {
		return Section{}
	}
	section := b.section("command", Block{Code: &Code{Text: b.environmentPrefix() + strings.TrimSpace(Command(s.Winner.Command))}})
	if image := b.image(s.Winner.Engine, s.Winner.Name); image != "" {
		said := b.Say("command.image", image)
		if b.o.Summary.Simulated {
			said = b.Say("command.image.simulated", image)
		}
		section.Blocks = append(section.Blocks, Block{Text: said})
	}
	return section
}

// environmentPrefix sets the winner's variables in front of its command; a
// secret is named, not shown.
func (b *builder) environmentPrefix() string {
	var out strings.Builder
	for _, e := range b.o.Summary.Winner.Env {
		value := quote(e.Value.String())
		if e.Value.Secret != "" {
			value = `"$` + e.Name + `"`
		}
		out.WriteString(e.Name + "=" + value + " \\\n")
	}
	return out.String()
}

// image is what an engine block started, as the profile names it.
func (b *builder) image(kind, name string) string {
	if b.run.Profile == nil {
		return ""
	}
	for _, e := range b.run.Profile.Engines {
		if e.Kind == kind && e.Name == name {
			return e.Image
		}
	}
	return ""
}
