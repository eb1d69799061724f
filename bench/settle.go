package bench

import (
	"math"
	"time"
)

// When a measurement has settled: the 95 % interval of the mean of batches of
// the output throughput is at most settleHalf of it to each side.
const (
	settleHalf    = 0.02
	settleBatches = 10 // the fewest batches, so that the rule does not stop on a lucky start
	maxBatches    = 40
	maxLag1       = 0.2 // of neighbouring batches; above it they are too short to be independent
	trimPoints    = 200
	// settleOpen is the fewest requests of an open loop, 72 being those that a 95th
	// percentile needs to have an interval; settlePercentile is how far that may reach
	// to each side.
	settleOpen       = 100
	settlePercentile = 0.10
)

// interval is a value and the half-width of its 95 % interval.
type interval struct {
	value, half float64
	known       bool // half is known
}

func (v interval) settled() bool {
	return v.known && v.value > 0 && v.half <= settleHalf*v.value
}

// batchMeans is the interval of the output throughput between slot from and end.
// Batches are doubled while neighbours are correlated, as long as there are ten.
func (f *factors) batchMeans(b *bins, from int, end time.Duration) interval {
	for n := maxBatches; n >= settleBatches; n /= 2 {
		rates := b.batches(from, end, n)
		if rates == nil {
			continue
		}
		mean, variance := moments(rates)
		if n > settleBatches && lag1(rates, mean, variance) > maxLag1 {
			continue
		}
		return interval{mean, f.studentT(n) * math.Sqrt(variance/float64(n)), true}
	}
	return interval{}
}

// lag1 is the correlation of each sample with the one before.
func lag1(xs []float64, mean, variance float64) float64 {
	if variance == 0 {
		return 0
	}
	sum := 0.0
	for i := 1; i < len(xs); i++ {
		sum += (xs[i] - mean) * (xs[i-1] - mean)
	}
	return sum / (variance * float64(len(xs)-1))
}

// trim is where the start-up of a series ends: the index of the first
// observation to keep, by MSER-5 (White 1997), which minimises the squared
// standard error of the mean of what remains, over batches of five. Where that
// does not at least halve it nothing is cut, or a single slow request would cost
// all before it. False if the best cut lies in the middle: the series is too
// short to tell.
func trim(series []float64) (int, bool) {
	means := make([]float64, 0, len(series)/5)
	for i := 0; i+5 <= len(series); i += 5 {
		mean, _ := moments(series[i : i+5])
		means = append(means, mean)
	}
	n := len(means)
	best, bestCut, mser := math.Inf(1), 0, 0.0
	var sum, squares float64
	for d := n - 1; d >= 0; d-- {
		sum += means[d]
		squares += means[d] * means[d]
		kept := float64(n - d)
		if d > n/2 {
			continue
		}
		mser = max(0, squares-sum*sum/kept) / (kept * kept)
		if mser <= best*(1+1e-12) {
			best, bestCut = mser, d
		}
	}
	if best > 0.5*mser { // which is now that of the whole series
		bestCut = 0
	}
	return bestCut * 5, n == 0 || bestCut < n/2
}

// trimBins is the slot where the start-up of the throughput ends.
func trimBins(b *bins, end time.Duration) (slot int, ok bool) {
	rates := b.batches(0, end, trimPoints)
	if rates == nil {
		return 0, false
	}
	cut, ok := trim(rates)
	return int(float64(cut) / trimPoints * float64(end) / float64(b.width)), ok
}
