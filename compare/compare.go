// Package compare owns the question whether one measurement is better than
// another: what may be compared, how large each difference is, how sure, and
// whether it is slower than allowed. It is pure: it reads no file, writes none,
// and knows no words of any language; compare/files reads, compare/show writes.
package compare

import (
	"math"
	"slices"

	"github.com/qtune/qtune/bench"
	"github.com/qtune/qtune/tuner/finish"
)

// Verdict is what is said of one figure of B against that of A.
type Verdict string

// The verdicts. Better and Worse: the whole interval of the change lies on one
// side of none. Same: it holds none, and no change larger than the margin.
// Unsure: everything else, and every figure without an interval.
const (
	Better Verdict = "better"
	Worse  Verdict = "worse"
	Same   Verdict = "no difference"
	Unsure Verdict = "cannot tell"
)

// Why says why nothing can be told; "" where something is.
type Why string

// The reasons for Unsure.
const (
	WhyFew  Why = "few"  // too few samples for an interval
	WhyBare Why = "bare" // the source gives the figure without anything that tells how sure it is
	WhyZero Why = "zero" // a figure is zero, so there is no ratio
	WhyWide Why = "wide" // the interval holds none and changes beyond the margin
)

// Method says what an interval is made of.
type Method string

// The methods.
const (
	ByStarts   Method = "starts"   // the values of several starts of each
	ByPairs    Method = "pairs"    // differences of the same requests, in blocks, one start each
	ByBlocks   Method = "blocks"   // each side's requests in blocks
	ByInterval Method = "interval" // the interval that each side's source gives
	ByMixed    Method = "mixed"    // each side by what it has
	ByCounts   Method = "counts"   // of requests that failed, or were good
)

// Confidence is the two-sided level of every interval.
const Confidence = 0.95

// DefaultMargin is the change that an interval must exclude for Same.
const DefaultMargin = 0.10

// Options say how to compare.
type Options struct {
	// Margin is the change, a fraction, that Same excludes; 0 is DefaultMargin.
	Margin float64
	// Restart is the standard deviation of what one start of a server differs from
	// the next, a fraction. It widens what was measured on one start; below 0: none.
	// 0 is what finish.DefaultNoise says.
	Restart float64
	// Gate, if set, is what B may be slower by.
	Gate *Gate
}

func (o Options) margin() float64 {
	if o.Margin == 0 {
		return DefaultMargin
	}
	return o.Margin
}

// restart is what is held of restarts beforehand.
func (o Options) restart() finish.Noise {
	n := finish.DefaultNoise()
	switch {
	case o.Restart < 0:
		n.SD = 0
	case o.Restart > 0:
		n.SD = o.Restart
	}
	return n
}

// Comparison is what became of comparing B with A.
type Comparison struct {
	A       *Side
	B       *Side
	Reasons []Reason // why the two are not comparable; none: they are
	Levels  []LevelPair
	OnlyA   []string // levels that B lacks, by name
	OnlyB   []string
	Margin  float64
	Restart float64 // the standard deviation of starts that was reckoned with; 0: none
	Gate    *GateResult
}

// Simulated says whether a figure of either side is no measurement.
func (c *Comparison) Simulated() bool { return c.A.Simulated || c.B.Simulated }

// LevelPair is one level that both have.
type LevelPair struct {
	Workload string // "" where neither side names one
	Name     string
	A, B     *Level
	Pairs    int // requests of the same list that both completed; 0: not paired
	Rows     []Row
}

// Row compares one figure. Change is B against A: of a share the difference, of
// everything else the ratio less one.
type Row struct {
	Metric   bench.Metric
	A, B     float64
	Change   *float64 // nil where there is no ratio
	Interval *[2]float64
	Verdict  Verdict
	Why      Why
	Method   Method // "" without an interval
	NA, NB   int    // what the interval is made of: starts, requests; 0 where that is not known
}

// LessIsBetter says which way a metric is better.
func LessIsBetter(m bench.Metric) bool {
	switch m.Unit {
	case bench.UnitMilliseconds, bench.UnitJoulesPerToken, bench.UnitCostPerTokens:
		return true
	}
	return m.Name == "error_rate"
}

// Compare compares B with A at every level that both have. What speaks against
// it is in Reasons; the figures are there all the same.
func Compare(a, b *Side, o Options) *Comparison {
	c := &Comparison{A: a, B: b, Margin: o.margin(), Restart: o.restart().SD}
	c.match()
	c.Reasons = reasons(c)
	for i := range c.Levels {
		c.Levels[i].compare(o)
	}
	if o.Gate != nil {
		c.Gate = c.judge(*o.Gate)
	}
	return c
}

func (p *LevelPair) compare(o Options) {
	e := estimator{a: p.A, b: p.B, pairs: pair(p.A, p.B), noise: o.restart(), cuts: map[*Level]own{}}
	p.Pairs = e.pairs.count()
	for _, m := range bench.Metrics() {
		if r, ok := e.row(m); ok {
			r.decide(o.margin())
			p.Rows = append(p.Rows, r)
		}
	}
}

// Paired says whether an interval was made of pairs of requests.
func (p *LevelPair) Paired() bool {
	return slices.ContainsFunc(p.Rows, func(r Row) bool { return r.Method == ByPairs })
}

// Row finds the row of a metric.
func (p *LevelPair) Row(metric string) *Row {
	for i := range p.Rows {
		if p.Rows[i].Metric.Name == metric {
			return &p.Rows[i]
		}
	}
	return nil
}

// decide gives the verdict that the interval allows.
func (r *Row) decide(margin float64) {
	if r.Interval == nil {
		r.Verdict = Unsure
		return
	}
	low, high := r.Interval[0], r.Interval[1]
	if LessIsBetter(r.Metric) {
		low, high = -high, -low
	}
	switch {
	case low > 0:
		r.Verdict = Better
	case high < 0:
		r.Verdict = Worse
	case math.Max(-low, high) <= margin:
		r.Verdict = Same
	default:
		r.Verdict, r.Why = Unsure, WhyWide
	}
}
