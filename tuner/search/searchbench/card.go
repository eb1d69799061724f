package searchbench

import (
	"math"
	"math/rand"

	"github.com/qtune/qtune/tuner/search"
)

// setting is one of the ten flags.
type setting struct {
	name     string
	category bool
	values   []float64
	normal   int // index of the engine's default
}

// The flags' places.
const (
	kernel = iota
	eager
	kvType
	attention
	utilization
	maxSeqs
	maxBatched
	offload
	maxLength
	speculative
)

func flags() []setting {
	return []setting{
		kernel:      {"kernel", true, []float64{0, 1}, 0},     // 0 awq, unpacked in each step; 1 awq_marlin
		eager:       {"eager", true, []float64{0, 1}, 0},      // 0: graphs
		kvType:      {"kvdtype", true, []float64{2, 1}, 0},    // bf16, fp8
		attention:   {"attn", true, []float64{0, 1, 2, 3}, 0}, // flash, flashinfer, triton, torch-native
		utilization: {"util", false, []float64{.70, .75, .80, .85, .88, .90, .92, .94, .95, .96, .97}, 5},
		maxSeqs:     {"seqs", false, []float64{1, 2, 4, 8, 16, 32, 64, 128, 256, 512}, 8},
		maxBatched:  {"mbt", false, []float64{256, 512, 1024, 2048, 4096, 8192, 16384}, 3},
		offload:     {"offload", false, []float64{0, 2, 4, 8}, 0}, // GB
		maxLength:   {"maxlen", false, []float64{4096, 8192, 16384, 32768, 40960}, 4},
		speculative: {"spec", false, []float64{0, 1, 2, 3, 5, 7}, 0}, // tokens
	}
}

// CardSpace is the ten flags as a space with the engine's defaults as its own values.
func CardSpace() *search.Space {
	part := search.Part{Name: "simulated"}
	for _, f := range flags() {
		a := search.Axis{Name: f.name}
		for i, v := range f.values {
			if f.category {
				a.Values = append(a.Values, search.Category(string(rune('a'+i))))
			} else {
				a.Values = append(a.Values, search.Number(v))
			}
		}
		part.Axes = append(part.Axes, a)
		part.Own = append(part.Own, a.Values[f.normal])
	}
	// The order and the repair are the prototype's, whose figures are the anchors.
	part.Order = []int{kernel, attention, offload, eager, maxSeqs, maxBatched, kvType, speculative, utilization, maxLength}
	part.Ease = make([]int, len(part.Axes))
	part.Ease[maxLength] = -1
	return search.NewSpace(part)
}

// Workload is a closed loop of users with two limits.
type Workload struct {
	Name                 string
	users, requests      int
	inMean, outMean      float64
	inSpread, outSpread  float64
	ttftLimit, tpotLimit float64 // s, 95th percentiles
}

// Workloads are chat, low latency and batch.
func Workloads() []Workload {
	return []Workload{
		{Name: "chat", users: 32, requests: 160, inMean: 800, outMean: 250, inSpread: .6, outSpread: .6, ttftLimit: 3, tpotLimit: .09},
		{Name: "low latency", users: 4, requests: 60, inMean: 1000, outMean: 300, inSpread: .5, outSpread: .5, ttftLimit: 1.2, tpotLimit: .026},
		{Name: "batch", users: 96, requests: 300, inMean: 500, outMean: 200, inSpread: .6, outSpread: .6, ttftLimit: 60, tpotLimit: .5},
	}
}

// Hardware is a set of parameters of the simulated card and engine: the true one,
// or what a simulator believes.
type Hardware struct {
	g             card
	eagerUS       float64
	attentionSeq  [4]float64 // µs a layer and decoding sequence
	attentionUS   [4]float64 // µs a layer
	acceptance    float64    // of a speculated token
	speculateCost float64
	activationGB  float64 // per 1,024 batched tokens
	baseGB        float64
	graphGB       float64
	noUnpacking   bool // does not know that awq unpacks its weights
}

// Truth is the card as it is.
func Truth() Hardware {
	return Hardware{
		g: card{
			bandwidth: 1792e9, flops: 209.5e12, memory: 32607 * 1048576, pcie: 50e9, etaB: .82, etaC: .85, smooth: 2, etaKV: .75, etaA: .45,
			small: 5, smallToken: .06, attention: 8, fixed: 1500, perSequence: 8,
		},
		eagerUS: 60, attentionSeq: [4]float64{0, -.02, .4, 91}, attentionUS: [4]float64{0, -1, 6, 40},
		acceptance: .55, speculateCost: .06, activationGB: .35, baseGB: 1.6, graphGB: 1.0,
	}
}

// Calibrated is a prediction whose parameters are 20 to 60 % off.
func Calibrated(r *rand.Rand) Hardware {
	u := func(a, b float64) float64 { return a + (b-a)*r.Float64() }
	p := Truth()
	p.g.etaB *= u(.8, 1.2)
	p.g.etaC *= u(.7, 1.2)
	p.g.etaKV *= u(.7, 1.3)
	p.g.fixed *= u(.4, 2)
	p.g.perSequence *= u(.3, 2)
	p.g.pcie *= u(.5, 1.3)
	p.eagerUS *= u(.2, 2)
	p.attentionSeq = [4]float64{0, 0, 0, 20 * u(.3, 2)}
	p.attentionUS = [4]float64{}
	p.acceptance = u(.2, .8)
	p.speculateCost = u(.02, .12)
	p.activationGB *= u(.6, 1.6)
	p.baseGB *= u(.7, 1.4)
	p.graphGB *= u(.5, 1.5)
	return p
}

// Wrong is a structurally wrong prediction: it knows nothing of the slow kernel,
// of eager's and attention's cost, and little of speculation and of memory.
func Wrong(r *rand.Rand) Hardware {
	p := Calibrated(r)
	p.eagerUS = 0
	p.attentionSeq = [4]float64{}
	p.noUnpacking = true
	p.acceptance = .1
	p.activationGB = .05
	p.baseGB = .5
	p.graphGB = 0
	return p
}

// Outcome is what a configuration gives.
type Outcome struct {
	Started    bool
	Throughput float64 // tokens/s
	TTFT, TPOT float64 // s, 95th percentiles
	SpareGB    float64 // memory beyond what the longest request needs; -Inf: refused for another reason
}

const linearParams = 31.20562176e9

// Run serves the workload under a configuration, its requests drawn with a seed.
func (t *Hardware) Run(w *Workload, at []int, seed int64) Outcome {
	l := t.serve(w, at, seed)
	if l.requests == nil {
		return Outcome{SpareGB: l.spareGB}
	}
	o := w.measure(l.requests, l.end, l.accepted)
	o.SpareGB = l.spareGB
	return o
}

// served is a workload that was served; without requests if the server did not start.
type served struct {
	requests      []*request
	end, accepted float64 // s; tokens a step
	spareGB       float64
}

func (t *Hardware) serve(w *Workload, at []int, seed int64) served {
	f := flags()
	v := func(i int) float64 { return f[i].values[at[i]] }
	m := model{layers: 64, hidden: 5120, inner: 25600, heads: 64, kvHeads: 8, headDim: 128, vocab: 151936, weightBytes: .5195, kvBytes: v(kvType)}
	c, ok := t.setup(m, v)
	if !ok {
		return served{spareGB: c.spareGB}
	}
	c.extraLayerUS, c.sequenceUS = t.attentionUS[at[attention]], t.attentionSeq[at[attention]]
	if v(eager) == 1 {
		c.extraLayerUS += t.eagerUS
	}
	g, accepted := t.g, 1.0
	if n := v(speculative); n > 0 {
		accepted = (1 - math.Pow(t.acceptance, n+1)) / (1 - t.acceptance)
		g.fixed += n * t.speculateCost * 2500
		g.perSequence += n * t.speculateCost * 600
	}
	l := served{requests: w.draw(seed, accepted), accepted: accepted, spareGB: c.spareGB}
	l.end = serve(g, m, c, l.requests, w.users)
	return l
}

// setup is the server's configuration; false if it does not start.
func (t *Hardware) setup(m model, v func(int) float64) (setup, bool) {
	weights := linearParams*.5195 + 2*151936*5120*2
	offloaded := v(offload) * 1e9
	active := (t.baseGB + t.activationGB*v(maxBatched)/1024) * 1e9
	graphs := v(eager) != 1
	if graphs {
		active += t.graphGB * 1e9 * math.Sqrt(v(maxSeqs)/256)
	}
	room := v(utilization)*t.g.memory - (weights - offloaded) - active
	c := setup{
		maxSeqs: int(v(maxSeqs)), maxBatched: int(v(maxBatched)),
		kvTokens: int(room / (64 * m.kvBytesPerTokenLayer())), offloadBytes: offloaded,
	}
	c.spareGB = (room - v(maxLength)*64*m.kvBytesPerTokenLayer()) / 1e9
	if v(utilization) >= .97 && graphs || c.maxBatched < c.maxSeqs {
		c.spareGB = math.Inf(-1)
	}
	if c.kvTokens < int(v(maxLength)) || math.IsInf(c.spareGB, -1) {
		return c, false
	}
	if v(kernel) == 0 && !t.noUnpacking {
		c.dequantBytes = 4 * linearParams
	}
	return c, true
}

func (w *Workload) draw(seed int64, accepted float64) []*request {
	r := rand.New(rand.NewSource(seed))
	requests := make([]*request, w.requests)
	for i := range requests {
		in := int(math.Max(16, w.inMean*math.Exp(w.inSpread*r.NormFloat64()-w.inSpread*w.inSpread/2)))
		out := int(math.Max(4, w.outMean*math.Exp(w.outSpread*r.NormFloat64()-w.outSpread*w.outSpread/2)))
		requests[i] = &request{in: min(in, 3000), out: int(math.Ceil(float64(min(out, 1000)) / accepted))}
	}
	return requests
}

func (w *Workload) measure(requests []*request, end, accepted float64) Outcome {
	var ttft, tpot []float64
	tokens, began := 0.0, 0.0
	warm := min(w.users, w.requests/4)
	for i, q := range requests {
		if math.IsInf(q.end, 1) {
			return Outcome{}
		}
		if i == warm {
			began = q.arrived
		}
		if i < warm {
			continue
		}
		tokens += float64(q.out) * accepted
		ttft = append(ttft, q.first-q.arrived)
		if q.out > 1 {
			tpot = append(tpot, (q.end-q.first)/(float64(q.out-1)*accepted))
		}
	}
	return Outcome{Started: true, Throughput: tokens / (end - began), TTFT: p95(ttft), TPOT: p95(tpot)}
}

// keeps says that a configuration starts and keeps both limits within a tolerance.
func (w *Workload) keeps(o Outcome, tolerance float64) bool {
	return o.Started && o.TTFT <= w.ttftLimit*(1+tolerance) && o.TPOT <= w.tpotLimit*(1+tolerance)
}
