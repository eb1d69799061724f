package files

import (
	"math"

	"github.com/qtune/qtune/bench"
	"github.com/qtune/qtune/compare"
)

// perEvent tells figures of the gaps between events from those between tokens.
const perEvent = "gaps between events"

// vllm adds a result of vllm bench serve. Its tpot is (last - first)/(tokens - 1), as
// qtune's; its itl is of events; its peak counts events, and is left out.
func (c *collector) vllm(o *object) {
	c.from(ClientVLLM, o.text("model_id"))
	l := o.serving(map[string]string{"ttft": "ttft", "tpot": "tpot", "itl": "itl", "e2el": "e2e"})
	f := figures(l.Starts[0].Figures)
	f.set("total_throughput", o.number("total_token_throughput"))
	f.set("goodput", o.number("request_goodput"))
	if failed := o.number("failed"); failed != nil {
		f.failures(*failed, *failed+o.value("completed"))
	}
	c.level(l)
}

// sglang adds a result of sglang.bench_serving. It counts no failures.
func (c *collector) sglang(o *object) {
	c.from(ClientSGLang, o.text("model_id"))
	l := o.serving(map[string]string{"ttft": "ttft", "tpot": "tpot", "itl": "itl", "e2e_latency": "e2e"})
	f := figures(l.Starts[0].Figures)
	f.set("total_throughput", o.number("total_throughput"))
	f.set("input_throughput", o.number("input_throughput"))
	if d := &o.details; len(d.failed) > 0 {
		f.failures(count(d.failed), float64(len(d.failed)))
	}
	c.level(l)
}

func count(all []bool) float64 {
	n := 0.0
	for _, v := range all {
		if v {
			n++
		}
	}
	return n
}

// serving is what both clients, of one descent, have in common: names are their
// latencies with those of qtune.
func (o *object) serving(names map[string]string) compare.Level {
	f := figures{}
	f.set("request_throughput", o.number("request_throughput"))
	f.set("output_throughput", o.number("output_throughput"))
	n := int(o.value("completed"))
	for theirs, ours := range names {
		o.latency(f, theirs, ours, n)
	}
	completed := o.number("completed")
	l := compare.Level{
		Load:   closedOr(o.value("request_rate"), o.value("max_concurrency"), math.Max(o.value("num_prompts"), o.value("completed"))),
		Input:  ratio(o.number("total_input_tokens"), completed),
		Output: ratio(o.number("total_output_tokens"), completed),
	}
	if o.text("request_rate") == "trace" {
		l.Load = compare.Load{Kind: bench.KindTrace}
	}
	l.Starts = []compare.Start{{Figures: f, Requests: o.details.requests()}}
	return l
}

// latency takes mean, median and percentiles. The interval of the mean follows from
// the deviation, of gaps between events not: those of one request are alike.
func (o *object) latency(f figures, theirs, ours string, n int) {
	of := ""
	if ours == "itl" {
		of = perEvent
	}
	for prefix, statistic := range map[string]string{"mean": "mean", "median": "p50", "p90": "p90", "p95": "p95", "p99": "p99"} {
		v := o.number(prefix + "_" + theirs + "_ms")
		if v == nil || *v < 0 {
			continue
		}
		g := compare.Figure{Value: *v, Of: of}
		if of == "" {
			g.N = n
		}
		if sd := o.number("std_" + theirs + "_ms"); statistic == "mean" && of == "" && sd != nil {
			g.Interval = meanInterval(*v, *sd, n)
		}
		f[ours+"_"+statistic] = g
	}
}

// meanInterval is that of a mean of n samples; nil where so few have none.
func meanInterval(mean, sd float64, n int) *[2]float64 {
	if n < bench.MinInterval || sd < 0 {
		return nil
	}
	half := 1.96 * sd / math.Sqrt(float64(n-1))
	return &[2]float64{mean - half, mean + half}
}

// requests are the lists of details in the form of compare; nil where they do not fit
// together.
func (d *details) requests() *compare.Requests {
	n := len(d.ttfts)
	if n == 0 || len(d.spans) != n || len(d.outputs) != n {
		return nil
	}
	r := &compare.Requests{}
	for i := range n {
		if d.broken(i) {
			r.Add(i, math.NaN(), math.NaN(), math.NaN(), math.NaN())
			continue
		}
		sent, tpot := math.NaN(), math.NaN()
		if len(d.starts) == n {
			sent = 1000 * d.starts[i]
		}
		if d.outputs[i] > 1 {
			tpot = 1000 * d.spans[i] / (d.outputs[i] - 1)
		}
		r.Add(i, sent, 1000*d.ttfts[i], tpot, 1000*(d.ttfts[i]+d.spans[i]))
	}
	return r
}

// broken says whether a request failed, or has no time.
func (d *details) broken(i int) bool {
	return len(d.failed) == len(d.ttfts) && d.failed[i] || !(d.ttfts[i] > 0) || math.IsNaN(d.spans[i])
}
