package report

import (
	"cmp"
	"fmt"
	"time"

	"github.com/qtune/qtune/report/chart"
	"github.com/qtune/qtune/tuner"
)

// The phases of a timeline.
const (
	phasePrepare = iota
	phaseStart
	phaseMeasure
	phaseStop
	phases
)

// Stay is how long one start of a trial was in each phase, in seconds: of the
// engine's time where it is simulated, else by the clock on the wall. Begin
// counts from the start of the run.
type Stay struct {
	Trial    string  `json:"trial"`
	BeginS   float64 `json:"begin_s"`
	StartS   float64 `json:"start_s"`
	MeasureS float64 `json:"measure_s"`
	StopS    float64 `json:"stop_s"`
	Finished bool    `json:"finished"` // false: cut short
}

// staysOf reads each attempt's phases. Simulated ones run faster than their own
// clock, so they follow one another in that.
func staysOf(run *tuner.PastRun) []Stay {
	var all []Stay
	end := 0.0
	for i := range run.Attempts {
		a := &run.Attempts[i]
		s := stayOf(a, run.Ended)
		switch {
		case run.Header.Simulated:
			simulatedStay(&s, a, run.Header.Speed)
			s.BeginS = end
			end += s.StartS + s.MeasureS + s.StopS
		default:
			s.BeginS = a.Began.Sub(run.Started).Seconds()
		}
		all = append(all, s)
	}
	return all
}

func stayOf(a *tuner.Attempt, runEnded time.Time) Stay {
	s := Stay{Trial: a.Trial, Finished: a.Result != nil}
	ended := a.Ended
	if ended.IsZero() {
		ended = runEnded
	}
	if a.Ready.IsZero() {
		s.StartS = ended.Sub(a.Began).Seconds()
		return s
	}
	s.StartS, s.MeasureS = a.Ready.Sub(a.Began).Seconds(), a.Measured.Sub(a.Ready).Seconds()
	if !a.Ended.IsZero() {
		s.StopS = a.Ended.Sub(a.Measured).Seconds()
	}
	return s
}

func simulatedStay(s *Stay, a *tuner.Attempt, speed float64) {
	if a.Result != nil {
		s.StartS, s.MeasureS, s.StopS = a.Result.StartS, a.Result.MeasureS, a.Result.StopS
		return
	}
	s.StartS, s.MeasureS = s.StartS*max(speed, 1), s.MeasureS*max(speed, 1)
}

// timeline shows where the minutes went.
func (b *builder) timeline() Section {
	stays := staysOf(b.run)
	if len(stays) == 0 {
		return Section{}
	}
	var total [phases]float64
	if !b.run.Header.Simulated && stays[0].BeginS >= 0.5 {
		total[phasePrepare] = stays[0].BeginS
	}
	for _, s := range stays {
		total[phaseStart] += s.StartS
		total[phaseMeasure] += s.MeasureS
		total[phaseStop] += s.StopS
	}
	title := b.caption(b.Say("timeline.figure"))
	picture := chart.Timeline{Title: title, Phases: b.phaseNames(), Format: b.clock, Step: clockStep}
	t := &Table{Caption: title, Fold: b.Say("data"), Columns: []Column{
		{Title: b.Say("column.trial"), Code: true}, {Title: b.Say("column.configuration")},
		{Title: b.Say("phase.begin"), Numeric: true}, {Title: b.Say("phase.1"), Numeric: true}, {Title: b.Say("phase.2"), Numeric: true}, {Title: b.Say("phase.3"), Numeric: true},
	}}
	if total[phasePrepare] > 0 {
		picture.Lanes = append(picture.Lanes, chart.Lane{Label: b.Say("phase.0"), Spans: []chart.Span{{From: 0, To: total[phasePrepare], Tip: b.Say("phase.0") + ": " + b.duration(total[phasePrepare])}}})
	}
	picture.Lanes = append(picture.Lanes, b.lanes(stays)...)
	for _, s := range stays {
		name, _ := b.laneName(s)
		t.Rows = append(t.Rows, TableRow{Cells: []Cell{
			{Text: s.Trial}, {Text: name}, {Text: b.duration(s.BeginS)}, {Text: b.duration(s.StartS)}, {Text: b.duration(s.MeasureS)}, {Text: b.duration(s.StopS)},
		}})
	}
	fig := &Figure{Name: "timeline", Title: title, Note: b.timelineNote(), picture: picture, Table: t}
	return b.section("timeline", Block{Table: b.phaseTotals(total)}, Block{Figure: fig})
}

// mostLanes is how many lanes a timeline has; of more trials, several in a row
// share one.
const mostLanes = 40

func (b *builder) lanes(stays []Stay) []chart.Lane {
	var all []chart.Lane
	each := (len(stays) + mostLanes - 1) / mostLanes
	for i := 0; i < len(stays); i += each {
		s := stays[i]
		name, strong := b.laneName(s)
		if each > 1 {
			last := min(i+each, len(stays))
			for _, more := range stays[i+1 : last] {
				s.StartS, s.MeasureS, s.StopS = s.StartS+more.StartS, s.MeasureS+more.MeasureS, s.StopS+more.StopS
			}
			name, strong = b.Say("timeline.group", i+1, last), false
		}
		all = append(all, chart.Lane{Label: name, Bold: strong, Spans: b.spans(s, name)})
	}
	return all
}

func (b *builder) timelineNote() string {
	if b.run.Header.Simulated {
		return b.Say("timeline.simulated")
	}
	note := b.Say("timeline.note")
	if starts, saved := savedOf(b.run.Attempts); starts > 0 {
		note += " " + b.Say("timeline.saved", starts, b.duration(saved))
	}
	if starts, why := recompiledOf(b.run.Attempts); starts > 0 {
		note += " " + b.Say("timeline.recompiled", starts, why)
	}
	return note
}

// savedOf is how many starts took over what an earlier one had compiled, and how many
// seconds those starts were shorter than that one, together.
func savedOf(attempts []tuner.Attempt) (starts int, seconds float64) {
	for i := range attempts {
		if r := attempts[i].Result; r != nil && r.Facts.SavedS > 0 {
			starts++
			seconds += r.Facts.SavedS
		}
	}
	return starts, seconds
}

// recompiledOf is how many starts found compiled code and could not take it, and what
// the first of them said of it.
func recompiledOf(attempts []tuner.Attempt) (starts int, why string) {
	for i := range attempts {
		if r := attempts[i].Result; r != nil && r.Facts.Recompiled != "" {
			starts++
			why = cmp.Or(why, r.Facts.Recompiled)
		}
	}
	return starts, why
}

func (b *builder) phaseNames() []string {
	names := make([]string, phases)
	for i := range names {
		names[i] = b.Say(fmt.Sprintf("phase.%d", i))
	}
	return names
}

func (b *builder) phaseTotals(total [phases]float64) *Table {
	sum := 0.0
	for _, v := range total {
		sum += v
	}
	t := &Table{Caption: b.caption(b.Say("timeline.totals")), Columns: []Column{{Title: b.Say("column.phase")}, {Title: b.Say("column.time"), Numeric: true}, {Title: b.Say("column.share"), Numeric: true}}}
	for i, v := range total {
		if i == phasePrepare && v == 0 {
			continue
		}
		t.Rows = append(t.Rows, TableRow{Cells: []Cell{{Text: b.Say(fmt.Sprintf("phase.%d", i))}, {Text: b.duration(v)}, {Text: share(v, sum)}}})
	}
	t.Rows = append(t.Rows, TableRow{Kind: rowTotal, Cells: []Cell{{Text: b.Say("total")}, {Text: b.duration(sum)}, {Text: share(sum, sum)}}})
	return t
}

// laneName is what the timeline calls a start: the winner and the baseline by their role.
func (b *builder) laneName(s Stay) (string, bool) {
	r := b.results[s.Trial]
	if r == nil {
		return s.Trial + " (" + b.Say("unfinished") + ")", false
	}
	name := s.Trial + " " + r.Engine + " " + r.Name
	switch {
	case b.o.Summary.Winner != nil && b.o.Summary.Winner.Trial == s.Trial:
		return b.Say("pick.winner", name), true
	case r.Baseline:
		return b.Say("pick.baseline", name), true
	case r.Status != tuner.OK:
		return name + " (" + b.Say("failed") + ")", false
	}
	return name, false
}

func (b *builder) spans(s Stay, name string) []chart.Span {
	var all []chart.Span
	at := s.BeginS
	for phase, d := range []float64{phaseStart: s.StartS, phaseMeasure: s.MeasureS, phaseStop: s.StopS} {
		if d > 0 {
			all = append(all, chart.Span{From: at, To: at + d, Phase: phase, Tip: b.caption(fmt.Sprintf("%s, %s: %s", name, b.Say(fmt.Sprintf("phase.%d", phase)), b.duration(d)))})
			at += d
		}
	}
	return all
}
