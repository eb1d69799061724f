package tuner

import (
	"context"
	"testing"

	"github.com/qtune/qtune/bench"
	"github.com/qtune/qtune/profiles"
	"github.com/qtune/qtune/quality"
)

// TestAnswersAreAskedAgainstTheBaseline: each start is asked, the first without a
// reference, those behind it with what the baseline said.
func TestAnswersAreAskedAgainstTheBaseline(t *testing.T) {
	s := newStage(t, "serve", "serve-too")
	var references []*quality.Answers
	said := &quality.Answers{Texts: []string{"a"}}
	s.Ask = func(_ context.Context, _ bench.Target, _ string, reference *quality.Answers) *quality.Answers {
		references = append(references, reference)
		return said
	}
	results, err := s.Run(s.ctx, s.plan)
	if err != nil || len(results) < 2 {
		t.Fatalf("%d results, %v", len(results), err)
	}
	if references[0] != nil || references[1] != said || results[1].Answers != said {
		t.Errorf("asked with %v; the second result has %v", references, results[1].Answers)
	}
}

func TestCompareAnswers(t *testing.T) {
	p := oneLevel("output_throughput", false)
	p.Engines = append(p.Engines, &profiles.Engine{Kind: "sglang", Name: "b"})
	p.Engines[0].Baseline = true
	answers := func(agreed int, text string) *quality.Answers {
		return &quality.Answers{Texts: []string{text}, Forced: &quality.Forced{Agreed: agreed, Positions: 200}}
	}
	baseline := TrialResult{Trial: "b", Baseline: true, Status: OK, Purpose: PurposeSearch, Answers: answers(200, "one two")}
	for _, c := range []struct {
		name    string
		results []TrialResult
		unknown string
		differs bool
		below   int
	}{
		{"a winner that answers alike", []TrialResult{baseline, {Trial: "w", Status: OK, Answers: answers(198, "one two")}}, "", false, 0},
		{"a winner that does not", []TrialResult{baseline, {Trial: "w", Status: OK, Answers: answers(120, "one 2")}}, "", true, 0},
		{"one start of the winner that does not is enough", []TrialResult{baseline, {Trial: "w", Status: OK, Answers: answers(199, "one two")}, {Trial: "w", Status: OK, Purpose: PurposeFinish, Answers: answers(90, "x")}}, "", true, 0},
		{"a baseline that differs from itself as much", []TrialResult{baseline, {Trial: "b", Baseline: true, Status: OK, Purpose: PurposeFinish, Answers: answers(125, "one")}, {Trial: "w", Status: OK, Answers: answers(120, "one 2")}}, "", false, 0},
		{"another trial that does not is named", []TrialResult{baseline, {Trial: "w", Status: OK, Answers: answers(200, "one two")}, {Trial: "x", Status: OK, Answers: answers(20, "?")}}, "", false, 1},
		{"a baseline that said nothing", []TrialResult{{Trial: "b", Baseline: true, Status: OK, Answers: &quality.Answers{Problem: "no route"}}, {Trial: "w", Status: OK}}, "the baseline's answers are not known: no route", false, 0},
		{"simulated engines", []TrialResult{{Trial: "b", Baseline: true, Simulated: true}}, "simulated engines write words without meaning", false, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := Outcome{Summary: Summary{Winner: &Choice{Trial: "w"}}, Rows: []Row{{Trial: "b", Baseline: true}, {Trial: "w", Winner: true}, {Trial: "x"}}}
			o.compareAnswers(p, c.results)
			a := o.Summary.Answers
			if a == nil || a.Unknown != c.unknown || a.Differs != c.differs || len(a.Below) != c.below {
				t.Errorf("%+v", a)
			}
		})
	}
}

func TestCanAnswerOtherwise(t *testing.T) {
	engine := func(baseline bool, axes ...string) *profiles.Engine {
		e := &profiles.Engine{Kind: "vllm", Baseline: baseline}
		for _, a := range axes {
			e.Axes = append(e.Axes, profiles.Axis{Name: a})
		}
		return e
	}
	for _, c := range []struct {
		name    string
		engines []*profiles.Engine
		want    bool
	}{
		{"two engines", []*profiles.Engine{engine(true), engine(false)}, true},
		{"another type of the KV cache", []*profiles.Engine{engine(true, "kv-cache-dtype")}, true},
		{"larger batches", []*profiles.Engine{engine(true, "max-num-seqs")}, false},
		{"no baseline to compare with", []*profiles.Engine{engine(false), engine(false)}, false},
	} {
		if got := CanAnswerOtherwise(&profiles.Profile{Engines: c.engines}); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}
