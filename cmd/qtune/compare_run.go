package main

import (
	"cmp"
	"fmt"
	"math"
	"path/filepath"
	"strings"

	"github.com/qtune/qtune/bench"
	"github.com/qtune/qtune/compare"
	"github.com/qtune/qtune/compare/files"
	"github.com/qtune/qtune/tuner"
)

// trialSide makes a side of a trial of a run.
type trialSide struct {
	past   *tuner.PastRun
	folder *tuner.Folder // nil: there are no files of requests
	run    string
}

// side is the trial that pick names, the winner without.
func (t *trialSide) side(pick string) (*compare.Side, error) {
	r, err := t.pick(pick)
	if err != nil {
		return nil, err
	}
	if r.Status != tuner.OK {
		return nil, fmt.Errorf("trial %s of run %s has failed, and has no figures: %s", r.Trial, t.past.Header.Run, r.Failure)
	}
	s := &compare.Side{
		Name: t.name(r), Source: "run " + t.past.Header.Run, Client: compare.ClientQtune, Bench: t.past.Header.Bench,
		Card: cmp.Or(t.past.Header.Card, cardsOf(r)), Simulated: r.Simulated || t.past.Header.Simulated, Model: r.Facts.ModelName,
	}
	if t.past.Profile != nil {
		s.Model = cmp.Or(t.past.Profile.Model.ID, s.Model)
	}
	if s.Levels, err = t.levels(r); err != nil {
		return nil, err
	}
	if starts := t.finish(r); len(starts) > 0 {
		s.Replace(starts)
	}
	s.Objectives = t.objectives(r)
	return s, nil
}

// cardsOf are the cards that a trial was measured on, as the driver names them; "" where
// nobody looked.
func cardsOf(r *tuner.TrialResult) string {
	for _, w := range r.Workloads {
		for i := range w.Levels {
			if u := w.Levels[i].Usage; u != nil && len(u.Cards) > 0 {
				var names []string
				for _, c := range u.Cards {
					names = append(names, c.Name)
				}
				return strings.Join(names, " + ")
			}
		}
	}
	return ""
}

// name is the trial's engine, and what sets it apart.
func (t *trialSide) name(r *tuner.TrialResult) string {
	name := r.Engine + " " + r.Name
	for _, row := range t.past.Outcome.Rows {
		if row.Trial == r.Trial && row.Varies != "" && !r.Baseline {
			name += " " + row.Varies
		}
	}
	return name
}

// pick finds a trial.
func (t *trialSide) pick(pick string) (*tuner.TrialResult, error) {
	sum := &t.past.Outcome.Summary
	switch pick {
	case "", "winner":
		if sum.Winner == nil {
			return nil, fmt.Errorf("run %s has no winner: name a trial or an engine, as in %s:baseline", t.past.Header.Run, t.past.Header.Run)
		}
		return t.trial(sum.Winner.Trial)
	case "baseline":
		for i := range t.past.Results {
			if t.past.Results[i].Baseline {
				return &t.past.Results[i], nil
			}
		}
		return nil, fmt.Errorf("run %s has not measured its baseline", t.past.Header.Run)
	}
	if r := t.best(pick); r != nil {
		return r, nil
	}
	return t.trial(pick)
}

// best is the best trial of an engine by the objective, of those that can win if
// there is one; nil if no engine is called so.
func (t *trialSide) best(pick string) *tuner.TrialResult {
	var best *tuner.TrialResult
	bestOut, bestValue := false, 0.0
	for i := range t.past.Results {
		r := &t.past.Results[i]
		if pick != r.Engine && pick != r.Name && pick != r.Engine+"/"+r.Name {
			continue
		}
		value, out := t.value(r)
		if best == nil || out != bestOut && !out || out == bestOut && value > bestValue {
			best, bestOut, bestValue = r, out, value
		}
	}
	return best
}

// value is how good a trial is, more being better, and whether it cannot win.
func (t *trialSide) value(r *tuner.TrialResult) (value float64, out bool) {
	for _, row := range t.past.Outcome.Rows {
		if row.Trial != r.Trial {
			continue
		}
		if row.Value == nil {
			return 0, true
		}
		value, out = *row.Value, row.Out != ""
	}
	if t.past.Outcome.Summary.Objective.Goal == "minimize" {
		value = -value
	}
	return value, out || r.Status != tuner.OK
}

// trial finds a trial by the beginning of its id.
func (t *trialSide) trial(id string) (*tuner.TrialResult, error) {
	var found *tuner.TrialResult
	for i := range t.past.Results {
		if strings.HasPrefix(t.past.Results[i].Trial, id) {
			if found != nil {
				return nil, fmt.Errorf("run %s has several trials that begin with %s", t.past.Header.Run, id)
			}
			found = &t.past.Results[i]
		}
	}
	if found == nil {
		return nil, fmt.Errorf("run %s has no trial or engine %s: `qtune report %s` lists them", t.past.Header.Run, id, t.past.Header.Run)
	}
	return found, nil
}

// finish is what the starts of a run's finish measured of a trial: of each its levels,
// marked by the block of starts that got the same requests.
func (t *trialSide) finish(r *tuner.TrialResult) [][]compare.Level {
	var all [][]compare.Level
	for i := range t.past.Finish {
		f := &t.past.Finish[i]
		if f.Trial != r.Trial || f.Status != tuner.OK {
			continue
		}
		var levels []compare.Level
		for _, w := range f.Workloads {
			for li := range w.Levels {
				l := files.LevelOf(w.Workload, &w.Levels[li], files.Sent{}, nil)
				l.Starts[0].Block = fmt.Sprintf("%s block %d", t.past.Header.Run, f.Start)
				levels = append(levels, l)
			}
		}
		all = append(all, levels)
	}
	return all
}

// levels are the levels of one start.
func (t *trialSide) levels(r *tuner.TrialResult) ([]compare.Level, error) {
	requests, err := t.requests(r)
	if err != nil {
		return nil, err
	}
	var all []compare.Level
	for _, w := range r.Workloads {
		for li := range w.Levels {
			l := &w.Levels[li]
			sent := t.sent(w.Workload, l)
			kept := requests[files.Place{Workload: w.Workload, Level: sent.Level}]
			if kept != nil && math.Abs(kept.Span()/1000-l.DurationS) > 1e-6 {
				kept = nil // a later start has written its own in their place
			}
			level := files.LevelOf(w.Workload, l, sent, kept)
			level.Separate = true
			all = append(all, level)
		}
	}
	return all, nil
}

// sent is what a level sent, by the run's profile; without one only the name that its
// result tells.
func (t *trialSide) sent(workload string, l *bench.LevelResult) files.Sent {
	name := tuner.LevelName(l)
	if t.past.Profile == nil {
		return files.Sent{Level: name}
	}
	for _, w := range t.past.Profile.Workloads {
		for _, level := range w.Levels {
			plain := bench.Level{Kind: level.Kind, Users: level.Users, Rate: level.Rate, OutputTokens: level.OutputTokens}
			if w.Name == workload && plain.String() == name && level.OutputTokens == l.RequestedOutputTokens && level.RateEnd == l.RateEnd {
				return files.SentBy(w, level)
			}
		}
	}
	return files.Sent{Level: name}
}

// requests are the timings of single requests that the trial's folder keeps; none
// where it does not.
func (t *trialSide) requests(r *tuner.TrialResult) (map[files.Place]*compare.Requests, error) {
	if t.folder == nil {
		return nil, nil
	}
	run := cmp.Or(r.ReusedFrom, t.run)
	for _, name := range []string{tuner.RequestsAgain, tuner.Requests} { // the result is that of the last start
		if path := filepath.Join(t.folder.TrialPath(run, r.Trial), name); exists(path) {
			return readRequests(path)
		}
	}
	return nil, nil
}

// objectives are the one or two figures that the run was about.
func (t *trialSide) objectives(r *tuner.TrialResult) []compare.Objective {
	var all []compare.Objective
	for _, f := range t.past.Outcome.Objectives(r) {
		o := compare.Objective{Metric: f.Metric, Workload: f.Workload}
		if f.At == nil {
			o.Lacking = f.Level
		} else {
			o.Load = files.LevelOf("", r.Level(*f.At), files.Sent{}, nil).Load
		}
		all = append(all, o)
	}
	return all
}
