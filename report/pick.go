package report

import (
	"strings"

	"github.com/qtune/qtune/bench"
	"github.com/qtune/qtune/profiles"
	"github.com/qtune/qtune/report/chart"
	"github.com/qtune/qtune/tuner"
)

// pick is a configuration that the report compares side by side.
type pick struct {
	Name   string
	Tone   chart.Tone
	Result *tuner.TrialResult
}

// mostPicks is how many configurations stand side by side: more cannot be read.
const mostPicks = 4

// choosePicks takes the baseline, the winner, and the best of each engine block
// that is neither.
func (b *builder) choosePicks() []pick {
	var picks []pick
	if b.o.Base != nil && b.o.Base.Status == tuner.OK {
		picks = append(picks, b.pick(b.o.Base, chart.Baseline))
	}
	if b.o.Best != nil && !b.o.Summary.KeptBaseline {
		picks = append(picks, b.pick(b.o.Best, chart.Winner))
	}
	shown := map[string]bool{}
	for _, p := range picks {
		shown[label(p.Result)] = true
	}
	for _, r := range b.bestOfEach() {
		if !shown[label(r)] && len(picks) < mostPicks {
			picks = append(picks, b.pick(r, b.tones[label(r)]))
		}
	}
	return picks
}

func label(r *tuner.TrialResult) string { return r.Engine + " " + r.Name }

func (b *builder) pick(r *tuner.TrialResult, tone chart.Tone) pick {
	name := label(r)
	switch tone {
	case chart.Winner:
		name = b.Say("pick.winner", name)
	case chart.Baseline:
		name = b.Say("pick.baseline", name)
	default:
		name = b.Say("pick.best", name)
	}
	return pick{name, tone, r}
}

// bestOfEach is the best allowed trial of each engine block, in the order of
// their first trials; where none is allowed, the best that was measured.
func (b *builder) bestOfEach() []*tuner.TrialResult {
	type leader struct {
		row *tuner.Row
		at  int
	}
	best, order := map[string]*leader{}, []string{}
	for i := range b.o.Rows {
		r := &b.o.Rows[i]
		name := r.Engine + " " + r.Name
		if r.Value == nil || b.results[r.Trial] == nil {
			continue
		}
		l := best[name]
		switch {
		case l == nil:
			best[name] = &leader{r, i}
			order = append(order, name)
		case (r.Out == "") != (l.row.Out == ""):
			if r.Out == "" {
				l.row = r
			}
		case b.better(*r.Value, *l.row.Value):
			l.row = r
		}
	}
	var results []*tuner.TrialResult
	for _, name := range order {
		results = append(results, b.results[best[name].row.Trial])
	}
	return results
}

func (b *builder) minimize() bool { return b.o.Summary.Objective.Goal == "minimize" }

func (b *builder) better(x, y float64) bool {
	if b.minimize() {
		return x < y
	}
	return x > y
}

// goalLevel is what a trial measured where the objective is; nil if it did not get there.
func (b *builder) goalLevel(r *tuner.TrialResult) *bench.LevelResult {
	goal, ok := b.o.Objective(r)
	if !ok || r.Status != tuner.OK {
		return nil
	}
	return r.Level(goal.At)
}

// levelName names the level at a place in the report's language: as the profile
// names it, or as its result does.
func (b *builder) levelName(at profiles.At) string {
	if p := b.run.Profile; p != nil && at.Workload < len(p.Workloads) && at.Level < len(p.Workloads[at.Workload].Levels) {
		return b.translated(p.Workloads[at.Workload].Levels[at.Level].String())
	}
	return b.translated(tuner.LevelName(b.picks[0].Result.Level(at)))
}

// shortMetric names a metric for the head of a narrow column: "TTFT p95".
func (b *builder) shortMetric(name string) string {
	latency, statistic, ok := strings.Cut(name, "_")
	if !ok || strings.HasSuffix(name, "throughput") || strings.HasSuffix(name, "rate") || strings.HasPrefix(name, "good") {
		return b.metricName(name)
	}
	if statistic == "mean" {
		statistic = b.Say("statistic.mean")
	}
	return strings.ToUpper(latency) + " " + strings.ReplaceAll(statistic, "_", " ")
}

// metricName names a metric for a person.
func (b *builder) metricName(name string) string {
	if key := "metric." + name; b.Has(key) {
		return b.Say(key)
	}
	return name
}
