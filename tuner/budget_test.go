package tuner

import (
	"fmt"
	"testing"
	"time"

	"github.com/qtune/qtune/profiles"
)

// TestBudgets runs a search and its finish under each bound: none is exceeded by more
// than one trial, and what a search leaves out is listed.
func TestBudgets(t *testing.T) {
	for _, tt := range []struct{ bound, stopped string }{
		{"trials = 5", StoppedTrials},
		{"starts = 9", StoppedStarts},
		{`time = "15m"`, StoppedTime},
		{"gpu_hours = 0.3", StoppedGPUHours},
		{"cost = 0.6\n gpu_hour_price = 2", StoppedCost},
	} {
		for _, strategy := range []string{"grid", "random", "ofat", "auto"} {
			t.Run(strategy+" "+tt.bound, func(t *testing.T) {
				p := searchProfile(t, fmt.Sprintf("search {\n strategy = %q\n finish {}\n budget {\n %s\n }\n}", strategy, tt.bound))
				plan := NewPlan(p)
				results, err := simulated(t, newFolder(t), "r", p).Run(t.Context(), plan)
				if err != nil {
					t.Fatal(err)
				}
				var used spent
				for i := range results {
					if stopped := used.over(p.Search.Budget); stopped != "" {
						t.Errorf("start %d of %d came after %s", i+1, len(results), stopped)
					}
					used.add(&results[i])
				}
				searched, _ := byPurpose(results)
				if n := p.Search.Budget.Trials; n > 0 && len(searched) != n {
					t.Errorf("%d trials of %d", len(searched), n)
				}
				if plan.Search.Stopped != tt.stopped || len(plan.Search.Next) != mostNext {
					t.Errorf("stopped by %q with %d next, want %q", plan.Search.Stopped, len(plan.Search.Next), tt.stopped)
				}
			})
		}
	}
}

func TestReserveForTheFinish(t *testing.T) {
	p := searchProfile(t, `search { strategy = "auto" }`)
	p.Search.Budget = profiles.Budget{Time: 40 * time.Minute}
	used := spent{time: 30 * time.Minute}
	if got := used.overWith(p, 20); got != StoppedTime {
		t.Errorf("after 20 trials of 1.5 minutes ten minutes are kept for 12 starts, not %q", got)
	}
	if got := used.overWith(p, 200); got != "" {
		t.Errorf("after 200 short trials less is kept, not %q", got)
	}
	p.Search.Finish.Starts = 0
	if got := used.overWith(p, 20); got != "" {
		t.Errorf("without a finish nothing is kept, not %q", got)
	}
}

// TestCutRunsShareTheirBudget checks that a run which goes on from one that was cut
// off has what that one left of the budget, and a run after one that ended has all.
func TestCutRunsShareTheirBudget(t *testing.T) {
	folder := newFolder(t)
	block := "search {\n strategy = \"random\"\n budget { time = \"8m\" }\n finish { starts = 0 }\n}"
	run := func(id string, ends bool) int {
		p := searchProfile(t, block)
		u := simulated(t, folder, id, p)
		u.Known, _ = folder.Known(func(err error) { t.Error(err) })
		results, err := u.Run(t.Context(), NewPlan(p))
		if err != nil {
			t.Fatal(err)
		}
		if ends {
			if err := u.Journal.Append(Record{Type: RecordResult, Summary: &Summary{}}); err != nil {
				t.Fatal(err)
			}
		}
		return len(results)
	}
	first, again := run("1", false), run("2", true)
	if again != first {
		t.Errorf("%d trials, and %d after it was cut off", first, again)
	}
	if more := run("3", true); more <= again {
		t.Errorf("%d trials after a run of %d that ended; want more", more, again)
	}
}
