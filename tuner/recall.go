package tuner

import (
	"fmt"
	"slices"

	"github.com/qtune/qtune/profiles"
)

// Recall is what earlier runs have measured of a trial for the search, by its identity,
// whether or not a run of this profile goes by it: see Mark.
func Recall(known map[string]TrialResult, p *profiles.Profile, identity string) (TrialResult, bool) {
	return recall(known, p, identity, PurposeSearch, 1)
}

func recall(known map[string]TrialResult, p *profiles.Profile, identity, purpose string, start int) (TrialResult, bool) {
	if identity == "" {
		return TrialResult{}, false
	}
	r, ok := known[knownAs(identity, purpose, start)]
	if !ok && p.Search.Screen && purpose == PurposeSearch {
		r, ok = known[identity+screenedAs]
	}
	return r.priced(p.Search.Budget.GPUHourPrice), ok
}

// priced is a result of an earlier run at what an hour of a card costs now.
func (r TrialResult) priced(hour float64) TrialResult {
	r.Workloads = slices.Clone(r.Workloads)
	for i := range r.Workloads {
		levels := slices.Clone(r.Workloads[i].Levels)
		for j := range levels {
			levels[j].HourCost = hour * float64(r.Cards)
		}
		r.Workloads[i].Levels = levels
	}
	return r
}

// knownAs is under what a measurement is known: the search's by the identity alone.
func knownAs(identity, purpose string, start int) string {
	if purpose == PurposeSearch {
		return identity
	}
	return fmt.Sprintf("%s/%s/%d", identity, purpose, start)
}

// standing is the earlier result that a run goes by instead of measuring, with so good a
// best so far (nil: none). What a run does and what a plan foresees is decided here.
func standing(known map[string]TrialResult, p *profiles.Profile, identity, purpose string, start int, best *Verdict) (TrialResult, bool) {
	r, ok := recall(known, p, identity, purpose, start)
	return r, ok && stands(p, &r, best)
}

// stands says that a result of another run serves this one as well: one that was cut
// short does where it was for the same goals, and it is out here too;
// where answers are bounded, one that was asked for them.
func stands(p *profiles.Profile, r *TrialResult, best *Verdict) bool {
	if r.Screened == "" {
		return p.Agreement == nil || r.Answers != nil || !asked(r)
	}
	if r.ScreenedFor != goals(p) {
		return false
	}
	broke := judge(p, r).Out != "" && (r.Curtailed == nil || !r.Curtailed.Behind)
	score, ok := r.score(p.Objective)
	return broke || best != nil && ok && advantage(p.Objective, score, *best.score) < -nearBest/2
}

// as is a result of another run as this run's trial has it.
func (r TrialResult) as(t *Trial) TrialResult {
	r.Trial, r.Name, r.Baseline, r.Why = t.ID, t.Engine.Name, t.Baseline, t.Why
	return r
}

// foresight is what a run will have before it measures anything: results of earlier runs.
type foresight struct {
	profile  *profiles.Profile
	known    map[string]TrialResult
	identity func(*Trial) string
	results  []TrialResult
}

// of is the result that the run will go by for a trial, after those before it; nil if it
// will measure. What it measures until then can only make more results stand.
func (f *foresight) of(t *Trial) *TrialResult {
	if len(f.known) == 0 {
		return nil
	}
	r, ok := standing(f.known, f.profile, f.identity(t), PurposeSearch, 1, leader(f.profile, f.results))
	if !ok {
		return nil
	}
	f.results = append(f.results, r.as(t))
	agree(f.profile, f.results)
	t.Status, t.Reason = Measured, "in run "+r.ReusedFrom
	return &f.results[len(f.results)-1]
}

// Mark marks the trials that a run will not measure, since it goes by what earlier runs
// have of them.
func (p *Plan) Mark(known map[string]TrialResult, identity func(*Trial) string) {
	f := foresight{profile: p.Profile, known: known, identity: identity}
	for i := range p.Trials {
		if t := &p.Trials[i]; t.Status != Pruned {
			f.of(t)
		}
	}
}
