package search

import (
	"math"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/optimize"
	"gonum.org/v1/gonum/stat/distuv"
)

// data is what a Gaussian process is fitted to.
type data struct {
	sites []site
	y     []float64
	doubt []float64 // a standard deviation for each observation, beside the noise of all
}

func (d *data) add(s site, y, doubt float64) {
	d.sites, d.y, d.doubt = append(d.sites, s), append(d.y, y), append(d.doubt, doubt)
}

// process is a Gaussian process conditioned on data.
type process struct {
	kernel
	data
	factor mat.Cholesky
	alpha  *mat.VecDense // covariance⁻¹·y
}

// condition computes the process of a kernel on data; false if the covariance is
// not positive definite.
func condition(k kernel, d data) (*process, bool) {
	p := &process{kernel: k, data: d}
	n := len(d.y)
	if n == 0 {
		return p, true
	}
	c := mat.NewSymDense(n, nil)
	for i := range n {
		for j := i; j < n; j++ {
			v := k.of(d.sites[i], d.sites[j])
			if i == j {
				v += k.noise*k.noise + d.doubt[i]*d.doubt[i] + jitter
			}
			c.SetSym(i, j, v)
		}
	}
	if !p.factor.Factorize(c) {
		return nil, false
	}
	p.alpha = mat.NewVecDense(n, nil)
	if err := p.factor.SolveVecTo(p.alpha, mat.NewVecDense(n, d.y)); err != nil {
		return nil, false
	}
	return p, true
}

// jitter keeps the covariance of equal points positive definite.
const jitter = 1e-8

// predict is the mean and standard deviation of the surface at a point, without
// an observation's noise.
func (p *process) predict(s site) (mean, sd float64) {
	n := len(p.y)
	if n == 0 {
		return 0, math.Sqrt(p.variance(s))
	}
	k := mat.NewVecDense(n, nil)
	for i := range p.sites {
		k.SetVec(i, p.of(s, p.sites[i]))
	}
	v := mat.NewVecDense(n, nil)
	if err := p.factor.SolveVecTo(v, k); err != nil {
		return 0, math.Sqrt(p.variance(s))
	}
	return mat.Dot(k, p.alpha), math.Sqrt(math.Max(1e-10, p.variance(s)-mat.Dot(k, v)))
}

// foretells is leaveOneOut for the last n observations alone.
func (p *process) foretells(n int) float64 {
	return p.leftOut(len(p.y) - n)
}

// leaveOneOut is the sum of the log densities of each observation given the others:
// how well the process foretells what it was not told (Rasmussen and Williams 5.4.2).
func (p *process) leaveOneOut() float64 { return p.leftOut(0) }

func (p *process) leftOut(from int) float64 {
	n := len(p.y)
	var inverse mat.SymDense
	if n < 2 || p.factor.InverseTo(&inverse) != nil {
		return math.Inf(-1)
	}
	sum := 0.0
	for i := from; i < n; i++ {
		v := 1 / inverse.At(i, i)
		sum += distuv.Normal{Mu: p.y[i] - p.alpha.AtVec(i)*v, Sigma: math.Sqrt(v)}.LogProb(p.y[i])
	}
	return sum
}

// belief is what is held of a kernel's parameters before the data: medians and
// how many e-foldings each may be off.
type belief struct {
	kernel
	effectSpread float64
	lengthSpread float64
	noiseSpread  float64
}

// maxFitted is to how many observations the kernel's parameters are fitted; the
// process is then conditioned on all. It bounds the time of a proposal.
const maxFitted = 50

// fit finds the most probable kernel under a belief and conditions it on data.
func fit(b belief, d data) *process {
	part := d.spread(maxFitted)
	k := b.kernel
	if len(part.y) > 1 {
		k = mostProbable(b, part)
	}
	if p, ok := condition(k, d); ok {
		return p
	}
	k = b.kernel
	k.noise = 10*k.noise + 0.01
	p, ok := condition(k, d)
	if !ok {
		panic("a covariance with much noise is not positive definite")
	}
	return p
}

// spread is at most n of the observations: the latest half of n, and others evenly.
func (d *data) spread(n int) data {
	if len(d.y) <= n {
		return *d
	}
	var part data
	late := len(d.y) - n/2
	for i := range n - n/2 {
		k := i * late / (n - n/2)
		part.add(d.sites[k], d.y[k], d.doubt[k])
	}
	for k := late; k < len(d.y); k++ {
		part.add(d.sites[k], d.y[k], d.doubt[k])
	}
	return part
}

func mostProbable(b belief, d data) kernel {
	f := newFitter(b, d)
	start := make([]float64, 2*len(b.category)+2) // log of parameter over median
	settings := &optimize.Settings{
		MajorIterations: 25, FuncEvaluations: 60, GradientThreshold: 1e-2,
		Converger: &optimize.FunctionConverge{Absolute: 1e-3, Iterations: 3},
	}
	problem := optimize.Problem{
		Func: func(x []float64) float64 { return f.at(x, nil) },
		Grad: func(gradient, x []float64) { f.at(x, gradient) },
	}
	result, err := optimize.Minimize(problem, start, settings, &optimize.LBFGS{})
	if result == nil || err != nil && result.F > f.at(start, nil) {
		return b.kernel
	}
	return f.kernelAt(result.X)
}
