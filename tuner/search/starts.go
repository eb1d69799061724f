package search

import (
	"math"

	"gonum.org/v1/gonum/mat"
)

// classifier is a Gaussian process on whether a candidate starts: a latent value
// around what is believed beforehand, and a start with probability Φ(latent). It
// is fitted by Laplace's approximation (Rasmussen and Williams, algorithms 3.1 and
// 3.2). A failure where a start was thought likely shifts the whole scale as well
// as blaming what the failed candidate had, which is how a misjudged memory shows.
type classifier struct {
	kernel
	sites    []site
	gradient *mat.VecDense // of the log likelihood, at the mode
	factor   mat.Cholesky  // of W⁻¹ + K
	ok       bool
}

// newtonSteps bounds the search for the mode, which converges in a few.
const newtonSteps = 30

// classify fits the labels, true for a start, around the means believed.
func classify(k kernel, sites []site, mean []float64, started []bool) *classifier {
	n := len(sites)
	c := &classifier{kernel: k, sites: sites}
	if n == 0 {
		return c
	}
	cov := mat.NewSymDense(n, nil)
	for i := range n {
		for j := i; j < n; j++ {
			cov.SetSym(i, j, k.of(sites[i], sites[j]))
		}
	}
	latent := append([]float64(nil), mean...)
	for range newtonSteps {
		step, ok := c.newton(cov, latent, mean, started)
		if !ok {
			return c
		}
		if step < 1e-6 {
			break
		}
	}
	c.ok = true
	return c
}

// newton moves the latent values one step towards the mode and says how far: with
// z = latent - mean + W⁻¹·gradient the next is mean + K·(W⁻¹+K)⁻¹·z.
func (c *classifier) newton(cov *mat.SymDense, latent, mean []float64, started []bool) (float64, bool) {
	n := len(latent)
	c.gradient = mat.NewVecDense(n, nil)
	b := mat.NewSymDense(n, nil)
	b.CopySym(cov)
	z := mat.NewVecDense(n, nil)
	for i, f := range latent {
		g, w := slope(f, started[i])
		c.gradient.SetVec(i, g)
		b.SetSym(i, i, b.At(i, i)+1/w)
		z.SetVec(i, f-mean[i]+g/w)
	}
	if !c.factor.Factorize(b) {
		return 0, false
	}
	a := mat.NewVecDense(n, nil)
	if c.factor.SolveVecTo(a, z) != nil {
		return 0, false
	}
	next := mat.NewVecDense(n, nil)
	next.MulVec(cov, a)
	far := 0.0
	for i := range latent {
		to := mean[i] + next.AtVec(i)
		far = math.Max(far, math.Abs(to-latent[i]))
		latent[i] = to
	}
	return far, true
}

// slope is the gradient of the log likelihood by the latent value and minus its
// second derivative.
func slope(f float64, started bool) (gradient, curvature float64) {
	y := -1.0
	if started {
		y = 1
	}
	ratio := math.Exp(-f*f/2-logPhi(y*f)) / math.Sqrt(2*math.Pi)
	return y * ratio, math.Max(1e-6, ratio*ratio+y*f*ratio)
}

// probability is that of a start where mean is the latent value believed beforehand.
func (c *classifier) probability(s site, mean float64) float64 {
	variance := c.variance(s)
	if c.ok {
		n := len(c.sites)
		k := mat.NewVecDense(n, nil)
		for i := range c.sites {
			k.SetVec(i, c.of(s, c.sites[i]))
		}
		mean += mat.Dot(k, c.gradient)
		v := mat.NewVecDense(n, nil)
		if c.factor.SolveVecTo(v, k) == nil {
			variance = math.Max(0, variance-mat.Dot(k, v))
		}
	}
	return phi(mean / math.Sqrt(1+variance))
}
