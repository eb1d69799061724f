// Package finish owns the statistics of the last decision: in what order the best
// candidates and the baseline are measured again, how large the winner's gain is
// and how sure, and whether it is claimed at all. The unit of replication is the
// start of a server. The package is pure: it starts and measures nothing.
package finish

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/integrate/quad"
	"gonum.org/v1/gonum/stat/distuv"
)

// Order lays out the finish in blocks, each with one start of every
// configuration; 0 is the baseline. Blocks are shuffled anew, and every second is
// the one before it backwards, so that a drift weighs on all alike.
func Order(configurations, starts int, seed uint64) [][]int {
	r := rand.New(rand.NewPCG(seed, 1))
	blocks := make([][]int, starts)
	for b := range blocks {
		if b%2 == 0 {
			blocks[b] = r.Perm(configurations)
			continue
		}
		for i := range configurations {
			blocks[b] = append(blocks[b], blocks[b-1][configurations-1-i])
		}
	}
	return blocks
}

// Noise is what is known of starts before the finish: the standard deviation of
// the log of the objective from start to start, and the number of degrees of
// freedom that this knowledge is worth.
type Noise struct {
	SD      float64
	Freedom float64
}

// DefaultNoise is the upper end of what restarts are known to do, 1.5 %, worth ten
// degrees of freedom, and starts that contradict it overrule it. Three starts say
// little of their own noise: without this, a lucky three that happen to agree would
// claim anything.
func DefaultNoise() Noise { return Noise{SD: 0.015, Freedom: 10} }

// Level is the two-sided confidence of the interval, and one minus twice the share
// of false winners that a single comparison may have.
const Level = 0.95

// Family is the share of finishes between equals in which any candidate may be
// claimed.
const Family = 0.05

// Result is what a finish says. Gains are fractions of the baseline's value, and
// positive is better, whichever way the objective goes.
type Result struct {
	Winner  int     // 0: the baseline is kept
	Best    int     // the best candidate, claimed or not
	Gain    float64 // of the best candidate over the baseline
	Low     float64 // the interval of the gain at Level
	High    float64
	SD      float64      // of one start, log units, as estimated
	Freedom float64      // of the t distribution
	Each    []Comparison // of each configuration, the baseline first
	// Close: the best candidate is not claimed, and so near to it that more blocks may
	// well decide.
	Close bool
}

// Comparison is one configuration against the baseline.
type Comparison struct {
	Gain, Low, High float64 // with the interval at Level; 0 for the baseline itself
	Better          bool    // claimed to be better than the baseline, with Family in mind
	Tied            bool    // not told apart from the best of all at Level
}

// Decide compares candidates with the baseline. values holds, for each
// configuration, one value for each block, the baseline first; every value is
// positive. The model is log value = configuration + block + start, so what shifts
// a whole block drops out. The error says what is missing.
func Decide(values [][]float64, minimize bool, noise Noise) (Result, error) {
	return decide(values, minimize, noise, 1)
}

// Extra is how many blocks are added at most, one after the other, where the decision
// is close.
const Extra = 2

// again is by how much more a candidate has to be ahead once blocks were added, for it
// has had several chances: with it, and with nearly, the share of false winners stays
// what Family says (by simulation, see the tests).
const again = 1.25

// nearly is the part of what a claim takes above which a decision is close.
const nearly = 0.5

// DecideAgain is Decide after blocks were added because a decision was close.
func DecideAgain(values [][]float64, minimize bool, noise Noise) (Result, error) {
	return decide(values, minimize, noise, again)
}

func decide(values [][]float64, minimize bool, noise Noise, stricter float64) (Result, error) {
	y, err := logs(values, minimize)
	if err != nil {
		return Result{}, err
	}
	means, variance, freedom := fit(y)
	variance, freedom = noise.temper(variance, freedom)
	r := Result{Best: 1, SD: math.Sqrt(variance), Freedom: freedom}
	claim := r.compare(means, len(y[0]), stricter)
	for c := 2; c < len(means); c++ {
		if means[c] > means[r.Best] {
			r.Best = c
		}
	}
	best := r.Each[r.Best]
	r.Gain, r.Low, r.High = best.Gain, best.Low, best.High
	if best.Better {
		r.Winner = r.Best
	}
	r.Close = !best.Better && means[r.Best]-means[0] > nearly*claim
	return r, nil
}

// compare fills in the comparisons from the means of so many starts each, and gives what
// a claim takes, in log units.
func (r *Result) compare(means []float64, starts int, stricter float64) (claim float64) {
	t := distuv.StudentsT{Mu: 0, Sigma: 1, Nu: r.Freedom}
	standard := r.SD * math.Sqrt(2/float64(starts))
	half := t.Quantile((1+Level)/2) * standard
	claim = math.Max(half, stricter*critical(len(means)-1, r.Freedom)*standard)
	top := slices.Max(means)
	for c, m := range means {
		each := Comparison{Tied: top-m <= half}
		if c > 0 {
			gain := m - means[0]
			each.Gain, each.Low, each.High = math.Expm1(gain), math.Expm1(gain-half), math.Expm1(gain+half)
			each.Better = gain > claim
		}
		r.Each = append(r.Each, each)
	}
	return claim
}

func logs(values [][]float64, minimize bool) ([][]float64, error) {
	if len(values) < 2 {
		return nil, fmt.Errorf("decide: a baseline and at least one candidate are needed, there are %d configurations", len(values))
	}
	y := make([][]float64, len(values))
	for c := range values {
		if len(values[c]) != len(values[0]) || len(values[c]) == 0 {
			return nil, fmt.Errorf("decide: configuration %d has %d starts, the baseline %d: each needs one in every block", c, len(values[c]), len(values[0]))
		}
		for _, v := range values[c] {
			if !(v > 0) {
				return nil, fmt.Errorf("decide: configuration %d has the value %v, and gains are ratios of positive ones", c, v)
			}
			l := math.Log(v)
			if minimize {
				l = -l
			}
			y[c] = append(y[c], l)
		}
	}
	return y, nil
}

// fit is the two-way analysis: each configuration's mean, and the variance of what
// configuration and block leave unexplained.
func fit(y [][]float64) (means []float64, variance, freedom float64) {
	k, n := float64(len(y)), float64(len(y[0]))
	blocks := make([]float64, len(y[0]))
	means = make([]float64, len(y))
	all := 0.0
	for c := range y {
		for b, v := range y[c] {
			means[c] += v / n
			blocks[b] += v / k
			all += v / (k * n)
		}
	}
	squares := 0.0
	for c := range y {
		for b, v := range y[c] {
			rest := v - means[c] - blocks[b] + all
			squares += rest * rest
		}
	}
	freedom = (k - 1) * (n - 1)
	if freedom == 0 {
		return means, 0, 0
	}
	return means, squares / freedom, freedom
}

// temper combines a variance with what is known beforehand (Smyth 2004). Where the
// starts contradict it, being more restless than chance explains, they alone count:
// a machine may be worse than most.
func (n Noise) temper(variance, freedom float64) (float64, float64) {
	known := n.SD * n.SD
	if freedom > 0 {
		limit := distuv.ChiSquared{K: freedom}.Quantile(0.95)
		if n.Freedom == 0 || freedom*variance > limit*known {
			return variance, freedom
		}
	}
	total := n.Freedom + freedom
	return (n.Freedom*known + freedom*variance) / total, total
}

// critical is how many standard errors the best of m candidates has to be ahead of
// the baseline for Family to hold (Dunnett 1955): the t statistics of candidates
// that share a baseline are correlated, so Bonferroni would ask for too much.
func critical(m int, freedom float64) float64 {
	scales := make([]float64, nodes) // the noise as estimated over the noise, at equal shares
	chi := distuv.ChiSquared{K: freedom}
	for i := range scales {
		scales[i] = math.Sqrt(chi.Quantile((float64(i)+0.5)/nodes) / freedom)
	}
	at, weights := make([]float64, points), make([]float64, points)
	quad.Legendre{}.FixedLocations(at, weights, -6, 6)
	for i := range at {
		weights[i] *= distuv.UnitNormal.Prob(at[i])
	}
	lo, hi := 0.0, 20.0
	for range 24 {
		c := (lo + hi) / 2
		if below(c, m, scales, at, weights) < 1-Family {
			lo = c
		} else {
			hi = c
		}
	}
	return hi
}

// nodes is how many shares of the noise's distribution the integral is taken over, and
// points how many of the baseline's.
const (
	nodes  = 40
	points = 24
)

// below is the probability that none of m equals is c standard errors ahead of a
// baseline as good: over the baseline's mean, at these places of these weights, and the
// estimate of the noise.
func below(c float64, m int, scales, at, weights []float64) float64 {
	sum := 0.0
	for _, scale := range scales {
		for i, z := range at {
			sum += weights[i] * math.Pow(distuv.UnitNormal.CDF(z+math.Sqrt2*c*scale), float64(m))
		}
	}
	return sum / float64(len(scales))
}
