package predict

import (
	"math"

	"github.com/qtune/qtune/catalog"
	"github.com/qtune/qtune/simulator"
)

// parameter is one number that is fitted: an efficiency, or several that have one cause.
type parameter struct {
	name  string
	unit  string
	share bool    // of a data sheet's figure, so at most 1
	width float64 // of the prior: standard deviation of its logarithm
	get   func(*simulator.Efficiency) float64
	scale func(*simulator.Efficiency, float64)
}

// parameters are the eight that a run tells something of. Widths are judgement:
// shares of bandwidth lie within some 15 % on cards that were looked at, the host's
// work differs by half from one machine to the next.
func parameters() []parameter {
	one := func(at func(*simulator.Efficiency) *float64) (func(*simulator.Efficiency) float64, func(*simulator.Efficiency, float64)) {
		return func(e *simulator.Efficiency) float64 { return *at(e) }, func(e *simulator.Efficiency, f float64) { *at(e) *= f }
	}
	p := func(name, unit string, share bool, width float64, at func(*simulator.Efficiency) *float64) parameter {
		get, scale := one(at)
		return parameter{name, unit, share, width, get, scale}
	}
	return []parameter{
		p("weights", "of bandwidth", true, .15, func(e *simulator.Efficiency) *float64 { return &e.Weights }),
		p("stream", "of bandwidth", true, .10, func(e *simulator.Efficiency) *float64 { return &e.Stream }),
		p("gemm", "of flops", true, .20, func(e *simulator.Efficiency) *float64 { return &e.GEMM }),
		p("kv", "of bandwidth", true, .30, func(e *simulator.Efficiency) *float64 { return &e.KV }),
		p("attention", "of flops", true, .30, func(e *simulator.Efficiency) *float64 { return &e.Attention }),
		{
			name: "layer", unit: "µs", width: .40, get: func(e *simulator.Efficiency) float64 { return e.SmallUS },
			scale: func(e *simulator.Efficiency, f float64) {
				e.SmallUS, e.SmallTokUS, e.AttentionUS, e.EagerUS = f*e.SmallUS, f*e.SmallTokUS, f*e.AttentionUS, f*e.EagerUS
			},
		},
		p("step", "µs", false, .40, func(e *simulator.Efficiency) *float64 { return &e.StepUS }),
		p("sequence", "µs", false, .40, func(e *simulator.Efficiency) *float64 { return &e.SequenceUS }),
	}
}

// cpuWidth widens the prior for a CPU, of which the catalog's figures are themselves a guess.
const cpuWidth = 4

// widths are the prior's on a card.
func widths(card catalog.Card, all []parameter) []float64 {
	w := make([]float64, len(all))
	for i := range all {
		w[i] = all[i].width
		if card.CPU {
			w[i] *= cpuWidth
		}
	}
	return w
}

// moved are efficiencies with each parameter multiplied by exp of its logarithm. A
// share of a card's own figures stays at most 1.
func moved(e simulator.Efficiency, card catalog.Card, all []parameter, logs []float64) simulator.Efficiency {
	for i := range all {
		factor := math.Exp(logs[i])
		if all[i].share && !card.CPU {
			factor = math.Min(factor, 1/all[i].get(&e))
		}
		all[i].scale(&e, factor)
	}
	return e
}
