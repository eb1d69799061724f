package search

import (
	"math"
	"slices"
)

// model is what is believed of every candidate after the trials: the objective,
// each limit and whether it starts, each a Gaussian process on what the prior
// leaves unexplained.
type model struct {
	*oracle
	trusted bool // the prior's figures are the mean
	value   surface
	limits  []surface
	starts  *classifier
}

// surface is one quantity: a mean that is taken for granted and a process on the rest.
type surface struct {
	base func(Point) float64
	rest *process
}

// view is what a model says of one candidate, in log units.
type view struct {
	gain, gainSD float64
	keeps        float64 // log probability that every limit is kept
	starts       float64 // probability
}

// Medians of the size of one flag's effect on a log scale, of interactions, and of
// the noise of one start: what flags do to throughput in public measurements is
// some 10 to 40 %, a simulator explains most of it where it sees the flag, and
// starts differ by 1.5 %, tail latencies by 5 %.
const (
	effectOpen  = 0.3  // no prior, or one that is blind here
	effectKnown = 0.15 // beside a prior
	jointOpen   = 0.2
	jointKnown  = 0.08
	offsetKnown = 0.2 // a simulator's common error
	slopeKnown  = 0.3 // its scale's error
	noiseValue  = 0.015
	noiseLimit  = 0.05
)

// clip bounds the log of a limit: how far beyond it a candidate is does not matter.
const clip = 1.5

// newModel fits a model to trials; the surface of the value is given where it was fitted
// to them before, else nil.
func newModel(o *oracle, h []Trial, trusted bool, value *surface) *model {
	m := &model{oracle: o, trusted: trusted}
	if value != nil {
		m.value = *value
	} else {
		m.value = m.fitValue(h)
	}
	for i := range o.Limits {
		m.limits = append(m.limits, m.fitLimit(h, i))
	}
	m.starts = m.fitStarts(h)
	return m
}

// belief is the belief about a surface with effects on a scale: 1 for the objective.
func (m *model) belief(scale, noise float64) belief {
	n := len(m.Space.columns)
	b := belief{effectSpread: 0.5, lengthSpread: 0.5, noiseSpread: 0.5}
	b.noise = noise
	b.length = slices.Repeat([]float64{0.7}, n)
	b.effect = slices.Repeat([]float64{effectOpen * scale}, n)
	b.joint, b.offset = jointOpen*scale, 0.5*scale
	for _, c := range m.Space.columns {
		b.category = append(b.category, c.category)
	}
	if !m.trusted {
		return b
	}
	b.joint, b.offset, b.slope = jointKnown*scale, offsetKnown*scale, slopeKnown
	for i := range n {
		if !m.unseen[i] {
			b.effect[i] = effectKnown * scale
		}
	}
	return b
}

func (m *model) site(p Point) site {
	s := site{x: m.Space.encode(p)}
	if a, known := m.ask(p); m.trusted && known && a.valued() {
		s.prior = m.gain(a.Value) - m.center
	}
	return s
}

// unforeseen is the doubt of an observation for which the prior has no figures.
const unforeseen = 0.3

func (m *model) fitValue(h []Trial) surface {
	credit := m.credit(h)
	f := surface{base: func(p Point) float64 {
		if a, known := m.ask(p); known && a.valued() {
			return m.center + credit*(m.gain(a.Value)-m.center)
		}
		return m.center
	}}
	var all []float64
	for i := range h {
		if h[i].measured() {
			all = append(all, m.gain(h[i].Value))
		}
	}
	if !m.trusted {
		middle := median(all)
		f.base = func(Point) float64 { return middle }
	}
	floor := slices.Max(append(all, math.Inf(-1))) - 2.5
	var d data
	for i := range h {
		if h[i].measured() {
			d.add(m.site(h[i].Point), math.Max(m.gain(h[i].Value), floor)-f.base(h[i].Point), m.doubtOf(&h[i]))
		}
	}
	f.rest = fit(m.belief(1, noiseValue), d)
	return f
}

// measured says that the trial has a value.
func (t *Trial) measured() bool { return !t.Pending && !t.Failed && !math.IsNaN(t.Value) }

func (m *model) doubtOf(t *Trial) float64 {
	if a, known := m.ask(t.Point); m.trusted && !(known && a.valued()) {
		return math.Hypot(t.Doubt, unforeseen)
	}
	return t.Doubt
}

func (m *model) fitLimit(h []Trial, i int) surface {
	f := surface{base: func(p Point) float64 {
		if a, known := m.ask(p); known && a.valued() {
			return logRatio(a.Limits[i])
		}
		return 0
	}}
	if !m.trusted {
		var all []float64
		for k := range h {
			if h[k].measured() && !math.IsNaN(h[k].Limits[i]) {
				all = append(all, logRatio(h[k].Limits[i]))
			}
		}
		middle := median(all)
		f.base = func(Point) float64 { return middle }
	}
	var d data
	for k := range h {
		if h[k].measured() && !math.IsNaN(h[k].Limits[i]) {
			d.add(m.site(h[k].Point), logRatio(h[k].Limits[i])-f.base(h[k].Point), m.doubtOf(&h[k]))
		}
	}
	f.rest = fit(m.belief(1.5, noiseLimit), d)
	return f
}

// logRatio is the log of a limit's ratio, clipped.
func logRatio(ratio float64) float64 {
	return math.Max(-clip, math.Min(clip, math.Log(ratio)))
}

// likely is the latent value of a start that nothing is known of: 9 in 10 with
// the doubt in the kernel. sure bounds what a prior may claim.
const (
	likely = 1.5
	sure   = 2.5
)

// latent is what is believed of a candidate's start beforehand.
func (m *model) latent(p Point) float64 {
	a, known := m.ask(p)
	if !known {
		return likely
	}
	z := math.Sqrt2 * math.Erfinv(2*math.Max(0, math.Min(1, a.Starts))-1)
	return math.Max(-sure, math.Min(sure, z))
}

func (m *model) fitStarts(h []Trial) *classifier {
	b := m.belief(1, 0)
	b.offset, b.slope, b.joint = 0.7, 0, 0.3
	for i := range b.effect {
		b.effect[i] = 1 / math.Sqrt(float64(len(b.effect)))
	}
	var sites []site
	var mean []float64
	var started []bool
	for i := range h {
		if !h[i].Pending {
			sites = append(sites, m.site(h[i].Point))
			mean = append(mean, m.latent(h[i].Point))
			started = append(started, !h[i].Failed)
		}
	}
	return classify(b.kernel, sites, mean, started)
}

func (f *surface) at(p Point, s site) (mean, sd float64) {
	mean, sd = f.rest.predict(s)
	return mean + f.base(p), sd
}

// of is the model's view of a candidate.
func (m *model) of(p Point) view {
	s := m.site(p)
	var v view
	v.gain, v.gainSD = m.value.at(p, s)
	for i := range m.limits {
		mean, sd := m.limits[i].at(p, s)
		v.keeps += logPhi(-mean / sd)
	}
	v.starts = m.starts.probability(s, m.latent(p))
	return v
}

func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}

// phi is the standard normal distribution function.
func phi(z float64) float64 { return 0.5 * math.Erfc(-z/math.Sqrt2) }

// logPhi is its logarithm, also far to the left, where phi is 0.
func logPhi(z float64) float64 {
	if z > -30 {
		return math.Log(phi(z))
	}
	return -z*z/2 - math.Log(-z) - 0.5*math.Log(2*math.Pi)
}

// improvement is the logarithm of the expected improvement of a normal over best.
func improvement(mean, sd, best float64) float64 {
	z := (mean - best) / sd
	if z < -6 { // asymptotic: sd·φ(z)/z²
		return math.Log(sd) - z*z/2 - 0.5*math.Log(2*math.Pi) - 2*math.Log(-z)
	}
	density := math.Exp(-z*z/2) / math.Sqrt(2*math.Pi)
	return math.Log(sd * (z*phi(z) + density))
}
