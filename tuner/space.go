package tuner

import (
	"math"
	"slices"
	"strconv"

	"github.com/qtune/qtune/profiles"
	"github.com/qtune/qtune/tuner/search"
)

// space is a profile's candidates as a strategy sees them: a part for each engine,
// an axis for each axis of its sweep. No candidate of it is made before it is asked
// for, so that it may have any number.
type space struct {
	*search.Space
	profile  *profiles.Profile
	baseline search.Point
}

func newSpace(p *profiles.Profile) *space {
	var parts []search.Part
	for _, e := range p.Engines {
		parts = append(parts, newPart(e))
	}
	s := &space{Space: search.NewSpace(parts...), profile: p}
	s.baseline = s.Baseline(slices.Index(p.Engines, p.Baseline()))
	return s
}

func newPart(e *profiles.Engine) search.Part {
	part := search.Part{Name: e.Kind + " " + e.Name, Where: e.Keeps}
	for i, a := range e.Axes {
		axis := search.Axis{Name: a.Name}
		if a.Env {
			axis.Name = "env " + a.Name // a flag may have the same name
		}
		for _, v := range a.Values {
			axis.Values = append(axis.Values, axisValue(v))
		}
		part.Axes = append(part.Axes, axis)
		part.Own = append(part.Own, axisValue(e.Own(i)))
	}
	return part
}

// axisValue tells numbers, which have an order, from everything else.
func axisValue(v profiles.Value) search.Value {
	switch {
	case v.IsNull():
		return search.Off()
	case v.Kind == profiles.KindNumber:
		if n, err := strconv.ParseFloat(v.Text, 64); err == nil && !math.IsInf(n, 0) {
			return search.Value{Text: v.Text, Number: n}
		}
	case v.Kind == profiles.KindString && v.Text == search.Off().Text:
		return search.Category(strconv.Quote(v.Text)) // the word, not a flag left off
	}
	return search.Category(v.String())
}

// trial is the trial of a point.
func (s *space) trial(p search.Point) Trial {
	e := s.profile.Engines[p.Part]
	t := Trial{Engine: e, Status: Planned}
	if s.Key(p) == s.Key(s.baseline) {
		t.Candidate, t.Baseline = e.BaselineCandidate(), true
	} else {
		t.Candidate = e.CandidateAt(p.At)
	}
	t.ID = configurationID(e, t.Candidate)
	return t
}

// limits is how many limits the profile's constraints have.
func limits(p *profiles.Profile) int {
	n := 0
	for _, c := range p.Constraints {
		if c.Max != nil {
			n++
		}
		if c.Min != nil {
			n++
		}
	}
	if p.Agreement != nil {
		n++
	}
	return n
}

// learned is what a strategy is told of a result. Only what the configuration
// itself caused is a failure: of a fault of the machine nothing is learned, but that
// the candidate need not be proposed again.
func learned(p *profiles.Profile, at search.Point, r *TrialResult) search.Trial {
	t := search.Trial{Point: at, Value: math.NaN()}
	switch {
	case machineFault(r):
		t.Pending = true
		return t
	case r.Status == Failed:
		t.Failed = true
		return t
	}
	if v, ok := r.score(p.Objective); ok && unsound(p, r) == "" {
		t.Value = v
	}
	for _, c := range p.Constraints {
		v, ok := math.NaN(), false
		if l := r.Level(c.At); l != nil {
			v, ok = l.Metric(c.Metric.Name)
		}
		if !ok {
			v = math.NaN()
		}
		if c.Max != nil {
			t.Limits = append(t.Limits, overAllowed(v, *c.Max))
		}
		if c.Min != nil {
			t.Limits = append(t.Limits, overAllowed(*c.Min, v))
		}
	}
	if p.Agreement != nil {
		t.Limits = append(t.Limits, overAllowed(*p.Agreement, agreementOf(r)))
	}
	return t
}

// overAllowed is a ratio that is up to 1 where v is up to allowed, zeros included.
func overAllowed(v, allowed float64) float64 {
	if v <= allowed && allowed == 0 {
		return 1
	}
	return v / allowed
}
