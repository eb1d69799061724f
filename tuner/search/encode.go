package search

import (
	"cmp"
	"math"
	"slices"
)

// column is one dimension of what a model sees of a point. An axis of numbers is
// one column from 0 to 1. What is no number is a category, told apart by
// equality alone; an axis with both has a column for each.
type column struct {
	category bool
	scale    scale
	ids      map[string]int // categories, from 1; a number is category 0
}

// place is where an axis is encoded; -1: it has no such column.
type place struct{ number, category int }

// middle stands for a number that is not there, so that an inert or absent axis
// adds no distance of its own.
const middle = 0.5

// scale maps numbers to 0 to 1.
type scale struct {
	log    bool
	unit   float64 // log only: added before the logarithm, so that 0 has a place
	lo, hi float64 // transformed ends
}

// newScale chooses between a linear and a logarithmic scale for ascending
// numbers: the one on which their steps are more alike. Zero is taken as one
// step below the smallest of the others.
func newScale(numbers []float64) scale {
	s := scale{}
	if numbers[0] >= 0 {
		l := scale{log: true}
		if numbers[0] == 0 {
			l.unit = numbers[1]
		}
		if len(numbers) > 2 && l.unevenness(numbers) < s.unevenness(numbers) {
			s = l
		}
	}
	s.lo, s.hi = s.raw(numbers[0]), s.raw(numbers[len(numbers)-1])
	return s
}

func (s scale) raw(v float64) float64 {
	if s.log {
		return math.Log2(v + s.unit)
	}
	return v
}

// of is a number's place; one beyond the ends stays near them.
func (s scale) of(v float64) float64 {
	if s.log && v+s.unit <= 0 {
		return -0.25
	}
	return math.Max(-0.25, math.Min(1.25, (s.raw(v)-s.lo)/(s.hi-s.lo)))
}

// unevenness is the coefficient of variation of the steps between the numbers.
func (s scale) unevenness(numbers []float64) float64 {
	var sum, squares float64
	for i := 1; i < len(numbers); i++ {
		step := s.raw(numbers[i]) - s.raw(numbers[i-1])
		sum += step
		squares += step * step
	}
	n := float64(len(numbers) - 1)
	mean := sum / n
	return math.Sqrt(math.Max(0, squares/n-mean*mean)) / mean
}

// encodeColumns lays out the columns. Axes of one name in several parts share
// theirs, so that what is learned on one engine is a hint for another.
func (s *Space) encodeColumns() {
	values := map[string][]Value{}
	var names []string
	for i := range s.parts {
		for k, a := range s.parts[i].Axes {
			n := a.Name
			if values[n] == nil {
				names = append(names, n)
			}
			values[n] = append(append(values[n], a.Values...), s.parts[i].Own[k])
		}
	}
	s.engines = -1
	if len(s.parts) > 1 {
		s.engines = 0
		s.columns = append(s.columns, column{category: true})
	}
	at := map[string]place{}
	for _, n := range names {
		at[n] = s.addColumns(values[n])
	}
	for i := range s.parts {
		places := make([]place, len(s.parts[i].Axes))
		for k, a := range s.parts[i].Axes {
			places[k] = at[a.Name]
		}
		s.places = append(s.places, places)
	}
}

func (s *Space) addColumns(values []Value) place {
	var numbers []float64
	ids := map[string]int{}
	for _, v := range values {
		if v.isNumber() {
			numbers = append(numbers, v.Number)
		} else if ids[v.Text] == 0 {
			ids[v.Text] = len(ids) + 1
		}
	}
	slices.Sort(numbers)
	numbers = slices.Compact(numbers)
	p := place{-1, -1}
	if len(numbers) > 1 {
		p.number = len(s.columns)
		s.columns = append(s.columns, column{scale: newScale(numbers)})
	}
	if len(ids) > 1 || len(ids) == 1 && len(numbers) > 0 {
		p.category = len(s.columns)
		s.columns = append(s.columns, column{category: true, ids: ids})
	}
	return p
}

// encode is what a model sees of a point: a number for each column.
func (s *Space) encode(p Point) []float64 {
	x := make([]float64, len(s.columns))
	for i := range x {
		if !s.columns[i].category {
			x[i] = middle
		}
	}
	if s.engines >= 0 {
		x[s.engines] = float64(p.Part)
	}
	for i := range p.At {
		if s.inert(p, i) {
			continue
		}
		at, v := s.places[p.Part][i], s.Value(p, i)
		if v.isNumber() && at.number >= 0 {
			x[at.number] = s.columns[at.number].scale.of(v.Number)
		}
		if !v.isNumber() && at.category >= 0 {
			x[at.category] = float64(s.columns[at.category].ids[v.Text])
		}
	}
	return x
}

// ascending are the indices of the values that are numbers, smallest first.
func ascending(values []Value) []int {
	var at []int
	for i, v := range values {
		if v.isNumber() {
			at = append(at, i)
		}
	}
	slices.SortStableFunc(at, func(a, b int) int { return cmp.Compare(values[a].Number, values[b].Number) })
	return at
}
