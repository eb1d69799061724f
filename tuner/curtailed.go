package tuner

import (
	"fmt"
	"slices"
	"strings"

	"github.com/qtune/qtune/bench"
	"github.com/qtune/qtune/profiles"
	"github.com/qtune/qtune/tuner/curtail"
)

// Curtailed is how a level ended before its end: its figures are those of the part
// that was measured.
type Curtailed struct {
	Level    string  `json:"level"`
	Requests int     `json:"requests"` // on which it was certain
	AfterS   float64 `json:"after_s"`  // from the first send, in the engine's time
	Risk     float64 `json:"risk"`     // of having been wrong, over all looks of the level
	Behind   bool    `json:"behind"`   // for the best so far; else for a constraint
}

// ending follows a level for what would end its trial there.
type ending struct {
	*attempt
	at      profiles.At
	bounds  []curtail.Bound
	limits  []profiles.Constraint // of the bounds but the objective's, which is the last
	watch   *curtail.Watch        // nil where nothing can be told before the end
	verdict *curtail.Verdict
}

// ending is what of a level may be certain before its end. A trial that is compared
// with, that confirms a choice, or that is to be measured in full goes on to the end,
// and so does what decides nothing.
func (a *attempt) ending(at profiles.At, l bench.Level) *ending {
	e := &ending{attempt: a, at: at}
	if !a.screens() || a.trial.Baseline || l.Kind == bench.KindBurst || l.Kind == bench.KindMaxRate {
		return e
	}
	p := a.plan.Profile
	for _, c := range p.Constraints {
		if c.At != at {
			continue
		}
		for _, limit := range []*float64{c.Max, c.Min} {
			if limit != nil {
				e.bounds = append(e.bounds, curtail.Bound{Metric: c.Metric.Name, Least: limit == c.Min, Limit: *limit})
				e.limits = append(e.limits, c)
			}
		}
	}
	if best := a.at.Best; best != nil && p.Objective.At == at && p.Objective.Pick != profiles.PickKnee { // of a knee one load tells a part
		e.bounds = append(e.bounds, reach(p.Objective, *best.Value))
	}
	timed := l.Kind == bench.KindOpen || l.Kind == bench.KindTrace
	e.watch = curtail.New(curtail.Load{Users: max(l.Users, 1), Timed: timed}, e.bounds)
	return e
}

// reach is what a trial has to reach for not being too far behind the best: the same
// bound by which a trial that was measured to the end of the level is judged.
func reach(o profiles.Objective, best float64) curtail.Bound {
	if o.Minimize {
		return curtail.Bound{Metric: o.Metric.Name, Limit: best / (1 - nearBest)}
	}
	return curtail.Bound{Metric: o.Metric.Name, Least: true, Limit: best * (1 - nearBest)}
}

// follow passes requests on, and says from when on the level need not go on.
func (e *ending) follow(each func(bench.Outcome)) func(bench.Outcome) bool {
	return func(o bench.Outcome) bool {
		each(o)
		if e.watch == nil || o.Warmup {
			return false
		}
		v, certain := e.watch.Add(curtail.Request{User: o.User, Sent: o.Sent, TTFT: o.TTFT, E2E: o.E2E, Tokens: o.OutputTokens, Failed: o.Error != ""})
		if certain && e.verdict == nil {
			e.verdict = &v
		}
		return certain
	}
}

// enter writes into a result why its level, which ended early, ends the trial.
func (e *ending) enter(r *TrialResult, l *bench.LevelResult) {
	if e.verdict == nil {
		return
	}
	r.Curtailed = &Curtailed{
		Level: LevelName(l), Requests: e.verdict.Requests, AfterS: e.verdict.After.Seconds(),
		Risk: curtail.Risk, Behind: e.verdict.Bound == len(e.limits),
	}
	r.Screened = fmt.Sprintf("%s, certain after %d requests", e.why(), e.verdict.Requests)
	r.SavedS = max(0, e.takes([]profiles.At{e.at})-l.WallS*e.Speed)
	l.Notes = append(l.Notes, "ended early, since this trial can certainly not win: the figures are those of the part that was measured")
}

// why is what was certain.
func (e *ending) why() string {
	b, p, v := e.bounds[e.verdict.Bound], e.plan.Profile, e.verdict.Value
	percentile := strings.Contains(b.Metric, "_p")
	switch {
	case e.verdict.Bound == len(e.limits) && percentile:
		return "out of reach of the best so far"
	case e.verdict.Bound == len(e.limits):
		return fmt.Sprintf("%.0f %% behind the best so far", -100*advantage(p.Objective, v, *e.attempt.at.Best.Value))
	}
	sign, unit := ">", e.limits[e.verdict.Bound].Metric.Unit
	if b.Least {
		sign = "<"
	}
	if percentile {
		return fmt.Sprintf("%s %s %s", b.Metric, sign, Figure(b.Limit, unit))
	}
	return fmt.Sprintf("%s %s %s %s", b.Metric, Figure(v, unit), sign, Figure(b.Limit, unit))
}

// goals is what a trial was screened for, as a text: what was cut short for one goal
// says too little of another.
func goals(p *profiles.Profile) string {
	place := func(at profiles.At) string { return fmt.Sprintf("%d.%d", at.Workload, at.Level) }
	var parts []string
	for _, o := range Figures(p.Objective) {
		parts = append(parts, goal(o)+" "+o.Metric.Name+" at "+place(o.At))
	}
	if p.Objective.Pick != "" {
		parts = append(parts, "pick "+p.Objective.Pick)
	}
	n := len(parts)
	for _, c := range p.Constraints {
		text := c.Metric.Name + " at " + place(c.At)
		for i, limit := range []*float64{c.Min, c.Max} {
			if limit != nil {
				text += fmt.Sprintf(" %s %g", []string{"min", "max"}[i], *limit)
			}
		}
		parts = append(parts, text)
	}
	if p.Agreement != nil {
		parts = append(parts, fmt.Sprintf("agreement min %g", *p.Agreement))
	}
	slices.Sort(parts[n:])
	return strings.Join(parts, "; ")
}
