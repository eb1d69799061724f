package main

import (
	"errors"
	"testing"

	"github.com/qtune/qtune/bench"
	"github.com/qtune/qtune/gpu"
	"github.com/qtune/qtune/profiles"
	"github.com/qtune/qtune/usage"
)

// TestMeasurable refuses what no trial could have a figure for.
func TestMeasurable(t *testing.T) {
	card := func() (gpu.Inventory, error) { return gpu.Inventory{Devices: make([]gpu.Device, 1)}, nil }
	none := func() (gpu.Inventory, error) { return gpu.Inventory{}, errors.New("no driver") }
	for _, c := range []struct {
		why, metric string
		price       float64
		simulated   bool
		cpu         bool
		devices     func() (gpu.Inventory, error)
		ok          bool
	}{
		{"simulated engines use no energy", "energy_per_token", 0, true, false, card, false},
		{"no card, no energy", "energy_per_token", 0, false, false, none, false},
		{"a card's energy is measured", "energy_per_token", 0, false, false, card, true},
		{"no price, no cost", "cost_per_million_tokens", 0, false, false, card, false},
		{"a simulated throughput has a cost", "cost_per_million_tokens", 2, true, false, none, true},
		{"an engine on a CPU has no price", "cost_per_million_tokens", 2, false, true, card, false},
		{"nor does it take a card's energy", "energy_per_token", 0, false, true, card, false},
		{"other figures need neither", "goodput", 0, true, false, none, true},
	} {
		m, known := bench.LookupMetric(c.metric)
		p := &profiles.Profile{Objective: profiles.Objective{Metric: m}}
		if c.cpu {
			p.GPU.Devices = []string{}
		}
		p.Search.Budget.GPUHourPrice = c.price
		if err := measurable(p, c.simulated, c.devices); !known || (err == nil) != c.ok {
			t.Errorf("%s: %v", c.why, err)
		}
	}
}

// TestCostsOfAToken are reckoned from what was measured, and are not there without it.
func TestCostsOfAToken(t *testing.T) {
	joules := 0.5
	l := bench.LevelResult{OutputThroughput: 1000, HourCost: 3.6, Usage: &usage.Level{JoulesPerToken: &joules}}
	for metric, want := range map[string]float64{"energy_per_token": .5, "cost_per_million_tokens": 1} {
		if v, ok := l.Metric(metric); !ok || v != want {
			t.Errorf("%s: %v, %v", metric, v, ok)
		}
		if v, ok := (&bench.LevelResult{OutputThroughput: 1000}).Metric(metric); ok {
			t.Errorf("%s of nothing: %v", metric, v)
		}
	}
}
