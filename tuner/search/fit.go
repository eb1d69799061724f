package search

import (
	"math"

	"gonum.org/v1/gonum/mat"
)

// fitter computes how improbable a kernel's parameters are, and the gradient. The
// parameters are logarithms of effect, length, joint and noise over their medians
// in the belief, in this order.
type fitter struct {
	belief
	data
	far  [][]float64 // by pair: the distance in each column
	last []float64   // the point of the values below
	f    float64
	grad []float64
}

func newFitter(b belief, d data) *fitter {
	f := &fitter{belief: b, data: d}
	for i := range d.y {
		for j := range i {
			row := make([]float64, len(b.category))
			for c, category := range b.category {
				row[c] = distance(d.sites[i].x[c], d.sites[j].x[c], category)
			}
			f.far = append(f.far, row)
		}
	}
	return f
}

// wander bounds a parameter: e^±4 of its median.
const wander = 4

func (f *fitter) kernelAt(x []float64) kernel {
	k := f.kernel
	n := len(k.category)
	factor := func(i int) float64 { return math.Exp(math.Max(-wander, math.Min(wander, x[i]))) }
	k.effect, k.length = make([]float64, n), make([]float64, n)
	for d := range n {
		k.effect[d] = f.effect[d] * factor(d)
		k.length[d] = f.length[d] * factor(n+d)
	}
	k.joint = f.joint * factor(2*n)
	k.noise = f.noise * factor(2*n+1)
	return k
}

// at is minus the log posterior at x; the gradient is written where one is wanted.
func (f *fitter) at(x, gradient []float64) float64 {
	if !same(f.last, x) {
		f.compute(x)
		f.last = append(f.last[:0], x...)
	}
	copy(gradient, f.grad)
	return f.f
}

func same(a, b []float64) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

func (f *fitter) compute(x []float64) {
	k := f.kernelAt(x)
	f.grad = make([]float64, len(x))
	p, ok := condition(k, f.data)
	var inverse mat.SymDense
	if !ok || p.factor.InverseTo(&inverse) != nil {
		f.f = math.Inf(1)
		return
	}
	f.f = 0.5*mat.Dot(mat.NewVecDense(len(f.y), f.y), p.alpha) + 0.5*p.factor.LogDet()
	f.likelihood(&k, p.alpha, &inverse)
	f.prior(x)
}

// likelihood adds the gradient ½·tr((K⁻¹-ααᵀ)·dK).
func (f *fitter) likelihood(k *kernel, alpha *mat.VecDense, inverse *mat.SymDense) {
	n := len(k.category)
	pair := 0
	for i := range f.y {
		a := alpha.AtVec(i)
		diagonal := (inverse.At(i, i) - a*a) / 2
		for d := range n {
			f.grad[d] += diagonal * 2 * k.effect[d] * k.effect[d]
		}
		f.grad[2*n] += diagonal * 2 * k.joint * k.joint
		f.grad[2*n+1] += diagonal * 2 * k.noise * k.noise
		for j := range i {
			f.pair(k, f.far[pair], inverse.At(i, j)-a*alpha.AtVec(j))
			pair++
		}
	}
}

// pair adds what one pair of different observations, both triangles of it, gives
// to the gradient: w is K⁻¹-ααᵀ there.
func (f *fitter) pair(k *kernel, far []float64, w float64) {
	n := len(k.category)
	square := 0.0
	for d := range n {
		r := far[d] / k.length[d]
		e := k.effect[d] * k.effect[d]
		if r == 0 {
			f.grad[d] += w * 2 * e
			continue
		}
		f.grad[d] += w * 2 * e * matern(r)
		f.grad[n+d] += w * e * maternSlope(r) * r * r
		square += r * r
	}
	r, joint := math.Sqrt(square), k.joint*k.joint
	f.grad[2*n] += w * 2 * joint * matern(r)
	slope := w * joint * maternSlope(r)
	for d := range n {
		q := far[d] / k.length[d]
		f.grad[n+d] += slope * q * q
	}
}

// prior adds the beliefs, which are log-normal.
func (f *fitter) prior(x []float64) {
	n := len(f.category)
	for i := range x {
		spread := f.effectSpread
		switch {
		case i >= n && i < 2*n:
			spread = f.lengthSpread
		case i == 2*n+1:
			spread = f.noiseSpread
		}
		z := x[i] / spread
		f.f += z * z / 2
		f.grad[i] += z / spread
	}
}
