package tuner

import (
	"fmt"
	"slices"

	"github.com/qtune/qtune/bench"
	"github.com/qtune/qtune/profiles"
)

// MaxErrorRate is the share of failed requests at the objective's level above
// which a trial cannot win, unless the profile constrains error_rate itself.
const MaxErrorRate = 0.01

// Verdict is what the decision made of one trial.
type Verdict struct {
	Result *TrialResult
	Value  *float64 // of the objective's first figure; nil where there is none
	Second *float64 // of its second; nil where there is none
	Out    string   // why it cannot win; "" if it can

	score *float64 // what it is compared by; nil where there is none
}

// Decision is the choice among a run's trials.
type Decision struct {
	Winner       *Verdict // nil: no trial meets the constraints
	Baseline     *Verdict // nil: not measured
	KeptBaseline bool
	// Gain is the winner's advantage over the baseline as a signed fraction,
	// positive is better; nil where the baseline has no value.
	Gain         *float64
	GainInterval *[2]float64 // at 95 %, from the finish; nil without one
	SecondGain   Gain        // of the second figure; empty where there is one
	BothGain     Gain        // the geometric mean of both gains, where a knee is picked
	Doubt        string      // why the gain should not be believed as it stands; "" if nothing speaks against it
	Finish       *Finish     // nil: nothing was measured again
	Verdicts     []Verdict   // of the search's results, in their order
}

// Decide picks the best trial by the objective among those that keep every
// constraint. A tie goes to the baseline, then to the earlier trial. Where there are
// results of a finish they decide: see Finish.
func Decide(p *profiles.Profile, results []TrialResult) Decision {
	agree(p, results)
	searched, again := byPurpose(results)
	d := Decision{Verdicts: make([]Verdict, len(searched))}
	for i := range searched {
		v := &d.Verdicts[i]
		*v = judge(p, searched[i])
		if v.Result.Baseline {
			d.Baseline = v
		}
		if v.Out == "" && (d.Winner == nil || better(p.Objective, *v.score, *d.Winner.score)) {
			d.Winner = v
		}
	}
	d.compare(p.Objective)
	if len(again) > 0 {
		d.confirm(p, again)
	}
	return d
}

// searched is the baseline's value in the search; nil without one.
func (d *Decision) searched() *float64 {
	for i := range d.Verdicts {
		if d.Verdicts[i].Result.Baseline {
			return d.Verdicts[i].Value
		}
	}
	return nil
}

// byPurpose tells the search's results from the finish's.
func byPurpose(results []TrialResult) (searched, again []*TrialResult) {
	for i := range results {
		if results[i].Purpose == PurposeFinish {
			again = append(again, &results[i])
		} else {
			searched = append(searched, &results[i])
		}
	}
	return searched, again
}

func (d *Decision) compare(o profiles.Objective) {
	if d.Winner == nil {
		return
	}
	d.KeptBaseline = d.Winner.Result.Baseline
	if d.Baseline == nil || d.Baseline.Value == nil || *d.Baseline.Value == 0 {
		return
	}
	gain := advantage(o, *d.Winner.Value, *d.Baseline.Value)
	d.Gain = &gain
	d.gains(o)
	if !d.KeptBaseline && d.Baseline.score != nil {
		d.Doubt = doubt(o, advantage(o, *d.Winner.score, *d.Baseline.score), d.Winner.Result, d.Baseline.Result)
	}
}

// SmallGain is what two starts of one configuration can differ by: a restart
// moves throughput by up to 1.5 %, the measurement adds its own noise, and the
// best of many trials is a lucky one.
const SmallGain = 0.05

// doubt names what one start of each cannot tell apart.
func doubt(o profiles.Objective, gain float64, winner, baseline *TrialResult) string {
	w, b := interval(o, winner), interval(o, baseline)
	switch {
	case o.Pick != profiles.PickKnee && w != nil && b != nil && w[0] <= b[1] && b[0] <= w[1]:
		return "the intervals of the winner and the baseline overlap: the difference may be noise"
	case gain < SmallGain:
		return fmt.Sprintf("one start of each was measured, and starts differ by themselves: a gain under %.0f %% may be noise", 100*SmallGain)
	}
	return ""
}

func interval(o profiles.Objective, r *TrialResult) *[2]float64 {
	l := r.Level(o.At)
	switch o.Metric.Name {
	case "output_throughput":
		return l.ThroughputInterval
	case "ttft_mean":
		return l.TTFT.MeanInterval
	case "tpot_mean":
		return l.TPOT.MeanInterval
	case "itl_mean":
		return l.ITL.MeanInterval
	case "e2e_mean":
		return l.E2E.MeanInterval
	}
	return nil
}

func better(o profiles.Objective, a, b float64) bool {
	if o.Minimize {
		return a < b
	}
	return a > b
}

// judge is the verdict on a result by its figures and by its answers.
func judge(p *profiles.Profile, r *TrialResult) Verdict {
	v := judgeFigures(p, r)
	if v.Out == "" {
		v.Out = unlike(p, r)
	}
	return v
}

// lacking says why a result has no figure of a metric.
func lacking(metric string) string {
	if metric == "energy_per_token" {
		return "no energy_per_token: no card told what it took, or no token came"
	}
	return fmt.Sprintf("no %s: too few requests were completed", metric)
}

// judgeFigures is the verdict on a result by what was measured alone.
func judgeFigures(p *profiles.Profile, r *TrialResult) Verdict {
	v := Verdict{Result: r}
	if r.Status != OK {
		v.Out = "failed"
		if r.Failure != nil {
			v.Out = "failed: " + string(r.Failure.Class)
		}
		return v
	}
	value, ok := r.Value(p.Objective)
	if !ok {
		v.Out = lacking(p.Objective.Metric.Name)
		return v
	}
	v.Value = &value
	if o := p.Objective.Also; o != nil {
		second, ok := r.Value(*o)
		if !ok {
			v.Out = lacking(o.Metric.Name)
			return v
		}
		v.Second = &second
	}
	score, ok := r.score(p.Objective)
	if !ok {
		v.Out = fmt.Sprintf("%s and %s have no knee where one of them is 0", p.Objective.Metric.Name, p.Objective.Also.Metric.Name)
		return v
	}
	v.score = &score
	if v.Out = broken(p, r); v.Out == "" && r.Curtailed != nil {
		v.Out = r.Screened
	}
	return v
}

// broken names the first rule that the trial breaks, "" if it keeps them all.
func broken(p *profiles.Profile, r *TrialResult) string {
	for _, c := range p.Constraints {
		if why := breaks(c, r.Level(c.At)); why != "" {
			return why
		}
	}
	return unsound(p, r)
}

// unsound is why the value of a trial that ran stands for nothing, whatever the
// profile's constraints say of it; "" if it does.
func unsound(p *profiles.Profile, r *TrialResult) string {
	ruled := slices.ContainsFunc(p.Constraints, func(c profiles.Constraint) bool { return c.Metric.Name == "error_rate" })
	for _, o := range Figures(p.Objective) {
		switch l := r.Level(o.At); {
		case l == nil:
		case l.Client.Bound:
			return "the load client was the bottleneck, not the server"
		case l.ErrorRate() > MaxErrorRate && !ruled:
			return fmt.Sprintf("%.1f %% of the requests failed", 100*l.ErrorRate())
		}
	}
	return ""
}

func breaks(c profiles.Constraint, l *bench.LevelResult) string {
	if l == nil {
		return fmt.Sprintf("no %s was measured", c.Metric.Name)
	}
	v, ok := l.Metric(c.Metric.Name)
	switch {
	case !ok:
		return fmt.Sprintf("%s: too few requests to tell", c.Metric.Name)
	case c.Max != nil && v > *c.Max:
		return fmt.Sprintf("%s %s > %s", c.Metric.Name, Figure(v, c.Metric.Unit), Figure(*c.Max, c.Metric.Unit))
	case c.Min != nil && v < *c.Min:
		return fmt.Sprintf("%s %s < %s", c.Metric.Name, Figure(v, c.Metric.Unit), Figure(*c.Min, c.Metric.Unit))
	}
	return ""
}
