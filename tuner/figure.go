package tuner

import (
	"fmt"
	"math"
	"strconv"

	"github.com/qtune/qtune/bench"
)

// Figure writes a metric's value with its unit, to as many digits as a person reads.
func Figure(v float64, u bench.Unit) string {
	switch u {
	case bench.UnitMilliseconds:
		if math.Abs(v) >= 1000 {
			return digits(v/1000, 3) + " s"
		}
		return digits(v, 3) + " ms"
	case bench.UnitShare:
		return digits(100*v, 2) + " %"
	}
	return digits(v, 4) + " " + string(u)
}

// digits rounds to n significant digits without an exponent.
func digits(v float64, n int) string {
	if v == 0 || math.IsInf(v, 0) || math.IsNaN(v) {
		return fmt.Sprint(v)
	}
	places := max(0, n-1-int(math.Floor(math.Log10(math.Abs(v)))))
	return strconv.FormatFloat(v, 'f', places, 64)
}
