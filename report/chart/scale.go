package chart

import "math"

// scale maps values to pixels.
type scale struct {
	lo, hi   float64 // values at the two ends
	from, to float64 // pixels there
}

func (s scale) at(v float64) float64 {
	return s.from + (v-s.lo)/(s.hi-s.lo)*(s.to-s.from)
}

// mostTicks bounds the marks of an axis, whatever its values are.
const mostTicks = 40

// niceScale covers lo to hi with ends on round steps, about n of them, and
// returns the steps. Values that no axis can show are shown on one from 0 to 1.
func niceScale(lo, hi float64, n int, from, to float64) (scale, []float64) {
	if !(hi > lo) { // equal, or no numbers at all
		hi = lo + math.Max(1, math.Abs(lo))
	}
	step := niceStep((hi - lo) / float64(max(n, 1)))
	first, last := math.Floor(lo/step+1e-9), math.Ceil(hi/step-1e-9)
	if !(step > 0 && last-first <= mostTicks && last*step-first*step > 0) || math.IsInf(last*step, 0) || math.IsInf(first*step, 0) || first+1 == first || last-1 == last {
		return scale{0, 1, from, to}, []float64{0, 1}
	}
	var ticks []float64
	for i := first; i <= last; i++ {
		ticks = append(ticks, i*step)
	}
	return scale{first * step, last * step, from, to}, ticks
}

// niceStep is the least of 1, 2, 2.5, 5 times a power of ten that is not below v.
func niceStep(v float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(v)))
	for _, m := range []float64{1, 2, 2.5, 5} {
		if m*power >= v*(1-1e-9) {
			return m * power
		}
	}
	return 10 * power
}

// bounds grows with what it is shown, leaving out what is no number.
type bounds struct {
	lo, hi float64
	any    bool
}

func (b *bounds) add(values ...float64) {
	for _, v := range values {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			continue
		}
		if !b.any {
			b.lo, b.hi, b.any = v, v, true
		}
		b.lo, b.hi = math.Min(b.lo, v), math.Max(b.hi, v)
	}
}

// spaced says which labels at these places can be written without touching.
func spaced(at []float64, labels []string) []bool {
	free := make([]bool, len(at))
	end := math.Inf(-1)
	for i := range at {
		half := width(labels[i]) / 2
		if free[i] = at[i]-half > end; free[i] {
			end = at[i] + half + 6
		}
	}
	return free
}
