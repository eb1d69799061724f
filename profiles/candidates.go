package profiles

import (
	"iter"
	"math"
)

// Count is how many candidates the engine's sweep has, those included that where
// leaves out; overflow says that an int cannot hold it.
func (e *Engine) Count() (n int, overflow bool) {
	n = 1
	for _, a := range e.Axes {
		if len(a.Values) > 0 && n > math.MaxInt/len(a.Values) {
			return math.MaxInt, true
		}
		n *= len(a.Values)
	}
	return n, false
}

// Candidates goes through the sweep as nested loops in the order of the file would:
// the first axis changes slowest. What where leaves out is there too, marked. An
// engine without a sweep has one candidate.
func (e *Engine) Candidates() iter.Seq[Candidate] {
	return func(yield func(Candidate) bool) {
		if n, _ := e.Count(); n == 0 {
			return
		}
		g := newGrid(e)
		at := make([]int, len(e.Axes))
		for {
			c := g.candidate(at)
			c.Excluded = e.where.excluded(at, e.Axes)
			if !yield(c) || !e.next(at) {
				return
			}
		}
	}
}

// Keeps says whether where leaves in the candidate with these values, an index for
// each axis. It is quick: where was evaluated when the profile was read.
func (e *Engine) Keeps(at []int) bool { return !e.where.excluded(at, e.Axes) }

// CandidateAt is the candidate with these values, an index for each axis.
func (e *Engine) CandidateAt(at []int) Candidate {
	c := newGrid(e).candidate(at)
	c.Excluded = !e.Keeps(at)
	return c
}

// Own is the value that the engine's own flags or environment give to an axis; null
// where they give it none.
func (e *Engine) Own(axis int) Value {
	a := e.Axes[axis]
	if a.Env {
		for _, v := range e.Env {
			if v.Name == a.Name {
				return v.Value
			}
		}
		return Value{}
	}
	same := canonicalFlag(e.Kind)
	for _, f := range e.Flags {
		if same(f.Name) == same(a.Name) {
			return f.Value
		}
	}
	return Value{}
}

// next counts up the last axis, and those before it as it comes round; false after
// the last candidate.
func (e *Engine) next(at []int) bool {
	for i := len(at) - 1; i >= 0; i-- {
		if at[i]++; at[i] < len(e.Axes[i].Values) {
			return true
		}
		at[i] = 0
	}
	return false
}

// BaselineCandidate is the engine with its own flags and environment and none of its
// sweep. Where does not apply to it.
func (e *Engine) BaselineCandidate() Candidate {
	alone := Engine{Kind: e.Kind, Flags: e.Flags, Env: e.Env}
	return newGrid(&alone).candidate(nil)
}

// grid knows where each axis' value goes: to the place of the flag that it overrides,
// else to the end.
type grid struct {
	flags, env []slot
	axes       []Axis
}

// slot is a place among the flags or variables of a candidate.
type slot struct {
	name  string
	value Value
	axis  int // -1: the value is always the same
}

func newGrid(e *Engine) *grid {
	g := &grid{axes: e.Axes}
	for _, f := range e.Flags {
		g.flags = append(g.flags, slot{f.Name, f.Value, -1})
	}
	for _, v := range e.Env {
		g.env = append(g.env, slot{v.Name, v.Value, -1})
	}
	same := canonicalFlag(e.Kind)
	for i, a := range e.Axes {
		if a.Env {
			g.env = overlay(g.env, a.Name, i, func(s string) string { return s })
		} else {
			g.flags = overlay(g.flags, a.Name, i, same)
		}
	}
	return g
}

func overlay(slots []slot, name string, axis int, same func(string) string) []slot {
	for i := range slots {
		if same(slots[i].name) == same(name) {
			slots[i] = slot{name: name, axis: axis}
			return slots
		}
	}
	return append(slots, slot{name: name, axis: axis})
}

func (g *grid) candidate(at []int) Candidate {
	c := Candidate{Flags: make([]Flag, 0, len(g.flags)), Env: make([]EnvVar, 0, len(g.env))}
	for _, s := range g.flags {
		if v := g.value(s, at); !v.IsNull() {
			c.Flags = append(c.Flags, Flag{s.name, v})
		}
	}
	for _, s := range g.env {
		if v := g.value(s, at); !v.IsNull() {
			c.Env = append(c.Env, EnvVar{s.name, v})
		}
	}
	return c
}

func (g *grid) value(s slot, at []int) Value {
	if s.axis < 0 {
		return s.value
	}
	return g.axes[s.axis].Values[at[s.axis]]
}
