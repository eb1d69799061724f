package search

import (
	"cmp"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat"
)

// wrongBelow is the rank correlation between prediction and measurement below
// which a prior is suspected. A prior that ranks at random is below it in four of
// five cases with six trials, one that ranks as it should hardly ever.
const wrongBelow = 0.3

// believedFrom is the rank correlation from which on a prior is believed in full. What a
// simulator leaves out and starts' noise cost a good one some of it.
const believedFrom = 0.7

// credit is the share of the prior's differences that the trials bear out, once there are
// enough to judge by: its rank correlation, which is the slope of what was measured on
// what was predicted where both are in ranks. 1 for a prior that ranks well.
func (o *oracle) credit(h []Trial) float64 {
	rho, n := o.agreement(h)
	if n < minJudged || rho >= believedFrom {
		return 1
	}
	return math.Max(0, rho)
}

// agreement is Spearman's rank correlation of predicted and measured values, and
// over how many trials.
func (o *oracle) agreement(h []Trial) (rho float64, n int) {
	var predicted, measured []float64
	for i := range h {
		a, known := o.ask(h[i].Point)
		if known && a.valued() && h[i].measured() {
			predicted = append(predicted, a.Value)
			measured = append(measured, h[i].Value)
		}
	}
	if len(measured) < 2 {
		return 1, len(measured)
	}
	rho = stat.Correlation(ranks(predicted), ranks(measured), nil)
	if math.IsNaN(rho) { // one of them does not vary
		rho = 0
	}
	return rho, len(measured)
}

// ranks are the places of values in order; equal values share their mean place.
func ranks(values []float64) []float64 {
	order := make([]int, len(values))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(i, j int) int { return cmp.Compare(values[i], values[j]) })
	r := make([]float64, len(values))
	for from := 0; from < len(order); {
		to := from
		for to < len(order) && values[order[to]] == values[order[from]] {
			to++
		}
		for _, i := range order[from:to] {
			r[i] = float64(from+to-1) / 2
		}
		from = to
	}
	return r
}
