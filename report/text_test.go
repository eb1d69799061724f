package report

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/qtune/qtune/bench"
	"github.com/qtune/qtune/engine"
	"github.com/qtune/qtune/tuner"
)

var update = flag.Bool("update", false, "write the golden files anew")

func pointer(v float64) *float64 { return &v }

// measured is a trial that gave these tokens a second at 1 and at 20 users.
func measured(trial, name string, one, twenty float64) *tuner.TrialResult {
	levels := func(users int, tokens float64) bench.LevelResult {
		return bench.LevelResult{
			Kind: bench.KindClosed, Users: users, RequestedOutputTokens: 50, OutputThroughput: tokens,
			Requests: bench.RequestCount{Total: 40, Completed: 40}, E2E: bench.Stats{Mean: pointer(50 * float64(users) / tokens * 1000), N: 40},
		}
	}
	return &tuner.TrialResult{
		Trial: trial, Engine: "vllm", Name: name, Status: tuner.OK, Command: []string{"vllm", "serve", "m", "--max-num-seqs", "16", "--it's", "a b"},
		Workloads: []tuner.WorkloadResult{{Workload: "chat", Levels: []bench.LevelResult{levels(1, one), levels(20, twenty)}}},
	}
}

// outcome is a run with a baseline, a winner and a trial that failed.
func outcome() tuner.Outcome {
	base, best := measured("aaaaaaaaaa", "plain", 8.5, 87), measured("bbbbbbbbbb", "tuned", 10.3, 210.5)
	gain := 210.5/87 - 1
	return tuner.Outcome{
		Profile: "case", Base: base, Best: best, Constraints: []string{"ttft_p95 ≤ 2.00 s at 20 users"},
		Summary: tuner.Summary{
			Run: "r1", Folder: ".qtune/runs/r1", WallS: 725, Gain: &gain, Trials: tuner.Counts{OK: 2, Failed: 1, Pruned: 2, Reused: 1},
			Winner:    &tuner.Choice{Trial: best.Trial, Engine: "vllm", Name: "tuned", Command: best.Command, Value: pointer(210.5)},
			Baseline:  &tuner.Choice{Trial: base.Trial, Engine: "vllm", Name: "plain", Value: pointer(87)},
			Objective: tuner.ObjectiveValue{Metric: "output_throughput", Unit: "tok/s", Level: "20 users", Value: pointer(210.5)},
		},
		Rows: []tuner.Row{
			{Trial: base.Trial, Engine: "vllm", Name: "plain", Baseline: true, Status: "ok", Value: pointer(87), StartS: 41, Reused: "r0"},
			{Trial: best.Trial, Engine: "vllm", Name: "tuned", Varies: "max-num-seqs=16", Winner: true, Status: "ok", Value: pointer(210.5), Gain: &gain, StartS: 52, Notes: []string{"a note"}},
			{Trial: "cccccccccc", Engine: "vllm", Name: "tuned", Varies: "max-num-seqs=x", Status: "failed", Out: "failed: bad_value", StartS: 9,
				Failure: &engine.Failure{Class: "bad_value", Fault: engine.FaultConfiguration, Line: "invalid int value: 'x'", Hint: "give a whole number"}},
		},
		Pruned: []tuner.PrunedRow{{Reason: "where", Count: 2}},
	}
}

func TestText(t *testing.T) {
	tests := []struct {
		name string // also of the golden file
		edit func(*tuner.Outcome)
	}{
		{"winner", func(*tuner.Outcome) {}},
		{"simulated", func(o *tuner.Outcome) {
			o.Summary.Simulated, o.Summary.Card, o.Summary.EngineS = true, "RTX 5090", 3600
			o.Summary.Doubt = "the intervals of the winner and the baseline overlap: the difference may be noise"
		}},
		{"kept", func(o *tuner.Outcome) {
			o.Summary.KeptBaseline, o.Summary.Gain = true, pointer(0)
			o.Summary.Winner, o.Best = o.Summary.Baseline, o.Base
			o.Summary.Winner.Command = o.Base.Command
		}},
		{"no-winner", func(o *tuner.Outcome) { o.Summary.Winner, o.Best, o.Summary.Exit = nil, nil, 4 }},
		{"no-baseline", func(o *tuner.Outcome) { o.Summary.Baseline, o.Base, o.Summary.Gain = nil, nil, nil }},
		{"two", func(o *tuner.Outcome) {
			second := tuner.ObjectiveValue{Metric: "ttft_p95", Goal: "minimize", Unit: "ms", Level: "20 users", Value: pointer(330)}
			o.Summary.GainInterval = &[2]float64{1.3, 1.5}
			o.Summary.Pair = &tuner.Pair{
				Pick: "knee", Second: second, Baseline: pointer(300), Gain: tuner.Gain{Value: pointer(300./330 - 1), Interval: &[2]float64{-.13, -.05}},
				Both:  &tuner.Gain{Value: pointer(.48), Interval: &[2]float64{.44, .52}},
				Front: []tuner.Place{{Trial: "bbbbbbbbbb", First: 211, Second: 331, Picked: true}, {Trial: "aaaaaaaaaa", First: 87, Second: 300}},
			}
			o.Rows[0].Second, o.Rows[1].Second = pointer(300), pointer(331)
			better := tuner.Gain{Value: pointer(300./330 - 1), Interval: &[2]float64{-.13, -.05}}
			o.Summary.Finish = &tuner.Finish{Starts: 3, Rows: []tuner.FinishRow{
				{Trial: "aaaaaaaaaa", Engine: "vllm", Name: "plain", Baseline: true, Value: pointer(87), Second: &tuner.FinishFigure{Value: pointer(300)}},
				{Trial: "bbbbbbbbbb", Engine: "vllm", Name: "tuned", Winner: true, Better: true, Value: pointer(210.5), Gain: pointer(1.42), Low: pointer(1.3), High: pointer(1.5),
					Second: &tuner.FinishFigure{Value: pointer(330), Gain: better}, Both: o.Summary.Pair.Both},
			}}
		}},
		{"interrupted", func(o *tuner.Outcome) {
			o.Summary.Exit, o.Summary.Error, o.Summary.NotRun = 130, "The run ended early: interrupt", 4
			o.Summary.Left = []string{"remove the server of trial x: no daemon"}
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := outcome()
			tt.edit(&o)
			var b strings.Builder
			if err := Text(&b, o); err != nil {
				t.Fatal(err)
			}
			golden(t, tt.name+".txt", b.String())
		})
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs (go test ./report -update writes it anew):\n%s", path, got)
	}
}

func TestEveryLineWithAFigureSaysSimulated(t *testing.T) {
	o := outcome()
	o.Summary.Simulated, o.Summary.Card = true, "RTX 5090"
	o.Summary.Pair = &tuner.Pair{Pick: "knee", Second: tuner.ObjectiveValue{Metric: "request_throughput", Unit: "tok/s", Value: pointer(3)}, Both: &tuner.Gain{Value: pointer(.5)}}
	var b strings.Builder
	if err := Text(&b, o); err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(b.String(), "\n") {
		if (strings.Contains(line, "tok/s") || strings.Contains(line, "both together")) && !strings.Contains(line, "simulated") {
			t.Errorf("no word of simulation in %q", line)
		}
	}
}

func TestChangeAndDuration(t *testing.T) {
	for gain, want := range map[float64]string{0.235: "23.5 % better", 5.2: "6.2 times better", -0.1: "10.0 % worse", 0: "0.0 % better"} {
		if got := Change(gain); got != want {
			t.Errorf("Change(%v) = %q, want %q", gain, got, want)
		}
	}
	for s, want := range map[float64]string{41: "41 s", 725: "12 min 5 s", 7380: "2 h 3 min"} {
		if got := Duration(s); got != want {
			t.Errorf("Duration(%v) = %q, want %q", s, got, want)
		}
	}
}
