package main

import (
	"fmt"

	"github.com/qtune/qtune/bench"
	"github.com/qtune/qtune/gpu"
	"github.com/qtune/qtune/profiles"
	"github.com/qtune/qtune/tuner"
)

// unmeasuredError is a figure that a profile goes by and that this run cannot measure.
type unmeasuredError struct{ metric, why, hint string }

func (e *unmeasuredError) Error() string {
	return fmt.Sprintf("%s is not measured: %s", e.metric, e.why)
}

// Hint says what to do about it.
func (e *unmeasuredError) Hint() string { return e.hint }

// measurable refuses a profile whose objective or constraint no trial could have a figure
// for, before anything starts: energy without a card that is watched, cost without a price.
func measurable(p *profiles.Profile, simulated bool, devices func() (gpu.Inventory, error)) error {
	var metrics []bench.Metric
	for _, o := range tuner.Figures(p.Objective) {
		metrics = append(metrics, o.Metric)
	}
	for _, c := range p.Constraints {
		metrics = append(metrics, c.Metric)
	}
	for _, m := range metrics {
		costs := m.Unit == bench.UnitCostPerTokens || m.Unit == bench.UnitJoulesPerToken
		switch {
		case costs && p.GPU.None():
			return &unmeasuredError{m.Name, "the profile gives its engines no card", "choose another figure, such as output_throughput, or a card in gpu"}
		case m.Unit == bench.UnitCostPerTokens && p.Search.Budget.GPUHourPrice == 0:
			return &unmeasuredError{m.Name, "nobody has said what an hour of a card costs", "give gpu_hour_price in search's budget, or --gpu-hour-price"}
		case m.Unit != bench.UnitJoulesPerToken:
		case simulated:
			return &unmeasuredError{m.Name, "simulated engines use no card and no energy", "measure on a card, or choose another figure, such as output_throughput"}
		default:
			if inv, err := devices(); err != nil || len(inv.Devices) == 0 {
				return &unmeasuredError{m.Name, "no card can be watched here", "measure where NVIDIA's driver is (`qtune doctor`), or choose another figure"}
			}
		}
	}
	return nil
}
