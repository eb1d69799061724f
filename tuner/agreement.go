package tuner

import (
	"fmt"

	"github.com/qtune/qtune/bench"
	"github.com/qtune/qtune/profiles"
	"github.com/qtune/qtune/quality"
)

// agree writes into each result how far it answers as the baseline does, where the
// profile bounds that: its agreement as a share of the floor, which is the baseline's
// with itself. More starts of the baseline may lower the floor, so that all are looked
// at again with each result.
func agree(p *profiles.Profile, results []TrialResult) {
	reference := referenceOf(results)
	if p.Agreement == nil || reference == nil {
		return
	}
	floor, _ := floorOf(results, reference)
	for i := range results {
		r := &results[i]
		r.agreement = nil
		if a, ok := quality.Compare(reference, r.Answers); ok && floor != nil {
			share := ofFloor(&a, floor)
			r.agreement = &share
		}
	}
}

// ofFloor is an agreement over the floor, by positions where both have them, else by
// the text before the first difference.
func ofFloor(a, floor *quality.Agreement) float64 {
	got, least := a.Common, floor.Common
	if a.Forced != nil && floor.Forced != nil {
		got, least = a.Forced.Share(), floor.Forced.Share()
	}
	if least == 0 {
		return 1 // the baseline agrees in nothing with itself: nobody can be held to it
	}
	return got / least
}

// agreementOf is a result's agreement as a search counts it: whoever was not asked has
// nothing against it, and whoever did not answer agrees in nothing.
func agreementOf(r *TrialResult) float64 {
	switch {
	case r.agreement != nil:
		return *r.agreement
	case !asked(r):
		return 1
	}
	return 0
}

// asked says that a result's server was to be asked for answers.
func asked(r *TrialResult) bool {
	return !r.Simulated && !r.Baseline && r.Status == OK && r.Screened == ""
}

// unlike is why a result's answers keep it from winning; "" if they do not. Where they
// are bounded, answers that are not known are no answers that agree.
func unlike(p *profiles.Profile, r *TrialResult) string {
	switch {
	case p.Agreement == nil || !asked(r):
		return ""
	case r.agreement == nil:
		return "its answers could not be compared with the baseline's"
	case *r.agreement < *p.Agreement:
		return fmt.Sprintf("agreement %s < %s", Figure(*r.agreement, bench.UnitShare), Figure(*p.Agreement, bench.UnitShare))
	}
	return ""
}
