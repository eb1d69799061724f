package files

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/qtune/qtune/bench"
	"github.com/qtune/qtune/compare"
)

// Sent says what a level of qtune's own sends, in a form that can be kept beside its
// figures: see compare.Level.
type Sent struct {
	Sends []string `json:"sends"`
	List  string   `json:"list"`
	SLO   string   `json:"slo,omitempty"`
	Level string   `json:"level"` // its name in full
}

// SentBy is what a level of a workload sends. How many requests there are, and for
// how long, is no part of it: that is how well it was measured.
func SentBy(w bench.Workload, l bench.Level) Sent {
	s := Sent{Level: l.String(), Sends: []string{"api=" + string(w.API)}}
	add := func(name, value string) { s.Sends = append(s.Sends, name+"="+value) }
	switch p := &w.Prompts; {
	case p.File != nil:
		add("prompts", "file "+short(p.File.SHA256))
	case p.Trace != nil:
		add("prompts", "trace "+short(p.Trace.SHA256))
	default:
		add("input_tokens", strconv.Itoa(p.InputTokens))
	}
	optional := func(name string, v any, zero bool) {
		if !zero {
			add(name, fmt.Sprint(v))
		}
	}
	p := &w.Prompts
	optional("input_spread", p.Input, p.Input == bench.Spread{})
	optional("output_spread", p.Output, p.Output == bench.Spread{})
	optional("shared_prefix", p.SharedPrefix, p.SharedPrefix == bench.SharedPrefix{})
	optional("whole", w.Whole, !w.Whole)
	optional("reset_cache", w.ResetCache, !w.ResetCache)
	add("load", l.String())
	add("output_tokens", strconv.Itoa(l.OutputTokens))
	optional("max_in_flight", l.MaxInFlight, l.MaxInFlight == 0)
	sum := sha256.Sum256([]byte(fmt.Sprintln(s.Sends, w.Name, w.Seed))) // all that bench.Plan makes the list of
	s.List = hex.EncodeToString(sum[:8])
	var limits []string
	for _, limit := range w.SLO {
		limits = append(limits, limit.String())
	}
	s.SLO = strings.Join(limits, " ")
	return s
}

func short(sha string) string { return sha[:min(len(sha), 12)] }

// LevelOf is a measured level in the form of compare.
func LevelOf(workload string, r *bench.LevelResult, sent Sent, requests *compare.Requests) compare.Level {
	load := compare.Load{Kind: r.Kind, OutputTokens: r.RequestedOutputTokens}
	switch r.Kind {
	case bench.KindOpen:
		load.Rate, load.RateEnd = r.Rate, r.RateEnd
	case bench.KindClosed, bench.KindBurst:
		load.Users = r.Users
	}
	l := compare.Level{
		Workload: workload, Load: load, Sends: sent.Sends, List: sent.List, SLO: sent.SLO, Named: sent.Level,
		Starts: []compare.Start{{Figures: FiguresOf(r), Requests: requests, Bound: r.Client.Bound}},
	}
	if n := float64(r.Requests.Completed); n > 0 {
		l.Input, l.Output = float64(r.InputTokens)/n, float64(r.OutputTokens)/n
	}
	return l
}

// FiguresOf are the figures of a measured level with their intervals.
func FiguresOf(r *bench.LevelResult) map[string]compare.Figure {
	f := map[string]compare.Figure{}
	for _, m := range bench.Metrics() {
		v, ok := r.Metric(m.Name)
		if !ok || math.IsNaN(v) || math.IsInf(v, 0) {
			continue
		}
		f[m.Name] = compare.Figure{Value: v, Interval: intervalOf(r, m.Name, v), N: samplesOf(r, m.Name)}
	}
	return f
}

// intervalOf is a figure's 95 % interval; nil where it has none. The throughputs are
// all made of that of output tokens, and have its interval.
func intervalOf(r *bench.LevelResult, metric string, v float64) *[2]float64 {
	switch metric {
	case "output_throughput", "total_throughput", "request_throughput", "input_throughput":
		if r.ThroughputInterval == nil || r.OutputThroughput <= 0 {
			return nil
		}
		factor := v / r.OutputThroughput
		return &[2]float64{factor * r.ThroughputInterval[0], factor * r.ThroughputInterval[1]}
	case "goodput":
		return goodputInterval(r, v)
	}
	s, statistic := statsOf(r, metric)
	if s == nil {
		return nil
	}
	return map[string]*[2]float64{
		"mean": s.MeanInterval, "p50": s.P50Interval, "p90": s.P90Interval, "p95": s.P95Interval, "p99": s.P99Interval,
	}[statistic]
}

// goodputInterval adds what is not known of the share of good requests to what is not
// known of the throughput, in squares.
func goodputInterval(r *bench.LevelResult, v float64) *[2]float64 {
	if r.ThroughputInterval == nil || r.OutputThroughput <= 0 || r.GoodShare == nil || *r.GoodShare <= 0 {
		return nil
	}
	share, n := *r.GoodShare, float64(max(r.Requests.Total, 1))
	rate := (r.ThroughputInterval[1] - r.ThroughputInterval[0]) / 2 / r.OutputThroughput
	half := v * math.Hypot(rate, 1.96*math.Sqrt((1-share)/(share*n)))
	return &[2]float64{v - half, v + half}
}

func samplesOf(r *bench.LevelResult, metric string) int {
	if metric == "error_rate" || metric == "good_share" {
		return r.Requests.Total
	}
	if s, _ := statsOf(r, metric); s != nil {
		return s.N
	}
	return 0
}

// statsOf is the latency that a metric is of; nil for another one.
func statsOf(r *bench.LevelResult, metric string) (*bench.Stats, string) {
	i := strings.LastIndexByte(metric, '_')
	if i < 0 {
		return nil, ""
	}
	return map[string]*bench.Stats{
		"ttft": &r.TTFT, "tpot": &r.TPOT, "itl": &r.ITL, "e2e": &r.E2E, "queue": &r.Queue,
		"ttft_intended": &r.TTFTIntended, "e2e_intended": &r.E2EIntended,
	}[metric[:i]], metric[i+1:]
}

// own adds what `qtune bench --json` wrote.
func (c *collector) own(o *object) error {
	var levels []bench.LevelResult
	if err := json.Unmarshal(o.fields["levels"], &levels); err != nil {
		return fmt.Errorf("its levels: %w", err)
	}
	var sent []Sent
	if o.has("loads") {
		if err := json.Unmarshal(o.fields["loads"], &sent); err != nil {
			return fmt.Errorf("its loads: %w", err)
		}
	}
	if string(o.fields["partial"]) == "true" {
		return errors.New("it was interrupted: its figures are partial")
	}
	c.from(compare.ClientQtune, o.text("model"))
	c.side.Bench, c.side.Requests = o.text("bench_version"), o.text("requests_file")
	var simulated struct{ Card string }
	if o.has("simulated") {
		c.side.Simulated = json.Unmarshal(o.fields["simulated"], &simulated) == nil
		c.side.Card = simulated.Card
	}
	for i := range levels {
		var s Sent
		if len(sent) == len(levels) {
			s = sent[i]
		}
		if levels[i].Requests.Completed == 0 {
			continue // it measured nothing
		}
		c.side.Simulated = c.side.Simulated || levels[i].Simulated
		c.level(LevelOf("", &levels[i], s, nil))
	}
	return nil
}
