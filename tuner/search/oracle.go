package search

import (
	"math"
	"math/rand/v2"
	"slices"
)

// oracle asks the prior, remembers what it said, and knows which candidates it
// likes and what it cannot see.
type oracle struct {
	*Problem
	said   map[string]answer
	ranked []Point // best first; nil until asked
	center float64 // median gain of the ranked
	unseen []bool  // by column: changes no prediction
}

type answer struct {
	Prediction
	known bool
}

func newOracle(p *Problem) *oracle {
	return &oracle{Problem: p, said: map[string]answer{}}
}

// ask is the prior's prediction; false if there is no prior or it does not know.
func (o *oracle) ask(p Point) (Prediction, bool) {
	if o.Prior == nil {
		return Prediction{}, false
	}
	key := o.Space.Key(p)
	a, ok := o.said[key]
	if !ok {
		a.Prediction, a.known = o.Prior(p)
		a.known = a.known && len(a.Limits) == o.Limits || a.known && !a.valued()
		o.said[key] = a
	}
	return a.Prediction, a.known
}

// valued says that the prediction has figures, not only that nothing will start.
func (p *Prediction) valued() bool {
	return p.Starts > 0 && !math.IsNaN(p.Value) && p.Value > 0
}

// doubt is by how much a simulator's figures are off before anything was
// measured, in log units: 15 % (its efficiencies are known to 20 to 40 %).
const doubt = 0.15

// payoff orders predictions: by value, less what the doubt of starting and of
// keeping the limits costs.
func (o *oracle) payoff(p Point) float64 {
	a, known := o.ask(p)
	if !known || !a.valued() {
		return math.Inf(-1)
	}
	s := o.gain(a.Value) + math.Log(a.Starts)
	for _, l := range a.Limits {
		s += logPhi(-math.Log(l) / doubt)
	}
	return s
}

// The size of the screening: candidates at random, then climbs from the best.
const (
	screened  = 1000
	climbs    = 6
	maxRanked = 300
)

// rank asks the prior for many candidates and climbs from the best of them.
func (o *oracle) rank() []Point {
	if o.ranked != nil || o.Prior == nil {
		return o.ranked
	}
	pool := newPool(o.Space, nil)
	for _, p := range o.starts() {
		pool.add(p)
	}
	r := newRand(o.Seed, -1)
	for range screened {
		if p, ok := o.Space.Random(r); ok {
			pool.add(p)
		}
	}
	for _, p := range o.sorted(pool.points)[:min(climbs, len(pool.points))] {
		o.climb(p, pool)
	}
	o.ranked = o.sorted(pool.points)
	for i, p := range o.ranked {
		if i == maxRanked || math.IsInf(o.payoff(p), -1) {
			o.ranked = o.ranked[:i]
			break
		}
	}
	if len(o.ranked) > 0 {
		o.measureCenter()
		o.measureSight(r)
	}
	return o.ranked
}

func (o *oracle) sorted(points []Point) []Point {
	type scored struct {
		Point
		s float64
	}
	var all []scored
	for _, p := range points {
		all = append(all, scored{p, o.payoff(p)})
	}
	slices.SortStableFunc(all, func(a, b scored) int { return descending(a.s, b.s) })
	points = make([]Point, len(all))
	for i := range all {
		points[i] = all[i].Point
	}
	return points
}

func descending(a, b float64) int {
	switch {
	case a > b:
		return -1
	case a < b:
		return 1
	}
	return 0
}

// climb goes from neighbour to neighbour for as long as the prior promises more.
func (o *oracle) climb(p Point, pool *pool) {
	best := o.payoff(p)
	for moved := true; moved; {
		moved = false
		for _, q := range o.Space.Neighbours(p) {
			pool.add(q)
			if s := o.payoff(q); s > best+1e-9 {
				p, best, moved = q, s, true
			}
		}
	}
}

func (o *oracle) measureCenter() {
	a, _ := o.ask(o.ranked[len(o.ranked)/2])
	o.center = o.gain(a.Value)
}

// measureSight finds the columns that change nothing in what the prior says,
// around some of the candidates that it likes and some at random.
// A column that only moves the chance to start is seen.
func (o *oracle) measureSight(r *rand.Rand) {
	o.unseen = make([]bool, len(o.Space.columns))
	for i := range o.unseen {
		o.unseen[i] = true
	}
	for i := range 24 {
		p := o.ranked[min(i/3, len(o.ranked)-1)]
		switch i % 3 {
		case 1:
			p = o.ranked[r.IntN(len(o.ranked))]
		case 2:
			p, _ = o.Space.Random(r)
		}
		if p.At == nil {
			continue
		}
		for axis := range p.At {
			o.look(p, axis)
		}
	}
}

// look marks the columns of an axis as seen if moving it changes a prediction.
func (o *oracle) look(p Point, axis int) {
	before, known := o.ask(p)
	if !known {
		return
	}
	at := o.Space.places[p.Part][axis]
	for i := range o.Space.parts[p.Part].Axes[axis].Values {
		q := p.with(axis, i)
		if !o.Space.Keeps(q) {
			continue
		}
		if after, known := o.ask(q); known && !differs(&before, &after) {
			continue
		}
		for _, c := range []int{at.number, at.category} {
			if c >= 0 {
				o.unseen[c] = false
			}
		}
		return
	}
}

// differs says that two predictions are more than half a percent apart.
func differs(a, b *Prediction) bool {
	if math.Abs(a.Starts-b.Starts) > 0.01 || a.valued() != b.valued() {
		return true
	}
	far := func(x, y float64) bool { return math.Abs(math.Log(x/y)) > 0.005 }
	if far(a.Value, b.Value) {
		return true
	}
	for i := range a.Limits {
		if far(a.Limits[i], b.Limits[i]) {
			return true
		}
	}
	return false
}

// blind are the axes of a part that the prior cannot see.
func (o *oracle) blind(part int) []int {
	var axes []int
	if o.unseen == nil {
		return nil
	}
	for axis, at := range o.Space.places[part] {
		if (at.number < 0 || o.unseen[at.number]) && (at.category < 0 || o.unseen[at.category]) && at != (place{-1, -1}) {
			axes = append(axes, axis)
		}
	}
	return axes
}

// pool is a set of candidates in the order in which they came.
type pool struct {
	space  *Space
	has    map[string]bool
	points []Point
}

// newPool is an empty pool that takes nothing of tabu.
func newPool(s *Space, tabu map[string]bool) *pool {
	p := &pool{space: s, has: map[string]bool{}}
	for k := range tabu {
		p.has[k] = true
	}
	return p
}

func (p *pool) add(points ...Point) {
	for _, q := range points {
		if k := p.space.Key(q); !p.has[k] {
			p.has[k] = true
			p.points = append(p.points, q)
		}
	}
}
