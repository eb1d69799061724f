package searchbench

import (
	"math"
	"math/rand"
)

// Other is a card on which strategies are developed, so that those of the tables stay
// unseen: another truth, another load, and a prediction that is wrong in another way.
type Other struct {
	w     Workload // without limits
	truth func(*Hardware)
	wrong func(*Hardware)
}

// Others are the cards to develop on.
func Others() []Other {
	blind := func(p *Hardware) { p.attentionSeq, p.attentionUS = [4]float64{}, [4]float64{} }
	return []Other{
		{
			Workload{Name: "large card, its default attention slow", users: 48, requests: 150, inMean: 600, outMean: 200, inSpread: .5, outSpread: .6},
			func(t *Hardware) {
				t.g.bandwidth, t.g.flops, t.g.memory = 3350e9, 800e12, 80e9
				t.attentionSeq, t.attentionUS = [4]float64{.6, 0, 30, 0}, [4]float64{8, 3, 40, -1}
			},
			func(p *Hardware) { blind(p); p.eagerUS, p.noUnpacking, p.acceptance = 0, true, .1 },
		},
		{
			Workload{Name: "old card, its compute overrated", users: 12, requests: 80, inMean: 1200, outMean: 250, inSpread: .5, outSpread: .5},
			func(t *Hardware) {
				t.g.bandwidth, t.g.flops, t.g.memory = 768e9, 150e12, 48e9
				t.acceptance, t.eagerUS, t.attentionSeq = .75, 20, [4]float64{0, 1, 60, 3}
			},
			func(p *Hardware) { blind(p); p.g.etaC, p.acceptance = 2.5*p.g.etaC, .1 },
		},
		{
			Workload{Name: "speculation overrated, slow kernel unknown", users: 16, requests: 100, inMean: 700, outMean: 250, inSpread: .6, outSpread: .6},
			func(t *Hardware) { t.acceptance, t.speculateCost = .2, .2 },
			func(p *Hardware) { blind(p); p.acceptance, p.speculateCost, p.noUnpacking = .85, .02, true },
		},
		{
			Workload{Name: "small card, its memory overrated", users: 24, requests: 120, inMean: 500, outMean: 250, inSpread: .6, outSpread: .6},
			func(t *Hardware) {
				t.g.bandwidth, t.g.flops, t.g.memory, t.g.pcie = 864e9, 360e12, 30e9, 25e9
				t.attentionSeq = [4]float64{0, 5, 0, 91}
			},
			func(p *Hardware) {
				blind(p)
				p.g.pcie *= 20
				p.activationGB, p.baseGB, p.graphGB, p.eagerUS = .05, .3, 0, 0
			},
		},
	}
}

// Case is the card with its load. Its limits are 20 and 15 % above the tails of what is
// fastest without any, so that they bind.
func (o *Other) Case() *CardCase {
	c := newCardCase(o.w, Truth())
	o.truth(&c.hw)
	c.w.ttftLimit, c.w.tpotLimit = math.Inf(1), math.Inf(1)
	free := c.fastest(3)
	c.w.ttftLimit, c.w.tpotLimit = 1.2*free.TTFT, 1.15*free.TPOT
	c.best = max(free.Throughput, c.optimum(6))
	return c
}

// fastest is the best outcome of a number of coordinate descents.
func (c *CardCase) fastest(starts int) Outcome {
	r := rand.New(rand.NewSource(5))
	var best Outcome
	for range starts {
		if o := c.true(c.descend(c.runs(r))); o.Throughput > best.Throughput {
			best = o
		}
	}
	return best
}

// Wrong is the other card as it is wrongly predicted.
func (o *Other) Wrong(r *rand.Rand) Hardware {
	p := o.Calibrated(r)
	o.wrong(&p)
	return p
}

// Calibrated is the other card as it is predicted with parameters that are 20 to 60 % off.
func (o *Other) Calibrated(r *rand.Rand) Hardware {
	u := func(a, b float64) float64 { return a + (b-a)*r.Float64() }
	p := Truth()
	o.truth(&p)
	p.g.etaB *= u(.8, 1.2)
	p.g.etaC *= u(.7, 1.2)
	p.g.etaKV *= u(.7, 1.3)
	p.g.fixed *= u(.4, 2)
	p.acceptance = math.Min(.9, p.acceptance*u(.6, 1.4))
	p.activationGB *= u(.6, 1.6)
	p.baseGB *= u(.7, 1.4)
	return p
}
