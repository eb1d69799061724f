package catalog

import (
	"math"
	"strings"
	"testing"
)

func TestCorrect(t *testing.T) {
	tests := []struct {
		why           string
		starts        []Start
		n             int
		shift, spread float64 // GiB
		margin        float64 // GiB, where 10 GiB are needed beside 2 of work
	}{
		{"nothing is known", nil, 0, 0, 0, 2.5},
		{"one start moves the estimate and leaves the margin", []Start{{5 * gib, 6 * gib}}, 1, 1, 0, 2.5},
		{"two that agree make it small", []Start{{5 * gib, 6 * gib}, {8 * gib, 9.1 * gib}}, 2, 1.05, 0.1, 0.5},
		{"two that do not leave it", []Start{{5 * gib, 6 * gib}, {8 * gib, 7 * gib}}, 2, 0, 2, 2.5},
		{"one on a card that others use teaches nothing", []Start{{20 * gib, 2 * gib}}, 0, 0, 0, 2.5},
		{"and neither does one without a figure", []Start{{math.NaN(), 2 * gib}}, 0, 0, 0, 2.5},
	}
	for _, test := range tests {
		c := Correct(test.starts)
		if c.Starts != test.n || math.Abs(c.Shift/gib-test.shift) > 1e-9 || math.Abs(c.Spread/gib-test.spread) > 1e-9 {
			t.Errorf("%s: %+v", test.why, c)
		}
		if got := c.margin(10*gib, 2*gib) / gib; math.Abs(got-test.margin) > 1e-9 {
			t.Errorf("%s: a margin of %g GiB, want %g", test.why, got, test.margin)
		}
	}
}

// Whatever is learned, the margin is never below the stated one, nor above the usual.
func FuzzCorrect(f *testing.F) {
	f.Add(5e9, 6e9, 8e9, 9e9, 1e10)
	f.Fuzz(func(t *testing.T, a, b, c, d, needed float64) {
		got := Correct([]Start{{a, b}, {c, d}}).margin(needed, 0)
		if needed >= 0 && needed < 1e15 && (got < CorrectedBytes || got > math.Max(FeasibleBytes, FeasibleShare*needed)) {
			t.Errorf("a margin of %g bytes for %g", got, needed)
		}
	})
}

func TestACorrectionIsSaid(t *testing.T) {
	card, m := mustCard(t, "RTX 5090"), mustModel(t, "Qwen/Qwen3-32B-AWQ")
	f := VLLMFlags{Utilization: .8, MaxModelLen: 32768}
	before := VLLMFeasible(card, m, f)
	f.Correction = Correct([]Start{{5 * gib, 9 * gib}})
	after := VLLMFeasible(card, m, f)
	if before.Answer != AnswerCannot || after.Answer == AnswerCannot {
		t.Errorf("4 GiB more than was worked out: %+v, then %+v", before, after)
	}
	f.Correction = Correct([]Start{{8 * gib, 7 * gib}, {9 * gib, 8 * gib}})
	if got := VLLMFeasible(card, m, f); got.Answer != AnswerCannot || !strings.Contains(got.Why, "less 1.0 GiB by the log of 2 earlier starts") {
		t.Errorf("the arithmetic does not say what was learned: %+v", got)
	}
}
