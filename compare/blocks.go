package compare

import (
	"math"
	"slices"
	"strings"
	"sync"

	"github.com/qtune/qtune/bench"
)

// Requests that follow each other wait in the same queue and are alike, so that n of
// them tell less than n strangers would. So their figures are taken in blocks of
// neighbours, each many times as long as such a likeness, and the blocks tell how
// sure the whole is: batch means for a mean, sectioning for a percentile (Asmussen
// and Glynn, Stochastic Simulation, 2007, III.5).

// The numbers of blocks: with fewer than fewest there is no interval.
const (
	fewest = 5
	most   = 10
)

// perUser is how many requests of each user a block holds at least.
const perUser = 2

// statistic is a figure of the samples of a block, and how many it needs.
type statistic struct {
	share float64 // of a percentile; 0: the mean
	least int
}

var statistics = map[string]statistic{
	"mean": {0, 1}, "p50": {0.50, 10}, "p90": {0.90, 10}, "p95": {0.95, 20}, "p99": {0.99, 100},
}

// latencyOf splits a metric's name into the latency and what is taken of it; false
// for a metric that is no latency of single requests.
func latencyOf(metric string) (string, statistic, bool) {
	latency, name, ok := strings.Cut(metric, "_")
	s, known := statistics[name]
	return latency, s, ok && known
}

// of is the figure of a block, which is sorted.
func (s statistic) of(block []float64) float64 {
	if s.share == 0 {
		return mean(block)
	}
	return block[max(int(math.Ceil(s.share*float64(len(block))-1e-9)), 1)-1]
}

// count is how many blocks n samples make; 0 for too few.
func (s statistic) count(n, users int) int {
	k := min(n/max(s.least, perUser*users), most)
	if k < fewest {
		return 0
	}
	return k
}

// series are the samples of one latency in the order of the list. Sorting its blocks
// is what takes the time, so they are kept for all figures.
type series struct {
	all    []float64
	sorted map[int][][]float64 // by the number of blocks
}

func newSeries(all []float64) *series { return &series{all, map[int][][]float64{}} }

func (s *series) blocks(k int) [][]float64 {
	if cut := s.sorted[k]; cut != nil {
		return cut
	}
	n, copied := len(s.all), slices.Clone(s.all)
	cut := make([][]float64, k)
	var wait sync.WaitGroup
	for i := range cut {
		cut[i] = copied[i*n/k : (i+1)*n/k]
		wait.Go(func() { slices.Sort(cut[i]) })
	}
	wait.Wait()
	s.sorted[k] = cut
	return cut
}

// own are the series of one side's requests, by latency.
type own map[string]*series

func (o own) of(r *Requests, latency string) *series {
	if o[latency] == nil {
		o[latency] = newSeries(finite(r.of(latency)))
	}
	return o[latency]
}

// blocked is the variance of the log of a figure over one side's requests, its
// degrees of freedom and the number of requests. A throughput for which an interval
// is given keeps that.
func (o own) blocked(l *Level, metric string, given bool) (v, freedom float64, n int, ok bool) {
	r, users := l.Starts[0].Requests, max(l.Load.Users, 1)
	if isThroughput(metric) && !given && r != nil && l.Load.Kind == bench.KindClosed {
		all := finite(r.Sent)
		slices.Sort(all)
		v, freedom, ok = paces(all, nil, users)
		return v, freedom, len(all), ok
	}
	latency, s, ok := latencyOf(metric)
	if !ok {
		return 0, 0, 0, false
	}
	samples := o.of(r, latency)
	k := s.count(len(samples.all), users)
	if k == 0 {
		return 0, 0, 0, false
	}
	logs := make([]float64, k)
	for i, block := range samples.blocks(k) {
		logs[i] = math.Log(s.of(block))
	}
	v, freedom, ok = settle(logs)
	return v, freedom, len(samples.all), ok
}

// finite are the samples that are known.
func finite(xs []float64) []float64 {
	all := make([]float64, 0, len(xs))
	for _, x := range xs {
		if !math.IsNaN(x) {
			all = append(all, x)
		}
	}
	return all
}

// pairing is the requests of the same list that both sides completed.
type pairing struct {
	a, b  *Requests
	n     int
	known map[string][2]*series
}

// of are the samples of a latency that both sides have.
func (p *pairing) of(latency string) [2]*series {
	if pair, ok := p.known[latency]; ok {
		return pair
	}
	a, b := both(p.a.of(latency), p.b.of(latency))
	p.known[latency] = [2]*series{newSeries(a), newSeries(b)}
	return p.known[latency]
}

// pair puts the requests of two sides together where each has one start, both sent
// the same list, and single requests were kept; else nil.
func pair(a, b *Level) *pairing {
	if a.List == "" || a.List != b.List || len(a.Starts) != 1 || len(b.Starts) != 1 {
		return nil
	}
	p := &pairing{a: a.Starts[0].Requests, b: b.Starts[0].Requests, known: map[string][2]*series{}}
	if p.a == nil || p.b == nil {
		return nil
	}
	for i := range min(len(p.a.E2E), len(p.b.E2E)) {
		if !math.IsNaN(p.a.E2E[i]) && !math.IsNaN(p.b.E2E[i]) {
			p.n++
		}
	}
	if p.n == 0 {
		return nil
	}
	return p
}

func (p *pairing) count() int {
	if p == nil {
		return 0
	}
	return p.n
}

// variance is that of the log of the ratio of a figure, B's by A's, over blocks of the
// same requests: what makes a request slow on both sides drops out.
func (p *pairing) variance(metric string, users int) (v, freedom float64, ok bool) {
	if p == nil {
		return 0, 0, false
	}
	if isThroughput(metric) {
		a, b := both(p.a.Sent, p.b.Sent)
		return paces(b, a, users)
	}
	latency, s, ok := latencyOf(metric)
	if !ok {
		return 0, 0, false
	}
	pair := p.of(latency)
	k := s.count(len(pair[0].all), users)
	if k == 0 {
		return 0, 0, false
	}
	a, b := pair[0].blocks(k), pair[1].blocks(k)
	logs := make([]float64, k)
	for i := range logs {
		logs[i] = math.Log(s.of(b[i]) / s.of(a[i]))
	}
	return settle(logs)
}

// both are the samples that both sides have, in the order of the list.
func both(a, b []float64) (x, y []float64) {
	n := min(len(a), len(b))
	x, y = make([]float64, 0, n), make([]float64, 0, n)
	for i := range n {
		if !math.IsNaN(a[i]) && !math.IsNaN(b[i]) {
			x, y = append(x, a[i]), append(y, b[i])
		}
	}
	return x, y
}

// isThroughput says whether a metric is a rate of requests, or of their tokens.
func isThroughput(metric string) bool {
	return strings.HasSuffix(metric, "_throughput") && metric != "peak_output_throughput"
}

// paces is the variance of how fast blocks of requests were sent, or where there are
// others, of that by how fast the others were: users who wait for their answers send
// as fast as the server lets them.
func paces(sent, others []float64, users int) (v, freedom float64, ok bool) {
	n := len(sent) - 1
	k := statistic{least: 1}.count(n, users)
	if k == 0 {
		return 0, 0, false
	}
	logs := make([]float64, k)
	for i := range logs {
		from, to := i*n/k, (i+1)*n/k
		took := (sent[to] - sent[from]) / float64(to-from)
		if others != nil {
			took /= (others[to] - others[from]) / float64(to-from)
		}
		logs[i] = -math.Log(took)
	}
	return settle(logs)
}

// settle is the variance of the mean of the blocks; false where a block has no ratio.
// Blocks that are still like their neighbours tell less than strangers would: where
// they seem to be, twice their covariance counts too. Of k strangers it comes out
// 1/k of the variance too small, which is put right.
func settle(logs []float64) (v, freedom float64, ok bool) {
	k, s := float64(len(logs)), variance(logs)
	v = (s + 2*max(covariance(logs)+s/k, 0)) / k
	return v, k - 1, !math.IsNaN(v) && !math.IsInf(v, 0)
}

// covariance is that of neighbours.
func covariance(xs []float64) float64 {
	m, sum := mean(xs), 0.0
	for i := range xs[1:] {
		sum += (xs[i] - m) * (xs[i+1] - m)
	}
	return sum / float64(len(xs)-1)
}
