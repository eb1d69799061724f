package tuner

import (
	"time"

	"github.com/qtune/qtune/engine"
	"github.com/qtune/qtune/profiles"
)

// Choice is a configuration as a result names it.
type Choice struct {
	Trial        string   `json:"trial"`
	Engine       string   `json:"engine"` // the kind
	Name         string   `json:"name"`   // the second label
	Flags        Flags    `json:"flags"`
	Env          Env      `json:"env,omitempty"`
	Command      []string `json:"command"`
	Value        *float64 `json:"value"` // of the objective's metric
	KeptBaseline bool     `json:"kept_baseline,omitempty"`
}

// Counts are the trials of a run by how they ended; each configuration counts
// once, the baseline too. Reused is part of OK and Failed.
type Counts struct {
	OK     int `json:"ok"`
	Failed int `json:"failed"`
	Pruned int `json:"pruned"`
	Reused int `json:"reused"`
}

// ObjectiveValue is a figure of the objective with the winner's value.
type ObjectiveValue struct {
	Metric   string   `json:"metric"`
	Goal     string   `json:"goal"` // maximize or minimize
	Value    *float64 `json:"value"`
	Unit     string   `json:"unit"`
	Workload string   `json:"workload"`
	Level    string   `json:"level"`
}

// Failure is a trial that failed, as a summary lists it.
type Failure struct {
	Trial string `json:"trial"`
	engine.Failure
}

// Summary is the outcome of a run: the last line of `apply --json`.
type Summary struct {
	Type         string         `json:"type"` // "result"
	Run          string         `json:"run"`
	Simulated    bool           `json:"simulated"`
	Card         string         `json:"card,omitempty"`
	Winner       *Choice        `json:"winner"`
	Baseline     *Choice        `json:"baseline"`
	KeptBaseline bool           `json:"kept_baseline"`
	Objective    ObjectiveValue `json:"objective"`
	Pair         *Pair          `json:"pareto,omitempty"` // null for an objective of one figure
	Gain         *float64       `json:"gain"`
	GainInterval *[2]float64    `json:"gain_interval,omitempty"` // at 95 %, from the finish
	Finish       *Finish        `json:"finish,omitempty"`        // null where nothing was measured again
	Doubt        string         `json:"doubt,omitempty"`
	Ceiling      *Ceiling       `json:"ceiling,omitempty"` // null where nobody looked for it
	Advice       []string       `json:"advice,omitempty"`  // what to try next, from the trials that ran
	Answers      *Alike         `json:"answers,omitempty"` // null where configurations cannot differ in what they say
	Trials       Counts         `json:"trials"`
	NotRun       int            `json:"not_run"` // planned trials that an early end left out
	Search       *Search        `json:"search,omitempty"`
	Screened     int            `json:"screened,omitempty"` // trials that could not win and were measured no further
	SavedS       float64        `json:"saved_s,omitempty"`  // what that has saved, in the engine's time
	EngineS      float64        `json:"engine_s"`
	GPUHours     float64        `json:"gpu_hours"`      // of new starts, by card
	Cost         float64        `json:"cost,omitempty"` // of them, where the price of an hour is known
	WallS        float64        `json:"wall_s"`
	Folder       string         `json:"folder"`
	Left         []string       `json:"left,omitempty"` // what could not be removed
	Exit         int            `json:"exit"`
	Error        string         `json:"error,omitempty"`
	Code         string         `json:"error_code,omitempty"` // as docs/errors.md has it
	Hint         string         `json:"hint,omitempty"`       // what to do about the error
}

// Summarize puts a run's outcome in a form that can be kept and shown.
func Summarize(plan *Plan, results []TrialResult, d Decision, wall time.Duration) Summary {
	s := Summary{
		Type:         "result",
		KeptBaseline: d.KeptBaseline,
		Gain:         d.Gain,
		GainInterval: d.GainInterval,
		Finish:       d.Finish,
		Doubt:        d.Doubt,
		Search:       &plan.Search,
		Advice:       advise(plan.Profile, &d, results),
		WallS:        wall.Seconds(),
		Objective:    objectiveValue(plan.Profile, plan.Profile.Objective),
		Pair:         pair(plan.Profile, &d),
	}
	s.Winner, s.Baseline = choice(d.Winner), choice(d.Baseline)
	if s.Winner != nil {
		s.Winner.KeptBaseline = d.KeptBaseline
		s.Objective.Value = s.Winner.Value
	}
	searched, _ := byPurpose(results)
	s.Trials = count(plan, searched)
	for _, r := range searched {
		if r.Screened != "" {
			s.Screened++
			s.SavedS += r.SavedS
		}
	}
	for i := range results {
		if results[i].ReusedFrom == "" {
			s.EngineS += results[i].EngineS()
			s.GPUHours += results[i].EngineS() * float64(results[i].Cards) / 3600
		}
	}
	s.Cost = s.GPUHours * plan.Profile.Search.Budget.GPUHourPrice
	s.NotRun = max(0, plan.Most()-len(searched))
	if plan.space != nil && plan.Search.Stopped != "" {
		s.NotRun = 0 // the strategy needed no more
	}
	return s
}

// objectiveValue is a figure of the objective, without a value yet.
func objectiveValue(p *profiles.Profile, o profiles.Objective) ObjectiveValue {
	w := p.Workloads[o.At.Workload]
	return ObjectiveValue{
		Metric: o.Metric.Name, Goal: goal(o), Unit: string(o.Metric.Unit),
		Workload: w.Name, Level: w.Levels[o.At.Level].String(),
	}
}

func goal(o profiles.Objective) string {
	if o.Minimize {
		return "minimize"
	}
	return "maximize"
}

func choice(v *Verdict) *Choice {
	if v == nil {
		return nil
	}
	r := v.Result
	return &Choice{Trial: r.Trial, Engine: r.Engine, Name: r.Name, Flags: r.Flags, Env: r.Env, Command: r.Command, Value: v.Value}
}

func count(plan *Plan, results []*TrialResult) Counts {
	c := Counts{Pruned: plan.Count(Pruned) + plan.Unlisted}
	for i := range results {
		switch {
		case results[i].Status == OK:
			c.OK++
		default:
			c.Failed++
		}
		if results[i].ReusedFrom != "" {
			c.Reused++
		}
	}
	return c
}
