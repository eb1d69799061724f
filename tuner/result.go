package tuner

import (
	"slices"
	"time"

	"github.com/qtune/qtune/bench"
	"github.com/qtune/qtune/engine"
	"github.com/qtune/qtune/profiles"
	"github.com/qtune/qtune/quality"
)

// TrialStatus is how a trial ended.
type TrialStatus string

// The ends of a trial.
const (
	OK     TrialStatus = "ok"
	Failed TrialStatus = "failed"
)

// What a measurement was made for: to choose by, or to confirm a choice.
const (
	PurposeSearch = "search"
	PurposeFinish = "finish"
)

// WorkloadResult is what one workload measured, a result for each of its levels in order.
type WorkloadResult struct {
	Workload string              `json:"workload"`
	Levels   []bench.LevelResult `json:"levels"`
	// Of are the places in the profile's workload that the levels have, where not all
	// of it was measured; nil: each has its own.
	Of []int `json:"levels_of,omitempty"`
}

// Place is the place in the profile's workload that the i-th level has.
func (w *WorkloadResult) Place(i int) int {
	if w.Of == nil {
		return i
	}
	return w.Of[i]
}

// put inserts the result of the level at a place.
func (w *WorkloadResult) put(place int, l bench.LevelResult) {
	i := 0
	for i < len(w.Of) && w.Of[i] < place {
		i++
	}
	w.Of = slices.Insert(w.Of, i, place)
	w.Levels = slices.Insert(w.Levels, i, l)
}

// TrialResult is what a trial gave. Durations are in the engine's time but WallS.
type TrialResult struct {
	Trial     string           `json:"trial"`
	Identity  string           `json:"identity"`          // of all that changes the result; "" if not known
	Setting   string           `json:"setting,omitempty"` // of what shapes it besides flags; "" if not known
	Purpose   string           `json:"purpose"`
	Start     int              `json:"start"` // which start of this purpose, from 1
	Engine    string           `json:"engine"`
	Name      string           `json:"name"`
	Baseline  bool             `json:"baseline,omitempty"`
	Flags     Flags            `json:"flags"`
	Env       Env              `json:"env,omitempty"`
	Command   []string         `json:"command"`
	Status    TrialStatus      `json:"status"`
	Failure   *engine.Failure  `json:"failure,omitempty"`
	Facts     engine.Facts     `json:"facts"`
	Workloads []WorkloadResult `json:"workloads,omitempty"`
	// Answers is what it said when it had been measured, where answers are compared.
	Answers   *quality.Answers `json:"answers,omitempty"`
	Cards     int              `json:"cards"`     // that its engine took
	StartS    float64          `json:"start_s"`   // launch to ready
	MeasureS  float64          `json:"measure_s"` // all levels
	StopS     float64          `json:"stop_s"`    // wall time
	WallS     float64          `json:"wall_s"`    // the whole trial
	Simulated bool             `json:"simulated"`
	Why       string           `json:"why,omitempty"`      // what a strategy chose it for
	Screened  string           `json:"screened,omitempty"` // why it was measured no further: it cannot win; "": it was measured in full
	SavedS    float64          `json:"saved_s,omitempty"`  // what the rest would have taken, by the baseline's
	// ScreenedFor are the goals by which it cannot win, and Curtailed how its last level
	// ended, where that was before its end.
	ScreenedFor string     `json:"screened_for,omitempty"`
	Curtailed   *Curtailed `json:"curtailed,omitempty"`
	ReusedFrom  string     `json:"reused_from,omitempty"` // the run that measured it
	Finished    time.Time  `json:"finished"`

	agreement *float64 // with the baseline's answers, as a share of the floor; nil where that is not known
	cutRun    string   // the profile of the run that measured it, if that was cut off and no other has gone on from it
}

// Level is the result at a place, nil if the trial did not get there.
func (r *TrialResult) Level(at profiles.At) *bench.LevelResult {
	if at.Workload >= len(r.Workloads) {
		return nil
	}
	w := &r.Workloads[at.Workload]
	i := at.Level
	if w.Of != nil {
		i = slices.Index(w.Of, at.Level)
	}
	if i < 0 || i >= len(w.Levels) {
		return nil
	}
	return &w.Levels[i]
}

// Value is the objective's first figure; false where the trial has none.
func (r *TrialResult) Value(o profiles.Objective) (float64, bool) {
	l := r.Level(o.At)
	if r.Status != OK || l == nil {
		return 0, false
	}
	return l.Metric(o.Metric.Name)
}

// score is what the trial is compared by; false where it has none.
func (r *TrialResult) score(o profiles.Objective) (float64, bool) { return Score(o, r.Value) }

// EngineS is how long the trial kept the engine, in the engine's time.
func (r *TrialResult) EngineS() float64 { return r.StartS + r.MeasureS }
