package search

import (
	"iter"
	"math"
	"math/rand/v2"
	"slices"
)

// newRand is the source of chance for the n-th proposal under a seed.
func newRand(seed uint64, n int) *rand.Rand {
	return rand.New(rand.NewPCG(seed, uint64(n)+0x9e3779b97f4a7c15))
}

// All goes through every candidate, part after part, as nested loops would: the
// first axis changes slowest, so that what a server compiles for it is shared by
// the trials that follow. The point is reused; Clone what is kept.
func (s *Space) All() iter.Seq[Point] {
	return func(yield func(Point) bool) {
		for i := range s.parts {
			p := Point{i, make([]int, len(s.parts[i].Axes))}
			for more := true; more; more = s.parts[i].next(p.At) {
				if (s.parts[i].Where == nil || s.parts[i].Where(p.At)) && !yield(p) {
					return
				}
			}
		}
	}
}

// next counts up the last axis, and those before it as it comes round.
func (p *Part) next(at []int) bool {
	for i := len(at) - 1; i >= 0; i-- {
		if at[i]++; at[i] < len(p.Axes[i].Values) {
			return true
		}
		at[i] = 0
	}
	return false
}

// anywhere is a combination of a random part, Where or not.
func (s *Space) anywhere(r *rand.Rand) Point {
	part := r.IntN(len(s.parts))
	p := Point{part, make([]int, len(s.parts[part].Axes))}
	for i, a := range s.parts[part].Axes {
		p.At[i] = r.IntN(len(a.Values))
	}
	return p
}

// randomTries bounds how often a combination is drawn for a candidate.
const randomTries = 2000

// Random is a random candidate; false if none was found, as where Where keeps
// less than one combination in thousands of a space too large to list.
func (s *Space) Random(r *rand.Rand) (Point, bool) {
	if s.listed != nil {
		if len(s.listed) == 0 {
			return Point{}, false
		}
		return s.listed[r.IntN(len(s.listed))].Clone(), true
	}
	for range randomTries {
		if p := s.anywhere(r); s.Keeps(p) {
			return p, true
		}
	}
	return Point{}, false
}

// Neighbours are the candidates that differ on one axis: by one or two steps of
// a number, by any other category.
func (s *Space) Neighbours(p Point) []Point {
	var all []Point
	for axis := range p.At {
		for _, to := range s.steps(p, axis, 2) {
			if q := p.with(axis, to); s.Keeps(q) {
				all = append(all, q)
			}
		}
	}
	return all
}

// steps are the indices that an axis can move to: numbers up to reach steps
// away, the nearest first, then what is no number.
func (s *Space) steps(p Point, axis, reach int) []int {
	ranks := s.ranks[p.Part][axis]
	at := slices.Index(ranks, p.At[axis])
	var to []int
	if at < 0 {
		to = append(to, s.landing(p.Part, axis)...)
	} else {
		for d := 1; d <= reach; d++ {
			if at+d < len(ranks) {
				to = append(to, ranks[at+d])
			}
			if at-d >= 0 {
				to = append(to, ranks[at-d])
			}
		}
	}
	for i := range s.parts[p.Part].Axes[axis].Values {
		if i != p.At[axis] && !slices.Contains(ranks, i) {
			to = append(to, i)
		}
	}
	return to
}

// landing are the numbers to try from a value that is none: the middle and the ends.
func (s *Space) landing(part, axis int) []int {
	ranks := s.ranks[part][axis]
	if len(ranks) == 0 {
		return nil
	}
	to := []int{ranks[len(ranks)/2], ranks[0], ranks[len(ranks)-1]}
	slices.Sort(to)
	return slices.Compact(to)
}

// mutate changes n random axes to random values; false if Where leaves none of a
// few attempts, or there is no axis.
func (s *Space) mutate(p Point, n int, r *rand.Rand) (Point, bool) {
	if len(p.At) == 0 {
		return Point{}, false
	}
	for range 20 {
		q := p.Clone()
		for range n {
			axis := r.IntN(len(q.At))
			q.At[axis] = r.IntN(len(s.parts[p.Part].Axes[axis].Values))
		}
		if s.Keeps(q) {
			return q, true
		}
	}
	return Point{}, false
}

// OnGrid is the candidate nearest to a point that may hold the engine's own
// values; false if Where leaves nothing near it.
func (s *Space) OnGrid(p Point, r *rand.Rand) (Point, bool) {
	q := p.Clone()
	for i, at := range p.At {
		if at == Own {
			q.At[i] = s.nearest(p, i)
		}
	}
	if s.Keeps(q) {
		return q, true
	}
	for n := 1; n <= len(q.At); n++ {
		if m, ok := s.mutate(q, n, r); ok {
			return m, true
		}
	}
	return s.Random(r)
}

// nearest is the index of the value most like the engine's own: that value, else
// the nearest number, else no flag, else the first.
func (s *Space) nearest(p Point, axis int) int {
	values, own := s.parts[p.Part].Axes[axis].Values, s.Value(p, axis)
	best, distance := 0, math.Inf(1)
	for i, v := range values {
		if v.Text == own.Text || !own.isNumber() && math.IsInf(distance, 1) && v.Text == Off().Text {
			return i
		}
		if d := math.Abs(v.Number - own.Number); d < distance {
			best, distance = i, d
		}
	}
	return best
}

// unseen is a random candidate that is not in seen; false if there is none, or
// none was found in a space too large to list.
func (s *Space) unseen(seen map[string]bool, r *rand.Rand) (Point, bool) {
	for range 200 {
		if p, ok := s.Random(r); ok && !seen[s.Key(p)] {
			return p, true
		}
	}
	var left []Point
	for _, p := range s.listed {
		if !seen[s.Key(p)] {
			left = append(left, p)
		}
	}
	if len(left) == 0 {
		return Point{}, false
	}
	return left[r.IntN(len(left))].Clone(), true
}
