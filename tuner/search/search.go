// Package search owns the choice of the next candidate: a space of
// configurations and the strategies that walk through it. A strategy is a pure
// function of the problem and of the trials so far, so a run that was cut off
// goes on as if it had not been. The package starts and measures nothing, reads
// no clock and knows neither engines nor what their flags mean; what a simulator
// predicts comes in as a function.
package search

import (
	"fmt"
	"math"
)

// Trial is one candidate that was tried, as a strategy sees it.
type Trial struct {
	Point Point
	// Pending: it runs now, on another card. Nothing is known of it but that it
	// need not be proposed again.
	Pending bool
	// Failed: the configuration itself kept the server from starting or serving.
	// A fault of the machine is no trial.
	Failed bool
	// Value of the objective, in its own unit; NaN if there is none.
	Value float64
	// Limits are, for each constraint, measured over allowed: up to 1 keeps it.
	// For a minimum it is allowed over measured. NaN: not measured.
	Limits []float64
	// Doubt is a standard deviation in log units beyond a measurement's own
	// noise: 0 for this run, more for what was measured on another day.
	Doubt float64
}

// Feasible says that the trial can win: it has a value and keeps every limit.
func (t *Trial) Feasible() bool {
	if t.Pending || t.Failed || math.IsNaN(t.Value) {
		return false
	}
	for _, l := range t.Limits {
		if math.IsNaN(l) || l > 1 {
			return false
		}
	}
	return true
}

// Prediction is what is believed of a candidate before it is tried.
type Prediction struct {
	Starts float64 // probability that the server starts, 0 to 1
	Value  float64 // of the objective, in its unit; NaN where Starts is near 0
	Limits []float64
}

// Problem is what a strategy is asked.
type Problem struct {
	Space    *Space
	Baseline Point // tried first; may stand outside the grid
	Minimize bool
	Limits   int    // number of constraints
	Trials   int    // budget, the baseline and every trial of the history included; 0: none
	Thorough bool   // go on when converged, until the budget or the space ends
	Seed     uint64 // equal seeds give equal proposals
	// Earlier are the trials of each earlier run that measured the same thing another
	// time: on another day, or with another version. auto's models learn from them, with
	// doubt; none counts as tried. nil: there are none.
	Earlier [][]Trial
	// Prior predicts a candidate; false where it knows nothing of it. It must be a
	// pure function. nil: there is no simulator.
	Prior func(Point) (Prediction, bool)
}

// Strategy proposes candidates.
type Strategy interface {
	// Next is the candidate to try after these trials, and why. If there is none,
	// ok is false and the reason is why the search ends: Exhausted, Converged or
	// Budget.
	Next(history []Trial) (p Point, reason string, ok bool)
}

// The reasons for which a search ends.
const (
	Exhausted = "exhausted: every candidate was tried"
	Converged = "converged: no candidate is expected to be better by more than 1 %"
	Budget    = "budget: trials"
)

// The strategies.
const (
	StrategyGrid   = "grid"
	StrategyRandom = "random"
	StrategyOFAT   = "ofat"
	StrategyAuto   = "auto"
)

// Names lists the strategies.
func Names() []string {
	return []string{StrategyGrid, StrategyRandom, StrategyOFAT, StrategyAuto}
}

// New is the strategy of that name for a problem. The error names those there are.
func New(name string, p Problem) (Strategy, error) {
	switch name {
	case StrategyGrid:
		return &grid{p}, nil
	case StrategyRandom:
		return &random{p}, nil
	case StrategyOFAT:
		return &ofat{p}, nil
	case StrategyAuto:
		return newAuto(p), nil
	}
	return nil, fmt.Errorf("no strategy %q: there are %v", name, Names())
}

// opening handles what all strategies begin with: the budget, then the baseline.
func (p *Problem) opening(h []Trial, seen map[string]bool) (at Point, reason string, ok, done bool) {
	if p.Trials > 0 && len(h) >= p.Trials {
		return Point{}, Budget, false, true
	}
	if !seen[p.Space.Key(p.Baseline)] {
		return p.Baseline, "the baseline, with which everything is compared", true, true
	}
	return Point{}, "", false, false
}

// seen is the set of the configurations in a history.
func (p *Problem) seen(h []Trial) map[string]bool {
	seen := make(map[string]bool, len(h))
	for i := range h {
		seen[p.Space.Key(h[i].Point)] = true
	}
	return seen
}

// gain turns a value into log units in which more is better.
func (p *Problem) gain(v float64) float64 {
	l := math.Log(math.Max(v, math.SmallestNonzeroFloat64))
	if p.Minimize {
		return -l
	}
	return l
}

// best is the index of the best feasible trial, -1 if there is none. A tie goes
// to the earlier one.
func (p *Problem) best(h []Trial) int {
	best := -1
	for i := range h {
		if h[i].Feasible() && (best < 0 || p.gain(h[i].Value) > p.gain(h[best].Value)) {
			best = i
		}
	}
	return best
}
