package tuner

import (
	"testing"

	"github.com/qtune/qtune/quality"
)

// TestAgreementIsAConstraint bounds answers at 97 % of what the baseline agrees with itself.
func TestAgreementIsAConstraint(t *testing.T) {
	p := oneLevel("output_throughput", false)
	least := .97
	p.Agreement = &least
	said := func(agreed int) func(*TrialResult) {
		return func(r *TrialResult) {
			r.Answers = &quality.Answers{Texts: []string{"one two"}, Forced: &quality.Forced{Agreed: agreed, Positions: 200}}
		}
	}
	text := func(s string) func(*TrialResult) {
		return func(r *TrialResult) { r.Answers = &quality.Answers{Texts: []string{s}} }
	}
	again := func(r *TrialResult) { r.Purpose, r.Start = PurposeFinish, 1 }
	simulated := func(r *TrialResult) { r.Simulated = true }
	for _, c := range []struct {
		name    string
		results []TrialResult
		winner  string
		out     string // of x
	}{
		{"the fastest answers alike", []TrialResult{measured("b", 100, 1, baseline, said(200)), measured("x", 150, 1, said(198))}, "x", ""},
		{"the fastest answers otherwise: the next one wins", []TrialResult{measured("b", 100, 1, baseline, said(200)), measured("x", 150, 1, said(190)), measured("y", 120, 1, said(199))}, "y", "agreement 95 % < 97 %"},
		{"the baseline agrees no better with itself", []TrialResult{measured("b", 100, 1, baseline, said(200)), measured("x", 150, 1, said(190)), measured("b", 100, 1, baseline, said(191), again)}, "x", ""},
		{"nobody knows what it says", []TrialResult{measured("b", 100, 1, baseline, said(200)), measured("x", 150, 1)}, "b", "its answers could not be compared with the baseline's"},
		{"without ranks the text before the first difference counts", []TrialResult{measured("b", 100, 1, baseline, text("one two")), measured("x", 150, 1, text("one six"))}, "b", "agreement 57 % < 97 %"},
		{"simulated engines have nothing to say", []TrialResult{measured("b", 100, 1, baseline, simulated), measured("x", 150, 1, simulated)}, "x", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			// Only the search's part is decided here: a finish of the baseline alone decides nothing.
			agree(p, c.results)
			searched, _ := byPurpose(c.results)
			best := -1.0
			winner := ""
			for _, r := range searched {
				v := judge(p, r)
				if r.Trial == "x" && v.Out != c.out {
					t.Errorf("x: %q, want %q", v.Out, c.out)
				}
				if v.Out == "" && *v.Value > best {
					best, winner = *v.Value, r.Trial
				}
			}
			if winner != c.winner {
				t.Errorf("%s wins, want %s", winner, c.winner)
			}
		})
	}
}

// TestAgreementIsLearned tells a strategy of a broken bound as of any other.
func TestAgreementIsLearned(t *testing.T) {
	p := searchProfile(t, "constraint \"agreement\" { min = \"97%\" }\nsearch { strategy = \"auto\" }")
	if p.Agreement == nil || *p.Agreement != .97 || limits(p) != 2 {
		t.Fatalf("agreement %v, %d limits", p.Agreement, limits(p))
	}
	s := newSpace(p)
	r := measured("x", 150, 1)
	for _, c := range []struct {
		share *float64
		keeps bool
	}{{nil, false}, {new(float64), false}, {p.Agreement, true}} {
		r.agreement = c.share
		if got := learned(p, s.baseline, &r); len(got.Limits) != 2 || got.Feasible() != c.keeps {
			t.Errorf("%v is told as %+v", c.share, got)
		}
	}
	results, err := simulated(t, newFolder(t), "r", p).Run(t.Context(), NewPlan(p))
	if err != nil || Decide(p, results).Winner == nil {
		t.Errorf("a run whose engines were never asked: %v", err)
	}
}
