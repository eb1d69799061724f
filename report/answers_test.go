package report

import (
	"strings"
	"testing"

	"github.com/qtune/qtune/quality"
	"github.com/qtune/qtune/tuner"
)

func TestAnswersLine(t *testing.T) {
	forced := func(agreed int) *quality.Agreement {
		return &quality.Agreement{Forced: &quality.Forced{Agreed: agreed, Positions: 200}, Same: 3, Texts: 8, Common: 0.5}
	}
	texts := &quality.Agreement{Same: 6, Texts: 8, Common: 0.9}
	for _, c := range []struct {
		name  string
		given tuner.Summary
		want  string
	}{
		{"configurations that cannot differ: nothing is said", tuner.Summary{}, ""},
		{"the baseline is kept: there is nothing to compare", tuner.Summary{KeptBaseline: true, Answers: &tuner.Alike{Winner: forced(200), Floor: forced(200)}}, ""},
		{"as the baseline", tuner.Summary{Answers: &tuner.Alike{Winner: forced(196), Floor: forced(198)}}, "it answers as the baseline does: 98.0 % of 200 next tokens, where the baseline agrees with itself in 99.0 % of 200 next tokens"},
		{"otherwise: a caution", tuner.Summary{Answers: &tuner.Alike{Winner: forced(100), Floor: forced(198), Differs: true}}, "caution: it answers otherwise than the baseline: 50.0 % of"},
		{"an engine without ranks", tuner.Summary{Answers: &tuner.Alike{Winner: texts, Floor: texts}}, "6 of 8 answers, 90 % of the text before the first difference"},
		{"not known, and why", tuner.Summary{Answers: &tuner.Alike{Unknown: "it was asleep"}}, "answers were not compared: it was asleep"},
	} {
		if got := answersLine(&c.given); !strings.Contains(got, c.want) || c.want == "" && got != "" {
			t.Errorf("%s: %q", c.name, got)
		}
	}
}
