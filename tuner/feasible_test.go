package tuner

import (
	"strings"
	"testing"

	"github.com/qtune/qtune/profiles"
)

func TestPrune(t *testing.T) {
	text := func(v string) string { return strings.Repeat(v, 3) }
	p := &Plan{Profile: &profiles.Profile{}, Trials: []Trial{
		{ID: "a", Baseline: true, Status: Planned}, {ID: "b", Status: Planned}, {ID: "c", Status: Planned},
		{ID: "d", Status: Pruned, Reason: ReasonBudget}, {ID: "e", Status: Pruned, Reason: ReasonWhere},
	}}
	p.Profile.Search.Budget.Trials = 3
	asked := ""
	p.Prune(func(t *Trial) string {
		asked += t.ID
		return map[string]string{"a": "x", "b": text("b"), "c": ReasonNoFlag + ": --c"}[t.ID]
	})
	var got []string
	for _, trial := range p.Trials {
		got = append(got, string(trial.Status)+" "+trial.Reason)
	}
	want := "planned |pruned cannot fit: bbb|pruned no such flag: --c|planned |pruned where"
	if strings.Join(got, "|") != want || asked != "bcd" {
		t.Errorf("asked for %s, got\n%s\nwant\n%s", asked, strings.Join(got, "|"), want)
	}
	rows := pruned(p)
	if len(rows) != 3 || rows[0].Reason != ReasonCannotFit || rows[0].Count != 1 {
		t.Errorf("counted as %+v", rows)
	}
}

// What starts teach takes a trial out that is to come, and brings one back that was
// passed over, within the budget.
func TestLaterStartsTeach(t *testing.T) {
	for budget, want := range map[int]string{0: "a c d b", 3: "a c d"} {
		p := &Plan{Profile: &profiles.Profile{}, Trials: []Trial{
			{ID: "a", Baseline: true, Status: Planned}, {ID: "b", Status: Planned}, {ID: "c", Status: Planned},
			{ID: "d", Status: Planned}, {ID: "e", Status: Planned},
		}}
		p.Profile.Search.Budget.Trials = budget
		cannot := map[string]string{"b": "too large"}
		p.Prune(func(t *Trial) string { return cannot[t.ID] })
		for i := range p.Trials {
			p.Trials[i].Engine = &profiles.Engine{}
		}
		l, ran := &listed{plan: p}, []string{}
		for trial := l.next(spent{}, nil); trial != nil; trial = l.next(spent{}, nil) {
			ran = append(ran, trial.ID)
			if trial.ID == "c" {
				cannot = map[string]string{"e": "too large"}
			}
		}
		if got := strings.Join(ran, " "); got != want {
			t.Errorf("with a budget of %d: %s, want %s", budget, got, want)
		}
	}
}
