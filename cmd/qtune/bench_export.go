package main

import (
	"bytes"
	"encoding/json"
	"io"
	"math"
	"slices"
	"time"

	"github.com/qtune/qtune/bench"
)

// levelDetails is each request of a level, as the result files of other clients
// want them. Times are seconds, as theirs are.
type levelDetails struct {
	inputs, outputs []int
	starts          []float64
	ttfts, e2es     []float64   // of completed requests 0 where they failed, as theirs
	itls            [][]float64 // a gap for each event behind the first
	errors          []string
	events          map[int]int // events in each second after the start
}

func (d *levelDetails) add(o bench.Outcome) {
	d.inputs, d.outputs = append(d.inputs, o.InputTokens), append(d.outputs, o.OutputTokens)
	d.starts = append(d.starts, o.Sent.Seconds())
	d.errors = append(d.errors, o.Error)
	if o.Error != "" {
		d.ttfts, d.e2es, d.itls = append(d.ttfts, 0), append(d.e2es, 0), append(d.itls, []float64{})
		d.outputs[len(d.outputs)-1] = 0
		return
	}
	d.ttfts, d.e2es = append(d.ttfts, o.TTFT.Seconds()), append(d.e2es, o.E2E.Seconds())
	gaps := []float64{}
	if d.events == nil {
		d.events = map[int]int{}
	}
	for i, a := range o.Arrivals {
		d.events[int(a.At/time.Second)] += a.Events
		if i > 0 {
			gaps = append(gaps, (a.At - o.Arrivals[i-1].At).Seconds())
		}
		for range a.Events - 1 {
			gaps = append(gaps, 0) // they came with one read
		}
	}
	d.itls = append(d.itls, gaps)
}

// otherFigures are what both clients make of the requests.
type otherFigures struct {
	duration                 float64
	completed, input, output int
	peak                     *float64  // events in the best second
	ttft, tpot, itl, e2e     []float64 // seconds
}

// figures are those of all requests from the first send to the last token, as both
// clients take it, ramp and drain included. Of answers in one piece there are no
// times of tokens.
func (d *levelDetails) figures(whole bool) otherFigures {
	var f otherFigures
	first, last := math.Inf(1), 0.0
	for i, e := range d.errors {
		first = min(first, d.starts[i])
		if e != "" {
			continue
		}
		f.completed++
		f.input += d.inputs[i]
		f.output += d.outputs[i]
		last = max(last, d.starts[i]+d.e2es[i])
		f.e2e = append(f.e2e, d.e2es[i])
		if whole {
			continue
		}
		f.ttft = append(f.ttft, d.ttfts[i])
		f.itl = append(f.itl, d.itls[i]...)
		if d.outputs[i] > 1 {
			f.tpot = append(f.tpot, (d.e2es[i]-d.ttfts[i])/float64(d.outputs[i]-1))
		}
	}
	if !whole {
		peak := 0.0
		for _, n := range d.events {
			peak = max(peak, float64(n))
		}
		f.peak = &peak
	}
	if f.completed > 0 {
		f.duration = last - first
	}
	return f
}

func (f *otherFigures) rate(n float64) float64 {
	if f.duration <= 0 {
		return 0
	}
	return n / f.duration
}

// ordered is a JSON object that keeps the order of its keys.
type ordered []entry

type entry struct {
	key   string
	value any
}

func (o *ordered) add(key string, value any) { *o = append(*o, entry{key, value}) }

// MarshalJSON writes the keys in their order.
func (o ordered) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, e := range o {
		if i > 0 {
			b.WriteByte(',')
		}
		key, err := json.Marshal(e.key)
		if err != nil {
			return nil, err
		}
		value, err := json.Marshal(e.value)
		if err != nil {
			return nil, err
		}
		b.Write(append(append(key, ':'), value...))
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// latencies adds mean, median, standard deviation and percentiles in milliseconds
// as numpy takes them: the deviation of the population, and interpolated percentiles.
// Without samples they are null.
func (o *ordered) latencies(name string, seconds []float64, percentiles ...string) {
	if len(seconds) == 0 {
		for _, p := range append([]string{"mean", "median", "std"}, percentiles...) {
			o.add(p+"_"+name+"_ms", nil)
		}
		return
	}
	ms := make([]float64, len(seconds))
	sum := 0.0
	for i, s := range seconds {
		ms[i] = 1e3 * s
		sum += ms[i]
	}
	slices.Sort(ms)
	mean, squares := sum/float64(len(ms)), 0.0
	for _, v := range ms {
		squares += (v - mean) * (v - mean)
	}
	o.add("mean_"+name+"_ms", mean)
	o.add("median_"+name+"_ms", interpolated(ms, 0.5))
	o.add("std_"+name+"_ms", math.Sqrt(squares/float64(len(ms))))
	for _, p := range percentiles {
		at := map[string]float64{"p90": 0.90, "p95": 0.95, "p99": 0.99}[p]
		o.add(p+"_"+name+"_ms", interpolated(ms, at))
	}
}

// interpolated is numpy.percentile: between the two samples around the rank.
func interpolated(sorted []float64, p float64) float64 {
	rank := p * float64(len(sorted)-1)
	low := int(rank)
	high := min(low+1, len(sorted)-1)
	return sorted[low] + (rank-float64(low))*(sorted[high]-sorted[low])
}

// vllm writes one object a level, as vllm bench serve does with --save-result.
func (b *benchResult) vllm(out io.Writer, f *benchFlags) error {
	for i := range b.Levels {
		if err := json.NewEncoder(out).Encode(b.vllmLevel(i, f.details)); err != nil {
			return err
		}
	}
	return nil
}

func (b *benchResult) vllmLevel(i int, details bool) ordered {
	l, d := &b.Levels[i], &b.details[i]
	v := d.figures(b.load.Whole)
	backend := map[bench.API]string{bench.APICompletions: "openai", bench.APIChat: "openai-chat"}[b.load.API]
	if backend == "" {
		backend = string(b.load.API)
	}
	var o ordered
	o.add("date", time.Now().Format("20060102-150405"))
	o.add("endpoint_type", backend)
	o.add("backend", backend)
	o.add("label", nil)
	o.add("model_id", b.Model)
	o.add("tokenizer_id", nil)
	o.add("num_prompts", len(d.errors))
	o.add("request_rate", vllmRate(l))
	o.add("burstiness", burstiness(b.load.Levels[i]))
	o.add("max_concurrency", concurrency(l))
	if level := b.load.Levels[i]; level.RateEnd > 0 && l.Kind == bench.KindOpen {
		o.add("ramp_up_strategy", "linear")
		o.add("ramp_up_start_rps", level.Rate)
		o.add("ramp_up_end_rps", level.RateEnd)
	}
	o.add("duration", v.duration)
	o.add("completed", v.completed)
	o.add("failed", len(d.errors)-v.completed)
	o.add("total_input_tokens", v.input)
	o.add("total_output_tokens", v.output)
	o.add("request_throughput", v.rate(float64(v.completed)))
	o.add("request_goodput", goodput(l, &v))
	o.add("output_throughput", v.rate(float64(v.output)))
	o.add("total_token_throughput", v.rate(float64(v.input+v.output)))
	o.add("max_output_tokens_per_s", v.peak)
	o.add("max_concurrent_requests", l.PeakInFlight)
	o.add("rtfx", nil)
	o.latencies("ttft", v.ttft, "p99")
	o.latencies("tpot", v.tpot, "p99")
	o.latencies("itl", v.itl, "p99")
	o.latencies("e2el", v.e2e, "p99")
	if details {
		d.addDetails(&o, true)
	}
	return o
}

// addDetails adds each request. What was generated is not kept, so it is null.
func (d *levelDetails) addDetails(o *ordered, starts bool) {
	o.add("input_lens", d.inputs)
	o.add("output_lens", d.outputs)
	o.add("ttfts", d.ttfts)
	o.add("itls", d.itls)
	if starts {
		o.add("start_times", d.starts)
	}
	o.add("generated_texts", nil)
	o.add("errors", d.errors)
}

func vllmRate(l *bench.LevelResult) any {
	if l.Rate > 0 {
		return l.Rate
	}
	return "inf"
}

func burstiness(l bench.Level) any {
	switch {
	case l.Arrival == bench.ArrivalGamma:
		return l.Burstiness
	case l.Arrival == bench.ArrivalConstant:
		return nil
	}
	return 1.0
}

func concurrency(l *bench.LevelResult) any {
	if l.Users > 0 {
		return l.Users
	}
	return nil
}

// goodput is the share of good requests in the clients' duration; null without an SLO.
func goodput(l *bench.LevelResult, v *otherFigures) any {
	if l.GoodShare == nil {
		return nil
	}
	return v.rate(*l.GoodShare * float64(l.Requests.Total))
}

// sglang writes one object a level, as sglang.bench_serving appends them.
func (b *benchResult) sglang(out io.Writer, f *benchFlags) error {
	for i := range b.Levels {
		if err := json.NewEncoder(out).Encode(b.sglangLevel(i, f.details)); err != nil {
			return err
		}
	}
	return nil
}

func (b *benchResult) sglangLevel(i int, details bool) ordered {
	l, d := &b.Levels[i], &b.details[i]
	v := d.figures(b.load.Whole)
	busy := 0.0
	for _, s := range v.e2e {
		busy += s
	}
	var o ordered
	o.add("tag", nil)
	o.add("backend", sglangBackend(b.load.API))
	b.sglangDataset(&o, i)
	o.add("server_info", nil)
	o.add("duration", v.duration)
	o.add("completed", v.completed)
	o.add("total_input_tokens", v.input)
	o.add("total_input_text_tokens", v.input)
	o.add("total_input_vision_tokens", nil)
	o.add("total_output_tokens", v.output)
	o.add("total_output_tokens_retokenized", nil)
	o.add("request_throughput", v.rate(float64(v.completed)))
	o.add("input_throughput", v.rate(float64(v.input)))
	o.add("output_throughput", v.rate(float64(v.output)))
	o.add("total_throughput", v.rate(float64(v.input+v.output)))
	o.latencies("e2e_latency", v.e2e, "p90", "p95", "p99")
	o.latencies("ttft", v.ttft, "p90", "p95", "p99")
	o.latencies("tpot", v.tpot, "p90", "p95", "p99")
	o.latencies("itl", v.itl, "p90", "p95", "p99")
	o.add("concurrency", v.rate(busy))
	o.add("accept_length", nil)
	o.add("max_output_tokens_per_s", v.peak)
	o.add("max_concurrent_requests", l.PeakInFlight)
	if details {
		d.addDetails(&o, false)
	}
	return o
}

func sglangBackend(api bench.API) string {
	if name, ok := map[bench.API]string{bench.APIGenerate: "sglang", bench.APICompletions: "sglang-oai", bench.APIChat: "sglang-oai-chat"}[api]; ok {
		return name
	}
	return string(api)
}

// sglangDataset adds what was sent, in that client's words.
func (b *benchResult) sglangDataset(o *ordered, i int) {
	p, l := b.load.Prompts, &b.Levels[i]
	name, input, output, ratio := "random", any(p.InputTokens), any(l.RequestedOutputTokens), any(nil)
	switch {
	case p.File != nil:
		name, input, output = "custom", nil, nil
	case p.Trace != nil:
		name, input, output = "mooncake", nil, nil
	case p.Input == bench.Spread{} && p.Output == bench.Spread{}:
		ratio = 1.0
	}
	rate := any(nil) // theirs is Infinity, which is not JSON
	switch {
	case l.Kind == bench.KindTrace:
		rate = "trace"
	case l.Rate > 0:
		rate = l.Rate
	}
	o.add("dataset_name", name)
	o.add("request_rate", rate)
	o.add("max_concurrency", concurrency(l))
	o.add("sharegpt_output_len", nil)
	o.add("random_input_len", input)
	o.add("random_output_len", output)
	o.add("random_range_ratio", ratio)
}
