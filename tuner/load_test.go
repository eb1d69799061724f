package tuner

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/qtune/qtune/bench"
	"github.com/qtune/qtune/profiles"
)

// history is the journal of a run of two trials, of which the second was retried.
func history() []Record {
	at := time.Date(2026, 11, 24, 6, 0, 0, 0, time.UTC)
	tick := func() time.Time { at = at.Add(time.Second); return at }
	result := func(trial string, start int, status TrialStatus) *TrialResult {
		return &TrialResult{Trial: trial, Engine: "vllm", Name: "plain", Baseline: trial == "a", Start: start, Status: status}
	}
	level := &bench.LevelResult{Kind: bench.KindClosed, Users: 8}
	return []Record{
		{Type: RecordRun, Time: tick(), Header: &RunHeader{Run: "r", Profile: "case", Simulated: true, Card: "RTX 4090"}},
		{Type: RecordTrialStarted, Time: tick(), Trial: "a"},
		{Type: RecordTrialReady, Time: tick(), Trial: "a"},
		{Type: RecordLevel, Time: tick(), Trial: "a", Workload: "w", Level: level},
		{Type: RecordTrialStopped, Time: tick(), Trial: "a"},
		{Type: RecordTrialDone, Time: tick(), Trial: "a", Result: result("a", 1, OK)},
		{Type: RecordTrialStarted, Time: tick(), Trial: "b"},
		{Type: RecordTrialDone, Time: tick(), Trial: "b", Result: result("b", 1, Failed)},
		{Type: RecordTrialStarted, Time: tick(), Trial: "b"},
		{Type: RecordTrialReady, Time: tick(), Trial: "b"},
		{Type: RecordLevel, Time: tick(), Trial: "b", Workload: "w", Level: level},
		{Type: RecordTrialDone, Time: tick(), Trial: "b", Result: result("b", 2, OK)},
		{Type: RecordResult, Time: tick(), Summary: &Summary{Run: "r"}},
	}
}

func TestRebuild(t *testing.T) {
	tests := []struct {
		name              string
		records           []Record
		stored            *Outcome
		state             RunState
		results, attempts int
		unfinished        int // levels of the last attempt
		err               string
	}{
		{"a run that decided keeps what it wrote", history(), &Outcome{Summary: Summary{Run: "r"}}, RunDone, 2, 3, 0, ""},
		{"a run killed in its last trial keeps the levels it measured", history()[:11], nil, RunCrashed, 2, 3, 1, ErrCutShort},
		{"a run killed while an engine started has an attempt without levels", history()[:9], nil, RunCrashed, 2, 3, 0, ErrCutShort},
		{"a run killed at once has a header alone", history()[:1], nil, RunCrashed, 0, 0, 0, ErrCutShort},
		{"a journal without its head is read too", history()[3:], &Outcome{}, RunDone, 2, 3, 0, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := Rebuild(tt.records, nil, tt.stored)
			if p.State != tt.state || len(p.Results) != tt.results || len(p.Attempts) != tt.attempts || p.Outcome.Summary.Error != tt.err {
				t.Errorf("state %s, %d results, %d attempts, error %q", p.State, len(p.Results), len(p.Attempts), p.Outcome.Summary.Error)
			}
			if tt.unfinished > 0 && len(p.Attempts[len(p.Attempts)-1].Levels[0].Levels) != tt.unfinished {
				t.Errorf("levels of the last attempt: %+v", p.Attempts[len(p.Attempts)-1].Levels)
			}
		})
	}
}

func TestRebuildOfARunWithoutItsProfile(t *testing.T) {
	p := Rebuild(history()[:12], nil, nil)
	if len(p.Outcome.Rows) != 2 || p.Outcome.Base == nil || p.Outcome.Summary.Winner != nil || !p.Outcome.Summary.Simulated {
		t.Errorf("%+v", p.Outcome)
	}
	if len(p.Missing) != 1 || p.Results[1].Start != 2 {
		t.Errorf("missing %q, second trial %+v", p.Missing, p.Results[1])
	}
	if a := p.Attempts[0]; a.Ready.Sub(a.Began) != time.Second || a.Measured.Sub(a.Ready) != time.Second || a.Ended.IsZero() {
		t.Errorf("steps of the first attempt: %+v", a)
	}
}

func TestPastReadsTheFolder(t *testing.T) {
	f, err := OpenFolder(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	dir := f.RunPath("r1")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	none := func([]byte, string, RunHeader) *profiles.Profile { return nil }
	if _, err := f.Past("r1", none); err == nil {
		t.Error("a folder without a journal was read")
	}
	j, err := CreateJournal(filepath.Join(dir, "journal.jsonl"), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range history()[:12] {
		if err := j.Append(r); err != nil {
			t.Fatal(err)
		}
	}
	j.Close()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("profile.hcl", "# as read")
	write("result.json", "{ torn")
	p, err := f.Past("r1", none)
	if err != nil {
		t.Fatal(err)
	}
	if string(p.Source) != "# as read" || p.Outcome.Profile != "case" || p.Outcome.Summary.Folder != dir {
		t.Errorf("%+v", p)
	}
	if missing := strings.Join(p.Missing, "\n"); !strings.Contains(missing, "result.json") || !strings.Contains(missing, "--var") {
		t.Errorf("missing: %s", missing)
	}
	write("result.json", `{"summary":{"run":"moved","gain":0.5}}`)
	if p, err = f.Past("r1", none); err != nil || p.Outcome.Summary.Gain == nil || p.Outcome.Summary.Run != "r1" || len(p.Missing) != 0 {
		t.Errorf("%v: %+v", err, p)
	}
}

func TestObjectiveOfALevelThatItsResultDoesNotNameInFull(t *testing.T) {
	value, second, before := 12.5, 0.25, 0.5
	result := func(goodput float64) *TrialResult {
		return &TrialResult{Status: OK, Workloads: []WorkloadResult{{Workload: "w", Levels: []bench.LevelResult{
			{Kind: bench.KindOpen, Rate: 4, OutputThroughput: 3, RequestThroughput: goodput}, {Kind: bench.KindOpen, Rate: 2, OutputThroughput: value, RequestThroughput: 9},
		}}}}
	}
	at := func(level string, metric string, v *float64) ObjectiveValue {
		return ObjectiveValue{Metric: metric, Goal: "maximize", Value: v, Workload: "w", Level: level}
	}
	for _, tt := range []struct {
		name   string
		pair   *Pair
		result *TrialResult
		want   []int // the levels, -1 for a figure that the result lacks
	}{
		{"the first by the winner's value", nil, result(second), []int{1}},
		{"the second by its own metric and the winner's value of it", &Pair{Second: at("4 to 9 req/s", "request_throughput", &second)}, result(second), []int{1, 0}},
		{"the second by the baseline's value of it", &Pair{Second: at("4 to 9 req/s", "request_throughput", nil), Baseline: &before}, result(second), []int{1, 0}},
		{"a figure whose level is not there is named all the same", &Pair{Second: at("20 users", "request_throughput", nil)}, result(second), []int{1, -1}},
		{"a trial that measured nothing lacks both", &Pair{Second: at("4 to 9 req/s", "request_throughput", &second)}, &TrialResult{}, []int{-1, -1}},
	} {
		o := Outcome{Best: result(second), Base: result(before)}
		o.Summary.Winner, o.Summary.Pair = &Choice{Value: &value}, tt.pair
		o.Summary.Objective = at("2 to 8 req/s", "output_throughput", nil)
		var got []int
		for _, f := range o.Objectives(tt.result) {
			got = append(got, -1)
			if f.At != nil {
				got[len(got)-1] = f.At.Level
			}
		}
		goal, ok := o.Objective(tt.result)
		if !slices.Equal(got, tt.want) || ok != (tt.want[0] >= 0) || ok && goal.At.Level != tt.want[0] {
			t.Errorf("%s: %v, first %+v %v", tt.name, got, goal.At, ok)
		}
	}
	if all := new(Outcome).Objectives(result(second)); len(all) != 0 {
		t.Errorf("an outcome without an objective has %+v", all)
	}
}

func TestGainInterval(t *testing.T) {
	result := func(value, half float64) *TrialResult {
		l := bench.LevelResult{Kind: bench.KindClosed, Users: 8, OutputThroughput: value, ThroughputInterval: &[2]float64{value - half, value + half}}
		return &TrialResult{Status: OK, Workloads: []WorkloadResult{{Workload: "w", Levels: []bench.LevelResult{l}}}}
	}
	gain := 1.0
	o := Outcome{Best: result(200, 6), Base: result(100, 4)}
	o.Summary.Gain = &gain
	o.Summary.Objective = ObjectiveValue{Metric: "output_throughput", Goal: "maximize", Workload: "w", Level: "8 users"}
	got := o.GainInterval() // 3 % and 4 % make 5 % of the ratio 2
	if got == nil || got[0] < 0.899 || got[0] > 0.901 || got[1] < 1.099 || got[1] > 1.101 {
		t.Errorf("interval %v", got)
	}
	o.Base.Workloads[0].Levels[0].ThroughputInterval = nil
	if o.GainInterval() != nil {
		t.Error("an interval without one of the baseline")
	}
}
