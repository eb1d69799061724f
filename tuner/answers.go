package tuner

import (
	"context"
	"slices"

	"github.com/qtune/qtune/profiles"
	"github.com/qtune/qtune/quality"
)

// Alike is how far the configurations of a run answer as the baseline does.
type Alike struct {
	Unknown string `json:"unknown,omitempty"` // why the winner's agreement is not known
	// Floor is the baseline's agreement with itself: the least of its other starts, or
	// of its one start with its own texts.
	Floor    *quality.Agreement `json:"floor,omitempty"`
	OneStart bool               `json:"one_start,omitempty"` // the floor is of one start only
	// Winner is the least agreement of the winner's starts; Differs says that it is
	// clearly below the floor.
	Winner  *quality.Agreement `json:"winner,omitempty"`
	Differs bool               `json:"differs"`
	// Below are the other trials that agree clearly less than the floor.
	Below []string `json:"below,omitempty"`
}

// CanAnswerOtherwise says whether a profile's configurations may give other answers
// than its baseline: they are of several engines, or differ in a flag that can
// change what a server says.
func CanAnswerOtherwise(p *profiles.Profile) bool {
	if p.Agreement != nil {
		return true
	}
	if len(p.Engines) == 0 || !slices.ContainsFunc(p.Engines, func(e *profiles.Engine) bool { return e.Baseline }) {
		return false
	}
	if len(p.Engines) > 1 {
		return true
	}
	return slices.ContainsFunc(p.Engines[0].Axes, func(a profiles.Axis) bool { return !a.Env && quality.Matters(a.Name) })
}

// referenceOf is what the baseline said in its first start; nil as long as it said nothing.
func referenceOf(results []TrialResult) *quality.Answers {
	for i := range results {
		if r := &results[i]; r.Baseline && r.Answers != nil && len(r.Answers.Texts) > 0 {
			return r.Answers
		}
	}
	return nil
}

// answers asks a server that has been measured what it says.
func (a *attempt) answers(ctx context.Context, s Server, r *TrialResult) {
	if a.Ask == nil || a.Simulated || r.Status != OK || r.Screened != "" {
		return
	}
	a.at.Stage = "comparing answers"
	a.notify(EventTrialStage)
	r.Answers = a.Ask(ctx, s.Target(), a.trial.Engine.Kind, a.reference)
}

// compareAnswers puts into an outcome how far the winner answers as the baseline
// does; nothing where the profile's configurations cannot differ in that.
func (o *Outcome) compareAnswers(p *profiles.Profile, results []TrialResult) {
	if !CanAnswerOtherwise(p) {
		return
	}
	a := &Alike{}
	o.Summary.Answers = a
	if slices.ContainsFunc(results, func(r TrialResult) bool { return r.Simulated }) {
		a.Unknown = "simulated engines write words without meaning"
		return
	}
	reference := referenceOf(results)
	if reference == nil {
		a.Unknown = "the baseline's answers are not known" + problemOf(results)
		return
	}
	a.Floor, a.OneStart = floorOf(results, reference)
	if w := o.Summary.Winner; w != nil {
		a.Winner = least(results, reference, func(r *TrialResult) bool { return r.Trial == w.Trial })
	}
	if a.Winner == nil {
		a.Unknown = "the winner's answers are not known" + problemOf(results)
		return
	}
	a.Differs = quality.Differs(a.Floor.Forced, a.Winner.Forced)
	for _, row := range o.Rows {
		of := least(results, reference, func(r *TrialResult) bool { return r.Trial == row.Trial })
		if of != nil && !row.Winner && quality.Differs(a.Floor.Forced, of.Forced) {
			a.Below = append(a.Below, row.Trial)
		}
	}
}

// floorOf is how far the baseline agrees with itself: the least of its other starts, or,
// as long as there is none, of its one start with its own texts.
func floorOf(results []TrialResult, reference *quality.Answers) (floor *quality.Agreement, oneStart bool) {
	floor = least(results, reference, func(r *TrialResult) bool { return r.Baseline && r.Answers != reference })
	if floor != nil {
		return floor, false
	}
	if own, ok := quality.Compare(reference, reference); ok {
		return &own, true
	}
	return nil, false
}

// problemOf is what kept the first start that was asked from answering.
func problemOf(results []TrialResult) string {
	for i := range results {
		if a := results[i].Answers; a != nil && a.Problem != "" {
			return ": " + a.Problem
		}
	}
	return ""
}

// least is the least agreement with the reference among some starts, by positions
// where they are known; nil where none of them answered.
func least(results []TrialResult, reference *quality.Answers, of func(*TrialResult) bool) *quality.Agreement {
	var low *quality.Agreement
	for i := range results {
		if !of(&results[i]) {
			continue
		}
		a, ok := quality.Compare(reference, results[i].Answers)
		if ok && (low == nil || below(&a, low)) {
			low = &a
		}
	}
	return low
}

func below(a, b *quality.Agreement) bool {
	if a.Forced != nil && b.Forced != nil {
		return a.Forced.Share() < b.Forced.Share()
	}
	return a.Common < b.Common
}
