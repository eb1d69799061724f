package bench

import (
	"slices"
	"strings"
)

// Unit is the unit of a metric's value.
type Unit string

// The units of metrics.
const (
	UnitTokensPerSecond   Unit = "tok/s"
	UnitRequestsPerSecond Unit = "req/s"
	UnitMilliseconds      Unit = "ms"
	UnitShare             Unit = "share" // 0 to 1
	UnitJoulesPerToken    Unit = "J/tok"
	UnitCostPerTokens     Unit = "per Mtok" // in the currency of the price of a card's hour, of a million output tokens
)

// Metric is a figure of a level that an objective or a constraint can name.
type Metric struct {
	Name string
	Unit Unit
}

var throughputs = []Metric{
	{"output_throughput", UnitTokensPerSecond},
	{"total_throughput", UnitTokensPerSecond},
	{"request_throughput", UnitRequestsPerSecond},
	{"input_throughput", UnitTokensPerSecond},
	{"peak_output_throughput", UnitTokensPerSecond},
	{"goodput", UnitRequestsPerSecond},
	{"good_share", UnitShare},
	{"error_rate", UnitShare},
}

// costs are what an output token takes; of a level whose energy nobody measured, or whose
// server has no price, there are none.
var costs = []Metric{
	{"energy_per_token", UnitJoulesPerToken},
	{"cost_per_million_tokens", UnitCostPerTokens},
}

var (
	latencies  = []string{"ttft", "tpot", "itl", "e2e", "queue", "ttft_intended", "e2e_intended"}
	statistics = []string{"mean", "p50", "p90", "p95", "p99"}
)

// Metrics lists every metric, in the order in which help shows them.
func Metrics() []Metric {
	all := slices.Clone(throughputs)
	for _, l := range latencies {
		for _, s := range statistics {
			all = append(all, Metric{l + "_" + s, UnitMilliseconds})
		}
	}
	return append(all, costs...)
}

// LookupMetric finds a metric by its name.
func LookupMetric(name string) (Metric, bool) {
	for _, m := range Metrics() {
		if m.Name == name {
			return m, true
		}
	}
	return Metric{}, false
}

// Metric is the value of the metric called name, in its unit; false where the
// level has no such figure, since too few requests were completed.
func (r *LevelResult) Metric(name string) (float64, bool) {
	switch name {
	case "output_throughput":
		return r.OutputThroughput, true
	case "total_throughput":
		return r.TotalThroughput, true
	case "request_throughput":
		return r.RequestThroughput, true
	case "input_throughput":
		return r.InputThroughput, true
	case "peak_output_throughput":
		return known(r.PeakOutputThroughput)
	case "goodput":
		return known(r.Goodput)
	case "good_share":
		return known(r.GoodShare)
	case "error_rate":
		return r.ErrorRate(), true
	case "energy_per_token":
		return r.energyPerToken()
	case "cost_per_million_tokens":
		return r.HourCost / 3600 / r.OutputThroughput * 1e6, r.HourCost > 0 && r.OutputThroughput > 0
	}
	i := strings.LastIndexByte(name, '_')
	if i < 0 {
		return 0, false
	}
	stats, ok := map[string]*Stats{
		"ttft": &r.TTFT, "tpot": &r.TPOT, "itl": &r.ITL, "e2e": &r.E2E, "queue": &r.Queue,
		"ttft_intended": &r.TTFTIntended, "e2e_intended": &r.E2EIntended,
	}[name[:i]]
	if !ok {
		return 0, false
	}
	return stats.value(name[i+1:])
}

// energyPerToken is what all cards took in the measured time over its output tokens.
func (r *LevelResult) energyPerToken() (float64, bool) {
	if r.Usage == nil {
		return 0, false
	}
	return known(r.Usage.JoulesPerToken)
}

func known(v *float64) (float64, bool) {
	if v == nil {
		return 0, false
	}
	return *v, true
}

func (s *Stats) value(statistic string) (float64, bool) {
	p := map[string]*float64{"mean": s.Mean, "p50": s.P50, "p90": s.P90, "p95": s.P95, "p99": s.P99}[statistic]
	if p == nil {
		return 0, false
	}
	return *p, true
}
