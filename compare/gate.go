package compare

import (
	"slices"
)

// Gate is what B may be worse by before it counts as slower.
type Gate struct {
	Slower  float64  // a fraction of A's value, of shares a difference; at least 0
	Metrics []string // empty: the objective's, or output_throughput where there is none
}

// Outcome is what a gate says.
type Outcome string

// The outcomes of a gate. Slower: the whole interval of the change lies beyond what
// is allowed, so that a figure that is worse by exactly that much is called slower
// about once in forty times. Kept: the whole interval lies within it. Open: the
// interval has both, or there is none.
const (
	Slower Outcome = "slower"
	Kept   Outcome = "not slower"
	Open   Outcome = "cannot tell"
)

// GateResult is what became of a gate: the worst of its checks.
type GateResult struct {
	Gate    Gate // with the metrics that it was held to
	Outcome Outcome
	Checks  []Check
}

// Check is one metric at one level.
type Check struct {
	Workload, Level string
	Metric          string
	Row             *Row // nil: a side has no such figure
	Outcome         Outcome
}

// judge holds the levels to the gate: the objective's alone where a side has an
// objective whose level both measured, else all.
func (c *Comparison) judge(g Gate) *GateResult {
	levels := c.Levels
	for _, s := range []*Side{c.B, c.A} {
		if s.Objective == nil {
			continue
		}
		if len(g.Metrics) == 0 {
			g.Metrics = []string{s.Objective.Metric}
		}
		if i := slices.IndexFunc(levels, s.Objective.at); i >= 0 && len(levels) == len(c.Levels) {
			levels = levels[i : i+1]
		}
	}
	if len(g.Metrics) == 0 {
		g.Metrics = []string{"output_throughput"}
	}
	r := &GateResult{Gate: g, Outcome: Kept}
	for i := range levels {
		for _, m := range g.Metrics {
			r.add(&levels[i], m)
		}
	}
	if len(r.Checks) == 0 {
		r.Outcome = Open
	}
	return r
}

func (o *Objective) at(p LevelPair) bool {
	return o.Load.like(p.A.Load) && (o.Workload == p.Workload || p.Workload == "")
}

func (r *GateResult) add(p *LevelPair, metric string) {
	k := Check{Workload: p.Workload, Level: p.Name, Metric: metric, Row: p.Row(metric), Outcome: Open}
	if k.Row != nil && k.Row.Interval != nil {
		k.Outcome = k.Row.against(r.Gate.Slower)
	}
	r.Checks = append(r.Checks, k)
	if k.Outcome == Slower || k.Outcome == Open && r.Outcome == Kept {
		r.Outcome = k.Outcome
	}
}

// against holds the interval of a change to what is allowed.
func (r *Row) against(slower float64) Outcome {
	near, far := -r.Interval[1], -r.Interval[0] // how much worse at least, at most
	if LessIsBetter(r.Metric) {
		near, far = r.Interval[0], r.Interval[1]
	}
	switch {
	case near > slower:
		return Slower
	case far <= slower:
		return Kept
	}
	return Open
}

// DefaultMetrics are those that are shown where nobody asks for others.
func DefaultMetrics() []string {
	return []string{
		"output_throughput", "request_throughput", "goodput", "error_rate",
		"ttft_mean", "ttft_p95", "tpot_mean", "tpot_p95", "e2e_mean", "e2e_p95",
	}
}
