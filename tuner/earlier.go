package tuner

import (
	"encoding/json"
	"math"
	"reflect"
	"slices"

	"github.com/qtune/qtune/profiles"
	"github.com/qtune/qtune/tuner/search"
)

// Hints are the trials of earlier runs that a search starts from. They tell where to
// look; none is a result of the run.
type Hints struct {
	Baseline string        `json:"baseline"` // its identity, for which they were chosen
	Results  []TrialResult `json:"results"`  // ReusedFrom is the run of each
}

// Earlier is what the runs of a folder can tell a search beside what they have measured
// of its own trials. The empty one tells nothing.
type Earlier struct {
	results []TrialResult    // that were measured for a search, oldest first
	starts  []Started        // of any purpose
	given   map[string]Hints // by profile: to a run that was cut off and from which none has gone on to its end
}

// note adds what a run can tell.
func (e *Earlier) note(run, profile string, ended bool, records []Record) {
	if ended {
		delete(e.given, profile)
	}
	for _, r := range records {
		switch {
		case r.Type == RecordHints && r.Hints != nil && !ended:
			e.given[profile] = *r.Hints
		case r.Type == RecordTrialDone && r.Result != nil && r.Result.Purpose == PurposeSearch && r.Result.Setting != "" && reusable(r.Result):
			done := *r.Result
			done.ReusedFrom, done.Answers = run, nil
			e.results = append(e.results, done)
		}
	}
}

// Recall gives a plan whose search can use them the trials of earlier runs: the same that
// a run got which was cut off and which this one goes on from, else those that measured
// the same thing. Identity and setting are a trial's.
func (p *Plan) Recall(e *Earlier, identity, setting func(*Trial) string) {
	if p.space == nil || p.Profile.Search.Strategy != profiles.StrategyAuto {
		return
	}
	baseline := p.space.trial(p.space.baseline)
	h := Hints{Baseline: identity(&baseline), Results: e.results}
	if given, ok := e.given[p.Profile.Name]; ok && given.Baseline == h.Baseline {
		h.Results = given.Results
	}
	var settings []string // of each engine: no flag is part of one
	for _, e := range p.Profile.Engines {
		settings = append(settings, setting(&Trial{Engine: e}))
	}
	var kept []hint
	for i := range h.Results {
		if at, ok := p.space.another(&h.Results[i], settings, identity); ok {
			kept = append(kept, hint{at, h.Results[i]})
		}
	}
	kept = thinned(kept)
	h.Results = nil
	for i := range kept {
		h.Results = append(h.Results, kept[i].result)
	}
	p.hints, p.earlier = &h, byRun(p.Profile, kept)
	p.Search.Earlier = len(kept)
}

// hint is a result and where it stands in a space.
type hint struct {
	at     search.Point
	result TrialResult
}

// byRun are hints as a strategy is told them, those of each run together.
func byRun(p *profiles.Profile, hints []hint) [][]search.Trial {
	var runs [][]search.Trial
	of := map[string]int{}
	for i := range hints {
		r := hints[i].result.priced(p.Search.Budget.GPUHourPrice)
		t := learned(p, hints[i].at, &r)
		if p.Agreement != nil && len(t.Limits) > 0 {
			t.Limits[len(t.Limits)-1] = math.NaN() // with today's baseline nobody has compared it
		}
		run, ok := of[hints[i].result.ReusedFrom]
		if !ok {
			run = len(runs)
			of[hints[i].result.ReusedFrom] = run
			runs = append(runs, nil)
		}
		runs[run] = append(runs[run], t)
	}
	return runs
}

// another is where in the space a result of the same setting stands; false also where it
// is a trial's own, which is used as it is once the trial is asked for.
func (s *space) another(r *TrialResult, settings []string, identity func(*Trial) string) (search.Point, bool) {
	found, ok := search.Point{}, false
	for _, at := range s.places(r, settings) {
		t := s.trial(at)
		switch now := identity(&t); {
		case now == r.Identity:
			return at, false
		case now != "" && (!ok || t.Engine.Name == r.Name):
			found, ok = at, true
		}
	}
	return found, ok
}

// mostHints bounds how many trials of earlier runs lead a search, and with them the time
// that a proposal takes.
const mostHints = 100

// thinned is at most mostHints of the results: half of it are the latest baselines, if
// there are so many, the rest is taken evenly.
func thinned(all []hint) []hint {
	if len(all) <= mostHints {
		return all
	}
	bases := 0
	for i := range all {
		if all[i].result.Baseline {
			bases++
		}
	}
	others, room := len(all)-bases, mostHints-min(bases, mostHints/2)
	var kept []hint
	for i, base, other := 0, 0, 0; i < len(all); i++ {
		if all[i].result.Baseline {
			if base++; base > bases-mostHints/2 {
				kept = append(kept, all[i])
			}
			continue
		}
		if room >= others || other*room/others != (other+1)*room/others {
			kept = append(kept, all[i])
		}
		other++
	}
	return kept
}

// places are the points whose flags and environment are exactly a result's: one for each
// engine of its kind and setting that has it.
func (s *space) places(r *TrialResult, settings []string) []search.Point {
	var all []search.Point
	for part, e := range s.profile.Engines {
		if e.Kind != r.Engine || settings[part] != r.Setting {
			continue
		}
		p := s.near(part, r)
		if s.Key(p) != s.Key(s.baseline) && !s.Keeps(p) {
			continue
		}
		if t := s.trial(p); sameConfiguration(&t.Candidate, r) {
			all = append(all, p)
		}
	}
	return all
}

// near is the point of a part that has the values of a result on its axes; where an axis
// does not have one it is the engine's own.
func (s *space) near(part int, r *TrialResult) search.Point {
	e := s.profile.Engines[part]
	p := search.Point{Part: part, At: make([]int, len(e.Axes))}
	for i, a := range e.Axes {
		v, _ := valueOn(a, r.Flags, r.Env)
		want := axisValue(v).Text
		p.At[i] = slices.IndexFunc(a.Values, func(v profiles.Value) bool { return axisValue(v).Text == want })
	}
	return p
}

// sameConfiguration compares flags and environment whatever their order, as JSON has
// them: that is how a journal keeps them.
func sameConfiguration(c *profiles.Candidate, r *TrialResult) bool {
	return reflect.DeepEqual(unordered(c.Flags, c.Env), unordered(r.Flags, r.Env))
}

// unordered are flags and environment as maps.
func unordered(flags Flags, env Env) []map[string]any {
	var maps []map[string]any
	text, err := json.Marshal([]any{flags, env})
	if err != nil || json.Unmarshal(text, &maps) != nil {
		return nil
	}
	return maps
}
