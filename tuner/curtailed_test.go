package tuner

import (
	"context"
	"testing"
	"time"

	"github.com/qtune/qtune/bench"
	"github.com/qtune/qtune/profiles"
)

// requestwise makes the engines of simulated answer request by request, as they do
// when they are loaded: 16 users, 20 requests each, until it is enough. It counts the
// levels that were ended.
func requestwise(u *Tuner, ended *int, clock func(time.Duration)) {
	whole := u.Measure
	u.Measure = func(ctx context.Context, to bench.Target, w bench.Workload, l bench.Level, each func(bench.Outcome) bool) (bench.LevelResult, error) {
		r, err := whole(ctx, to, w, l, each)
		users := 16
		r.WallS = 30
		took := time.Duration(float64(users) * 100 / r.OutputThroughput * float64(time.Second))
		for i := range 20 * users {
			at := took * time.Duration(i/users)
			if each(bench.Outcome{Seq: i, User: i % users, Sent: at, TTFT: time.Duration(*r.TTFT.P95 * 1e6), E2E: took, OutputTokens: 100}) {
				*ended++
				r.WallS = 30 * float64(i) / float64(20*users)
				clock(time.Duration((r.WallS - 30) * float64(time.Second)))
				break
			}
		}
		return r, err
	}
}

// curtailedRun is a run whose levels may end early.
func curtailedRun(t testing.TB, folder *Folder, run, block string) (*profiles.Profile, []TrialResult, int) {
	p := searchProfile(t, block)
	p.Workloads[0].Levels[0].Users = 16
	ended, saved := 0, time.Duration(0)
	u := simulated(t, folder, run, p)
	now := u.Now
	u.Now = func() time.Time { return now().Add(saved) }
	requestwise(u, &ended, func(d time.Duration) { saved += d })
	u.Known, _ = folder.Known(func(err error) { t.Error(err) })
	results, err := u.Run(t.Context(), NewPlan(p))
	if err != nil {
		t.Fatal(err)
	}
	return p, results, ended
}

// TestLevelsEndWhenTheyAreCertain compares a run with one that measures to the end.
func TestLevelsEndWhenTheyAreCertain(t *testing.T) {
	p, cut, ended := curtailedRun(t, newFolder(t), "r", "search { screen = true }")
	_, full, none := curtailedRun(t, newFolder(t), "r", "search { screen = false }")
	if none != 0 || ended == 0 {
		t.Fatalf("%d levels were ended early, %d where everything is to be measured", ended, none)
	}
	a, b := Decide(p, cut), Decide(p, full)
	if a.Winner.Result.Trial != b.Winner.Result.Trial || *a.Gain != *b.Gain || len(cut) != len(full) {
		t.Errorf("%s wins of %d, with levels measured to the end %s of %d", a.Winner.Result.Trial, len(cut), b.Winner.Result.Trial, len(full))
	}
	for i := range cut {
		r := &cut[i]
		if r.Curtailed == nil {
			continue
		}
		ended--
		if a.Verdicts[i].Out == "" || r.Screened == "" || r.SavedS <= 0 || r.Baseline || r.Curtailed.Requests >= 320 || len(r.Level(p.Objective.At).Notes) == 0 {
			t.Errorf("%s was ended early: %q, out: %q, saved %g s, %+v", r.Trial, r.Screened, a.Verdicts[i].Out, r.SavedS, r.Curtailed)
		}
		if r.MeasureS >= full[i].MeasureS {
			t.Errorf("%s took %g s, to the end %g s", r.Trial, r.MeasureS, full[i].MeasureS)
		}
	}
	if ended != 0 {
		t.Errorf("%d levels were ended of which nobody speaks", ended)
	}
}

// TestWhatWasCutShortServesTheSameGoal runs again: under the same goal nothing is
// measured, under another what was cut short for the first is.
func TestWhatWasCutShortServesTheSameGoal(t *testing.T) {
	folder := newFolder(t)
	_, first, _ := curtailedRun(t, folder, "1", "search { screen = true }")
	cut := 0
	for i := range first {
		if first[i].Screened != "" {
			cut++
		}
	}
	reused := func(results []TrialResult) (n int) {
		for i := range results {
			if results[i].ReusedFrom != "" {
				n++
			}
		}
		return n
	}
	if _, again, _ := curtailedRun(t, folder, "2", "search { screen = true }"); reused(again) != len(first) {
		t.Errorf("%d of %d trials were reused for the same goal", reused(again), len(first))
	}
	other := "constraint \"error_rate\" { max = 0.5 }\nsearch { screen = true }"
	if _, again, _ := curtailedRun(t, folder, "3", other); cut == 0 || reused(again) != len(first)-cut {
		t.Errorf("%d of %d trials were reused for another goal, %d were cut short for the first", reused(again), len(first), cut)
	}
}
