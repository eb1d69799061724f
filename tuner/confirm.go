package tuner

import (
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

// confirm decides by the finish. The baseline stays unless a candidate is better by
// more than chance; of candidates that cannot be told apart the simplest wins.
func (d *Decision) confirm(p *profiles.Profile, again []*TrialResult) {
	f := &Finish{Rows: finishRows(p, d, again)}
	d.Finish = f
	f.Added = max(0, f.blocks()-p.Search.Finish.Starts)
	f.Failed = f.without(d.Baseline)
	in := f.compete()
	if f.Failed == "" {
		f.Failed = f.judge(p.Objective, in)
	}
	if f.Failed != "" {
		d.Doubt = "the finish could not decide: " + f.Failed
		d.Gain, d.GainInterval, d.SecondGain, d.BothGain = nil, nil, Gain{}, Gain{} // the search's best is a lucky one
		return
	}
	winner := f.choose(in)
	if winner == nil {
		d.Winner, d.Gain, d.KeptBaseline = nil, nil, false
		d.Doubt = "what the search found did not hold in the finish"
		return
	}
	winner.Winner = true
	d.adopt(p.Objective, winner)
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

// without says why a finish has no word on the baseline, although that has a value; ""
// if it has one, or the baseline failed by itself.
func (f *Finish) without(baseline *Verdict) string {
	switch first := &f.Rows[0]; {
	case baseline == nil || baseline.score == nil:
		return ""
	case !first.Baseline:
		return "it ended before a start of the baseline"
	case first.disturbed && !first.measured():
		return "each start of the baseline measured the load client or the machine, not the server"
	}
	return ""
}

func (f *Finish) blocks() int {
	n := 0
	for i := range f.Rows {
		n = max(n, len(f.Rows[i].Values))
	}
	return n
}

// judge compares the rows with the first; the text is why that cannot be done.
func (f *Finish) judge(o profiles.Objective, in []*FinishRow) string {
	switch {
	case f.Starts == 0:
		return "no start of every configuration has a value"
	case len(in) == 1:
		in[0].Tied = true
		return ""
	}
	r, err := f.decide(o, in, func(row *FinishRow) []*float64 { return row.scores })
	if err != nil {
		return err.Error()
	}
	f.StartSD, f.close = r.SD, r.Close && in[0].Baseline
	for i, row := range in {
		row.Tied = r.Each[i].Tied
		if in[0].Baseline && i > 0 {
			row.lead, row.Better = &r.Each[i], r.Each[i].Better
		}
	}
	f.gains(o, in)
	return ""
}

func (f *Finish) decide(o profiles.Objective, in []*FinishRow, of func(*FinishRow) []*float64) (finish.Result, error) {
	values := make([][]float64, len(in))
	for i, row := range in {
		for _, v := range of(row) {
			values[i] = append(values[i], *v)
		}
	}
	if f.Added > 0 {
		return finish.DecideAgain(values, o.Minimize, finish.DefaultNoise())
	}
	return finish.Decide(values, o.Minimize, finish.DefaultNoise())
}

// gains gives each figure its own gain with its own interval, whatever was decided by.
func (f *Finish) gains(o profiles.Objective, in []*FinishRow) {
	if !in[0].Baseline {
		return
	}
	if o.Also == nil {
		for _, row := range in[1:] {
			row.Gain, row.Low, row.High = &row.lead.Gain, &row.lead.Low, &row.lead.High
		}
		return
	}
	first, err := f.decide(o, in, func(row *FinishRow) []*float64 { return row.Values })
	second, none := f.decide(*o.Also, in, func(row *FinishRow) []*float64 { return row.Second.Values })
	for i, row := range in[1:] {
		if err == nil {
			c := &first.Each[i+1]
			row.Gain, row.Low, row.High = &c.Gain, &c.Low, &c.High
		}
		if none == nil {
			row.Second.Gain = gainOf(&second.Each[i+1])
		}
		if o.Pick == profiles.PickKnee {
			both := gainOf(row.lead)
			row.Both = &both
		}
	}
}

func gainOf(c *finish.Comparison) Gain {
	return Gain{Value: &c.Gain, Interval: &[2]float64{c.Low, c.High}}
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
			if row.Out == "" && (winner == nil || row.lead.Gain > winner.lead.Gain) {
				winner = row
			}
		}
	}
	return winner
}

// adopt makes the finish's winner the decision's.
func (d *Decision) adopt(o profiles.Objective, row *FinishRow) {
	f := d.Finish
	searched := d.Verdicts[d.rank(row.Trial)]
	d.Winner = row.verdict(searched.Result)
	d.KeptBaseline, d.Doubt, d.Gain, d.GainInterval = row.Baseline, "", nil, nil
	d.SecondGain, d.BothGain = Gain{}, Gain{}
	if base := &f.Rows[0]; base.Baseline && base.Value != nil {
		d.Baseline = base.verdict(d.Verdicts[d.rank(base.Trial)].Result)
		d.Baseline.Out = base.Out
	}
	if row.Baseline {
		none := 0.0
		d.Gain = &none
		if o.Also != nil {
			d.SecondGain.Value, d.BothGain.Value = &none, &none
		}
	} else if row.lead != nil {
		if row.Gain != nil {
			d.Gain, d.GainInterval = row.Gain, &[2]float64{*row.Low, *row.High}
		}
		if row.Second != nil {
			d.SecondGain = row.Second.Gain
		}
		if row.Both != nil {
			d.BothGain = *row.Both
		}
		if row.lead.Low <= 0 {
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
