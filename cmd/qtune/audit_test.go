package main

import (
	"math"
	"path/filepath"
	"testing"

	"github.com/qtune/qtune/bench"
	"github.com/qtune/qtune/engine"
	"github.com/qtune/qtune/predict"
	"github.com/qtune/qtune/profiles"
	"github.com/qtune/qtune/tuner"
)

// printed are the figures of the report that examples/seed-audit.hcl is about, by
// engine block and in the order of its levels: the latency of one request in seconds
// for 10, 50, 100, 200 and 500 tokens, then of bursts of 1, 2, 5, 10 and 20 users the
// requests a second and the mean latency.
var printed = map[string]struct{ latency, rate, burst []float64 }{
	"torch-native": {
		latency: []float64{1.29, 5.94, 11.80, 23.50, 58.71},
		rate:    []float64{.17, .32, .69, 1.15, 1.74}, burst: []float64{5.95, 6.18, 7.18, 8.66, 11.50},
	},
	"balanced-v2": {
		latency: []float64{.97, 4.87, 9.73, 19.47, 48.70},
		rate:    []float64{.21, .42, 1.06, 2.10, 4.21}, burst: []float64{4.87, 4.71, 4.72, 4.76, 4.75},
	},
}

// auditTolerance is how far a figure may be off. The report rounds to two places, so
// that 0.17 requests a second stand for anything from 0.165 to 0.175.
const auditTolerance = 0.05

// What the report printed comes out of the model of the card, with three constants that
// were fitted to it: see docs/simulator.md.
func TestSeedAudit(t *testing.T) {
	p, diags := profiles.Load(filepath.Join("..", "..", "examples", "seed-audit.hcl"), profiles.Options{})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	around := &surroundings{profile: p, simulation: &engine.Simulation{Card: p.GPU.Simulate}}
	f := newForecaster(around, t.TempDir())
	w := p.Workloads[0]
	off := func(name, level, what string, printed, simulated, half float64) {
		t.Helper()
		by := simulated/printed - 1
		t.Logf("%-13s %-20s %-13s printed %6.2f  simulated %7.3f  %+.1f %%", name, level, what, printed, simulated, 100*by)
		if math.Abs(simulated-printed) > auditTolerance*printed+half {
			t.Errorf("%s: %s at %s is off by %+.1f %%", name, what, level, 100*by)
		}
	}
	for _, trial := range tuner.NewPlan(p).Trials {
		want := printed[trial.Engine.Name]
		server, why := f.serve(&trial)
		if why != "" || server.Refusal() != "" {
			t.Fatal(trial.Engine.Name, why, server.Refusal())
		}
		for i, l := range w.Levels {
			load, err := predict.NewLoad(w, l)
			if err != nil {
				t.Fatal(err)
			}
			r := server.Run(load)
			if l.Kind == bench.KindSingle {
				off(trial.Engine.Name, l.String(), "latency, s", want.latency[i], *r.E2E.Mean/1000, .005)
				continue
			}
			off(trial.Engine.Name, l.String(), "requests/s", want.rate[i-5], r.RequestThroughput, .005)
			off(trial.Engine.Name, l.String(), "latency, s", want.burst[i-5], *r.E2E.Mean/1000, .005)
		}
	}
}

// No constant of the model knows an engine block or a profile by its name: under other
// names the same comes out.
func TestSeedAuditDoesNotGoByNames(t *testing.T) {
	at := filepath.Join("..", "..", "examples", "seed-audit.hcl")
	figures := func(rename string) []float64 {
		p, diags := profiles.Load(at, profiles.Options{})
		if diags.HasErrors() {
			t.Fatal(diags)
		}
		p.Name += rename
		for _, e := range p.Engines {
			e.Name += rename
		}
		p.Workloads[0].Name += rename
		f := newForecaster(&surroundings{profile: p, simulation: &engine.Simulation{Card: p.GPU.Simulate}}, t.TempDir())
		var all []float64
		for _, trial := range tuner.NewPlan(p).Trials {
			all = append(all, f.forecast(&trial).Figures.Tokens)
		}
		return all
	}
	a, b := figures(""), figures(" renamed")
	for i := range a {
		if a[i] != b[i] {
			t.Errorf("%g tokens/s became %g", a[i], b[i])
		}
	}
}
