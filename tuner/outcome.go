package tuner

import (
	"fmt"
	"strings"
	"time"

	"github.com/qtune/qtune/bench"
	"github.com/qtune/qtune/engine"
	"github.com/qtune/qtune/profiles"
)

// Row is a trial as the table of all trials shows it.
type Row struct {
	Trial     string          `json:"trial"`
	Engine    string          `json:"engine"`
	Name      string          `json:"name"`
	Varies    string          `json:"varies"` // what sets it apart from its engine's own flags
	Baseline  bool            `json:"baseline"`
	Winner    bool            `json:"winner"`
	Status    string          `json:"status"` // ok, failed, pruned, planned (not reached)
	Value     *float64        `json:"value"`
	Second    *float64        `json:"second,omitempty"` // the other figure of an objective of two
	Gain      *float64        `json:"gain"`             // against the baseline, positive is better
	Out       string          `json:"out,omitempty"`
	Failure   *engine.Failure `json:"failure,omitempty"`
	Screened  string          `json:"screened,omitempty"` // why it was measured no further
	Why       string          `json:"why,omitempty"`      // what a strategy chose it for
	StartS    float64         `json:"start_s"`
	WallS     float64         `json:"wall_s"`
	Reused    string          `json:"reused,omitempty"` // the run that measured it
	Notes     []string        `json:"notes,omitempty"`
	KVTokens  int             `json:"kv_tokens,omitempty"`
	ServerLog string          `json:"server_log,omitempty"`
}

// Outcome is all that a report shows of a run.
type Outcome struct {
	Summary     Summary      `json:"summary"`
	Profile     string       `json:"profile"`
	Constraints []string     `json:"constraints"`
	Rows        []Row        `json:"rows"`
	Pruned      []PrunedRow  `json:"pruned"`
	Best        *TrialResult `json:"winner_result"`
	Base        *TrialResult `json:"baseline_result"`
}

// PrunedRow counts the trials that one reason kept from starting.
type PrunedRow struct {
	Reason string `json:"reason"`
	Count  int    `json:"count"`
}

// Conclude decides and puts everything together that a report shows.
func Conclude(plan *Plan, results []TrialResult, wall time.Duration) Outcome {
	d := Decide(plan.Profile, results)
	o := Outcome{
		Summary: Summarize(plan, results, d, wall),
		Profile: plan.Profile.Name,
		Pruned:  pruned(plan),
	}
	for _, c := range plan.Profile.Constraints {
		o.Constraints = append(o.Constraints, describe(plan.Profile, c))
	}
	if least := plan.Profile.Agreement; least != nil {
		o.Constraints = append(o.Constraints, fmt.Sprintf("answers agree ≥ %s of the baseline's agreement with itself", Figure(*least, bench.UnitShare)))
	}
	for i := range d.Verdicts {
		o.Rows = append(o.Rows, row(plan, &d, &d.Verdicts[i]))
	}
	if d.Winner != nil {
		o.Best = d.Winner.Result
	}
	if d.Baseline != nil {
		o.Base = d.Baseline.Result
	}
	if d.Finish != nil {
		if best, base := d.Finish.shown(); base != nil {
			o.Best, o.Base = best, base
		} else if best != nil {
			o.Best = best
		}
	}
	o.compareAnswers(plan.Profile, results)
	return o
}

func describe(p *profiles.Profile, c profiles.Constraint) string {
	level := p.Workloads[c.At.Workload].Levels[c.At.Level].String()
	text := c.Metric.Name
	if c.Min != nil {
		text += " ≥ " + Figure(*c.Min, c.Metric.Unit)
	}
	if c.Max != nil {
		text += " ≤ " + Figure(*c.Max, c.Metric.Unit)
	}
	return text + " at " + level
}

func pruned(plan *Plan) []PrunedRow {
	var rows []PrunedRow
	add := func(reason string, n int) {
		for i := range rows {
			if rows[i].Reason == reason {
				rows[i].Count += n
				return
			}
		}
		rows = append(rows, PrunedRow{reason, n})
	}
	for i := range plan.Trials {
		if plan.Trials[i].Status == Pruned {
			add(prunedFor(&plan.Trials[i]), 1)
		}
	}
	if plan.Unlisted > 0 {
		add(ReasonBudget, plan.Unlisted)
	}
	return rows
}

func row(plan *Plan, d *Decision, v *Verdict) Row {
	r := v.Result
	row := Row{
		Trial: r.Trial, Engine: r.Engine, Name: r.Name, Baseline: r.Baseline, Winner: d.Winner != nil && d.Winner.Result == r,
		Status: string(r.Status), Value: v.Value, Second: v.Second, Out: v.Out, Failure: r.Failure, Why: r.Why, Screened: r.Screened,
		StartS: r.StartS, WallS: r.WallS, Reused: r.ReusedFrom, KVTokens: r.Facts.KVTokens,
	}
	for _, e := range plan.Profile.Engines {
		if e.Kind == r.Engine && e.Name == r.Name {
			row.Varies = varies(e, r.Flags, r.Env)
		}
	}
	if base := d.searched(); base != nil && v.Value != nil && *base != 0 {
		gain := advantage(plan.Profile.Objective, *v.Value, *base)
		row.Gain = &gain
	}
	row.Notes = notes(r)
	return row
}

// notes are the levels' notes, each once.
func notes(r *TrialResult) []string {
	var all []string
	seen := map[string]bool{}
	for _, w := range r.Workloads {
		for i := range w.Levels {
			for _, n := range w.Levels[i].Notes {
				if !seen[n] {
					seen[n] = true
					all = append(all, n)
				}
			}
		}
	}
	return all
}

// Varies names the values of the sweep's axes in this trial, as in
// "max-num-seqs=16 enforce-eager=off"; "" for an engine without a sweep and for
// a baseline that stands outside its grid.
func (t *Trial) Varies() string { return varies(t.Engine, t.Candidate.Flags, t.Candidate.Env) }

func varies(e *profiles.Engine, flags []profiles.Flag, env []profiles.EnvVar) string {
	var parts []string
	for _, a := range e.Axes {
		value := "off"
		if v, ok := valueOn(a, flags, env); ok {
			value = v.String()
		}
		parts = append(parts, a.Name+"="+value)
	}
	return strings.Join(parts, " ")
}

func valueOn(a profiles.Axis, flags []profiles.Flag, env []profiles.EnvVar) (profiles.Value, bool) {
	if a.Env {
		for _, e := range env {
			if e.Name == a.Name {
				return e.Value, true
			}
		}
		return profiles.Value{}, false
	}
	for _, f := range flags {
		if f.Name == a.Name && !f.Value.IsNull() {
			return f.Value, true
		}
	}
	return profiles.Value{}, false
}
