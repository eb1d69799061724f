package report

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/qtune/qtune/bench"
	"github.com/qtune/qtune/profiles"
	"github.com/qtune/qtune/tuner"
)

// comparison shows the baseline and the winner side by side, level by level.
func (p *printer) comparison(o *tuner.Outcome) {
	if o.Best == nil || o.Base == nil || o.Summary.KeptBaseline || o.Base.Status != tuner.OK {
		return
	}
	for i, w := range o.Best.Workloads {
		p.printf("\nBaseline and winner, workload %q%s\n", w.Workload, tag(&o.Summary))
		p.table(func(row func(...string)) {
			row("level", "baseline tok/s", "winner tok/s", "change", "baseline e2e", "winner e2e", "change")
			for j := range w.Levels {
				if base := o.Base.Level(profiles.At{Workload: i, Level: w.Place(j)}); base != nil {
					compareLevels(row, base, &w.Levels[j])
				}
			}
		})
	}
}

func compareLevels(row func(...string), base, best *bench.LevelResult) {
	row(tuner.LevelName(base),
		fmt.Sprintf("%.1f", base.OutputThroughput), fmt.Sprintf("%.1f", best.OutputThroughput),
		percent(best.OutputThroughput, base.OutputThroughput),
		millis(base.E2E.Mean), millis(best.E2E.Mean), percentOf(best.E2E.Mean, base.E2E.Mean))
}

func millis(v *float64) string {
	if v == nil {
		return "–"
	}
	return tuner.Figure(*v, bench.UnitMilliseconds)
}

func percent(now, before float64) string {
	if before == 0 {
		return "–"
	}
	return fmt.Sprintf("%+.1f %%", 100*(now/before-1))
}

func percentOf(now, before *float64) string {
	if now == nil || before == nil {
		return "–"
	}
	return percent(*now, *before)
}

func (p *printer) trials(o *tuner.Outcome) {
	s := &o.Summary
	if len(o.Rows) == 0 {
		return
	}
	p.printf("\nAll trials%s\n", tag(s))
	p.table(func(row func(...string)) {
		head := []string{"", "trial", "engine", s.Objective.Metric, "gain", "start", ""}
		if s.Pair != nil {
			head = slices.Insert(head, 5, s.Pair.Second.Metric)
		}
		row(head...)
		for i := range o.Rows {
			p.trial(row, &o.Rows[i], s)
		}
	})
	p.configurations(o)
	for _, pr := range o.Pruned {
		p.printf("  not started: %d (%s)\n", pr.Count, pr.Reason)
	}
	p.notes(o)
}

// configurations names what sets each trial apart. It stands apart from the
// figures, since it can be long.
func (p *printer) configurations(o *tuner.Outcome) {
	for i := range o.Rows {
		if r := &o.Rows[i]; r.Varies != "" {
			p.printf("  %s: %s\n", r.Trial, r.Varies)
		}
	}
}

func (p *printer) trial(row func(...string), r *tuner.Row, s *tuner.Summary) {
	value, gain := "–", ""
	if r.Value != nil {
		value = tuner.Figure(*r.Value, bench.Unit(s.Objective.Unit))
	}
	if r.Gain != nil && !r.Baseline {
		gain = fmt.Sprintf("%+.1f %%", 100**r.Gain)
	}
	cells := []string{mark(r.Baseline, r.Winner), r.Trial, r.Engine + " " + r.Name, value, gain, fmt.Sprintf("%.0f s", r.StartS), remark(r)}
	if s.Pair != nil {
		second := "–"
		if r.Second != nil {
			second = tuner.Figure(*r.Second, bench.Unit(s.Pair.Second.Unit))
		}
		cells = slices.Insert(cells, 5, second)
	}
	row(cells...)
}

func mark(baseline, winner bool) string {
	switch {
	case winner:
		return "*"
	case baseline:
		return "b"
	}
	return ""
}

func remark(r *tuner.Row) string {
	var parts []string
	if r.Winner {
		parts = append(parts, "winner")
	}
	if r.Baseline {
		parts = append(parts, "baseline")
	}
	if r.Out != "" {
		parts = append(parts, r.Out)
	}
	if r.Screened != "" && r.Screened != r.Out {
		parts = append(parts, r.Screened)
	}
	if r.Reused != "" {
		parts = append(parts, "measured in run "+r.Reused)
	}
	return strings.Join(parts, "; ")
}

func (p *printer) notes(o *tuner.Outcome) {
	order, trials := []string{}, map[string][]string{}
	for _, r := range o.Rows {
		for _, n := range r.Notes {
			if trials[n] == nil {
				order = append(order, n)
			}
			trials[n] = append(trials[n], r.Trial)
		}
	}
	for _, n := range order {
		p.printf("  note: %s (%s)\n", n, some(trials[n], len(o.Rows)))
	}
}

func some(ids []string, all int) string {
	switch {
	case len(ids) == all && all > 1:
		return "all trials"
	case len(ids) > 3:
		return fmt.Sprintf("%s and %d more", strings.Join(ids[:3], ", "), len(ids)-3)
	}
	return strings.Join(ids, ", ")
}

func (p *printer) failures(o *tuner.Outcome) {
	first := true
	for _, r := range o.Rows {
		if r.Failure == nil {
			continue
		}
		if first {
			p.printf("\nFailed\n")
			first = false
		}
		p.printf("  %s %s %s: %s, a fault of the %s\n", r.Trial, r.Engine, r.Name, r.Failure.Class, r.Failure.Fault)
		if r.Varies != "" {
			p.printf("      with %s\n", r.Varies)
		}
		if r.Failure.Line != "" {
			p.printf("      %s\n", r.Failure.Line)
		}
		if r.Failure.Hint != "" {
			p.printf("      hint: %s\n", r.Failure.Hint)
		}
	}
}

func (p *printer) files(o *tuner.Outcome) {
	s := &o.Summary
	p.printf("\nRun %s took %s: %d ok, %d failed, %d pruned, %d reused", s.Run, Duration(s.WallS), s.Trials.OK, s.Trials.Failed, s.Trials.Pruned, s.Trials.Reused)
	if s.NotRun > 0 {
		p.printf(", %d not reached", s.NotRun)
	}
	p.printf(".\n")
	if line := searchLine(s); line != "" {
		p.printf("%s\n", line)
		for _, u := range s.Search.Next {
			p.printf("  next would have been: %s %s  %s\n", u.Engine, u.Name, u.Varies)
		}
	}
	if s.Screened > 0 {
		p.printf("%d trials that could not win were measured no further, which saved %s of engine time%s.\n", s.Screened, Duration(s.SavedS), tag(s))
	}
	if s.Cost > 0 {
		p.printf("It took %.2f GPU-hours, which cost %.2f%s.\n", s.GPUHours, s.Cost, tag(s))
	}
	if s.Simulated {
		p.printf("Every figure above is simulated on %s (%s of engine time): a rehearsal, no measurement.\n", s.Card, Duration(s.EngineS))
	}
	p.printf("Files: %s\n", filepath.Clean(s.Folder))
	for _, l := range s.Left {
		p.printf("left behind: %s\n", l)
	}
}

// Duration writes seconds as a person says them: "41 s", "12 min 5 s", "2 h 3 min".
func Duration(seconds float64) string {
	s := int(seconds + 0.5)
	switch {
	case s < 120:
		return fmt.Sprintf("%d s", s)
	case s < 7200:
		return fmt.Sprintf("%d min %d s", s/60, s%60)
	}
	return fmt.Sprintf("%d h %d min", s/3600, s%3600/60)
}
