package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/qtune/qtune/bench"
	"github.com/qtune/qtune/catalog"
	"github.com/qtune/qtune/report"
	"github.com/qtune/qtune/tuner"
)

func planCmd(w *world) *cobra.Command {
	var f applyFlags
	c := &cobra.Command{
		Use:   "plan FILE",
		Short: "Show every trial with its exact command, what to expect of it, and what is pruned and why",
		Long: `Plan shows what apply would do, and starts nothing: every trial with the command
that would be run, what is pruned and why, what earlier runs have measured, and
what would have to be fetched.

Where card and model are known it predicts: whether a trial starts, its throughput
and latencies at the objective's load, how long the run takes, and the most that the
card can do. Predictions are a model's: they come with the error that they had so
far, and are a ranking before anything was measured on this card. Runs on real
engines calibrate them: see qtune calibrate.`,
		Args:              exactly(1, "one profile"),
		ValidArgsFunction: completeProfiles,
		RunE: func(c *cobra.Command, args []string) error {
			return plan(c.Context(), w, args[0], &f)
		},
	}
	f.profileFlags.bind(c)
	f.simulateFlags.bind(c)
	c.Flags().StringVar(&f.dir, "dir", "", "the `FOLDER` that keeps runs (default: $QTUNE_DIR, else .qtune)")
	c.Flags().BoolVar(&f.fresh, "fresh", false, "plan as if nothing had been measured")
	c.Flags().BoolVar(&f.offline, "offline", false, "ask no hub how large a model is; what is not here is an error")
	c.Flags().BoolVar(&f.json, "json", false, "print one JSON object")
	f.bindPrice(c)
	return c
}

func plan(ctx context.Context, w *world, path string, f *applyFlags) error {
	p, err := loadProfile(w, path, &f.profileFlags, f.json)
	if err != nil {
		return err
	}
	if err := f.setPrice(p); err != nil {
		return err
	}
	sim, err := f.simulation(p)
	if err != nil {
		return err
	}
	folder, err := tuner.OpenFolder(w.runFolder(f.dir))
	if err != nil {
		return err
	}
	around := &surroundings{profile: p, simulation: sim, offline: f.offline, planning: true, environ: w.environ}
	disconnect := around.connectIfThere(ctx, w)
	defer disconnect()
	if err := around.look(ctx); err != nil {
		return err
	}
	around.recallHelps(helpStore{w.helps()})
	pl := tuner.NewPlan(p)
	known, earlier := w.remembers(folder, f.fresh)
	pl.Recall(earlier, around.identity, around.setting)
	around.prune(pl, known)
	forecaster := newForecaster(around, w.calibrations())
	forecaster.learn(earlier.Starts())
	if err := pl.Foresee(around.lead(pl, forecaster), known, around.identity, foreseen); err != nil {
		return err
	}
	pl.Mark(known, around.identity)
	v := newPlanView(pl, around, sim != nil)
	v.predict(forecaster, pl, p.Search.Budget.GPUHourPrice)
	v.Fetch, err = around.fetches(ctx)
	if err != nil {
		return err
	}
	if f.json {
		return json.NewEncoder(w.stdout).Encode(v)
	}
	return v.text(w.stdout)
}

// foreseen is how many trials of a strategy's choice a plan shows.
const foreseen = 5

// planView is a plan as it is shown.
type planView struct {
	Type      string       `json:"type"` // "plan"
	Profile   string       `json:"profile"`
	Simulated bool         `json:"simulated"`
	Card      string       `json:"card,omitempty"`
	Goal      string       `json:"goal"` // what is made best, in words
	Search    tuner.Search `json:"search"`
	Finish    *finishView  `json:"finish,omitempty"`
	Trials    []trialView  `json:"trials"`
	Unlisted  int          `json:"unlisted,omitempty"` // pruned by the budget, too many to list
	Levels    []levelView  `json:"levels"`
	Ceiling   *ceilingView `json:"ceiling"`
	Forecast  *runForecast `json:"forecast"`
	Fetch     []fetchView  `json:"fetch,omitempty"`
	Notes     []string     `json:"notes,omitempty"`
	level     string       // of the objective
	chooses   bool         // a strategy chooses among the candidates
}

// finishView is what is measured again at the end.
type finishView struct {
	Candidates int `json:"candidates"` // beside the baseline, at most
	Starts     int `json:"starts"`     // of each
}

// trialView is a trial as a plan shows it.
type trialView struct {
	ID       string        `json:"id"`
	Engine   string        `json:"engine"`
	Name     string        `json:"name"`
	Baseline bool          `json:"baseline,omitempty"`
	Flags    tuner.Flags   `json:"flags"`
	Env      tuner.Env     `json:"env,omitempty"`
	Image    string        `json:"image,omitempty"`
	Command  []string      `json:"command"`
	Status   string        `json:"status"` // planned, pruned, measured
	Reason   string        `json:"reason"`
	Why      string        `json:"why,omitempty"`    // what a strategy chose it for
	Fits     string        `json:"fits,omitempty"`   // by arithmetic: fits, cannot fit, not known; "": it was not asked
	Memory   string        `json:"memory,omitempty"` // how large its KV cache will be, or why that is not known
	Forecast *forecastView `json:"forecast,omitempty"`
	varies   string
}

// levelView is a level of load and the limits under which it runs.
type levelView struct {
	Workload    string  `json:"workload"`
	Level       string  `json:"level"`
	MaxRequests int     `json:"max_requests"`
	MaxS        float64 `json:"max_s"` // in the engine's time
	Exact       bool    `json:"exact"` // the limits are the profile's own
}

// fetchView is something that must be brought before the first trial.
type fetchView struct {
	What  string `json:"what"` // "model" or "image"
	Name  string `json:"name"`
	Bytes int64  `json:"bytes,omitempty"`
	Note  string `json:"note,omitempty"`
}

func newPlanView(p *tuner.Plan, s *surroundings, simulated bool) *planView {
	v := &planView{Type: "plan", Profile: p.Profile.Name, Simulated: simulated, Goal: tuner.Goal(p.Profile), Unlisted: p.Unlisted, Ceiling: s.ceiling(), Notes: s.notes,
		Search: p.Search, chooses: p.Profile.Search.Chooses()}
	if f := p.Profile.Search.Finish; f.Starts > 0 {
		v.Finish = &finishView{f.Candidates, f.Starts}
	}
	if simulated {
		v.Card = s.simulation.Card
	}
	for i := range p.Trials {
		v.Trials = append(v.Trials, newTrialView(&p.Trials[i], s))
	}
	v.sayOnce()
	for _, w := range p.Profile.Workloads {
		for _, l := range w.Levels {
			v.Levels = append(v.Levels, newLevelView(w.Name, l))
		}
	}
	return v
}

// predict adds what is predicted of the trials that will run.
func (v *planView) predict(f *forecaster, p *tuner.Plan, price float64) {
	all, run := f.forecasts(p, price)
	v.Forecast = run
	o := p.Profile.Objective.At
	v.level = p.Profile.Workloads[o.Workload].Levels[o.Level].String()
	for i := range v.Trials {
		if view, ok := all[v.Trials[i].ID]; ok {
			v.Trials[i].Forecast = &view
		}
	}
}

func newTrialView(t *tuner.Trial, s *surroundings) trialView {
	return trialView{
		ID: t.ID, Engine: t.Engine.Kind, Name: t.Engine.Name, Baseline: t.Baseline,
		Flags: t.Candidate.Flags, Env: t.Candidate.Env, Image: t.Engine.Image,
		Command: s.command(t), Status: string(t.Status), Reason: t.Reason, Why: t.Why, Fits: string(s.fits[t.ID].Answer), Memory: memoryLine(t, s.fits[t.ID]), varies: t.Varies(),
	}
}

func newLevelView(workload string, l bench.Level) levelView {
	requests, duration := l.Cap()
	exact := l.Requests > 0 || l.Duration > 0 || l.Kind == bench.KindBurst
	return levelView{workload, l.String(), requests, duration.Seconds(), exact}
}

// text writes a plan for a person.
func (v *planView) text(w io.Writer) error {
	p := &planPrinter{out: w}
	n, fits := map[string]int{}, map[string]int{}
	for _, t := range v.Trials {
		n[t.Status]++
		fits[t.Fits]++
	}
	if v.chooses {
		p.printf("Plan for %q: %s.\n", v.Profile, searchLine(&v.Search))
		p.printf("Below are the first trials (%d measured before); what comes after depends on what they give.\n", n["measured"])
	} else {
		p.printf("Plan for %q: %s to run, %d measured before, %d pruned.\n", v.Profile, plural(n["planned"], "trial"), n["measured"], n["pruned"]+v.Unlisted)
	}
	p.printf("It is to %s.\n", v.Goal)
	if v.Simulated {
		p.printf("Engines would be simulated on %s, and every figure with them.\n", v.Card)
	}
	p.printf("By the memory of card and model %d fit, %d cannot, and %d must be tried to know.\n",
		fits[string(catalog.AnswerFits)], fits[string(catalog.AnswerCannot)], fits[string(catalog.AnswerNotKnown)])
	p.printf("%s\n", v.Ceiling)
	v.Forecast.text(p)
	if v.Finish != nil {
		p.printf("The best %d and the baseline are then measured again, on %s of each.\n", v.Finish.Candidates, plural(v.Finish.Starts, "fresh start"))
	}
	for _, f := range v.Fetch {
		p.printf("To fetch first: %s %s %s%s\n", f.What, f.Name, size(f.Bytes), f.Note)
	}
	for _, note := range v.Notes {
		p.printf("Note: %s\n", note)
	}
	p.printf("\nEach trial is measured at\n")
	for _, l := range v.Levels {
		p.printf("  %s: %s, %s\n", l.Workload, l.Level, l.limit())
	}
	p.printf("\n")
	left := v.Unlisted
	for i, t := range v.Trials {
		if t.Status == string(tuner.Pruned) && t.Reason == tuner.ReasonBudget && i >= mostLeftOut {
			left++
			continue
		}
		p.trial(i+1, &t, v.level)
	}
	if left > 0 {
		p.printf("And %d more, for which the budget leaves no room: --json lists those up to %d.\n", left, tuner.MaxListed)
	}
	return p.err
}

// mostLeftOut is up to which trial those are shown that the budget leaves no room for.
const mostLeftOut = 100

func (l *levelView) limit() string {
	switch {
	case l.Exact && l.MaxRequests > 0 && l.MaxS > 0:
		return fmt.Sprintf("%s or %s, whichever comes first", plural(l.MaxRequests, "request"), report.Duration(l.MaxS))
	case l.Exact && l.MaxRequests > 0:
		return plural(l.MaxRequests, "request")
	case l.Exact:
		return report.Duration(l.MaxS)
	case l.MaxRequests == 0:
		return "until settled, about " + report.Duration(l.MaxS) + " at most"
	}
	return fmt.Sprintf("until settled, at most %s or %s", plural(l.MaxRequests, "request"), report.Duration(l.MaxS))
}

func size(bytes int64) string {
	if bytes <= 0 {
		return ""
	}
	return fmt.Sprintf("(%.1f GiB) ", float64(bytes)/(1<<30))
}

type planPrinter struct {
	out io.Writer
	err error
}

func (p *planPrinter) printf(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.out, format, args...)
	}
}

func (p *planPrinter) trial(k int, t *trialView, level string) {
	status := t.Status
	if t.Reason != "" {
		status += " (" + t.Reason + ")"
	}
	if t.Baseline {
		status += ", baseline"
	}
	p.printf("%d. %s  %s %q  %s\n", k, t.ID, t.Engine, t.Name, status)
	if t.varies != "" {
		p.printf("   %s\n", t.varies)
	}
	if t.Why != "" && !t.Baseline {
		p.printf("   why: %s\n", t.Why)
	}
	if t.Memory != "" && t.Status != string(tuner.Pruned) {
		p.printf("   memory: %s\n", t.Memory)
	}
	if t.Status == string(tuner.Pruned) {
		return
	}
	if t.Forecast != nil {
		p.printf("   %s\n", t.Forecast.text(level))
	}
	p.printf("%s\n", report.Command(t.Command))
}

// planTimeout bounds what plan asks of the network.
const planTimeout = 10 * time.Second
