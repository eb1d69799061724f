package compare

import "slices"

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

// judge holds the levels to the gate: each figure at its own level, so that a loss in
// either is a loss. A figure whose level a side lacks is a check that stays open, and
// what has no level of its own is held at every one; so is an objective of which no
// level is on both sides.
func (c *Comparison) judge(g Gate) *GateResult {
	goals := c.goals(g.Metrics)
	placed := slices.ContainsFunc(goals, c.has)
	r := &GateResult{Gate: Gate{Slower: g.Slower}, Outcome: Kept}
	for _, o := range goals {
		r.Gate.Metrics = append(r.Gate.Metrics, o.Metric)
		if l := c.levelOf(o); l != nil {
			r.add(l, o.Metric)
			continue
		}
		if o.level() != "" {
			r.enter(Check{Workload: o.Workload, Level: o.level(), Metric: o.Metric, Outcome: Open})
			if placed {
				continue
			}
		}
		for i := range c.Levels {
			r.add(&c.Levels[i], o.Metric)
		}
	}
	if len(r.Checks) == 0 {
		r.Outcome = Open
	}
	return r
}

// goals are the figures to hold: those of the objective, B's before A's, or metrics,
// each where the objective has it, else where the objective's first figure is.
func (c *Comparison) goals(metrics []string) []Objective {
	own := c.objective()
	if len(metrics) == 0 && len(own) > 0 {
		return own
	}
	if len(metrics) == 0 {
		metrics = []string{"output_throughput"}
	}
	var first Objective
	if len(own) > 0 && c.has(own[0]) {
		first = own[0]
	}
	var all []Objective
	for _, m := range metrics {
		n := len(all)
		for _, o := range own {
			if o.Metric == m {
				all = append(all, o)
			}
		}
		if len(all) == n {
			all = append(all, Objective{Metric: m, Workload: first.Workload, Load: first.Load})
		}
	}
	return all
}

// objective is that of the first side, B before A, of which a level is on both sides; of
// the first that has any where there is none.
func (c *Comparison) objective() []Objective {
	if slices.ContainsFunc(c.B.Objectives, c.has) {
		return c.B.Objectives
	}
	if len(c.B.Objectives) == 0 || slices.ContainsFunc(c.A.Objectives, c.has) {
		return c.A.Objectives
	}
	return c.B.Objectives
}

func (c *Comparison) has(o Objective) bool { return c.levelOf(o) != nil }

// levelOf is the level that a figure is of; nil where it is not on both sides.
func (c *Comparison) levelOf(o Objective) *LevelPair {
	for i := range c.Levels {
		if o.Load.Kind != "" && o.at(c.Levels[i]) {
			return &c.Levels[i]
		}
	}
	return nil
}

// level names the level of a figure; "" where it has none of its own.
func (o *Objective) level() string {
	if o.Load.Kind == "" {
		return o.Lacking
	}
	return o.Load.String()
}

func (o *Objective) at(p LevelPair) bool {
	return o.Load.like(p.A.Load) && (o.Workload == p.Workload || p.Workload == "")
}

func (r *GateResult) add(p *LevelPair, metric string) {
	k := Check{Workload: p.Workload, Level: p.Name, Metric: metric, Row: p.Row(metric), Outcome: Open}
	if k.Row != nil && k.Row.Interval != nil {
		k.Outcome = k.Row.against(r.Gate.Slower)
	}
	r.enter(k)
}

func (r *GateResult) enter(k Check) {
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
