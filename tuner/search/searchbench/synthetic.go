package searchbench

import (
	"fmt"
	"hash/fnv"
	"math"
	"math/rand"

	"github.com/qtune/qtune/tuner/search"
)

// Synthetic is a family of random surfaces with the traits of a server's: each
// flag has an effect on the log of throughput, a few interact, two limits depend
// on the same flags, and some combinations do not start. Strategies are developed
// on it, so that the other cases stay unseen.
type Synthetic struct {
	space   *search.Space
	value   surface
	limits  [2]surface
	room    surface // starts where it is positive
	base    search.Point
	optimum float64
	case_   string
}

// surface is a sum of one effect for each value of each axis, and of interactions.
type surface struct {
	offset float64
	effect [][]float64
	pairs  [][2]int
	pairBy [][]float64 // by pair: an amount for each value of the first, times the second's
}

func (s *surface) at(at []int) float64 {
	sum := s.offset
	for i, v := range at {
		sum += s.effect[i][v]
	}
	for k, p := range s.pairs {
		sum += s.pairBy[k][2*at[p[0]]] * s.pairBy[k][2*at[p[1]]+1]
	}
	return sum
}

// sizes are the numbers of values; the first four axes are categories.
func sizes() []int { return []int{2, 2, 2, 4, 11, 10, 7, 4, 5, 6} }

const categories = 4

func randomSurface(r *rand.Rand, size float64, pairs int) surface {
	var s surface
	for i, n := range sizes() {
		e := make([]float64, n)
		size := math.Min(2*size, size/3*math.Exp(r.NormFloat64())) // few flags matter much
		if i < categories {
			for k := range e {
				e[k] = size * r.NormFloat64()
				if r.Float64() < .15 {
					e[k] -= 3 * size
				}
			}
		} else {
			shape(e, size*1.5*r.NormFloat64(), r)
		}
		s.effect = append(s.effect, e)
	}
	for range pairs {
		p := r.Perm(len(sizes()))
		s.pairs = append(s.pairs, [2]int{p[0], p[1]})
		by := make([]float64, 2*11)
		for k := range by {
			by[k] = math.Sqrt(size/2) * r.NormFloat64() * .7
		}
		s.pairBy = append(s.pairBy, by)
	}
	return s
}

// shape fills in a linear, a saturating or a humped effect, or none.
func shape(e []float64, amount float64, r *rand.Rand) {
	kind, top := r.Intn(4), r.Float64()
	for k := range e {
		x := float64(k) / float64(len(e)-1)
		switch kind {
		case 0:
			e[k] = amount * x
		case 1:
			e[k] = amount * (1 - math.Exp(-4*x))
		case 2:
			e[k] = -math.Abs(amount) * 2 * (x - top) * (x - top)
		}
	}
}

// NewSynthetic draws a surface.
func NewSynthetic(seed int) *Synthetic {
	r := rand.New(rand.NewSource(int64(seed)))
	s := &Synthetic{value: randomSurface(r, .3, 3), room: randomSurface(r, .3, 0)}
	s.limits[0], s.limits[1] = randomSurface(r, .3, 1), randomSurface(r, .3, 1)
	part := search.Part{Name: "synthetic"}
	for i, n := range sizes() {
		a := search.Axis{Name: fmt.Sprint("f", i)}
		for k := range n {
			if i < categories {
				a.Values = append(a.Values, search.Category(string(rune('a'+k))))
			} else {
				a.Values = append(a.Values, search.Number(float64(k)))
			}
		}
		part.Axes = append(part.Axes, a)
		part.Own = append(part.Own, a.Values[r.Intn(n)])
	}
	s.space = search.NewSpace(part)
	s.base = s.space.Baseline(0)
	for i := range s.limits { // limits loosen where throughput is high
		for d := range s.limits[i].effect {
			for k := range s.limits[i].effect[d] {
				s.limits[i].effect[d][k] -= .5 * s.value.effect[d][k]
			}
		}
		s.limits[i].offset = -s.quantile(&s.limits[i], .25, r)
	}
	s.room.offset = -s.quantile(&s.room, .6, r)
	s.optimum = s.search(r)
	return s
}

func (s *Synthetic) random(r *rand.Rand) []int {
	var at []int
	for _, n := range sizes() {
		at = append(at, r.Intn(n))
	}
	return at
}

func (s *Synthetic) quantile(f *surface, q float64, r *rand.Rand) float64 {
	var all []float64
	for range 1000 {
		all = append(all, f.at(s.random(r)))
	}
	return quantile(all, q)
}

func (s *Synthetic) worth(at []int, tolerance float64) float64 {
	if s.room.at(at) <= 0 || s.limits[0].at(at) > tolerance || s.limits[1].at(at) > tolerance {
		return 0
	}
	return math.Exp(s.value.at(at))
}

func (s *Synthetic) search(r *rand.Rand) float64 {
	best := 0.0
	for range 40 {
		at := s.random(r)
		for try := 0; try < 1000 && s.worth(at, 0) == 0; try++ {
			at = s.random(r)
		}
		v := s.worth(at, 0)
		for improved := true; improved; {
			improved = false
			for d, n := range sizes() {
				for k := range n {
					to := append([]int{}, at...)
					to[d] = k
					if w := s.worth(to, 0); w > v {
						at, v, improved = to, w, true
					}
				}
			}
		}
		best = max(best, v)
	}
	return best
}

// Case is the surface as a search problem: predicted with every effect 30 % off;
// wrongly, with three axes unseen and one misjudged as well; or not at all.
func (s *Synthetic) Case(belief string, seed int) *Case {
	k := &Case{Name: "synthetic", Optimum: s.optimum}
	k.Problem = search.Problem{Space: s.space, Baseline: s.base, Limits: 2}
	k.Worth = func(p search.Point) float64 { return s.worth(p.At, .1) }
	k.Try = s.try
	if belief == "" {
		return k
	}
	r := rand.New(rand.NewSource(int64(1000 + seed)))
	order := r.Perm(len(sizes()))
	value, room, limits := s.distort(&s.value, order, belief, r), s.distort(&s.room, order, belief, r), [2]surface{}
	for i := range limits {
		limits[i] = s.distort(&s.limits[i], order, belief, r)
	}
	k.Problem.Prior = func(p search.Point) (search.Prediction, bool) {
		starts := 0.5 * math.Erfc(-room.at(p.At)/.3/math.Sqrt2)
		if starts < .5 {
			return search.Prediction{Starts: starts, Value: math.NaN()}, true
		}
		return search.Prediction{
			Starts: starts, Value: math.Exp(value.at(p.At)),
			Limits: []float64{math.Exp(limits[0].at(p.At)), math.Exp(limits[1].at(p.At))},
		}, true
	}
	return k
}

func (s *Synthetic) distort(f *surface, order []int, belief string, r *rand.Rand) surface {
	g := surface{offset: f.offset + .15*r.NormFloat64()}
	for d := range f.effect {
		factor := .7 + .6*r.Float64()
		if belief == "wrong" {
			switch d {
			case order[0], order[1], order[2]:
				factor = 0
			case order[3]:
				factor = -.2
			}
		}
		e := make([]float64, len(f.effect[d]))
		for k := range e {
			e[k] = factor * f.effect[d][k]
		}
		g.effect = append(g.effect, e)
	}
	return g
}

func (s *Synthetic) try(p search.Point, seed int) search.Trial {
	if s.room.at(p.At) <= 0 {
		return search.Trial{Point: p, Failed: true, Value: math.NaN()}
	}
	f := fnv.New64a()
	fmt.Fprint(f, text(p.At), seed)
	q := rand.New(rand.NewSource(int64(f.Sum64() >> 1)))
	return search.Trial{Point: p, Value: math.Exp(s.value.at(p.At) + RestartNoise*q.NormFloat64()), Limits: []float64{
		math.Exp(s.limits[0].at(p.At) + 4*RestartNoise*q.NormFloat64()), math.Exp(s.limits[1].at(p.At) + RestartNoise*q.NormFloat64()),
	}}
}
