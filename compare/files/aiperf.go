package files

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/qtune/qtune/compare"
)

// aiperfMetric is a figure of profile_export_aiperf.json.
type aiperfMetric struct {
	Unit  string   `json:"unit"`
	Avg   *float64 `json:"avg"`
	P50   *float64 `json:"p50"`
	P90   *float64 `json:"p90"`
	P95   *float64 `json:"p95"`
	P99   *float64 `json:"p99"`
	SD    *float64 `json:"std"`
	Count *float64 `json:"count"`
}

// aiperfConfig is what is read of its input_config, of which there are two forms.
type aiperfConfig struct {
	Models struct {
		Items []struct {
			Name string `json:"name"`
		} `json:"items"`
	} `json:"models"`
	Phases []struct {
		Kind        string  `json:"kind"`
		Concurrency float64 `json:"concurrency"`
		Rate        float64 `json:"rate"`
		RequestRate float64 `json:"request_rate"`
	} `json:"phases"`
	Endpoint struct {
		Models []string `json:"model_names"`
	} `json:"endpoint"`
	Load struct {
		Concurrency float64 `json:"concurrency"`
		Rate        float64 `json:"request_rate"`
	} `json:"loadgen"`
}

// aiperfLatencies are its latencies with those of qtune. Its inter_token_latency is
// what others call TPOT; the gaps between events are its inter_chunk_latency.
var aiperfLatencies = map[string]string{
	"time_to_first_token": "ttft", "inter_token_latency": "tpot", "request_latency": "e2e", "inter_chunk_latency": "itl",
}

var aiperfRates = map[string]string{
	"request_throughput": "request_throughput", "output_token_throughput": "output_throughput",
	"input_token_throughput": "input_throughput", "total_token_throughput": "total_throughput", "goodput": "goodput",
}

// aiperf adds the summary of a profile.
func (c *collector) aiperf(o *object) {
	var config aiperfConfig
	_ = json.Unmarshal(o.fields["input_config"], &config) // another form tells nothing
	c.from(ClientAIPerf, config.model())
	f := figures{}
	for theirs, ours := range aiperfRates {
		if m := o.aiperf(theirs); m != nil {
			f.set(ours, m.Avg)
		}
	}
	for theirs, ours := range aiperfLatencies {
		o.aiperf(theirs).latency(f, ours)
	}
	o.aiperfFailures(f)
	l := compare.Level{Load: config.load(), Starts: []compare.Start{{Figures: f}}}
	if m := o.aiperf("input_sequence_length"); m != nil && m.Avg != nil {
		l.Input = *m.Avg
	}
	if m := o.aiperf("output_sequence_length"); m != nil && m.Avg != nil {
		l.Output = *m.Avg
	}
	c.level(l)
}

// aiperf is one of its figures; nil where it is not there.
func (o *object) aiperf(tag string) *aiperfMetric {
	var m *aiperfMetric
	if json.Unmarshal(o.fields[tag], &m) != nil {
		return nil
	}
	return m
}

// aiperfFailures takes the counts; without errors it has no count of them.
func (o *object) aiperfFailures(f figures) {
	done, failed := o.aiperf("request_count"), o.aiperf("error_request_count")
	switch {
	case done == nil || done.Avg == nil:
	case failed != nil && failed.Avg != nil:
		f.failures(*failed.Avg, *failed.Avg+*done.Avg)
	case o.has("error_summary") && string(o.fields["error_summary"]) == "[]":
		f.failures(0, *done.Avg)
	}
}

func (c *aiperfConfig) model() string {
	switch {
	case len(c.Models.Items) > 0:
		return c.Models.Items[0].Name
	case len(c.Endpoint.Models) > 0:
		return c.Endpoint.Models[0]
	}
	return ""
}

func (c *aiperfConfig) load() compare.Load {
	rate, users := c.Load.Rate, c.Load.Concurrency
	for _, p := range c.Phases {
		if p.Kind == "profiling" {
			rate, users = math.Max(p.Rate, p.RequestRate), p.Concurrency
		}
	}
	return closedOr(rate, users, 0)
}

// milliseconds is the factor of a unit of time; 0 for one that is not known.
func milliseconds(unit string) float64 {
	return map[string]float64{"ns": 1e-6, "us": 1e-3, "ms": 1, "sec": 1e3, "s": 1e3}[unit]
}

func (m *aiperfMetric) latency(f figures, latency string) {
	if m == nil || milliseconds(m.Unit) == 0 {
		return
	}
	factor, n, of := milliseconds(m.Unit), 0, ""
	if m.Count != nil {
		n = int(*m.Count)
	}
	if latency == "itl" {
		n, of = 0, perEvent // gaps of one request are alike
	}
	for statistic, v := range map[string]*float64{"mean": m.Avg, "p50": m.P50, "p90": m.P90, "p95": m.P95, "p99": m.P99} {
		if v == nil || *v < 0 {
			continue
		}
		g := compare.Figure{Value: factor * *v, N: n, Of: of}
		if statistic == "mean" && m.SD != nil && n > 0 {
			g.Interval = meanInterval(g.Value, factor**m.SD, n)
		}
		f[latency+"_"+statistic] = g
	}
}

// aiperfRecords are the requests of profile_export.jsonl, from which the figures are
// made as AIPerf makes them.
type aiperfRecords struct {
	all           []aiperfRequest
	failed        int
	input, output float64
	began, ended  float64 // ms
	requests      compare.Requests
}

type aiperfRequest struct{ start, ttft, tpot, e2e float64 }

// aiperfRecord adds one request.
func (c *collector) aiperfRecord(o *object) error {
	var meta struct {
		Phase string  `json:"benchmark_phase"`
		Start float64 `json:"request_start_ns"`
		End   float64 `json:"request_end_ns"`
	}
	var metrics map[string]struct {
		Value json.RawMessage `json:"value"`
		Unit  string          `json:"unit"`
	}
	if err := json.Unmarshal(o.fields["metadata"], &meta); err != nil {
		return fmt.Errorf("a request's metadata: %w", err)
	}
	if err := json.Unmarshal(o.fields["metrics"], &metrics); err != nil {
		return fmt.Errorf("a request's metrics: %w", err)
	}
	if meta.Start <= 0 || meta.End < meta.Start {
		return errors.New("a request has no time")
	}
	if meta.Phase != "" && meta.Phase != "profiling" {
		return nil
	}
	c.from(ClientAIPerf, "")
	if c.records == nil {
		c.records = &aiperfRecords{began: math.Inf(1)}
	}
	value := func(tag string) float64 {
		var v float64
		m, ok := metrics[tag]
		if !ok || json.Unmarshal(m.Value, &v) != nil {
			return math.NaN()
		}
		if factor := milliseconds(m.Unit); factor > 0 {
			v *= factor
		}
		return v
	}
	r := c.records
	r.began, r.ended = math.Min(r.began, meta.Start/1e6), math.Max(r.ended, meta.End/1e6)
	if failed := o.fields["error"]; len(failed) > 0 && string(failed) != "null" {
		r.failed++
		return nil
	}
	r.input += value("input_sequence_length")
	r.output += value("output_sequence_length")
	r.all = append(r.all, aiperfRequest{meta.Start / 1e6, value("time_to_first_token"), value("inter_token_latency"), value("request_latency")})
	return nil
}

// level is what the requests make; the file has no word of their load. Percentiles are numpy's, durations from the first
// start to the last end.
func (r *aiperfRecords) level() compare.Level {
	slices.SortStableFunc(r.all, func(a, b aiperfRequest) int { return cmp.Compare(a.start, b.start) })
	for i, q := range r.all {
		r.requests.Add(i, q.start, q.ttft, q.tpot, q.e2e)
	}
	f := figures{}
	n := float64(len(r.all))
	f.failures(float64(r.failed), n+float64(r.failed))
	if seconds := (r.ended - r.began) / 1000; seconds > 0 && n > 0 {
		rate := n / seconds
		f.set("request_throughput", &rate)
		if output := r.output / seconds; !math.IsNaN(output) {
			f.set("output_throughput", &output)
		}
	}
	for latency, all := range map[string][]float64{"ttft": r.requests.TTFT, "tpot": r.requests.TPOT, "e2e": r.requests.E2E} {
		numpy(f, latency, all)
	}
	l := compare.Level{Starts: []compare.Start{{Figures: f, Requests: &r.requests}}}
	if n > 0 && !math.IsNaN(r.input+r.output) {
		l.Input, l.Output = r.input/n, r.output/n
	}
	return l
}

// numpy takes mean and interpolated percentiles.
func numpy(f figures, latency string, all []float64) {
	var xs []float64
	sum, squares := 0.0, 0.0
	for _, x := range all {
		if !math.IsNaN(x) && x >= 0 {
			xs = append(xs, x)
			sum += x
		}
	}
	if len(xs) == 0 {
		return
	}
	n := len(xs)
	mean := sum / float64(n)
	for _, x := range xs {
		squares += (x - mean) * (x - mean)
	}
	slices.Sort(xs)
	f[latency+"_mean"] = compare.Figure{Value: mean, N: n, Interval: meanInterval(mean, math.Sqrt(squares/float64(n)), n)}
	for name, p := range map[string]float64{"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99} {
		rank := p * float64(n-1)
		low := int(rank)
		high := min(low+1, n-1)
		f[latency+"_"+name] = compare.Figure{Value: xs[low] + (rank-float64(low))*(xs[high]-xs[low]), N: n}
	}
}
