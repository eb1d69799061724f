package tuner

import (
	"fmt"
	"math"
	"slices"

	"github.com/qtune/qtune/profiles"
	"github.com/qtune/qtune/tuner/finish"
)

// FinishRow is one configuration of a finish. Gains are against the baseline.
type FinishRow struct {
	Trial    string     `json:"trial"`
	Engine   string     `json:"engine"`
	Name     string     `json:"name"`
	Varies   string     `json:"varies"`
	Baseline bool       `json:"baseline"`
	Winner   bool       `json:"winner"`
	Values   []*float64 `json:"values"` // of each start; null where it has none
	Value    *float64   `json:"value"`  // their geometric mean over whole blocks
	Gain     *float64   `json:"gain"`
	Low      *float64   `json:"low"` // of the gain, at 95 %
	High     *float64   `json:"high"`
	Better   bool       `json:"better"` // than the baseline, by more than chance explains
	Tied     bool       `json:"tied"`   // with the best
	// Second is the other figure of an objective of two, and Both the gain in both, by
	// which a knee is picked; null where there is none.
	Second  *FinishFigure `json:"second,omitempty"`
	Both    *Gain         `json:"both,omitempty"`
	Out     string        `json:"out,omitempty"`
	changes int           // from what its engine runs with by itself
	starts  []*TrialResult
	scores  []*float64         // of each start
	lead    *finish.Comparison // by the scores; nil where there is no baseline

	disturbed bool // some start measured the machine or the client
}

// FinishFigure is a figure beside the first.
type FinishFigure struct {
	Values []*float64 `json:"values"` // of each start; null where it has none
	Value  *float64   `json:"value"`  // their geometric mean over whole blocks
	Gain   Gain       `json:"gain"`
}

// finishRows gathers what each configuration gave, the baseline first.
func finishRows(p *profiles.Profile, d *Decision, again []*TrialResult) []FinishRow {
	var rows []FinishRow
	for _, r := range again {
		i := slices.IndexFunc(rows, func(row FinishRow) bool { return row.Trial == r.Trial })
		if i < 0 {
			row := FinishRow{Trial: r.Trial, Engine: r.Engine, Name: r.Name, Baseline: r.Baseline}
			if p.Objective.Also != nil {
				row.Second = &FinishFigure{}
			}
			row.describe(p, r)
			rows, i = append(rows, row), len(rows)
		}
		row := &rows[i]
		row.room(r.Start)
		row.starts[r.Start-1] = r
		v := judge(p, r)
		if disturbed(p, r) {
			row.disturbed = true // no word against the configuration, nor for it
			continue
		}
		row.put(r.Start-1, &v)
		if v.Out != "" && row.Out == "" {
			row.Out = fmt.Sprintf("%s in start %d", v.Out, r.Start)
		}
	}
	slices.SortStableFunc(rows, func(a, b FinishRow) int {
		return d.rank(a.Trial) - d.rank(b.Trial)
	})
	return rows
}

// room makes room for so many starts.
func (row *FinishRow) room(starts int) {
	for len(row.starts) < starts {
		row.starts, row.scores, row.Values = append(row.starts, nil), append(row.scores, nil), append(row.Values, nil)
		if row.Second != nil {
			row.Second.Values = append(row.Second.Values, nil)
		}
	}
}

// put enters what a start gave; a start without all of its figures has none.
func (row *FinishRow) put(start int, v *Verdict) {
	if v.score == nil {
		return
	}
	row.scores[start], row.Values[start] = v.score, v.Value
	if row.Second != nil {
		row.Second.Values[start] = v.Second
	}
}

// disturbed says that a start measured the machine or the client, not the server.
func disturbed(p *profiles.Profile, r *TrialResult) bool {
	if machineFault(r) {
		return true
	}
	return slices.ContainsFunc(Figures(p.Objective), func(o profiles.Objective) bool {
		l := r.Level(o.At)
		return l != nil && l.Client.Bound
	})
}

// rank is a trial's place in the search, the baseline's being first.
func (d *Decision) rank(trial string) int {
	return slices.IndexFunc(d.Verdicts, func(v Verdict) bool { return v.Result.Trial == trial })
}

func (row *FinishRow) describe(p *profiles.Profile, r *TrialResult) {
	for i, e := range p.Engines {
		if e.Kind != r.Engine || e.Name != r.Name {
			continue
		}
		row.Varies = varies(e, r.Flags, r.Env)
		if e != p.Baseline() {
			row.changes = 1000 + i // another engine is a greater change than any flag
		}
		for a := range e.Axes {
			v, _ := valueOn(e.Axes[a], r.Flags, r.Env)
			if v.String() != e.Own(a).String() {
				row.changes++
			}
		}
	}
}

// measured says that some start of the row has a value.
func (row *FinishRow) measured() bool {
	return slices.ContainsFunc(row.Values, func(v *float64) bool { return v != nil })
}

// average keeps the starts of whole blocks and takes their geometric mean.
func (row *FinishRow) average(whole []int) {
	row.starts, row.scores, row.Values = only(row.starts, whole), only(row.scores, whole), only(row.Values, whole)
	row.Value = geometricMean(row.Values)
	if row.Second != nil {
		row.Second.Values = only(row.Second.Values, whole)
		row.Second.Value = geometricMean(row.Second.Values)
	}
}

// only are the elements at some places.
func only[T any](all []T, at []int) []T {
	var some []T
	for _, i := range at {
		some = append(some, all[i])
	}
	return some
}

// geometricMean is nil where there is nothing.
func geometricMean(values []*float64) *float64 {
	if len(values) == 0 {
		return nil
	}
	sum := 0.0
	for _, v := range values {
		sum += math.Log(*v)
	}
	mean := math.Exp(sum / float64(len(values)))
	return &mean
}

// verdict is what the finish makes of a configuration.
func (row *FinishRow) verdict(r *TrialResult) *Verdict {
	v := &Verdict{Result: r, Value: row.Value, score: geometricMean(row.scores)}
	if row.Second != nil {
		v.Second = row.Second.Value
	}
	return v
}
