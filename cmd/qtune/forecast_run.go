package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/qtune/qtune/engine"
	"github.com/qtune/qtune/profiles"
	"github.com/qtune/qtune/report"
	"github.com/qtune/qtune/tuner"
)

// mostForecast is how many levels a plan predicts: some milliseconds each. The time
// of trials beyond is taken to be like that of those before.
const mostForecast = 400

// runForecast is what is predicted of a whole run.
type runForecast struct {
	EngineS   float64  `json:"engine_s"`  // of all trials, at most
	GPUHours  float64  `json:"gpu_hours"` // 0 on a CPU
	Price     float64  `json:"gpu_hour_price,omitempty"`
	Cost      float64  `json:"cost,omitempty"`
	Predicted int      `json:"trials_predicted"` // of Trials
	Trials    int      `json:"trials"`           // to run at most; those of the plan where a strategy has no bound
	Again     int      `json:"starts_again"`     // of the finish, at most
	Basis     []string `json:"basis"`            // what the predictions rest on, and how far they were off
	Unseen    []string `json:"unseen,omitempty"` // flags on which no prediction depends
	Unknown   string   `json:"unknown,omitempty"`
	open      bool     // the strategy may ask for more
}

// forecasts predicts the trials of a plan that will run, and the run. price is that
// of an hour of one GPU; 0 is not given.
func (f *forecaster) forecasts(p *tuner.Plan, price float64) (map[string]forecastView, *runForecast) {
	run := &runForecast{Unknown: f.unknown, Price: price, Trials: max(p.Count(tuner.Planned), p.Most()-p.Count(tuner.Measured))}
	run.open = p.Most() == 0
	if f.unknown != "" {
		return nil, run
	}
	all := map[string]forecastView{}
	levels, gpuS := 0, 0.0
	for i := range p.Trials {
		t := &p.Trials[i]
		if t.Status != tuner.Planned {
			continue
		}
		if levels += levelCount(f.profile); levels > mostForecast && len(all) > 0 {
			break
		}
		v := f.forecast(t)
		all[t.ID] = v
		if v.Unknown != "" {
			continue
		}
		run.Predicted++
		run.EngineS += v.StartS + v.MeasureS
		gpuS += (v.StartS + v.MeasureS) * f.cards(t)
		run.see(v.unseen)
	}
	f.scale(run, gpuS)
	run.Basis = f.basis(p)
	return all, run
}

// levelCount is how many levels a trial of a profile has.
func levelCount(p *profiles.Profile) int {
	n := 0
	for _, w := range p.Workloads {
		n += len(w.Levels)
	}
	return n
}

func (f *forecaster) cards(t *tuner.Trial) float64 {
	if f.site.Card.CPU {
		return 0
	}
	use, _ := engine.Use(t.Engine.Kind, t.Candidate)
	return float64(use.AllCards())
}

func (r *runForecast) see(unseen []string) {
	for _, name := range unseen {
		if !slices.Contains(r.Unseen, name) {
			r.Unseen = append(r.Unseen, name)
		}
	}
	slices.Sort(r.Unseen)
}

// scale takes the trials that were not predicted, and the starts of a finish, to be like
// those that were, and ends the run where its budget does.
func (f *forecaster) scale(r *runForecast, gpuS float64) {
	if r.Predicted == 0 {
		return
	}
	search := f.profile.Search
	starts := float64(r.Trials)
	if search.Finish.Starts > 0 && r.Trials > 1 {
		r.Again = search.Finish.Servers(r.Trials)
		starts += float64(r.Again)
	}
	factor := starts / float64(r.Predicted)
	hours, b := gpuS/3600, search.Budget
	for _, bound := range []struct{ most, each float64 }{
		{b.Time.Seconds(), r.EngineS}, {b.GPUHours, hours}, {b.Cost, hours * r.Price}, {float64(b.Starts), float64(r.Predicted)},
	} {
		if bound.most > 0 && bound.each > 0 {
			factor = min(factor, bound.most/bound.each)
		}
	}
	r.EngineS *= factor
	r.GPUHours = hours * factor
	r.Cost = r.GPUHours * r.Price
}

// basis says of each kind of engine what its predictions rest on.
func (f *forecaster) basis(p *tuner.Plan) []string {
	if f.same {
		return []string{"for simulated engines by the very model that they run on: they agree, and that says nothing of a real card"}
	}
	var all []string
	for _, e := range p.Profile.Engines {
		if line := f.of(e).basis(e.Kind); !slices.Contains(all, line) {
			all = append(all, line)
		}
	}
	for _, e := range p.Profile.Engines {
		if line := f.startBasis(e.Kind); !slices.Contains(all, line) {
			all = append(all, line)
		}
	}
	return append(all, f.notes...)
}

func (k simulatorOf) basis(kind string) string {
	c := k.calibrated
	if c == nil {
		return "for " + kind + ", not calibrated on " + k.site.Card.Name + ": treat the figures as a ranking"
	}
	whose := "on the trials that it was fitted to"
	if c.HeldOut {
		whose = "on trials that the fit had not seen"
	}
	return fmt.Sprintf("for %s, calibrated by run %s (%s %s); so far off by %s, %s", kind, c.Run, c.Engine, c.EngineVersion, c.Errors, whose)
}

// text says it for a person.
func (r *runForecast) text(p *planPrinter) {
	if r.Unknown != "" {
		p.printf("Nothing is predicted: %s.\n", r.Unknown)
		return
	}
	if r.Predicted > 0 {
		p.printf("Predicted, not measured: %s with an engine running, at most%s.\n", report.Duration(r.EngineS), r.gpuTime())
	}
	for _, b := range r.Basis {
		p.printf("  Predictions %s.\n", b)
	}
	if len(r.Unseen) > 0 {
		p.printf("  They do not see %s.\n", strings.Join(r.Unseen, ", "))
	}
	switch {
	case r.open:
		p.printf("  That is for the trials below; without a budget the strategy may ask for more.\n")
	case r.Predicted < r.Trials+r.Again:
		p.printf("  %d of %s are predicted; the others and the finish are taken to be like them.\n", r.Predicted, plural(r.Trials, "trial"))
	}
}

func (r *runForecast) gpuTime() string {
	switch {
	case r.GPUHours == 0:
		return ""
	case r.Price == 0:
		return fmt.Sprintf(", %s GPU-hours", hours(r.GPUHours))
	}
	return fmt.Sprintf(", %s GPU-hours, %.2f at %s an hour", hours(r.GPUHours), r.Cost, strconv.FormatFloat(r.Price, 'f', -1, 64))
}

func hours(h float64) string { return strconv.FormatFloat(h, 'f', 2, 64) }
