package bench

import (
	"math"
	"slices"
	"sort"

	"gonum.org/v1/gonum/stat/distuv"
)

// The fewest samples that a figure is made of. A percentile p needs so many that
// at least one is expected beyond it: 10 for p90, 20 for p95, 100 for p99.
const (
	MinP50      = 1
	MinP90      = 10
	MinP95      = 20
	MinP99      = 100
	MinInterval = 5 // of a 95 % interval
)

// confidence is the two-sided level of every interval.
const confidence = 0.95

// factors remembers what depends on the number of samples alone. A measurement asks
// for the same few again and again, and each takes longer than sorting the samples.
// Its zero value is ready; it is for one goroutine.
type factors struct {
	t     map[int]float64
	ranks map[quantile][2]int
}

// quantile is one of n samples.
type quantile struct {
	n int
	p float64
}

// studentT is the factor by which a standard error becomes the half-width of an
// interval from n samples.
func (f *factors) studentT(n int) float64 {
	t, ok := f.t[n]
	if !ok {
		t = distuv.StudentsT{Mu: 0, Sigma: 1, Nu: float64(n - 1)}.Quantile((1 + confidence) / 2)
		if f.t == nil {
			f.t = map[int]float64{}
		}
		f.t[n] = t
	}
	return t
}

// summarise makes Stats of samples in milliseconds, which it sorts. Percentiles
// are order statistics: the smallest sample that at least that share of all does
// not exceed, without interpolation.
func (f *factors) summarise(ms []float64) Stats {
	slices.Sort(ms)
	s := Stats{N: len(ms)}
	if s.N == 0 {
		return s
	}
	mean, variance := moments(ms)
	s.Mean = &mean
	s.P50 = orderStatistic(ms, 0.50, MinP50)
	s.P90 = orderStatistic(ms, 0.90, MinP90)
	s.P95 = orderStatistic(ms, 0.95, MinP95)
	s.P99 = orderStatistic(ms, 0.99, MinP99)
	s.P50Interval, s.P90Interval = f.rankInterval(ms, 0.50), f.rankInterval(ms, 0.90)
	s.P95Interval, s.P99Interval = f.rankInterval(ms, 0.95), f.rankInterval(ms, 0.99)
	if s.N >= MinInterval {
		half := f.studentT(s.N) * math.Sqrt(variance/float64(s.N))
		s.MeanInterval = &[2]float64{mean - half, mean + half}
	}
	return s
}

func orderStatistic(sorted []float64, p float64, least int) *float64 {
	if len(sorted) < least {
		return nil
	}
	rank := int(math.Ceil(p*float64(len(sorted)) - 1e-9))
	v := sorted[max(rank, 1)-1]
	return &v
}

// moments are the mean and the sample variance.
func moments(xs []float64) (mean, variance float64) {
	for _, x := range xs {
		mean += x
	}
	mean /= float64(len(xs))
	if len(xs) < 2 {
		return mean, 0
	}
	for _, x := range xs {
		variance += (x - mean) * (x - mean)
	}
	return mean, variance / float64(len(xs)-1)
}

// line fits a line by least squares and gives its slope and the slope's standard error.
func line(xs, ys []float64) (slope, se float64) {
	mx, vx := moments(xs)
	my, _ := moments(ys)
	n := float64(len(xs))
	var xy float64
	for i := range xs {
		xy += (xs[i] - mx) * (ys[i] - my)
	}
	slope = xy / (vx * (n - 1))
	var residuals float64
	for i := range xs {
		r := ys[i] - my - slope*(xs[i]-mx)
		residuals += r * r
	}
	return slope, math.Sqrt(residuals / (n - 2) / (vx * (n - 1)))
}

// rankInterval is the 95 % interval of the quantile p by order statistics: ranks
// from the binomial distribution, whatever the samples' own. Nil where so few
// samples have none.
func (f *factors) rankInterval(sorted []float64, p float64) *[2]float64 {
	q := quantile{len(sorted), p}
	r, ok := f.ranks[q]
	if !ok {
		r = q.ranks()
		if f.ranks == nil {
			f.ranks = map[quantile][2]int{}
		}
		f.ranks[q] = r
	}
	if r[0] < 1 {
		return nil
	}
	return &[2]float64{sorted[r[0]-1], sorted[r[1]]}
}

// ranks are those of the interval's ends, the lower counted from 1 and the upper from
// 0; zeros where there is none.
func (q quantile) ranks() [2]int {
	n := float64(q.n)
	if q.n == 0 || math.Pow(q.p, n) > (1-confidence)/2 || math.Pow(1-q.p, n) > (1-confidence)/2 {
		return [2]int{}
	}
	b := distuv.Binomial{N: n, P: q.p}
	// The greatest low with P(fewer than low samples below) <= 2.5 %, and its counterpart.
	low := sort.Search(q.n, func(k int) bool { return b.CDF(float64(k)) > (1-confidence)/2 })
	high := sort.Search(q.n, func(k int) bool { return b.CDF(float64(k)) >= (1+confidence)/2 })
	if low < 1 || high >= q.n {
		return [2]int{}
	}
	return [2]int{low, high}
}

// ratio is an estimate of sum(y)/sum(x) over samples that belong together, such
// as tokens and time of each request, by the sums it needs: a run of any length
// takes the same memory.
type ratio struct{ n, x, y, xx, yy, xy float64 }

func (r *ratio) add(x, y float64) {
	r.n++
	r.x += x
	r.y += y
	r.xx += x * x
	r.yy += y * y
	r.xy += x * y
}

// value is sum(y)/sum(x).
func (r *ratio) value() float64 { return r.y / r.x }

// half is the half-width of the value's interval, by the usual linearisation:
// the variance of y - value*x over the squared mean of x. False for too few samples.
func (r *ratio) half(f *factors) (float64, bool) {
	if r.n < MinInterval || r.x <= 0 {
		return 0, false
	}
	v := r.value()
	residuals := max(0, r.yy-2*v*r.xy+v*v*r.xx)
	se := math.Sqrt(residuals/(r.n-1)/r.n) / (r.x / r.n)
	return f.studentT(int(r.n)) * se, true
}
