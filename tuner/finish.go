package tuner

import (
	"context"
	"slices"

	"github.com/qtune/qtune/bench"
	"github.com/qtune/qtune/profiles"
	"github.com/qtune/qtune/tuner/finish"
)

// nearBest is how far, as a fraction, a candidate may lie behind the best of a search
// and still be measured again: starts differ by 1.5 %, two of them by 2.1 %, and what
// lies five times as far behind does not come out ahead.
const nearBest = 0.10

// finalists are the trials that a finish measures again: the baseline if it has a
// value, then the best few. There are none where nothing was better than the baseline.
func finalists(p *profiles.Profile, d *Decision) []*Verdict {
	if d.Winner == nil || d.KeptBaseline {
		return nil
	}
	var best []*Verdict
	for i := range d.Verdicts {
		if v := &d.Verdicts[i]; v.Out == "" && !v.Result.Baseline {
			best = append(best, v)
		}
	}
	slices.SortStableFunc(best, func(a, b *Verdict) int {
		return order(p.Objective, *a.score, *b.score)
	})
	behind := func(v *Verdict) bool {
		return advantage(p.Objective, *v.score, *best[0].score) < -nearBest ||
			d.Baseline != nil && d.Baseline.Out == "" && !better(p.Objective, *v.score, *d.Baseline.score)
	}
	best = slices.DeleteFunc(slices.Clone(best[:min(len(best), p.Search.Finish.Candidates)]), behind)
	if d.Baseline != nil && d.Baseline.score != nil {
		best = slices.Insert(best, 0, d.Baseline)
	}
	return best
}

// advantage is how much better a is than b, as a signed fraction.
func advantage(o profiles.Objective, a, b float64) float64 {
	if o.Minimize {
		return b/a - 1
	}
	return a/b - 1
}

// finish measures the finalists again, block after block, each with a request list of
// its own that all of them get. It ends early where the budget does: a block that is
// not whole counts for nothing. Where the decision is close it adds blocks, at most
// finish.Extra and fewer than the profile asks for.
func (c *course) finish(ctx context.Context) error {
	p := c.plan.Profile
	d := Decide(p, c.results)
	again := finalists(p, &d)
	if flat(p, c.results) != "" {
		again = again[:min(len(again), 2)] // no flag has an effect: a baseline and one other tell whether there is one at all
	}
	if p.Search.Finish.Starts == 0 || len(again) == 0 {
		return nil
	}
	k, dead := 0, map[int]bool{}
	starts := p.Search.Finish.Starts
	for block, order := range finish.Order(len(again), starts+min(finish.Extra, starts-1), uint64(p.Search.Seed)) {
		if block >= starts && !c.close() {
			return nil
		}
		workloads := freshRequests(p.Workloads, block+1)
		for _, i := range order {
			if c.spent.over(p.Search.Budget) != "" {
				return nil
			}
			k++
			if dead[i] {
				continue
			}
			j := job{trial: c.plan.find(again[i].Result.Trial), purpose: PurposeFinish, start: block + 1, workloads: workloads, k: k, n: len(again) * max(starts, block+1)}
			if err := c.take(ctx, j); err != nil {
				return err
			}
			last := &c.results[len(c.results)-1]
			dead[i] = last.Status == Failed && !machineFault(last) // it did not hold: what follows would not make it a winner
		}
	}
	return nil
}

// close says that the finish so far may well be decided by more starts.
func (c *course) close() bool {
	f := Decide(c.plan.Profile, c.results).Finish
	return f != nil && f.close
}

func (p *Plan) find(id string) *Trial {
	return &p.Trials[slices.IndexFunc(p.Trials, func(t Trial) bool { return t.ID == id })]
}

// freshRequests are the workloads with other requests of the same kind: a winner that
// only suits the list that it was found with does not win again.
func freshRequests(workloads []bench.Workload, block int) []bench.Workload {
	fresh := slices.Clone(workloads)
	for i := range fresh {
		fresh[i].Seed += uint64(block) * 0x9e3779b97f4a7c15 // far from the seeds that people write
	}
	return fresh
}
