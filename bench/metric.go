package bench

import "strings"

// Unit is the unit of a metric's value.
type Unit string

// The units of metrics.
const (
	UnitTokensPerSecond   Unit = "tok/s"
	UnitRequestsPerSecond Unit = "req/s"
	UnitMilliseconds      Unit = "ms"
	UnitShare             Unit = "share" // 0 to 1
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
	{"error_rate", UnitShare},
}

var (
	latencies  = []string{"ttft", "tpot", "itl", "e2e"}
	statistics = []string{"mean", "p50", "p90", "p95", "p99"}
)

// Metrics lists every metric, in the order in which help shows them.
func Metrics() []Metric {
	all := append([]Metric(nil), throughputs...)
	for _, l := range latencies {
		for _, s := range statistics {
			all = append(all, Metric{l + "_" + s, UnitMilliseconds})
		}
	}
	return all
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
	case "error_rate":
		return r.ErrorRate(), true
	}
	latency, statistic, _ := strings.Cut(name, "_")
	switch latency {
	case "ttft":
		return r.TTFT.value(statistic)
	case "tpot":
		return r.TPOT.value(statistic)
	case "itl":
		return r.ITL.value(statistic)
	case "e2e":
		return r.E2E.value(statistic)
	}
	return 0, false
}

func (s *Stats) value(statistic string) (float64, bool) {
	p := map[string]*float64{"mean": s.Mean, "p50": s.P50, "p90": s.P90, "p95": s.P95, "p99": s.P99}[statistic]
	if p == nil {
		return 0, false
	}
	return *p, true
}
