package search

import "math"

// kernel is the covariance of a surface that is nearly a sum of one effect for
// each column, as flags' effects on log throughput are, with interactions on top:
//
//	k(x,y) = offset² + slope²·f(x)·f(y) + Σ effectᵈ²·m(|xᵈ-yᵈ|/lengthᵈ) + joint²·m(‖(x-y)/length‖)
//
// m is the Matérn kernel with ν = 5/2. Two categories are at distance 0 or 1. f is
// what the prior says of the point: slope is how far the prior's scale may be off.
type kernel struct {
	category []bool
	offset   float64
	slope    float64
	effect   []float64
	length   []float64
	joint    float64
	noise    float64 // standard deviation of an observation
}

const sqrt5 = 2.23606797749979

// matern is Matérn 5/2 at distance r.
func matern(r float64) float64 {
	if r == 0 {
		return 1
	}
	q := sqrt5 * r
	return (1 + q + q*q/3) * math.Exp(-q)
}

// maternSlope is minus the derivative of matern by r, over r.
func maternSlope(r float64) float64 {
	q := sqrt5 * r
	return 5.0 / 3 * (1 + q) * math.Exp(-q)
}

func distance(a, b float64, category bool) float64 {
	if !category {
		return math.Abs(a - b)
	}
	if a != b {
		return 1
	}
	return 0
}

// site is a point as a model sees it.
type site struct {
	x     []float64
	prior float64
}

func (k *kernel) of(a, b site) float64 {
	sum := k.offset*k.offset + k.slope*k.slope*a.prior*b.prior
	square := 0.0
	for d, category := range k.category {
		r := distance(a.x[d], b.x[d], category) / k.length[d]
		sum += k.effect[d] * k.effect[d] * matern(r)
		square += r * r
	}
	return sum + k.joint*k.joint*matern(math.Sqrt(square))
}

// variance is the covariance of a point with itself, without noise.
func (k *kernel) variance(a site) float64 {
	sum := k.offset*k.offset + k.slope*k.slope*a.prior*a.prior + k.joint*k.joint
	for _, e := range k.effect {
		sum += e * e
	}
	return sum
}
