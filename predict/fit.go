package predict

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/optimize"

	"github.com/qtune/qtune/bench"
	"github.com/qtune/qtune/simulator"
)

// Observation is one level that a trial was measured at.
type Observation struct {
	Name     string // of the trial; levels of one name are one trial's
	Trial    Trial
	Cores    string // on a CPU: what of its settings says how many it may use, as text; equal ones are alike
	Workload bench.Workload
	Level    bench.Level
	Measured bench.LevelResult
}

// Parameter is a fitted number beside what was taken before.
type Parameter struct {
	Name  string  `json:"name"`
	Unit  string  `json:"unit"`
	Prior float64 `json:"prior"`
	Value float64 `json:"value"`
}

// Residual is a level that was measured beside what the fitted model says of it.
type Residual struct {
	Trial     string  `json:"trial"`
	Level     string  `json:"level"`
	Measured  Figures `json:"measured"`
	Predicted Figures `json:"predicted"`        // by the fitted model
	Before    Figures `json:"predicted_before"` // by the prior
	Seen      bool    `json:"fitted_to"`        // the fit was to this one
}

// Fitted is what a fit gives.
type Fitted struct {
	Efficiency simulator.Efficiency
	Parameters []Parameter
	Residuals  []Residual
	Before     Errors // of the prior's predictions
	After      Errors // of the fitted model on what it was fitted to, which flatters
	// HeldOut are the errors on trials that a fit had not seen: those behind the first
	// ones, or, where the fit was to all, each half of them predicted from the other. No
	// levels where there is one trial.
	HeldOut Errors
	Skipped []string // why observations were left out, each once
}

// What the model itself can be off by without telling anything, as standard deviations of
// logarithms (judgement; TTFT is the sum of a queue and a step, so that it amplifies
// the error of a step).
const (
	throughputNoise = 0.05
	tpotNoise       = 0.05
	ttftNoise       = 0.15
)

// noiseOf are those with the measurement's own standard errors, as its intervals tell
// them: what a short or a disturbed level says counts less.
func noiseOf(r *bench.LevelResult) Figures {
	of := func(model, value float64, interval *[2]float64) float64 {
		if interval == nil || value <= 0 {
			return model
		}
		const halfWidth = 1.96 // of a 95 % interval, in standard errors
		return math.Hypot(model, (interval[1]-interval[0])/2/halfWidth/value)
	}
	f := FiguresOf(r)
	return Figures{
		Tokens: of(throughputNoise, f.Tokens, r.ThroughputInterval),
		TTFT:   of(ttftNoise, f.TTFT, r.TTFT.MeanInterval), TPOT: of(tpotNoise, f.TPOT, r.TPOT.MeanInterval),
	}
}

// maxObservations bounds how many levels a fit looks at, so that it takes seconds.
// They are taken evenly from all.
const maxObservations = 16

// Fit finds the efficiencies under which the model comes nearest to what was measured:
// the maximum a posteriori of a normal error of logarithms around the measurements and
// a normal prior of logarithms around the site's efficiencies (by Nelder and Mead's
// method: a level is a simulation, so that its figures have steps and no gradient).
// first is to how many trials, in order; 0 is all. The error says that nothing of it
// could be compared.
func (s *Site) Fit(observations []Observation, first int) (*Fitted, error) {
	site := *s
	if site.Efficiency == (simulator.Efficiency{}) {
		site.Efficiency = simulator.EfficiencyOf(site.Card)
	}
	f, skipped, err := newFitter(&site, observations)
	if err != nil {
		return nil, err
	}
	seen, unseen := f.split(first)
	seen = thin(seen)
	best := f.fit(seen)
	out := &Fitted{Efficiency: f.at(best), Skipped: skipped}
	for _, p := range f.parameters {
		out.Parameters = append(out.Parameters, Parameter{p.name, p.unit, p.get(&site.Efficiency), p.get(&out.Efficiency)})
	}
	out.After = out.compare(f, seen, true)
	if len(unseen) > 0 {
		out.HeldOut = out.compare(f, unseen, false)
	} else {
		out.HeldOut = f.heldOut(seen)
	}
	out.Before = out.priorErrors()
	return out, nil
}

// compare adds the residuals of cases, and gives the fitted model's errors on them.
func (o *Fitted) compare(f *fitter, cases []comparison, seen bool) Errors {
	measured := f.measured(cases)
	before, after := f.predict(cases, f.site.Efficiency), f.predict(cases, o.Efficiency)
	for i, c := range cases {
		o.Residuals = append(o.Residuals, Residual{c.name, c.level.String(), measured[i], after[i], before[i], seen})
	}
	return Compare(after, measured)
}

func (o *Fitted) priorErrors() Errors {
	var before, measured []Figures
	for _, r := range o.Residuals {
		before, measured = append(before, r.Before), append(measured, r.Measured)
	}
	return Compare(before, measured)
}

// split divides the cases into those of the first trials and the rest.
func (f *fitter) split(first int) (seen, unseen []comparison) {
	for _, c := range f.cases {
		if first == 0 || c.trial < first {
			seen = append(seen, c)
		} else {
			unseen = append(unseen, c)
		}
	}
	return seen, unseen
}

// comparison is one observation that the model can compute.
type comparison struct {
	name     string
	trial    int // counts the trials
	level    bench.Level
	engine   *simulator.Engine
	load     *Load
	measured Figures
	noise    Figures // standard deviations of the logarithms
	requests int     // that computing it takes
}

// fitter compares a model with measurements.
type fitter struct {
	site       *Site
	parameters []parameter
	widths     []float64
	cases      []comparison
	trials     int
}

func newFitter(s *Site, observations []Observation) (*fitter, []string, error) {
	f := &fitter{site: s, parameters: parameters()}
	f.widths = widths(s.Card, f.parameters)
	var skipped []string
	skip := func(why string) {
		for _, w := range skipped {
			if w == why {
				return
			}
		}
		skipped = append(skipped, why)
	}
	servers := map[string]*Server{}
	var shaken []string
	if s.Card.CPU {
		shaken = disturbed(observations)
	}
	for i := range observations {
		if s.Card.CPU && shaken[i] != "" {
			skip(shaken[i])
		} else if why := f.add(&observations[i], servers); why != "" {
			skip(why)
		}
	}
	if len(f.cases) == 0 {
		return nil, skipped, fmt.Errorf("nothing to calibrate by: %s", orNothing(skipped))
	}
	return f, skipped, nil
}

func orNothing(why []string) string {
	if len(why) == 0 {
		return "no level was measured"
	}
	return why[0]
}

// add takes an observation, or tells why it cannot be used.
func (f *fitter) add(o *Observation, servers map[string]*Server) string {
	if why := unusable(&o.Measured); why != "" {
		return why
	}
	server, known := servers[o.Name]
	if !known {
		var err error
		if server, err = f.site.Serve(o.Trial); err != nil {
			return err.Error()
		}
		servers[o.Name] = server
		f.trials++
	}
	if server.Refusal() != "" {
		return "the model would not start what was measured: " + server.Refusal()
	}
	load, err := NewLoad(o.Workload, o.Level)
	if err != nil {
		return err.Error()
	}
	f.cases = append(f.cases, comparison{o.Name, f.trials - 1, o.Level, server.engine, load, FiguresOf(&o.Measured), noiseOf(&o.Measured), load.requests(o.Measured.Requests.Total)})
	return ""
}

// unusable says why a measurement tells nothing of the model; "" if it does.
func unusable(r *bench.LevelResult) string {
	switch {
	case r.Requests.Total == 0 || r.OutputThroughput <= 0:
		return "a level has no throughput"
	case r.ErrorRate() > 0.01:
		return "a level has failed requests"
	case r.Partial:
		return "a level was cut short"
	case r.Client.Bound:
		return "a level was bound by the load client"
	case r.Kind == bench.KindMaxRate:
		return "a search for the highest rate is no level of its own"
	}
	return ""
}

// thin leaves maxObservations, evenly.
func thin(cases []comparison) []comparison {
	n := len(cases)
	if n <= maxObservations {
		return cases
	}
	var kept []comparison
	for i := range maxObservations {
		kept = append(kept, cases[i*n/maxObservations])
	}
	return kept
}

func (f *fitter) at(logs []float64) simulator.Efficiency {
	return moved(f.site.Efficiency, f.site.Card, f.parameters, logs)
}

func (f *fitter) measured(cases []comparison) []Figures {
	all := make([]Figures, len(cases))
	for i := range cases {
		all[i] = cases[i].measured
	}
	return all
}

func (f *fitter) predict(cases []comparison, eff simulator.Efficiency) []Figures {
	all := make([]Figures, len(cases))
	for i := range cases {
		r := cases[i].load.compute(cases[i].engine.With(eff))
		all[i] = FiguresOf(&r)
	}
	return all
}

// misfit is the negative logarithm of the posterior, up to a constant.
func (f *fitter) misfit(cases []comparison, logs []float64) float64 {
	sum := 0.0
	for i, l := range logs {
		sum += l * l / (2 * f.widths[i] * f.widths[i])
	}
	predicted := f.predict(cases, f.at(logs))
	for i := range cases {
		m, p, noise := &cases[i].measured, &predicted[i], &cases[i].noise
		sum += off(p.Tokens, m.Tokens, noise.Tokens) + off(p.TPOT, m.TPOT, noise.TPOT) + off(p.TTFT, m.TTFT, noise.TTFT)
	}
	return sum
}

// off is a squared difference of logarithms in standard deviations, which counts
// linearly from three on: one level that the model does not understand must not
// decide about the rest (Huber's loss).
func off(predicted, measured, noise float64) float64 {
	const bend = 3
	if measured <= 0 {
		return 0
	}
	z := math.Abs(math.Log(math.Max(predicted, 1e-9)/measured)) / noise
	if z > bend {
		return bend*z - bend*bend/2.0
	}
	return z * z / 2
}

// A fit is bounded by how often it computes all levels, and by how many requests that
// is in all: some thousand in a millisecond.
const (
	maxEvaluations = 600
	minEvaluations = 150
	maxComputed    = 2_000_000 // requests
)

// evaluations is how often a fit may compute these cases.
func evaluations(cases []comparison) int {
	requests := 1
	for i := range cases {
		requests += cases[i].requests
	}
	return min(max(maxComputed/requests, minEvaluations), maxEvaluations)
}

func (f *fitter) fit(cases []comparison) []float64 {
	start := make([]float64, len(f.parameters))
	problem := optimize.Problem{Func: func(x []float64) float64 { return f.misfit(cases, x) }}
	settings := &optimize.Settings{FuncEvaluations: evaluations(cases), Converger: &optimize.FunctionConverge{Absolute: 1e-3, Iterations: 60}}
	result, err := optimize.Minimize(problem, start, settings, &optimize.NelderMead{SimplexSize: 0.2})
	if result == nil || err != nil && result.F > f.misfit(cases, start) {
		return start
	}
	return result.X
}

// heldOut predicts each half of the trials from the other.
func (f *fitter) heldOut(cases []comparison) Errors {
	var halves [2][]comparison
	for _, c := range cases {
		halves[c.trial%2] = append(halves[c.trial%2], c)
	}
	if len(halves[0]) == 0 || len(halves[1]) == 0 {
		return Errors{}
	}
	var predicted, measured []Figures
	for i, half := range halves {
		fitted := f.at(f.fit(halves[1-i]))
		predicted = append(predicted, f.predict(half, fitted)...)
		measured = append(measured, f.measured(half)...)
	}
	return Compare(predicted, measured)
}
