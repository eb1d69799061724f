package compare

// Gate is what B may be worse by before it counts as slower.
type Gate struct {
	Slower  float64  // a fraction of A's value, of shares a difference; at least 0
	Metrics []string // empty: the objective's one or two, or output_throughput where there is none
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

// judge holds the levels to the gate. Without metrics each figure of the objective is
// held at its own level, so that a loss in either is a loss; metrics are held where the
// objective's first figure is. Where a side has no objective, or its level was not
// measured on both, that is every level.
func (c *Comparison) judge(g Gate) *GateResult {
	var goals []Objective
	for _, s := range []*Side{c.B, c.A} {
		if len(goals) == 0 {
			goals = s.Objectives
		}
	}
	switch {
	case len(g.Metrics) > 0:
		at := Objective{}
		if len(goals) > 0 {
			at = goals[0]
		}
		goals = nil
		for _, m := range g.Metrics {
			goals = append(goals, Objective{m, at.Workload, at.Load})
		}
	case len(goals) == 0:
		goals = []Objective{{Metric: "output_throughput"}}
	}
	r := &GateResult{Gate: Gate{Slower: g.Slower}, Outcome: Kept}
	for _, o := range goals {
		r.Gate.Metrics = append(r.Gate.Metrics, o.Metric)
		for _, l := range c.levelsOf(o) {
			r.add(l, o.Metric)
		}
	}
	if len(r.Checks) == 0 {
		r.Outcome = Open
	}
	return r
}

// levelsOf is the level that a figure is of, or every one where there is no such.
func (c *Comparison) levelsOf(o Objective) []*LevelPair {
	var all []*LevelPair
	for i := range c.Levels {
		if o.Load.Kind != "" && o.at(c.Levels[i]) {
			return []*LevelPair{&c.Levels[i]}
		}
		all = append(all, &c.Levels[i])
	}
	return all
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
