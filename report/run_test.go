package report

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/qtune/qtune/bench"
	"github.com/qtune/qtune/engine"
	"github.com/qtune/qtune/profiles"
	"github.com/qtune/qtune/tuner"
	"github.com/qtune/qtune/usage"
)

// profileOf is a profile with a sweep of the given lists.
func profileOf(t testing.TB, seqs, shares, kernels string) *profiles.Profile {
	t.Helper()
	text := fmt.Sprintf(`
model {
  id = "Qwen/Qwen3-8B"
}
engine "vllm" "plain" {
  image    = "vllm/vllm-openai:v0.32.0"
  baseline = true
}
engine "sglang" "tuned" {
  image = "lmsysorg/sglang:v0.5.23"
  sweep {
    max-running-requests = %s
    mem-fraction-static  = %s
    attention-backend    = %s
  }
}
engine "vllm" "second" {
  image = "vllm/vllm-openai:v0.32.0"
  flags = { max-num-seqs = 64 }
}
workload "chat" {
  prompts {
    input_tokens = 64
  }
  single {
    output_tokens = [10, 200]
    requests      = 5
  }
  closed {
    users         = [1, 8, 32]
    output_tokens = 100
  }
}
search {
  max_candidates = 5000
}
objective {
  maximize = output_throughput
  at       = { users = 32 }
}
constraint "ttft_p95" {
  max = "400ms"
  at  = { users = 32 }
}
`, seqs, shares, kernels)
	p, diags := profiles.Parse([]byte(text), "case.hcl", profiles.Options{})
	if diags.HasErrors() {
		var b strings.Builder
		_ = diags.WriteText(&b, 100, false)
		t.Fatal(b.String())
	}
	return p
}

// history makes the records of a run of the profile, as a run would write them,
// with figures that follow from the flags alone.
func history(p *profiles.Profile, simulated bool) []tuner.Record {
	at := time.Date(2026, 11, 24, 6, 0, 0, 0, time.UTC)
	after := func(seconds float64) time.Time {
		at = at.Add(time.Duration(seconds * float64(time.Second)))
		return at
	}
	header := &tuner.RunHeader{Run: "20261124-060000.000", Profile: "case", Version: 1, Qtune: "v1.2.3", Simulated: simulated, Host: "box", Speed: 1}
	if simulated {
		header.Card, header.Speed = "RTX 5090", 50
	}
	records := []tuner.Record{{Type: tuner.RecordRun, Time: after(0), Header: header}}
	after(20)
	for i, trial := range tuner.NewPlan(p).Trials {
		records = append(records, tuner.Record{Type: tuner.RecordTrialStarted, Trial: trial.ID, Time: after(1)})
		r := result(p, &trial, i, simulated)
		if r.Status == tuner.OK {
			records = append(records,
				tuner.Record{Type: tuner.RecordTrialReady, Trial: trial.ID, Time: after(r.StartS), Facts: &r.Facts},
				tuner.Record{Type: tuner.RecordLevel, Trial: trial.ID, Time: after(r.MeasureS), Workload: "chat", Level: &r.Workloads[0].Levels[0]},
				tuner.Record{Type: tuner.RecordTrialStopped, Trial: trial.ID, Time: after(r.StopS)})
		}
		if r.Status != tuner.OK {
			after(r.StartS)
		}
		records = append(records, tuner.Record{Type: tuner.RecordTrialDone, Trial: trial.ID, Time: after(.1), Result: r})
	}
	return append(records, tuner.Record{Type: tuner.RecordResult, Time: after(1)})
}

func result(p *profiles.Profile, trial *tuner.Trial, i int, simulated bool) *tuner.TrialResult {
	r := &tuner.TrialResult{
		Trial: trial.ID, Purpose: tuner.PurposeSearch, Start: 1, Engine: trial.Engine.Kind, Name: trial.Engine.Name, Baseline: trial.Baseline,
		Flags: trial.Candidate.Flags, Env: trial.Candidate.Env, Status: tuner.OK, Simulated: simulated,
		Command: engine.Command(trial.Engine, trial.Candidate, p.Model, engine.Planned(trial.Engine)),
		Facts:   engine.Facts{EngineVersion: "0.5.23", KVTokens: 40000 + 100*i, ModelName: "Qwen/Qwen3-8B", ImageDigest: "sha256:0123"},
		StartS:  40 + float64(i%7), MeasureS: 90, StopS: 2, WallS: 133,
	}
	speed := 100.0
	for _, f := range r.Flags {
		switch f.Name {
		case "max-running-requests", "max-num-seqs":
			n, _ := strconv.ParseFloat(f.Value.String(), 64)
			speed += 2 * n
		case "mem-fraction-static":
			v, _ := strconv.ParseFloat(f.Value.String(), 64)
			speed += 40 * v
			if v > 0.95 {
				r.Status, r.StartS, r.MeasureS, r.StopS = tuner.Failed, 12, 0, 0
				r.Failure = &engine.Failure{Class: engine.GPUOutOfMemory, Fault: engine.FaultConfiguration, Line: fmt.Sprintf("torch.OutOfMemoryError: CUDA out of memory in trial %d", i), LineNumber: 88, Hint: "lower mem-fraction-static"}
				return r
			}
		case "attention-backend":
			if f.Value.String() == "flashinfer" {
				speed *= 1.5
			}
		}
	}
	into := tuner.WorkloadResult{Workload: "chat"}
	for _, l := range p.Workloads[0].Levels {
		into.Levels = append(into.Levels, level(l, speed, i))
		if !simulated {
			onCard(&into.Levels[len(into.Levels)-1], float64(i))
		}
	}
	r.Workloads = []tuner.WorkloadResult{into}
	return r
}

// onCard adds what a card did in a level.
func onCard(l *bench.LevelResult, i float64) {
	sm, busy, power, energy, clock, hot, cpus := .97, .6+i/100, 400+i, 30*(400+i), 2500-10*i, 64+i, 1.25
	per := energy / l.OutputThroughput / 30
	l.Usage = &usage.Level{
		PowerW: &power, EnergyJ: &energy, JoulesPerToken: &per, PeakBytes: 30 << 30,
		Cards: []usage.Card{{UUID: "GPU-1", Name: "RTX 5090", Samples: 300, PeakBytes: 30 << 30, SM: &sm, Memory: &busy, PowerW: &power, EnergyJ: &energy, EnergyBy: "counter", ClockMHz: &clock, TemperatureC: &hot}},
		On:    &usage.Engine{Kind: "container", CPUs: &cpus, PeakBytes: 9 << 30},
	}
	if i > 2 {
		l.Usage.Cards[0].Slowed = []usage.Slowdown{{Reason: "power cap", Share: .38}}
	}
	l.Notes = append(l.Notes, l.Usage.Warnings()...)
}

func level(l bench.Level, speed float64, i int) bench.LevelResult {
	users := math.Max(float64(l.Users), 1)
	tokens := speed * users / (1 + users/30)
	e2e, ttft := float64(l.OutputTokens)*users/tokens*1000, 20+8*users+float64(i%5)
	stats := func(mean float64) bench.Stats {
		p95 := 1.3 * mean
		return bench.Stats{Mean: &mean, P50: &mean, P95: &p95, MeanInterval: &[2]float64{.98 * mean, 1.02 * mean}, N: 120}
	}
	return bench.LevelResult{
		Kind: l.Kind, Users: l.Users, RequestedOutputTokens: l.OutputTokens, Requests: bench.RequestCount{Total: 120, Completed: 120},
		DurationS: 30, WindowS: 30, OutputThroughput: tokens, TotalThroughput: 1.6 * tokens, RequestThroughput: tokens / float64(l.OutputTokens),
		ThroughputInterval: &[2]float64{.985 * tokens, 1.015 * tokens}, TTFT: stats(ttft), TPOT: stats(e2e / float64(l.OutputTokens)), ITL: stats(e2e / float64(l.OutputTokens)), E2E: stats(e2e),
		Settled: true, Notes: []string{"not settled when it was ended by the cap of 400 requests"},
	}
}

// sample is a run of ten trials or so.
func sample(t testing.TB, simulated bool) *tuner.PastRun {
	p := profileOf(t, "[4, 16]", "[0.8, 0.9, 0.97]", `["triton", "flashinfer"]`)
	return past(p, history(p, simulated))
}

// past rebuilds a run that ended from its records, or from its results alone.
func past(p *profiles.Profile, records []tuner.Record, results ...tuner.TrialResult) *tuner.PastRun {
	if records == nil {
		records = history(p, false)[:1]
	}
	for i := range results {
		records = append(records, tuner.Record{Type: tuner.RecordTrialDone, Trial: results[i].Trial, Result: &results[i]})
	}
	crashed := tuner.Rebuild(records, p, nil)
	o := tuner.Conclude(tuner.NewPlan(p), crashed.Results, crashed.Ended.Sub(crashed.Started))
	o.Summary.Run, o.Summary.Folder = crashed.Header.Run, ".qtune/runs/"+crashed.Header.Run
	o.Summary.Simulated, o.Summary.Card = crashed.Header.Simulated, crashed.Header.Card
	run := tuner.Rebuild(records, p, &o)
	run.Source = p.Source
	if run.Source == nil {
		run.Source = []byte("# the profile as read\n")
	}
	return run
}

// ofTwo is a run with an objective of two figures and a finish.
func ofTwo(t testing.TB) *tuner.PastRun {
	p := profileOf(t, "[4, 16]", "[0.8, 0.9]", `["triton", "flashinfer"]`)
	ttft, _ := bench.LookupMetric("ttft_p95")
	p.Objective.Also, p.Objective.Pick = &profiles.Objective{Metric: ttft, Minimize: true, At: p.Objective.At}, profiles.PickKnee
	records := history(p, false)
	var results []tuner.TrialResult
	for i, trial := range tuner.NewPlan(p).Trials[:4] {
		for start := 1; start <= 3; start++ {
			r := result(p, &trial, i, false)
			r.Purpose, r.Start = tuner.PurposeFinish, start
			results = append(results, *r)
		}
	}
	crashed := tuner.Rebuild(records, p, nil)
	o := tuner.Conclude(tuner.NewPlan(p), append(crashed.Results, results...), crashed.Ended.Sub(crashed.Started))
	o.Summary.Run, o.Summary.Folder = crashed.Header.Run, ".qtune/runs/"+crashed.Header.Run
	run := tuner.Rebuild(records, p, &o)
	run.Finish, run.Source = results, []byte("# the profile as read\n")
	return run
}

func document(t testing.TB, run *tuner.PastRun, lang string) *Document {
	t.Helper()
	d, err := NewDocument(run, Options{Lang: lang, Version: "v1.2.3"})
	if err != nil {
		t.Fatal(err)
	}
	return d
}
