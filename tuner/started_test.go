package tuner

import (
	"testing"
	"time"

	"github.com/qtune/qtune/engine"
)

func TestStarts(t *testing.T) {
	done := func(change func(*TrialResult)) Record {
		r := TrialResult{Engine: "vllm", Status: OK, StartS: 58, Facts: engine.Facts{StartupS: 57.5, ModelName: "org/m"}}
		change(&r)
		return Record{Type: RecordTrialDone, Result: &r}
	}
	for _, tt := range []struct {
		what   string
		record Record
		want   int
	}{
		{"a start that was measured", done(func(*TrialResult) {}), 1},
		{"one that came up and died under load", done(func(r *TrialResult) { r.Status = Failed }), 1},
		{"one that did not come up", done(func(r *TrialResult) { r.Status, r.Facts = Failed, engine.Facts{} }), 0},
		{"a simulated one", done(func(r *TrialResult) { r.Simulated = true }), 0},
		{"one that was reused", Record{Type: RecordTrialReused, Result: &TrialResult{StartS: 58, Facts: engine.Facts{StartupS: 57}}}, 0},
	} {
		e := &Earlier{}
		e.watch([]Record{{Type: RecordRun, Header: &RunHeader{Host: "here"}}, tt.record})
		if got := e.Starts(); len(got) != tt.want || tt.want == 1 && (got[0].Host != "here" || got[0].Kind != "vllm" || got[0].Model != "org/m" || got[0].Took != 58*time.Second) {
			t.Errorf("%s: %+v", tt.what, got)
		}
	}
}
