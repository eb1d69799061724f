package tuner

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/qtune/qtune/bench"
	"github.com/qtune/qtune/profiles"
)

// RunState is how far a run got.
type RunState string

// The states of a run.
const (
	RunDone    RunState = "done"    // it decided
	RunEnded   RunState = "ended"   // it ended early, and said why
	RunCrashed RunState = "crashed" // its journal stops in the middle
	RunRunning RunState = "running" // it holds the folder now
)

// PastRun is all that a run's folder tells of it.
type PastRun struct {
	Header   RunHeader
	State    RunState
	Started  time.Time
	Ended    time.Time // of the last record
	Outcome  Outcome
	Results  []TrialResult     // of each trial the last of the search, in the order in which they came
	Finish   []TrialResult     // the starts of the finish, in the order in which they came
	Attempts []Attempt         // every start, those that a crash cut short too
	Source   []byte            // the profile as read
	Profile  *profiles.Profile // nil where the copy cannot be read without what was given on the command line
	Missing  []string          // what of the folder could not be read, and why

	last map[string]int // of each trial, in Results
}

// Attempt is one start of a trial's server by the clock on the wall. A zero
// time is a step that it did not reach.
type Attempt struct {
	Trial                         string
	Began, Ready, Measured, Ended time.Time // Measured: the last level; Ended: nothing is left
	Result                        *TrialResult
	Levels                        []WorkloadResult // what an attempt without a result has measured
}

// Past reads a run back from its folder. How the profile's copy is read is the
// caller's to say, since variables may have been given: the header tells which, and
// where the profile lay, as far as the journal does. Nil is a profile that cannot be read. An error is a journal of which nothing can be read.
func (f *Folder) Past(run string, read func(text []byte, path string, h RunHeader) *profiles.Profile) (*PastRun, error) {
	records, err := f.Journal(run)
	if len(records) == 0 {
		if err == nil {
			err = fmt.Errorf("the journal of run %s is empty: the run ended before it began", run)
		}
		return nil, err
	}
	dir := f.RunPath(run)
	source, profile := []byte(nil), (*profiles.Profile)(nil)
	text, sourceErr := os.ReadFile(filepath.Join(dir, "profile.hcl"))
	if sourceErr == nil {
		source, profile = text, read(text, filepath.Join(dir, "profile.hcl"), headerOf(records))
	}
	stored, storedErr := storedOutcome(filepath.Join(dir, "result.json"))
	p := Rebuild(records, profile, stored)
	p.Source = source
	p.Outcome.Summary.Run, p.Outcome.Summary.Folder = run, dir
	if f.Live() == run && stored == nil {
		p.State = RunRunning
	}
	for _, e := range []error{err, sourceErr, storedErr} {
		if e != nil {
			p.Missing = append(p.Missing, e.Error())
		}
	}
	return p, nil
}

// headerOf is what the run says of itself; nothing where it does not.
func headerOf(records []Record) RunHeader {
	i := slices.IndexFunc(records, func(r Record) bool { return r.Type == RecordRun && r.Header != nil })
	if i < 0 {
		return RunHeader{}
	}
	return *records[i].Header
}

// storedOutcome is what a run that ended by itself wrote last; nil for another.
func storedOutcome(path string) (*Outcome, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the run's result: %w", err)
	}
	var o Outcome
	if err := json.Unmarshal(text, &o); err != nil {
		return nil, fmt.Errorf("read the run's result %s: %w", path, err)
	}
	return &o, nil
}

// Rebuild puts a run together from its records. The outcome is the stored one
// if there is, else what the profile makes of the trials that ended, else those
// trials without a choice among them.
func Rebuild(records []Record, profile *profiles.Profile, stored *Outcome) *PastRun {
	p := &PastRun{State: RunCrashed, Profile: profile, last: map[string]int{}}
	if len(records) > 0 {
		p.Started, p.Ended = records[0].Time, records[len(records)-1].Time
	}
	for i := range records {
		p.add(&records[i])
	}
	switch {
	case stored != nil:
		p.Outcome = *stored
	case profile != nil:
		p.Outcome = Conclude(NewPlan(profile), slices.Concat(p.Results, p.Finish), p.Ended.Sub(p.Started))
	default:
		p.Outcome = undecided(p)
	}
	p.complete(stored)
	return p
}

// complete fills in what the outcome of a run that did not end has no word of.
func (p *PastRun) complete(stored *Outcome) {
	o := &p.Outcome
	o.Profile = p.Header.Profile
	if stored != nil {
		return
	}
	o.Summary.Type = "result"
	o.Summary.Run = p.Header.Run
	o.Summary.Simulated, o.Summary.Card = p.Header.Simulated, p.Header.Card
	if o.Summary.Error == "" {
		o.Summary.Error = ErrCutShort
	}
	if p.Profile == nil {
		p.Missing = append(p.Missing, MissingProfile)
	}
}

// ErrCutShort is the error of a run whose journal does not tell its end.
const ErrCutShort = "The run was cut short: its journal stops before its end"

// MissingProfile says why a run that was cut short has no winner.
const MissingProfile = "the profile cannot be read again without the variables that it was given, so that nothing can be chosen: give them with --var"

func (p *PastRun) add(r *Record) {
	switch r.Type {
	case RecordRun:
		if r.Header != nil {
			p.Header = *r.Header
		}
	case RecordTrialStarted:
		p.Attempts = append(p.Attempts, Attempt{Trial: r.Trial, Began: r.Time})
	case RecordTrialReady, RecordLevel, RecordTrialStopped, RecordTrialDone:
		p.addStep(r)
	case RecordTrialReused:
		p.addResult(r.Result)
	case RecordResult:
		p.State = RunDone
	case RecordEnded:
		p.State = RunEnded
	}
	if (r.Type == RecordResult || r.Type == RecordEnded) && r.Summary != nil {
		p.Outcome.Summary = *r.Summary
	}
}

func (p *PastRun) addStep(r *Record) {
	if len(p.Attempts) == 0 || p.Attempts[len(p.Attempts)-1].Trial != r.Trial {
		p.Attempts = append(p.Attempts, Attempt{Trial: r.Trial, Began: r.Time}) // its start is not in this journal
	}
	a := &p.Attempts[len(p.Attempts)-1]
	switch r.Type {
	case RecordTrialReady:
		a.Ready, a.Measured = r.Time, r.Time
	case RecordLevel:
		a.Measured = r.Time
		if r.Level != nil {
			a.addLevel(r.Workload, r.Level)
		}
	case RecordTrialStopped:
		a.Ended = r.Time
	case RecordTrialDone:
		a.Ended, a.Result, a.Levels = r.Time, r.Result, nil
		p.addResult(r.Result)
	}
}

func (a *Attempt) addLevel(workload string, l *bench.LevelResult) {
	if n := len(a.Levels); n == 0 || a.Levels[n-1].Workload != workload {
		a.Levels = append(a.Levels, WorkloadResult{Workload: workload})
	}
	into := &a.Levels[len(a.Levels)-1]
	into.Levels = append(into.Levels, *l)
}

// addResult keeps the last result of each trial.
func (p *PastRun) addResult(r *TrialResult) {
	if r == nil {
		return
	}
	if r.Purpose == PurposeFinish {
		p.Finish = append(slices.DeleteFunc(p.Finish, func(f TrialResult) bool { return f.Trial == r.Trial && f.Start == r.Start }), *r)
		return
	}
	if at, again := p.last[r.Trial]; again {
		p.Results[at] = *r
		return
	}
	p.last[r.Trial] = len(p.Results)
	p.Results = append(p.Results, *r)
}

// undecided lists the trials of a run whose profile cannot be read.
func undecided(p *PastRun) Outcome {
	o := Outcome{Summary: p.Outcome.Summary}
	for i := range p.Results {
		r := &p.Results[i]
		o.Rows = append(o.Rows, Row{
			Trial: r.Trial, Engine: r.Engine, Name: r.Name, Baseline: r.Baseline, Status: string(r.Status),
			Failure: r.Failure, StartS: r.StartS, WallS: r.WallS, Reused: r.ReusedFrom, KVTokens: r.Facts.KVTokens, Notes: notes(r),
		})
		if r.Status == OK {
			o.Summary.Trials.OK++
		} else {
			o.Summary.Trials.Failed++
		}
		if r.Baseline {
			o.Base = r
		}
	}
	o.Summary.WallS = p.Ended.Sub(p.Started).Seconds()
	return o
}

// Objective is the place of the objective's first figure in a result of the run; false
// if the outcome names none or the result did not get there.
func (o *Outcome) Objective(r *TrialResult) (profiles.Objective, bool) {
	return o.find(r, o.figures()[0])
}

// ObjectiveFigure is a figure of a run's objective, and where a result has it.
type ObjectiveFigure struct {
	ObjectiveValue
	At *profiles.At // nil where the result lacks the level

	winner, baseline *float64 // what was decided by
}

// Objectives are the one or two figures of the objective, and their places in a result;
// none where the outcome names none.
func (o *Outcome) Objectives(r *TrialResult) []ObjectiveFigure {
	var all []ObjectiveFigure
	for _, f := range o.figures() {
		if f.Metric == "" {
			continue
		}
		if goal, ok := o.find(r, f); ok {
			f.At = &goal.At
		}
		all = append(all, f)
	}
	return all
}

// figures are those of the objective without their places, the first in any case.
func (o *Outcome) figures() []ObjectiveFigure {
	s := &o.Summary
	first := ObjectiveFigure{ObjectiveValue: s.Objective}
	if s.Winner != nil {
		first.winner = s.Winner.Value
	}
	if s.Baseline != nil {
		first.baseline = s.Baseline.Value
	}
	if s.Pair == nil {
		return []ObjectiveFigure{first}
	}
	return []ObjectiveFigure{first, {ObjectiveValue: s.Pair.Second, winner: s.Pair.Second.Value, baseline: s.Pair.Baseline}}
}

// find is the place of a figure in a result.
func (o *Outcome) find(r *TrialResult, want ObjectiveFigure) (profiles.Objective, bool) {
	metric, known := bench.LookupMetric(want.Metric)
	goal := profiles.Objective{Metric: metric, Minimize: want.Goal == "minimize"}
	if r == nil || !known {
		return goal, false
	}
	var found bool
	if goal.At, found = o.place(r, want); !found {
		return goal, false
	}
	return goal, r.Level(goal.At) != nil
}

// place finds where a figure of the objective is: by the level's name, or, for a level
// that its result does not name in full, where the winner or the baseline has the value
// that was chosen by.
func (o *Outcome) place(r *TrialResult, want ObjectiveFigure) (profiles.At, bool) {
	at, ok := levelWhere(r, func(workload string, l *bench.LevelResult) bool {
		return workload == want.Workload && LevelName(l) == want.Level
	})
	if ok {
		return at, true
	}
	for _, c := range []struct {
		value  *float64
		result *TrialResult
	}{{want.winner, o.Best}, {want.baseline, o.Base}} {
		if c.value == nil || c.result == nil {
			continue
		}
		at, ok = levelWhere(c.result, func(workload string, l *bench.LevelResult) bool {
			v, ok := l.Metric(want.Metric)
			return ok && workload == want.Workload && v == *c.value
		})
		if ok {
			return at, true
		}
	}
	return profiles.At{}, false
}

func levelWhere(r *TrialResult, is func(workload string, l *bench.LevelResult) bool) (profiles.At, bool) {
	for w := range r.Workloads {
		for l := range r.Workloads[w].Levels {
			if is(r.Workloads[w].Workload, &r.Workloads[w].Levels[l]) {
				return profiles.At{Workload: w, Level: r.Workloads[w].Place(l)}, true
			}
		}
	}
	return profiles.At{}, false
}

// LevelName names a measured level as its profile's level is named: "20 users".
// Of a rate that changes and of a faster trace the result knows the beginning alone.
func LevelName(l *bench.LevelResult) string {
	return bench.Level{Kind: l.Kind, Users: l.Users, Rate: l.Rate, OutputTokens: l.RequestedOutputTokens}.String()
}

// Interval is the 95 % interval of a result's objective within its one start;
// nil where it is not known.
func (o *Outcome) Interval(r *TrialResult) *[2]float64 {
	goal, ok := o.Objective(r)
	if !ok {
		return nil
	}
	return interval(goal, r)
}

// GainInterval is the 95 % interval of the winner's gain: the relative half
// widths of both values, added in squares (the delta method for a ratio of
// independent means). It knows nothing of how much one start differs from the
// next. A finish's own interval stands instead, and does know it. Nil where either value has no interval.
func (o *Outcome) GainInterval() *[2]float64 {
	if o.Summary.GainInterval != nil {
		return o.Summary.GainInterval
	}
	w, b := o.Interval(o.Best), o.Interval(o.Base)
	if o.Summary.Gain == nil || w == nil || b == nil || o.Summary.KeptBaseline {
		return nil
	}
	relative := func(i *[2]float64) float64 { return (i[1] - i[0]) / (i[1] + i[0]) }
	half := math.Hypot(relative(w), relative(b))
	gain := *o.Summary.Gain
	width := half * (1 + gain)
	return &[2]float64{gain - width, gain + width}
}
