package tuner

import (
	"fmt"
	"slices"

	"github.com/qtune/qtune/profiles"
)

// order is the order in which the levels are measured, and how many of them decide:
// the objective's and the constraints' come first where a trial may end after them.
// Which trials do end there is no matter of chance: those that break a constraint, and
// those so far behind the best that a finish would not take them up. The choice is the
// same as without it; only what nobody would look at is not measured.
func (a *attempt) order() (all []profiles.At, decisive int) {
	p := a.plan.Profile
	add := func(at profiles.At) {
		if !slices.Contains(all, at) {
			all = append(all, at)
		}
	}
	if a.screens() {
		for _, o := range Figures(p.Objective) {
			add(o.At)
		}
		for _, c := range p.Constraints {
			add(c.At)
		}
		decisive = len(all)
	}
	for w := range a.workloads {
		for l := range a.workloads[w].Levels {
			add(profiles.At{Workload: w, Level: l})
		}
	}
	if decisive == 0 {
		decisive = len(all)
	}
	return all, decisive
}

func (a *attempt) screens() bool { return a.plan.Profile.Search.Screen && a.purpose == PurposeSearch }

// hopeless is why a trial whose decisive levels are measured cannot win; "" if it can.
// The baseline is measured in full: the rest is compared with it.
func (a *attempt) hopeless(r *TrialResult) string {
	if a.trial.Baseline {
		return ""
	}
	p := a.plan.Profile
	v := judgeFigures(p, r) // it has not been asked for answers yet
	if v.Out != "" {
		return v.Out
	}
	if best := a.at.Best; best != nil {
		if behind := -advantage(p.Objective, *v.score, *best.score); behind > nearBest {
			return fmt.Sprintf("%.0f %% behind the best so far", 100*behind)
		}
	}
	return ""
}

// takes is how long levels take, in the engine's time, by what the baseline took.
func (a *attempt) takes(levels []profiles.At) float64 {
	sum := 0.0
	for _, at := range levels {
		if a.base == nil {
			continue
		}
		if l := a.base.Level(at); l != nil {
			sum += l.WallS * a.Speed
		}
	}
	return sum
}

// screenedAs is under what an incomplete measurement is known: it serves a run that
// screens as well, and no other.
const screenedAs = "/screened"
