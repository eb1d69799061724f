package tuner

import (
	"slices"
	"testing"

	"github.com/qtune/qtune/bench"
	"github.com/qtune/qtune/profiles"
)

// threeLevels makes the objective's level the second of three.
func threeLevels(t testing.TB, block string) *profiles.Profile {
	p := searchProfile(t, block)
	level := p.Workloads[0].Levels[0]
	p.Workloads[0].Levels = []bench.Level{level, level, level}
	for i, users := range []int{1, 4, 16} {
		p.Workloads[0].Levels[i].Users = users
	}
	p.Objective.At.Level, p.Constraints[0].At.Level = 1, 1
	return p
}

// TestScreening compares runs with and without it: the same trials, values and
// decision, and less time.
func TestScreening(t *testing.T) {
	for _, strategy := range []string{"grid", "ofat", "auto"} {
		t.Run(strategy, func(t *testing.T) {
			run := func(screen string) (Outcome, []TrialResult) {
				p := threeLevels(t, "search {\n strategy = \""+strategy+"\"\n screen = "+screen+"\n}")
				plan := NewPlan(p)
				results, err := simulated(t, newFolder(t), "r", p).Run(t.Context(), plan)
				if err != nil {
					t.Fatal(err)
				}
				return Conclude(plan, results, 0), results
			}
			with, screened := run("true")
			without, full := run("false")
			if len(screened) != len(full) || with.Summary.Winner.Trial != without.Summary.Winner.Trial || *with.Summary.Gain != *without.Summary.Gain {
				t.Fatalf("%d starts and %s win, without it %d and %s", len(screened), with.Summary.Winner.Trial, len(full), without.Summary.Winner.Trial)
			}
			if with.Summary.Screened == 0 || without.Summary.Screened != 0 || with.Summary.EngineS >= without.Summary.EngineS {
				t.Errorf("%d trials were cut short: %g s against %g s", with.Summary.Screened, with.Summary.EngineS, without.Summary.EngineS)
			}
			for i := range screened {
				r := &screened[i]
				if users := levelsOf(r); r.Status == OK && r.Screened == "" != slices.Equal(users, []int{1, 4, 16}) {
					t.Errorf("%s (screened: %q) was measured at %v users", r.Trial, r.Screened, users)
				}
				if r.Baseline && r.Screened != "" || r.Screened != "" && r.Level(profiles.At{Level: 1}).Users != 4 {
					t.Errorf("%s: %+v", r.Trial, r.Workloads[0].Of)
				}
			}
		})
	}
}

func levelsOf(r *TrialResult) []int {
	var users []int
	for _, w := range r.Workloads {
		for _, l := range w.Levels {
			users = append(users, l.Users)
		}
	}
	return users
}

// TestScreenedResultsServeScreeningRunsAlone: who wants everything gets everything.
func TestScreenedResultsServeScreeningRunsAlone(t *testing.T) {
	folder := newFolder(t)
	run := func(id, screen string) Summary {
		p := threeLevels(t, "search { screen = "+screen+" }")
		u := simulated(t, folder, id, p)
		u.Known, _ = folder.Known(func(err error) { t.Error(err) })
		plan := NewPlan(p)
		results, err := u.Run(t.Context(), plan)
		if err != nil {
			t.Fatal(err)
		}
		return Conclude(plan, results, 0).Summary
	}
	first := run("1", "true")
	if again := run("2", "true"); again.Trials.Reused != first.Trials.OK+first.Trials.Failed {
		t.Errorf("%d of %d trials were reused", again.Trials.Reused, first.Trials.OK)
	}
	full := run("3", "false")
	if want := first.Trials.OK + first.Trials.Failed - first.Screened; full.Trials.Reused != want || full.Screened != 0 {
		t.Errorf("%d trials were reused where all is wanted, want %d", full.Trials.Reused, want)
	}
}
