package curtail

import (
	"math"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"
)

// batches is into how many stretches the requests are cut. Neighbouring requests share
// the server's steps and are alike; stretches are so much less.
const batches = 10

// leastEach is the fewest requests of a stretch.
const leastEach = 2

// ratio is sum(y)/sum(x) with its one-sided half-width at a risk: the ratio estimator
// with the rests summed by batch (Cochran 1977, 6.3; batch means: Law 2015, 9.5.3),
// widened where neighbouring batches are correlated, and by drift. False for too few of them.
func ratio(y, x []float64, risk float64) (value, half float64, ok bool) {
	if len(y) < batches*leastEach || sum(x) <= 0 {
		return 0, 0, false
	}
	value = sum(y) / sum(x)
	rests := make([]float64, batches)
	for b := range rests {
		from, to := b*len(y)/batches, (b+1)*len(y)/batches
		rests[b] = sum(y[from:to]) - value*sum(x[from:to])
	}
	variance := stat.Variance(rests, nil) * batches / (sum(x) * sum(x))
	t := distuv.StudentsT{Mu: 0, Sigma: 1, Nu: batches - 1}
	return value, t.Quantile(1-risk) * math.Hypot(math.Sqrt(variance*inflation(rests)), drift*value), true
}

// drift is by how much a server's speed wanders over a minute, as a fraction: clocks and
// heat (the upper end of what is known of it). No part of a level averages it out.
const drift = 0.01

// mostCorrelated bounds the correlation that is corrected for: ten batches do not tell
// more than that from a trend.
const mostCorrelated = 0.8

// inflation is by what the variance of a mean of neighbours that are alike exceeds that
// of as many that are not: (1+r)/(1-r) of an autoregressive series.
func inflation(rests []float64) float64 {
	r := stat.Correlation(rests[:len(rests)-1], rests[1:], nil)
	if math.IsNaN(r) || r < 0 {
		return 1
	}
	r = math.Min(r, mostCorrelated)
	return (1 + r) / (1 - r)
}

// binomialTail is the probability of so many and more among n at a probability of p each.
func binomialTail(n int, many, p float64) float64 {
	if many <= 0 {
		return 1
	}
	return distuv.Binomial{N: float64(n), P: p}.Survival(many - 1)
}

func sum(values []float64) float64 {
	total := 0.0
	for _, v := range values {
		total += v
	}
	return total
}
