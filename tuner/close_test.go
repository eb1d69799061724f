package tuner

import (
	"context"
	"testing"

	"github.com/qtune/qtune/bench"
	"github.com/qtune/qtune/engine"
)

// TestCloseFinishesGoOn has a candidate that is so much better than its baseline, on a
// machine whose starts all agree: a little, which three starts cannot tell, is measured
// again; nothing and much are not, and a budget is kept.
func TestCloseFinishesGoOn(t *testing.T) {
	for _, c := range []struct {
		name   string
		gain   float64
		budget int // of starts
		starts int // of each in the finish
		added  int
	}{
		{"far better", .30, 0, 3, 0},
		{"better by too little to matter", .004, 0, 3, 0},
		{"close, and one more start of each decides", .022, 0, 3, 1},
		{"close, and two more do not decide either", .016, 0, 3, 2},
		{"close, and one more start of each is all that the budget has", .016, 10, 3, 1},
		{"close, of two starts", .018, 0, 2, 1},
		{"close, of a single start", .022, 0, 1, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := searchProfile(t, "search {\n finish {\n  candidates = 1\n }\n}")
			p.Search.Finish.Starts, p.Search.Budget.Starts, p.Search.Budget.Trials = c.starts, c.budget, 2
			u := simulated(t, newFolder(t), "r", p)
			launch := u.Launch
			var current *Trial
			u.Launch = func(ctx context.Context, trial *Trial, cold bool, log string) (Server, *engine.Failure, error) {
				current = trial
				return launch(ctx, trial, cold, log)
			}
			measure := u.Measure
			u.Measure = func(ctx context.Context, to bench.Target, w bench.Workload, l bench.Level, each func(bench.Outcome) bool) (bench.LevelResult, error) {
				r, err := measure(ctx, to, w, l, each)
				if r.OutputThroughput = 100; !current.Baseline {
					r.OutputThroughput *= 1 + c.gain
				}
				return r, err
			}
			results, err := u.Run(t.Context(), NewPlan(p))
			if err != nil {
				t.Fatal(err)
			}
			f := Decide(p, results).Finish
			if f == nil || f.Added != c.added || f.Starts != c.starts+c.added {
				t.Errorf("%+v, want %d starts and %d more", f, c.starts, c.added)
			}
		})
	}
}
