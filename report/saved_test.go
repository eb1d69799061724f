package report

import (
	"testing"

	"github.com/qtune/qtune/engine"
	"github.com/qtune/qtune/tuner"
)

func TestSavedStarts(t *testing.T) {
	start := func(f engine.Facts) tuner.Attempt { return tuner.Attempt{Result: &tuner.TrialResult{Facts: f}} }
	attempts := []tuner.Attempt{
		start(engine.Facts{Caches: "new", StartupS: 90}),
		start(engine.Facts{Caches: "kept", Reused: true, SavedS: 50}),
		start(engine.Facts{Caches: "kept", Reused: true, SavedS: 40}),
		{}, // cut short
	}
	attempts[1].Result.Facts.Recompiled = "source code has changed"
	if n, why := recompiledOf(attempts); n != 1 || why != "source code has changed" {
		t.Errorf("%d compiled again, because %q", n, why)
	}
	if n, s := savedOf(attempts); n != 2 || s != 90 {
		t.Errorf("%d starts, %v s", n, s)
	}
}
