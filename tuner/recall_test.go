package tuner

import (
	"context"
	"testing"

	"github.com/qtune/qtune/bench"
	"github.com/qtune/qtune/engine"
	"github.com/qtune/qtune/quality"
)

// TestForeseenIsWhatTheRunReuses holds the plan's word on what was measured before to
// what the run then measures, where earlier results do not all stand.
func TestForeseenIsWhatTheRunReuses(t *testing.T) {
	for _, c := range []struct{ why, first, then string }{
		{"the same goals: all stand", "", ""},
		{"another limit: what was cut short for the first says too little", "", "constraint \"output_throughput\" { min = 1 }\n"},
		{"a bound on answers: what was not asked has to be", "", "constraint \"agreement\" { min = \"97%\" }\n"},
	} {
		for _, strategy := range []string{"grid", "auto"} {
			t.Run(c.why+", "+strategy, func(t *testing.T) {
				folder := newFolder(t)
				search := "search {\n strategy = \"" + strategy + "\"\n screen = true\n budget { trials = 8 }\n finish { starts = 0 }\n}"
				reuse(t, folder, "a", c.first+search)
				foreseen, measured := reuse(t, folder, "b", c.then+search)
				for i, id := range foreseen {
					if i >= len(measured) || measured[i] != id {
						t.Fatalf("foreseen as measured: %v\nused: %v", foreseen, measured)
					}
				}
				if c.then == "" && len(foreseen) != 8 {
					t.Errorf("%d of 8 foreseen", len(foreseen))
				}
			})
		}
	}
}

// reuse runs a profile in a folder, and gives the trials that its plan calls measured
// and those that the run took from earlier ones.
func reuse(t *testing.T, folder *Folder, run, block string) (foreseen, reused []string) {
	p := threeLevels(t, block)
	u := simulated(t, folder, run, p)
	known, _ := folder.Known(func(err error) { t.Error(err) })
	plan := NewPlan(p)
	if err := plan.Foresee(nil, known, u.Identity, 5); err != nil {
		t.Fatal(err)
	}
	plan.Mark(known, u.Identity)
	for i := range plan.Trials {
		if plan.Trials[i].Status == Measured {
			foreseen = append(foreseen, plan.Trials[i].ID)
		}
	}
	u.Known = known
	results, err := u.Run(t.Context(), NewPlan(p))
	if err != nil {
		t.Fatal(err)
	}
	for i := range results {
		if results[i].ReusedFrom != "" {
			reused = append(reused, results[i].Trial)
		}
	}
	return foreseen, reused
}

// TestForeseenAgreementLeads holds the trials that a plan foresees to those that the run
// asks for, where the answers of known trials are bounded.
func TestForeseenAgreementLeads(t *testing.T) {
	folder := newFolder(t)
	block := "constraint \"agreement\" { min = \"97%\" }\nsearch {\n strategy = \"auto\"\n budget { trials = 8 }\n finish { starts = 0 }\n}"
	run := func(name string, trials int) (*Tuner, *Plan) {
		p := searchProfile(t, block)
		p.Search.Budget.Trials = trials
		u := simulated(t, folder, name, p)
		var at *Trial
		launch := u.Launch
		u.Launch = func(ctx context.Context, trial *Trial, cold bool, log string) (s Server, f *engine.Failure, err error) {
			at = trial
			return launch(ctx, trial, cold, log)
		}
		u.Ask = func(context.Context, bench.Target, string, *quality.Answers) *quality.Answers {
			agreed := 200
			if flagText(at, "kv-cache-dtype") == "fp8" {
				agreed = 100
			}
			return &quality.Answers{Texts: []string{"one two"}, Forced: &quality.Forced{Agreed: agreed, Positions: 200}}
		}
		u.Known, _ = folder.Known(func(err error) { t.Error(err) })
		return u, NewPlan(p)
	}
	u, plan := run("a", 6)
	if _, err := u.Run(t.Context(), plan); err != nil {
		t.Fatal(err)
	}
	u, plan = run("b", 8)
	if err := plan.Foresee(nil, u.Known, u.Identity, 1); err != nil {
		t.Fatal(err)
	}
	results, err := u.Run(t.Context(), NewPlan(plan.Profile))
	if err != nil {
		t.Fatal(err)
	}
	for i := range plan.Trials {
		if i >= len(results) || plan.Trials[i].ID != results[i].Trial {
			t.Fatalf("trial %d is foreseen as %s, and the run asks for another", i+1, plan.Trials[i].ID)
		}
	}
	if len(plan.Trials) != 7 {
		t.Errorf("%d trials foreseen", len(plan.Trials))
	}
}
