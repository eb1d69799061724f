package compare

import (
	"math"
	"slices"
	"strings"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/qtune/qtune/bench"
	"github.com/qtune/qtune/tuner/finish"
)

// estimator compares the figures of one level.
type estimator struct {
	a, b  *Level
	pairs *pairing // nil: the request lists are not the same
	noise finish.Noise
	cuts  map[*Level]own
}

// part is one thing that an interval is made of: a variance of the log of a value,
// and the degrees of freedom that it is known by.
type part struct{ variance, freedom float64 }

// known is the freedom of a variance that is taken as it is.
const known = 1e6

// row compares one metric; false where a side has no such figure, or another one
// of the same name.
func (e *estimator) row(m bench.Metric) (Row, bool) {
	a, okA := e.a.figures(m.Name)
	b, okB := e.b.figures(m.Name)
	if !okA || !okB || e.meaning(m, a[0]) != e.other(m, b[0]) {
		return Row{}, false
	}
	if m.Unit == bench.UnitShare {
		return shares(m, a, b), true
	}
	return e.ratio(m, a, b), true
}

// meaning is what a figure of A is of: goodput is of its SLO too.
func (e *estimator) meaning(m bench.Metric, f Figure) string { return meaning(m, f, e.a.SLO) }

func (e *estimator) other(m bench.Metric, f Figure) string { return meaning(m, f, e.b.SLO) }

func meaning(m bench.Metric, f Figure, slo string) string {
	if strings.HasPrefix(m.Name, "good") {
		return f.Of + " " + slo
	}
	return f.Of
}

// ratio compares by the logs of the values: their difference is the log of the ratio.
func (e *estimator) ratio(m bench.Metric, a, b []Figure) Row {
	r := Row{Metric: m}
	la, lb := logs(a), logs(b)
	r.A, r.B = centre(a, la), centre(b, lb)
	if la == nil || lb == nil {
		r.Why = WhyZero
		return r
	}
	log := mean(lb) - mean(la)
	change := math.Expm1(log)
	r.Change = &change
	if e.blocks(&r, a, b) {
		return r
	}
	var parts []part
	switch within, ok := e.paired(m, &r); {
	case ok:
		parts = append(within, e.restarts(1)...)
	default:
		x, ok := e.side(m, e.a, a, la)
		y, okB := e.side(m, e.b, b, lb)
		if r.NA, r.NB = x.n, y.n; !ok || !okB {
			r.Why = x.why
			if ok {
				r.Why = y.why
			}
			return r
		}
		parts = append(x.parts, y.parts...)
		if r.Method = x.method; y.method != x.method {
			r.Method = ByMixed
		}
	}
	half := halfWidth(parts)
	r.Interval = &[2]float64{math.Expm1(log - half), math.Expm1(log + half)}
	return r
}

// blocks compares starts that were measured beside each other, as the finish of a run
// does; false where they were not.
func (e *estimator) blocks(r *Row, a, b []Figure) bool {
	if len(a) < 2 || len(a) != len(b) {
		return false
	}
	values := make([][]float64, 2)
	for i := range a {
		if block := e.a.Starts[i].Block; block == "" || block != e.b.Starts[i].Block {
			return false
		}
		values[0], values[1] = append(values[0], a[i].Value), append(values[1], b[i].Value)
	}
	d, err := finish.Decide(values, false, e.noise)
	if err != nil {
		return false
	}
	r.Method, r.NA, r.NB = ByStarts, len(a), len(b)
	r.Interval = &[2]float64{d.Low, d.High}
	return true
}

// paired is the variance of the difference between the same requests; false where
// they are not the same, or too few.
func (e *estimator) paired(m bench.Metric, r *Row) ([]part, bool) {
	v, freedom, ok := e.pairs.variance(m.Name, max(e.a.Load.Users, 1))
	if !ok {
		return nil, false
	}
	r.Method, r.NA, r.NB = ByPairs, e.pairs.n, e.pairs.n
	return []part{{v, freedom}}, true
}

// restarts is what two sides of one start each may differ by; of n starts a side the
// mean of them.
func (e *estimator) restarts(n int) []part {
	p := e.restart(n)
	if p == nil {
		return nil
	}
	return append(p, p...)
}

func (e *estimator) restart(n int) []part {
	if e.noise.SD == 0 {
		return nil
	}
	return []part{{e.noise.SD * e.noise.SD / float64(n), e.noise.Freedom}}
}

// sided is what is known of one side's value.
type sided struct {
	parts  []part
	method Method
	n      int
	why    Why
}

// side is how sure one side's value is: by its starts, else by its requests, else
// by the interval that comes with it.
func (e *estimator) side(m bench.Metric, l *Level, figures []Figure, logs []float64) (sided, bool) {
	if n := len(logs); n > 1 {
		s := sided{parts: []part{{variance(logs) / float64(n), float64(n - 1)}}, method: ByStarts, n: n}
		if !l.Separate {
			s.parts = append(s.parts, e.restart(1)...)
		}
		return s, true
	}
	f := figures[0]
	given := f.Interval != nil && f.Interval[0] > 0
	if v, freedom, n, ok := e.own(l).blocked(l, m.Name, given); ok {
		return sided{append(e.restart(1), part{v, freedom}), ByBlocks, n, ""}, true
	}
	if !given {
		why := WhyBare
		if f.N > 0 {
			why = WhyFew
		}
		return sided{n: f.N, why: why}, false
	}
	sd := math.Log(f.Interval[1]/f.Interval[0]) / (2 * normal)
	return sided{append(e.restart(1), part{sd * sd, known}), ByInterval, f.N, ""}, true
}

// own are the series of a level.
func (e *estimator) own(l *Level) own {
	if e.cuts[l] == nil {
		e.cuts[l] = own{}
	}
	return e.cuts[l]
}

// normal is how many standard deviations of a normal distribution reach to either
// end of an interval.
const normal = 1.959963984540054

// halfWidth is that of an interval with several sources of noise: t with the degrees
// of freedom of Satterthwaite (1946).
func halfWidth(parts []part) float64 {
	total, squares := 0.0, 0.0
	for _, p := range parts {
		total += p.variance
		squares += p.variance * p.variance / p.freedom
	}
	if total == 0 {
		return 0
	}
	freedom := min(total*total/squares, known)
	return distuv.StudentsT{Mu: 0, Sigma: 1, Nu: freedom}.Quantile((1+Confidence)/2) * math.Sqrt(total)
}

// logs are those of the values; nil where one is not positive.
func logs(figures []Figure) []float64 {
	all := make([]float64, len(figures))
	for i, f := range figures {
		if !(f.Value > 0) || math.IsInf(f.Value, 0) {
			return nil
		}
		all[i] = math.Log(f.Value)
	}
	return all
}

// centre is the value that stands for several: their geometric mean, or where a
// value has no log, the arithmetic.
func centre(figures []Figure, logs []float64) float64 {
	switch {
	case len(figures) == 1:
		return figures[0].Value
	case logs != nil:
		return math.Exp(mean(logs))
	}
	sum := 0.0
	for _, f := range figures {
		sum += f.Value
	}
	return sum / float64(len(figures))
}

func mean(xs []float64) float64 {
	sum := 0.0
	for _, x := range xs {
		sum += x
	}
	return sum / float64(len(xs))
}

// variance is that of the sample.
func variance(xs []float64) float64 {
	m, sum := mean(xs), 0.0
	for _, x := range xs {
		sum += (x - m) * (x - m)
	}
	return sum / float64(len(xs)-1)
}

// shares compares the shares of requests that failed or were good, by their
// difference: one success and one failure are added to each side (Agresti and Caffo
// 2000). Where starts differ by more than counts explain, their variance counts.
func shares(m bench.Metric, a, b []Figure) Row {
	r := Row{Metric: m}
	pa, va, na := pooled(a)
	pb, vb, nb := pooled(b)
	r.A, r.B, r.NA, r.NB = pa, pb, na, nb
	change := pb - pa
	r.Change = &change
	if na == 0 || nb == 0 {
		r.Why = WhyBare
		return r
	}
	middle := adjusted(pb, nb) - adjusted(pa, na)
	half := normal * math.Sqrt(va+vb)
	r.Method = ByCounts
	r.Interval = &[2]float64{min(middle-half, change), max(middle+half, change)}
	return r
}

func adjusted(p float64, n int) float64 { return (p*float64(n) + 1) / (float64(n) + 2) }

// pooled is the share over all starts, its variance, and of how many requests it is.
func pooled(figures []Figure) (share, v float64, n int) {
	var values []float64
	for _, f := range figures {
		share += f.Value * float64(max(f.N, 1))
		n += max(f.N, 1)
		values = append(values, f.Value)
	}
	share /= float64(n)
	if slices.ContainsFunc(figures, func(f Figure) bool { return f.N == 0 }) {
		return share, 0, 0
	}
	p := adjusted(share, n)
	v = p * (1 - p) / (float64(n) + 2)
	if len(values) > 1 {
		v = max(v, variance(values)/float64(len(values)))
	}
	return share, v, n
}
