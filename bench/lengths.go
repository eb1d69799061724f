package bench

import (
	"math"

	"gonum.org/v1/gonum/stat/distuv"
)

// Shape is the form of a distribution of lengths.
type Shape string

// The shapes of lengths; the empty one is fixed.
const (
	ShapeUniform   Shape = "uniform"   // evenly from mean*(1-Width) to mean*(1+Width)
	ShapeNormal    Shape = "normal"    // with a standard deviation of Width*mean
	ShapeLogNormal Shape = "lognormal" // with that mean and a standard deviation of Width*mean
)

// Spread is how lengths lie about their mean, which stands elsewhere.
type Spread struct {
	Shape Shape   `json:"shape,omitempty"`
	Width float64 `json:"width,omitempty"` // as a share of the mean; above 0
	Min   int     `json:"min,omitempty"`   // no length is smaller; 0 is 1
	Max   int     `json:"max,omitempty"`   // no length is greater; 0 is no limit
}

// length is the length below which the share q of all lengths lies, q in (0, 1).
func (s Spread) length(mean int, q float64) int {
	m := float64(mean)
	switch s.Shape {
	case ShapeUniform:
		m *= 1 + s.Width*(2*q-1)
	case ShapeNormal:
		m *= 1 + s.Width*distuv.UnitNormal.Quantile(q)
	case ShapeLogNormal:
		variance := math.Log1p(s.Width * s.Width)
		m *= math.Exp(math.Sqrt(variance)*distuv.UnitNormal.Quantile(q) - variance/2)
	}
	n := int(math.Round(math.Min(m, maxTokens)))
	if s.Max > 0 {
		n = min(n, s.Max)
	}
	return max(n, s.Min, 1)
}

// check says what is wrong with the spread of what is called name.
func (s Spread) check(name string) error {
	switch s.Shape {
	case "":
		if s != (Spread{}) {
			return &usageError{"the lengths of " + name + " have a width or limits but no shape", "name one: uniform, normal or lognormal"}
		}
		return nil
	case ShapeUniform, ShapeNormal, ShapeLogNormal:
	default:
		return &usageError{"the lengths of " + name + " have the unknown shape " + string(s.Shape), "use uniform, normal or lognormal"}
	}
	switch {
	case !(s.Width > 0) || s.Width > 100 || s.Shape == ShapeUniform && s.Width > 1:
		return &usageError{"the lengths of " + name + " have no width that makes sense", "give a share of the mean above 0, of a uniform one at most 1"}
	case s.Min < 0 || s.Max < 0 || s.Max > 0 && s.Max < s.Min:
		return &usageError{"the limits of the lengths of " + name + " contradict each other", "the smallest must not exceed the greatest"}
	}
	return nil
}
