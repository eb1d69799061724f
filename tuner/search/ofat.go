package search

import (
	"fmt"
	"math"
	"slices"
)

// ofat changes one factor at a time from the baseline and keeps what helps. It
// goes round the axes until a round changes nothing. Its steps double along an
// axis of numbers for as long as they help.
//
// It keeps no state: the walk is done again from the start for each proposal, and
// the first candidate on it that the history lacks is the next.
type ofat struct{ Problem }

// Next is the next step of the walk.
func (o *ofat) Next(h []Trial) (Point, string, bool) {
	if p, why, ok, done := o.opening(h, o.seen(h)); done {
		return p, why, ok
	}
	w := newWalk(&o.Problem, h)
	for _, from := range o.starts() {
		if w.climb(from); w.next != nil {
			return *w.next, w.why, true
		}
	}
	return Point{}, w.end(), false
}

// starts are where the walks of the engines begin: at what each runs with by
// itself, the baseline's first.
func (p *Problem) starts() []Point {
	parts := []int{p.Baseline.Part}
	for i := range p.Space.parts {
		if i != p.Baseline.Part {
			parts = append(parts, i)
		}
	}
	var all []Point
	for _, i := range parts {
		from := p.Space.Baseline(i)
		if i == p.Baseline.Part {
			from = p.Baseline
		}
		if at, ok := p.Space.OnGrid(from, newRand(p.Seed, i)); ok {
			all = append(all, at)
		}
	}
	return all
}

// walk replays one factor at a time over a history.
type walk struct {
	*Problem
	known map[string]*Trial
	next  *Point // the first step that the history lacks
	why   string
}

func newWalk(p *Problem, h []Trial) *walk {
	w := &walk{Problem: p, known: map[string]*Trial{}}
	for i := range h {
		w.known[p.Space.Key(h[i].Point)] = &h[i]
	}
	return w
}

func (w *walk) end() string {
	if w.Space.listed != nil && len(w.known) >= len(w.Space.listed) {
		return Exhausted
	}
	return Converged
}

// try is a step: its score if it was measured; else it becomes the next and the
// walk ends.
func (w *walk) try(from, to Point) (float64, bool) {
	t := w.known[w.Space.Key(to)]
	if t == nil {
		w.next = &to
		w.why = "one factor at a time: " + w.Space.Changes(from, to)
		if w.Space.Key(from) == w.Space.Key(to) {
			w.why = w.Space.parts[to.Part].Name + " as near to its own flags as its sweep goes"
		}
		return 0, false
	}
	if t.Pending {
		return unknown, true
	}
	return w.score(t), true
}

// unknown is the score of what runs now: below all that ran, above what did not.
const unknown = -math.MaxFloat64

// score orders trials: by value less twice the log of what breaks a limit; what
// did not run is below all.
func (p *Problem) score(t *Trial) float64 {
	if t.Failed || t.Pending || math.IsNaN(t.Value) {
		return math.Inf(-1)
	}
	s := p.gain(t.Value)
	for _, l := range t.Limits {
		if math.IsNaN(l) {
			return math.Inf(-1)
		}
		s -= 2 * math.Max(0, math.Log(l))
	}
	return s
}

// climb goes from a point until no single change helps.
func (w *walk) climb(from Point) {
	at, score, ok := w.start(from)
	if !ok {
		return
	}
	for moved := true; moved; {
		moved = false
		for _, axis := range w.order(at.Part) {
			to, s, ok := w.along(at, score, axis)
			if !ok {
				return
			}
			if s > score {
				at, score, moved = to, s, true
			}
		}
	}
}

// start is where the walk begins: the point if it runs, else the first that does
// of those that are easier to start, then of all single changes.
func (w *walk) start(from Point) (Point, float64, bool) {
	score, ok := w.try(from, from)
	if !ok || score > math.Inf(-1) {
		return from, score, ok
	}
	for _, to := range w.easier(from) {
		if score, ok = w.try(from, to); !ok {
			w.why = fmt.Sprintf("it did not run; easier to start: %s", w.Space.Changes(from, to))
			return to, 0, false
		} else if score > math.Inf(-1) {
			return to, score, true
		}
	}
	return Point{}, 0, false
}

// easier are candidates that start more easily: along each axis whose easing
// direction is known, ever further and one after the other, then any single change.
func (w *walk) easier(from Point) []Point {
	part := &w.Space.parts[from.Part]
	var all []Point
	eased := from.Clone()
	for axis, dir := range part.Ease {
		to, ok := w.Space.shift(eased, axis, dir)
		for dir != 0 && ok {
			eased.At[axis] = to
			all = append(all, eased.Clone())
			to, ok = w.Space.shift(eased, axis, dir)
		}
	}
	all = append(all, w.Space.Neighbours(from)...)
	return slices.DeleteFunc(all, func(p Point) bool { return !w.Space.Keeps(p) })
}

// shift is the index so many steps along an axis of numbers; false at its end.
func (s *Space) shift(p Point, axis, steps int) (int, bool) {
	ranks := s.ranks[p.Part][axis]
	at := slices.Index(ranks, p.At[axis])
	if at < 0 || at+steps < 0 || at+steps >= len(ranks) {
		return 0, false
	}
	return ranks[at+steps], true
}

func (w *walk) order(part int) []int {
	if o := w.Space.parts[part].Order; o != nil {
		return o
	}
	o := make([]int, len(w.Space.parts[part].Axes))
	for i := range o {
		o[i] = i
	}
	return o
}

// along is the best that moving one axis gives: every category, and numbers
// upwards and downwards for as long as they help. ok is false if a step was not
// measured yet.
func (w *walk) along(at Point, score float64, axis int) (best Point, bestScore float64, ok bool) {
	best, bestScore = at, score
	ranks := w.Space.ranks[at.Part][axis]
	for i := range w.Space.parts[at.Part].Axes[axis].Values {
		if slices.Contains(ranks, i) && slices.Contains(ranks, at.At[axis]) {
			continue
		}
		if best, bestScore, _, ok = w.better(best, bestScore, axis, i); !ok {
			return best, bestScore, false
		}
	}
	for _, dir := range []int{1, -1} {
		helped := true
		for step := 1; helped; step *= 2 {
			to, there := w.Space.shift(best, axis, dir*step)
			if !there {
				break
			}
			if best, bestScore, helped, ok = w.better(best, bestScore, axis, to); !ok {
				return best, bestScore, false
			}
		}
	}
	return best, bestScore, true
}

// better moves an axis if that helps.
func (w *walk) better(at Point, score float64, axis, to int) (_ Point, _ float64, helped, ok bool) {
	q := at.with(axis, to)
	if to == at.At[axis] || !w.Space.Keeps(q) {
		return at, score, false, true
	}
	s, ok := w.try(at, q)
	if !ok || s <= score {
		return at, score, false, ok
	}
	return q, s, true, true
}
