package tuner

import (
	"testing"

	"github.com/qtune/qtune/bench"
	"github.com/qtune/qtune/engine"
	"github.com/qtune/qtune/profiles"
)

// oneLevel is a profile with one level and the objective on it.
func oneLevel(metric string, minimize bool, cs ...profiles.Constraint) *profiles.Profile {
	m, ok := bench.LookupMetric(metric)
	if !ok {
		panic(metric)
	}
	return &profiles.Profile{
		Name:        "test",
		Engines:     []*profiles.Engine{{Kind: "vllm", Name: "a", Baseline: true}},
		Workloads:   []bench.Workload{{Name: "w", Levels: []bench.Level{{Kind: bench.KindClosed, Users: 4, OutputTokens: 8}}}},
		Objective:   profiles.Objective{Metric: m, Minimize: minimize},
		Constraints: cs,
	}
}

func limit(metric string, most float64) profiles.Constraint {
	m, _ := bench.LookupMetric(metric)
	return profiles.Constraint{Metric: m, Max: &most}
}

// measured is a good result with these figures.
func measured(trial string, tokens, ttft float64, edit ...func(*TrialResult)) TrialResult {
	r := TrialResult{Trial: trial, Engine: "vllm", Name: "a", Status: OK, Workloads: []WorkloadResult{{Workload: "w", Levels: []bench.LevelResult{{
		Kind: bench.KindClosed, Users: 4, OutputThroughput: tokens,
		Requests: bench.RequestCount{Total: 100, Completed: 100},
		TTFT:     bench.Stats{Mean: &ttft, P95: &ttft, N: 100},
	}}}}}
	for _, e := range edit {
		e(&r)
	}
	return r
}

func baseline(r *TrialResult)                 { r.Baseline = true }
func level(r *TrialResult) *bench.LevelResult { return &r.Workloads[0].Levels[0] }

func failing(share int) func(*TrialResult) {
	return func(r *TrialResult) {
		level(r).Requests = bench.RequestCount{Total: 100, Completed: 100 - share, Failed: share}
	}
}

func between(low, high float64) func(*TrialResult) {
	return func(r *TrialResult) { level(r).ThroughputInterval = &[2]float64{low, high} }
}

func failed(trial string) TrialResult {
	return TrialResult{Trial: trial, Status: Failed, Failure: &engine.Failure{Class: "bad_flag", Fault: engine.FaultConfiguration}}
}

func TestDecide(t *testing.T) {
	gain := func(g float64) *float64 { return &g }
	tests := []struct {
		name    string
		profile *profiles.Profile
		results []TrialResult
		winner  string // "" none
		kept    bool
		gain    *float64
		doubt   bool
	}{
		{
			"the highest throughput wins, and its gain is over the baseline",
			oneLevel("output_throughput", false),
			[]TrialResult{measured("b", 100, 10, baseline, between(99, 101)), measured("x", 150, 10, between(149, 151)), measured("y", 120, 10)},
			"x", false, gain(0.5), false,
		},
		{
			"with minimize the lowest wins, and three quarters of the time are a gain of a third",
			oneLevel("ttft_mean", true),
			[]TrialResult{measured("b", 1, 200, baseline), measured("x", 1, 150)},
			"x", false, gain(200.0/150 - 1), false,
		},
		{
			"a tie goes to the baseline",
			oneLevel("output_throughput", false),
			[]TrialResult{measured("b", 100, 10, baseline), measured("x", 100, 10)},
			"b", true, gain(0), false,
		},
		{
			"a trial that breaks a constraint cannot win",
			oneLevel("output_throughput", false, limit("ttft_p95", 50)),
			[]TrialResult{measured("b", 100, 10, baseline), measured("x", 900, 51)},
			"b", true, gain(0), false,
		},
		{
			"a value on the limit keeps the constraint",
			oneLevel("output_throughput", false, limit("ttft_p95", 50)),
			[]TrialResult{measured("b", 100, 10, baseline, between(1, 2)), measured("x", 900, 50, between(3, 4))},
			"x", false, gain(8), false,
		},
		{
			"a baseline that breaks a constraint is measured against, but cannot win",
			oneLevel("output_throughput", false, limit("ttft_p95", 50)),
			[]TrialResult{measured("b", 100, 90, baseline, between(1, 2)), measured("x", 50, 10, between(3, 4))},
			"x", false, gain(-0.5), true,
		},
		{
			"more than 1 % failed requests cannot win",
			oneLevel("output_throughput", false),
			[]TrialResult{measured("b", 100, 10, baseline), measured("x", 900, 10, failing(2))},
			"b", true, gain(0), false,
		},
		{
			"a constraint on error_rate rules instead of the 1 %",
			oneLevel("output_throughput", false, limit("error_rate", 0.05)),
			[]TrialResult{measured("b", 100, 10, baseline, between(1, 2)), measured("x", 200, 10, failing(2), between(3, 4))},
			"x", false, gain(1), false,
		},
		{
			"a client-bound trial cannot win",
			oneLevel("output_throughput", false),
			[]TrialResult{measured("b", 100, 10, baseline), measured("x", 900, 10, func(r *TrialResult) { level(r).Client.Bound = true })},
			"b", true, gain(0), false,
		},
		{
			"without a value of the baseline there is no gain",
			oneLevel("output_throughput", false),
			[]TrialResult{failed("b"), measured("x", 900, 10)},
			"x", false, nil, false,
		},
		{
			"overlapping intervals make the gain doubtful",
			oneLevel("output_throughput", false),
			[]TrialResult{measured("b", 100, 10, baseline, between(90, 110)), measured("x", 105, 10, between(100, 115))},
			"x", false, gain(0.05), true,
		},
		{
			"a small gain is doubtful whatever its interval",
			oneLevel("output_throughput", false),
			[]TrialResult{measured("b", 100, 10, baseline, between(99, 101)), measured("x", 103, 10, between(102, 104))},
			"x", false, gain(0.03), true,
		},
		{
			"when all failed there is no winner",
			oneLevel("output_throughput", false),
			[]TrialResult{failed("b"), failed("x")},
			"", false, nil, false,
		},
		{
			"a metric that too few requests support cannot win",
			oneLevel("ttft_p99", true),
			[]TrialResult{measured("b", 100, 10, baseline)},
			"", false, nil, false,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := Decide(tt.profile, tt.results)
			got := ""
			if d.Winner != nil {
				got = d.Winner.Result.Trial
			}
			if got != tt.winner || d.KeptBaseline != tt.kept {
				t.Errorf("winner %q kept %v, want %q %v", got, d.KeptBaseline, tt.winner, tt.kept)
			}
			if (d.Gain == nil) != (tt.gain == nil) || d.Gain != nil && abs(*d.Gain-*tt.gain) > 1e-9 {
				t.Errorf("gain %v, want %v", d.Gain, tt.gain)
			}
			if (d.Doubt != "") != tt.doubt {
				t.Errorf("doubt %q, want some: %v", d.Doubt, tt.doubt)
			}
		})
	}
}

func abs(x float64) float64 { return max(x, -x) }

func TestFigure(t *testing.T) {
	tests := []struct {
		v    float64
		u    bench.Unit
		want string
	}{
		{1234.56, bench.UnitTokensPerSecond, "1235 tok/s"},
		{8.53123, bench.UnitTokensPerSecond, "8.531 tok/s"},
		{0, bench.UnitRequestsPerSecond, "0 req/s"},
		{95.21, bench.UnitMilliseconds, "95.2 ms"},
		{58710, bench.UnitMilliseconds, "58.7 s"},
		{0.0123, bench.UnitShare, "1.2 %"},
	}
	for _, tt := range tests {
		if got := Figure(tt.v, tt.u); got != tt.want {
			t.Errorf("Figure(%v, %q) = %q, want %q", tt.v, tt.u, got, tt.want)
		}
	}
}
