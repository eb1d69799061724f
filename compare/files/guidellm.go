package files

import (
	"math"

	"github.com/qtune/qtune/bench"
	"github.com/qtune/qtune/compare"
)

// guideBenchmark is what is read of one of GuideLLM's benchmarks.
type guideBenchmark struct {
	Config struct {
		Strategy struct {
			Type           string  `json:"type_"`
			Streams        float64 `json:"streams"`
			MaxConcurrency float64 `json:"max_concurrency"`
			Rate           float64 `json:"rate"`
		} `json:"strategy"`
		Backend struct {
			Model string `json:"model"`
		} `json:"backend"`
		Confidence *float64 `json:"confidence"`
	} `json:"config"`
	Scheduler struct {
		Made struct {
			Successful float64 `json:"successful"`
			Errored    float64 `json:"errored"`
		} `json:"requests_made"`
	} `json:"scheduler_metrics"`
	Metrics struct {
		Requests guideMetric `json:"requests_per_second"`
		Output   guideMetric `json:"output_tokens_per_second"`
		Prompt   guideMetric `json:"prompt_tokens_per_second"`
		Latency  guideMetric `json:"request_latency"`
		TTFT     guideMetric `json:"time_to_first_token_ms"`
		ITL      guideMetric `json:"inter_token_latency_ms"`
		In       guideMetric `json:"prompt_token_count"`
		Out      guideMetric `json:"output_token_count"`
	} `json:"metrics"`
	Requests struct {
		Successful []guideRequest `json:"successful"`
	} `json:"requests"`
}

// guideMetric is the distribution of a figure; that of successful requests is taken.
type guideMetric struct {
	Successful *guideDistribution `json:"successful"`
}

type guideDistribution struct {
	Mean        *float64                  `json:"mean"`
	Count       float64                   `json:"count"`
	Percentiles map[string]*float64       `json:"percentiles"`
	MeanCI      *guideInterval            `json:"mean_ci"`
	CIs         map[string]*guideInterval `json:"percentile_cis"`
}

type guideInterval struct {
	Lower float64 `json:"lower"`
	Upper float64 `json:"upper"`
}

// guideRequest is one request, in seconds of the clock on the wall.
type guideRequest struct {
	Info struct {
		Timings struct {
			Start *float64 `json:"request_start"`
			First *float64 `json:"first_token_iteration"`
			Last  *float64 `json:"last_token_iteration"`
			End   *float64 `json:"request_end"`
		} `json:"timings"`
	} `json:"info"`
	Output struct {
		Tokens float64 `json:"total_tokens"`
	} `json:"output_metrics"`
}

// guidellm adds GuideLLM's benchmarks. Its inter_token_latency_ms is what others call
// TPOT; its own TPOT, which holds the TTFT, is nobody else's and left out.
func (c *collector) guidellm(o *object) error {
	for i := range o.benchmarks {
		b := &o.benchmarks[i]
		c.from(ClientGuideLLM, b.Config.Backend.Model)
		c.level(b.level())
	}
	return nil
}

func (b *guideBenchmark) level() compare.Level {
	f := figures{}
	m := &b.Metrics
	m.Requests.rate(f, "request_throughput")
	m.Output.rate(f, "output_throughput")
	m.Prompt.rate(f, "input_throughput")
	sure := b.Config.Confidence != nil && *b.Config.Confidence == compare.Confidence
	m.Latency.latency(f, "e2e", 1000, sure)
	m.TTFT.latency(f, "ttft", 1, sure)
	m.ITL.latency(f, "tpot", 1, sure)
	made := b.Scheduler.Made
	f.failures(made.Errored, made.Errored+made.Successful)
	return compare.Level{
		Load: b.load(), Input: m.In.mean(), Output: m.Out.mean(),
		Starts: []compare.Start{{Figures: f, Requests: guideRequests(b.Requests.Successful)}},
	}
}

func (b *guideBenchmark) load() compare.Load {
	s := b.Config.Strategy
	switch s.Type {
	case "synchronous":
		return compare.Load{Kind: bench.KindClosed, Users: 1}
	case "concurrent":
		return compare.Load{Kind: bench.KindClosed, Users: int(s.Streams)}
	case "throughput":
		return compare.Load{Kind: bench.KindClosed, Users: int(s.MaxConcurrency)}
	}
	return compare.Load{Kind: bench.KindOpen, Rate: s.Rate}
}

func (m guideMetric) mean() float64 {
	if m.Successful == nil || m.Successful.Mean == nil {
		return 0
	}
	return *m.Successful.Mean
}

// rate takes the mean of a rate over time.
func (m guideMetric) rate(f figures, metric string) {
	if m.Successful != nil && m.Successful.Count > 0 {
		f.set(metric, m.Successful.Mean)
	}
}

// latency takes a distribution in units of factor milliseconds. Requests of one answer
// are weighted by tokens in inter_token_latency_ms, whose count is thus no sample's.
func (m guideMetric) latency(f figures, latency string, factor float64, sure bool) {
	d := m.Successful
	if d == nil || d.Count == 0 {
		return
	}
	add := func(statistic string, v *float64, ci *guideInterval) {
		if v == nil || *v <= 0 {
			return
		}
		g := compare.Figure{Value: factor * *v}
		if latency != "tpot" {
			g.N = int(d.Count)
		}
		if ci != nil && sure {
			g.Interval = &[2]float64{factor * ci.Lower, factor * ci.Upper}
		}
		f[latency+"_"+statistic] = g
	}
	add("mean", d.Mean, d.MeanCI)
	for _, p := range []string{"p50", "p90", "p95", "p99"} {
		add(p, d.Percentiles[p], d.CIs[p])
	}
}

// guideRequests are the requests, in the order in which they ended.
func guideRequests(all []guideRequest) *compare.Requests {
	if len(all) == 0 {
		return nil
	}
	r := &compare.Requests{}
	for i := range all {
		t := all[i].Info.Timings
		if t.Start == nil || t.First == nil || t.Last == nil || t.End == nil {
			r.Add(i, math.NaN(), math.NaN(), math.NaN(), math.NaN())
			continue
		}
		tpot := math.NaN()
		if n := all[i].Output.Tokens; n > 1 {
			tpot = 1000 * (*t.Last - *t.First) / (n - 1)
		}
		r.Add(i, 1000**t.Start, 1000*(*t.First-*t.Start), tpot, 1000*(*t.End-*t.Start))
	}
	return r
}
