package main

import (
	"math"
	"slices"
	"strings"

	"github.com/qtune/qtune/bench"
	"github.com/qtune/qtune/catalog"
	"github.com/qtune/qtune/predict"
	"github.com/qtune/qtune/profiles"
	"github.com/qtune/qtune/tuner"
	"github.com/qtune/qtune/tuner/search"
)

// How likely a server starts, by what the model and the memory arithmetic say of it.
// Both count to within about 1 GiB (judgement).
const (
	startsSurely = 0.97
	startsMaybe  = 0.6
	startsHardly = 0.05
)

// prior is what a search is told of trials before they are measured.
func (f *forecaster) prior(fits func(*tuner.Trial) catalog.Answer) tuner.Prior {
	return func(t *tuner.Trial) (search.Prediction, bool) { return f.believe(t, fits(t)) }
}

// lead gives a plan's search what is predicted of trials, and says so in the plan.
// Nil where the strategy asks for no predictions or none can be made.
func (s *surroundings) lead(p *tuner.Plan, f *forecaster) tuner.Prior {
	if p.Profile.Search.Strategy != profiles.StrategyAuto || f.unknown != "" {
		return nil
	}
	p.Search.LedBy = f.ledBy()
	site := s.site()
	return f.prior(func(t *tuner.Trial) catalog.Answer { return site.Feasible(t.Engine, t.Candidate).Answer })
}

// believe predicts the objective and the limits of a trial; false where the model
// does not know the engine or has no such figure.
func (f *forecaster) believe(t *tuner.Trial, fits catalog.Answer) (search.Prediction, bool) {
	server, why := f.serve(t)
	if why != "" {
		return search.Prediction{}, false
	}
	p := search.Prediction{Starts: startsSurely, Value: math.NaN()}
	if fits == catalog.AnswerNotKnown {
		p.Starts = startsMaybe
	}
	if server.Refusal() != "" {
		p.Starts = startsHardly
		return p, true
	}
	levels := map[profiles.At]*bench.LevelResult{}
	level := func(at profiles.At) *bench.LevelResult {
		if r, ok := levels[at]; ok {
			return r
		}
		load := f.load(f.sketch, at, predict.Sketch)
		if load == nil {
			return nil
		}
		r := server.Run(load)
		r.HourCost = f.profile.Search.Budget.GPUHourPrice * f.cards(t)
		levels[at] = &r
		return &r
	}
	value, ok := tuner.Score(f.profile.Objective, func(o profiles.Objective) (float64, bool) { return nearest(level(o.At), o.Metric.Name) })
	if !ok {
		return search.Prediction{}, false
	}
	p.Value = value
	for _, c := range f.profile.Constraints {
		v, ok := nearest(level(c.At), c.Metric.Name)
		if !ok {
			return search.Prediction{}, false
		}
		p.Limits = append(p.Limits, limitsOf(c, v)...)
	}
	if least := f.profile.Agreement; least != nil {
		p.Limits = append(p.Limits, *least) // nothing is known against its answers
	}
	return p, true
}

// limitsOf are a constraint's limits as a search counts them: up to 1 keeps it.
func limitsOf(c profiles.Constraint, v float64) []float64 {
	var limits []float64
	if c.Max != nil {
		limits = append(limits, overAllowed(v, *c.Max))
	}
	if c.Min != nil {
		limits = append(limits, overAllowed(*c.Min, v))
	}
	return limits
}

func overAllowed(v, allowed float64) float64 {
	return math.Max(v/math.Max(allowed, 1e-9), 1e-3)
}

// nearest is a metric, or, where too few requests were computed for a percentile, the
// next lower one or the mean.
func nearest(r *bench.LevelResult, metric string) (float64, bool) {
	if r == nil || r.Requests.Completed == 0 {
		return 0, false
	}
	if v, ok := r.Metric(metric); ok {
		return v, true
	}
	latency := metric[:max(strings.LastIndexByte(metric, '_'), 0)]
	for _, statistic := range []string{"_p99", "_p95", "_p90", "_p50", "_mean"} {
		if v, ok := r.Metric(latency + statistic); ok {
			return v, true
		}
	}
	return 0, false
}

// ledBy says what a search is led by, for its report.
func (f *forecaster) ledBy() string {
	if f.same {
		return "the very model that the simulated engines run on: on a real card a search needs more trials than here"
	}
	var kinds []string
	for _, e := range f.profile.Engines {
		if k := f.of(e); k.calibrated != nil && !slices.Contains(kinds, e.Kind) {
			kinds = append(kinds, e.Kind)
		}
	}
	if len(kinds) == 0 {
		return "a model of the card that nothing has calibrated yet"
	}
	return "a model of the card, calibrated for " + strings.Join(kinds, ", ")
}
