package tuner

import (
	"fmt"
	"math"
	"slices"

	"github.com/qtune/qtune/profiles"
	"github.com/qtune/qtune/tuner/finish"
)

// Finish is what measuring the best few again has shown. The gain and its interval
// come from it alone: the search's value of the best of many is a lucky one.
type Finish struct {
	Starts  int         `json:"starts"` // of each configuration, whole blocks only
	Rows    []FinishRow `json:"configurations"`
	StartSD float64     `json:"start_sd"`         // by which one start differs from the next, a fraction
	Failed  string      `json:"failed,omitempty"` // why it could not decide; "" if it did
	// Added are starts of each beyond what the profile asks for: the decision was close.
	Added int `json:"added,omitempty"`

	close bool // so that more starts may well decide
}

// FinishRow is one configuration of a finish. Gains are against the baseline.
type FinishRow struct {
	Trial    string     `json:"trial"`
	Engine   string     `json:"engine"`
	Name     string     `json:"name"`
	Varies   string     `json:"varies"`
	Baseline bool       `json:"baseline"`
	Winner   bool       `json:"winner"`
	Values   []*float64 `json:"values"` // of each start; null where it has none
	Value    *float64   `json:"value"`  // their geometric mean over whole blocks
	Gain     *float64   `json:"gain"`
	Low      *float64   `json:"low"` // of the gain, at 95 %
	High     *float64   `json:"high"`
	Better   bool       `json:"better"` // than the baseline, by more than chance explains
	Tied     bool       `json:"tied"`   // with the best
	Out      string     `json:"out,omitempty"`
	changes  int        // from what its engine runs with by itself
	starts   []*TrialResult

	disturbed bool // some start measured the machine or the client
}

// confirm decides by the finish. The baseline stays unless a candidate is better by
// more than chance; of candidates that cannot be told apart the simplest wins.
func (d *Decision) confirm(p *profiles.Profile, again []*TrialResult) {
	f := &Finish{Rows: finishRows(p, d, again)}
	d.Finish = f
	f.Added = max(0, f.blocks()-p.Search.Finish.Starts)
	in := f.compete()
	if f.Failed = f.judge(p.Objective.Minimize, in); f.Failed != "" {
		d.Doubt = "the finish could not decide: " + f.Failed
		return
	}
	winner := f.choose(in)
	if winner == nil {
		d.Winner, d.Gain, d.KeptBaseline = nil, nil, false
		d.Doubt = "what the search found did not hold in the finish"
		return
	}
	winner.Winner = true
	d.adopt(winner)
}

// finishRows gathers what each configuration gave, the baseline first.
func finishRows(p *profiles.Profile, d *Decision, again []*TrialResult) []FinishRow {
	var rows []FinishRow
	for _, r := range again {
		i := slices.IndexFunc(rows, func(row FinishRow) bool { return row.Trial == r.Trial })
		if i < 0 {
			row := FinishRow{Trial: r.Trial, Engine: r.Engine, Name: r.Name, Baseline: r.Baseline}
			row.describe(p, r)
			rows, i = append(rows, row), len(rows)
		}
		row := &rows[i]
		for len(row.starts) < r.Start {
			row.starts, row.Values = append(row.starts, nil), append(row.Values, nil)
		}
		row.starts[r.Start-1] = r
		v := judge(p, r)
		if disturbed(p, r) {
			row.disturbed = true // no word against the configuration, nor for it
			continue
		}
		row.Values[r.Start-1] = v.Value
		if v.Out != "" && row.Out == "" {
			row.Out = fmt.Sprintf("%s in start %d", v.Out, r.Start)
		}
	}
	slices.SortStableFunc(rows, func(a, b FinishRow) int {
		return d.rank(a.Trial) - d.rank(b.Trial)
	})
	return rows
}

// disturbed says that a start measured the machine or the client, not the server.
func disturbed(p *profiles.Profile, r *TrialResult) bool {
	if machineFault(r) {
		return true
	}
	l := r.Level(p.Objective.At)
	return l != nil && l.Client.Bound
}

// rank is a trial's place in the search, the baseline's being first.
func (d *Decision) rank(trial string) int {
	return slices.IndexFunc(d.Verdicts, func(v Verdict) bool { return v.Result.Trial == trial })
}

func (row *FinishRow) describe(p *profiles.Profile, r *TrialResult) {
	for i, e := range p.Engines {
		if e.Kind != r.Engine || e.Name != r.Name {
			continue
		}
		row.Varies = varies(e, r.Flags, r.Env)
		if e != p.Baseline() {
			row.changes = 1000 + i // another engine is a greater change than any flag
		}
		for a := range e.Axes {
			v, _ := valueOn(e.Axes[a], r.Flags, r.Env)
			if v.String() != e.Own(a).String() {
				row.changes++
			}
		}
	}
}

// compete picks who is compared, and takes the means over the blocks that all of them
// have: the baseline if it has values, and every candidate that kept the limits. One
// that was disturbed in a start steps back for those that were not.
func (f *Finish) compete() []*FinishRow {
	var in []*FinishRow
	for i := range f.Rows {
		if row := &f.Rows[i]; row.measured() && (row.Out == "" || row.Baseline) {
			in = append(in, row)
		}
	}
	if slices.ContainsFunc(in, func(row *FinishRow) bool { return !row.Baseline && !row.disturbed }) {
		in = slices.DeleteFunc(in, func(row *FinishRow) bool {
			steps := row.disturbed && !row.Baseline
			if steps {
				row.Out = "a start measured the load client or the machine, not the server"
			}
			return steps
		})
	}
	var whole []int
	for b := range f.blocks() {
		if !slices.ContainsFunc(in, func(row *FinishRow) bool { return b >= len(row.Values) || row.Values[b] == nil }) {
			whole = append(whole, b)
		}
	}
	f.Starts = len(whole)
	for _, row := range in {
		row.average(whole)
	}
	return in
}

func (f *Finish) blocks() int {
	n := 0
	for i := range f.Rows {
		n = max(n, len(f.Rows[i].Values))
	}
	return n
}

// measured says that some start of the row has a value.
func (row *FinishRow) measured() bool {
	return slices.ContainsFunc(row.Values, func(v *float64) bool { return v != nil })
}

// average keeps the starts of whole blocks and takes their geometric mean.
func (row *FinishRow) average(whole []int) {
	var starts []*TrialResult
	var values []*float64
	sum := 0.0
	for _, b := range whole {
		starts, values = append(starts, row.starts[b]), append(values, row.Values[b])
		sum += math.Log(*row.Values[b])
	}
	row.starts, row.Values = starts, values
	if len(whole) > 0 {
		mean := math.Exp(sum / float64(len(whole)))
		row.Value = &mean
	}
}

// judge compares the rows with the first; the text is why that cannot be done.
func (f *Finish) judge(minimize bool, in []*FinishRow) string {
	switch {
	case f.Starts == 0:
		return "no start of every configuration has a value"
	case len(in) == 1:
		in[0].Tied = true
		return ""
	}
	values := make([][]float64, len(in))
	for i, row := range in {
		for _, v := range row.Values {
			values[i] = append(values[i], *v)
		}
	}
	decide := finish.Decide
	if f.Added > 0 {
		decide = finish.DecideAgain
	}
	r, err := decide(values, minimize, finish.DefaultNoise())
	if err != nil {
		return err.Error()
	}
	f.StartSD, f.close = r.SD, r.Close && in[0].Baseline
	for i, row := range in {
		c := r.Each[i]
		row.Tied = c.Tied
		if in[0].Baseline && i > 0 {
			row.Gain, row.Low, row.High, row.Better = &c.Gain, &c.Low, &c.High, c.Better
		}
	}
	return ""
}

// choose is the winner; nil if nothing that was compared can be one.
func (f *Finish) choose(in []*FinishRow) *FinishRow {
	var winner *FinishRow
	base := in[0].Baseline && in[0].Out == ""
	for _, row := range in {
		if row.Out != "" || row.Baseline || !row.Tied || base && !row.Better {
			continue
		}
		if winner == nil || row.changes < winner.changes {
			winner = row
		}
	}
	if winner == nil && base {
		winner = in[0]
	}
	if winner == nil { // the best is a baseline that breaks a limit
		for _, row := range in {
			if row.Out == "" && (winner == nil || *row.Gain > *winner.Gain) {
				winner = row
			}
		}
	}
	return winner
}

// adopt makes the finish's winner the decision's.
func (d *Decision) adopt(row *FinishRow) {
	f := d.Finish
	searched := d.Verdicts[d.rank(row.Trial)]
	d.Winner = &Verdict{Result: searched.Result, Value: row.Value}
	d.KeptBaseline, d.Doubt, d.Gain, d.GainInterval = row.Baseline, "", nil, nil
	if base := &f.Rows[0]; base.Baseline && base.Value != nil {
		d.Baseline = &Verdict{Result: d.Verdicts[d.rank(base.Trial)].Result, Value: base.Value, Out: base.Out}
	}
	if row.Baseline {
		none := 0.0
		d.Gain = &none
	} else if row.Gain != nil {
		d.Gain, d.GainInterval = row.Gain, &[2]float64{*row.Low, *row.High}
		if *row.Low <= 0 {
			d.Doubt = "the winner is not better than the baseline by more than chance; the baseline breaks a constraint"
		}
	}
}

// shown are the winner's and the baseline's results of one block, the one in the
// middle by the winner's value: what is shown of the two was measured with the same
// requests.
func (f *Finish) shown() (best, base *TrialResult) {
	i := slices.IndexFunc(f.Rows, func(r FinishRow) bool { return r.Winner })
	if i < 0 || f.Starts == 0 {
		return nil, nil
	}
	order := make([]int, f.Starts)
	for b := range order {
		order[b] = b
	}
	slices.SortFunc(order, func(a, b int) int {
		if *f.Rows[i].Values[a] < *f.Rows[i].Values[b] {
			return -1
		}
		return 1
	})
	b := order[f.Starts/2]
	best = f.Rows[i].starts[b]
	if f.Rows[0].Baseline && len(f.Rows[0].starts) == f.Starts {
		base = f.Rows[0].starts[b]
	}
	return best, base
}
