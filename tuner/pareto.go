package tuner

import (
	"cmp"
	"math"
	"slices"

	"github.com/qtune/qtune/profiles"
)

// Score is what configurations are compared by; of gives a figure of the objective,
// false where there is none. Of one figure, and where a constraint picks, it is the
// first figure. Of two at the knee it is the geometric mean of the first and of what the
// second is worth: their ratio or product, whose best is the point of the front at which
// a percent of the one costs a percent of the other. For throughput and latency that is
// Kleinrock's power (L. Kleinrock, Power and Deterministic Rules of Thumb for
// Probabilistic Problems in Computer Communications, ICC 1979). It needs neither the
// ends of the front nor units, so that it is a figure of one trial, in a search as in a
// finish; it runs the way of the first figure, and differs from start to start by no more
// than the worse of the two does.
func Score(o profiles.Objective, of func(profiles.Objective) (float64, bool)) (float64, bool) {
	first, ok := of(o)
	if !ok || o.Pick != profiles.PickKnee {
		return first, ok
	}
	second, ok := of(*o.Also)
	if o.Also.Minimize != o.Minimize {
		second = 1 / second
	}
	score := math.Sqrt(first * second)
	return score, ok && !math.IsNaN(score) && !math.IsInf(score, 0)
}

// Figures are the objective's one or two figures.
func Figures(o profiles.Objective) []profiles.Objective {
	if o.Also == nil {
		return []profiles.Objective{o}
	}
	return []profiles.Objective{o, *o.Also}
}

// Gain is an advantage over the baseline as a signed fraction, positive is better, with
// its 95 % interval from the finish; nil where there is none.
type Gain struct {
	Value    *float64    `json:"value"`
	Interval *[2]float64 `json:"interval,omitempty"`
}

// Pair is what an objective of two figures has beside the first.
type Pair struct {
	Pick     string         `json:"pick"`   // knee or constraint
	Second   ObjectiveValue `json:"second"` // with the winner's value
	Baseline *float64       `json:"baseline_value"`
	Gain     Gain           `json:"gain"`  // of the second figure
	Both     *Gain          `json:"both"`  // the geometric mean of both gains, by which a knee is picked; null where a constraint picks
	Front    []Place        `json:"front"` // of the search: allowed trials that no other one beats in both, from the best of the first figure on
}

// Place is a trial on the front.
type Place struct {
	Trial  string  `json:"trial"`
	First  float64 `json:"first"`
	Second float64 `json:"second"`
	Picked bool    `json:"picked,omitempty"`
}

// pair is what a summary says of an objective of two; nil for one of one.
func pair(p *profiles.Profile, d *Decision) *Pair {
	o := p.Objective
	if o.Also == nil {
		return nil
	}
	a := &Pair{Pick: o.Pick, Second: objectiveValue(p, *o.Also), Front: front(p, d), Gain: d.SecondGain}
	if d.Winner != nil {
		a.Second.Value = d.Winner.Second
	}
	if d.Baseline != nil {
		a.Baseline = d.Baseline.Second
	}
	if o.Pick == profiles.PickKnee {
		a.Both = &d.BothGain
	}
	return a
}

// front are the trials that can win and that no other one of these beats in both figures.
// Of equals the earlier stands for all.
func front(p *profiles.Profile, d *Decision) []Place {
	var able []*Verdict
	for i := range d.Verdicts {
		if v := &d.Verdicts[i]; v.Out == "" && v.Second != nil {
			able = append(able, v)
		}
	}
	slices.SortStableFunc(able, func(a, b *Verdict) int {
		return cmp.Or(order(p.Objective, *a.Value, *b.Value), order(*p.Objective.Also, *a.Second, *b.Second))
	})
	var all []Place
	for _, v := range able {
		if n := len(all); n == 0 || better(*p.Objective.Also, *v.Second, all[n-1].Second) {
			all = append(all, Place{v.Result.Trial, *v.Value, *v.Second, d.Winner != nil && d.Winner.Result == v.Result})
		}
	}
	return all
}

// order sorts the better value first.
func order(o profiles.Objective, a, b float64) int {
	if o.Minimize {
		return cmp.Compare(a, b)
	}
	return cmp.Compare(b, a)
}

// gains are those of the second figure and of both, of one start each.
func (d *Decision) gains(o profiles.Objective) {
	d.SecondGain, d.BothGain = Gain{}, Gain{}
	w, b := d.Winner, d.Baseline
	if o.Also == nil || w == nil || b == nil || b.score == nil || b.Second == nil || *b.Second == 0 || *w.Second == 0 {
		return
	}
	second, both := advantage(*o.Also, *w.Second, *b.Second), advantage(o, *w.score, *b.score)
	d.SecondGain.Value, d.BothGain.Value = &second, &both
}

// Goal says what is made best, and at which load.
func Goal(p *profiles.Profile) string {
	o := p.Objective
	text := goalText(p, o)
	switch {
	case o.Also == nil:
		return text
	case o.Pick == profiles.PickConstraint:
		return text + ", and " + goalText(p, *o.Also) + " as far as its constraint asks"
	}
	return text + ", and " + goalText(p, *o.Also) + ", at the knee: where a percent of the one costs a percent of the other"
}

func goalText(p *profiles.Profile, o profiles.Objective) string {
	return goal(o) + " " + o.Metric.Name + " at " + p.Workloads[o.At.Workload].Levels[o.At.Level].String()
}
