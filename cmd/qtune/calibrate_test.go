package main

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/qtune/qtune/engine"
	"github.com/qtune/qtune/predict"
	"github.com/qtune/qtune/profiles"
	"github.com/qtune/qtune/simulator"
	"github.com/qtune/qtune/tuner"
)

// elsewhere measures the trials of a profile on an RTX 5090 that is slower than the
// one that is assumed, in virtual time.
func elsewhere(t *testing.T, f *forecaster, trials []tuner.Trial) []tuner.TrialResult {
	t.Helper()
	site := f.site
	site.Efficiency = simulator.EfficiencyOf(site.Card)
	site.Efficiency.Weights *= .7
	site.Efficiency.StepUS *= 2
	w := f.profile.Workloads[0]
	load, err := predict.NewLoad(w, w.Levels[0])
	if err != nil {
		t.Fatal(err)
	}
	var all []tuner.TrialResult
	for _, trial := range trials {
		server, err := site.Serve(f.trial(trial.Engine, trial.Candidate))
		if err != nil || server.Refusal() != "" {
			continue
		}
		r := tuner.TrialResult{
			Trial: trial.ID, Engine: trial.Engine.Kind, Name: trial.Engine.Name, Status: tuner.OK, Flags: trial.Candidate.Flags,
			Facts: engine.Facts{EngineVersion: "0.32.0"}, Workloads: []tuner.WorkloadResult{{Workload: w.Name}},
		}
		r.Workloads[0].Levels = append(r.Workloads[0].Levels, server.Run(load))
		all = append(all, r)
	}
	return all
}

// The second run on a machine must know it better than the first.
func TestTheSecondPlanPredictsBetter(t *testing.T) {
	p, diags := profiles.Parse([]byte(forecastProfile), "case.hcl", profiles.Options{})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	around, cache := &surroundings{profile: p}, t.TempDir()
	off := func(f *forecaster, measured []tuner.TrialResult) float64 {
		sum := 0.0
		for _, r := range measured {
			for _, trial := range tuner.NewPlan(p).Trials {
				if trial.ID == r.Trial {
					sum += math.Abs(f.forecast(&trial).Figures.Tokens/r.Workloads[0].Levels[0].OutputThroughput - 1)
				}
			}
		}
		return sum / float64(len(measured))
	}
	first := newForecaster(around, cache)
	all := elsewhere(t, first, tuner.NewPlan(p).Trials)
	seen, unseen := all[:len(all)/2], all[len(all)/2:]
	before := off(first, unseen)
	views, err := first.calibrate(seen, "r1", 0, true)
	if err != nil || len(views) != 1 || views[0].Kept == "" {
		t.Fatal(err, views)
	}
	after := off(newForecaster(around, cache), unseen)
	if before < .15 || after > .05 {
		t.Errorf("predictions were off by %.0f %%, and after a run by %.0f %%", 100*before, 100*after)
	}
}

func TestCalibrateShowsWhatARunSays(t *testing.T) {
	c := newConsole(t)
	dir := t.TempDir()
	if code := c.run(t, "apply", write(t, "small.hcl", small), "--simulate", "--simulate-speed", "200", "--dir", dir); !decided(code) {
		t.Fatal(c.err.String())
	}
	d := newConsole(t)
	if code := d.run(t, "calibrate", "--dir", dir); code != exitOK {
		t.Fatal(d.err.String())
	}
	unfitted := strings.Contains(d.out.String(), "not fitted: ") // every level may be the load client's on a busy machine
	for _, want := range []string{"vllm ", " on RTX 4090, by run ", "SIMULATED engines, which say nothing of a card", "weights ", "8 users", "Mean error before: throughput "} {
		if !strings.Contains(d.out.String(), want) && !unfitted {
			t.Errorf("it does not say %q:\n%s", want, d.out.String())
		}
	}
	if kept, _ := filepath.Glob(filepath.Join(d.calibrations(), "*")); len(kept) > 0 || strings.Contains(d.out.String(), "Kept in") {
		t.Error("a simulated run was kept as if it told of a card:", kept)
	}
	e := newConsole(t)
	if code := e.run(t, "calibrate", "--dir", dir, "--json", "--first", "1"); code != exitOK {
		t.Fatal(e.err.String())
	}
	var v calibrationView
	// On a busy machine a level may be the load client's and no use: then that is said.
	if err := json.Unmarshal([]byte(e.out.String()), &v); err != nil || !v.Simulated || v.HeldOut.Levels == 0 && len(v.Skipped) == 0 && v.Unfitted == "" {
		t.Errorf("%v %+v", err, v)
	}
}

func TestCalibrateRefuses(t *testing.T) {
	dir := t.TempDir()
	run := filepath.Join(dir, "runs", "20260101-000000.000")
	if err := os.MkdirAll(run, 0o755); err != nil {
		t.Fatal(err)
	}
	header := `{"type":"run","time":"2026-01-01T00:00:00Z","header":{"run":"20260101-000000.000","profile":"case","journal_version":1,"host":"not-this-one","simulated":false,"pid":1,"qtune":"x"}}` + "\n"
	for name, text := range map[string]string{"journal.jsonl": header, "profile.hcl": small} {
		if err := os.WriteFile(filepath.Join(run, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	tests := []struct {
		name string
		args []string
		code int
		want string
	}{
		{"a run of another machine", nil, exitError, "name the card with --card"},
		{"a card that there is not", []string{"--card", "RTX 9090"}, exitUsage, `--card "RTX 9090": known are`},
		{"a run without a measurement", []string{"--card", "RTX 4090"}, exitError, "no trial of it was measured"},
		{"less than no trials", []string{"--first", "-1"}, exitUsage, "give a number of trials"},
		{"no such run", []string{"nothing"}, exitError, "nothing"},
	}
	for _, tt := range tests {
		c := newConsole(t)
		code := c.run(t, append([]string{"calibrate", "--dir", dir}, tt.args...)...)
		if code != tt.code || !strings.Contains(c.err.String(), tt.want) {
			t.Errorf("%s: %d %q, want %d %q", tt.name, code, c.err.String(), tt.code, tt.want)
		}
	}
}
