package search

import (
	"fmt"
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"
)

// Own is the index of a value that is none of the axis': the engine's own, with
// which the baseline runs.
const Own = -1

// Value is one value of an axis.
type Value struct {
	Text   string  // as a person reads it; equal for equal values only
	Number float64 // NaN: no number, but a category such as a word, true or a flag left off
}

// Number is a number.
func Number(v float64) Value { return Value{strconv.FormatFloat(v, 'g', -1, 64), v} }

// Category is a value that is no number.
func Category(text string) Value { return Value{text, math.NaN()} }

// Off is a flag left off: the engine's default, whatever that is.
func Off() Value { return Category("off") }

func (v Value) isNumber() bool { return !math.IsNaN(v.Number) }

// Axis is one dimension: a flag or a variable of the environment, and its values.
type Axis struct {
	Name   string // unique in its part
	Values []Value
}

// Part is one engine's share of a space.
type Part struct {
	Name string
	Axes []Axis
	// Own are the values that the engine's own flags have on the axes, Off where they
	// set none. nil: all are Off.
	Own []Value
	// Where says whether a candidate counts; at holds an index for each axis. It
	// must be pure and quick. nil: every candidate counts.
	Where func(at []int) bool
	// Inert says that the axis changes nothing in this candidate, as the number of
	// speculative tokens does where nothing speculates. Candidates that differ in
	// inert axes alone are one. nil: every axis always matters.
	Inert func(at []int, axis int) bool
	// Order lists the axes from the one most worth trying; nil: as in the file.
	Order []int
	// Ease says for each axis towards which values a server starts more easily: 1
	// greater, -1 smaller, 0 not known. nil: not known.
	Ease []int
}

// Point is one candidate: a part of the space and the index of a value on each of its axes.
type Point struct {
	Part int
	At   []int
}

// Clone is a copy that shares nothing.
func (p Point) Clone() Point { return Point{p.Part, slices.Clone(p.At)} }

// with is the point with one axis moved.
func (p Point) with(axis, index int) Point {
	q := p.Clone()
	q.At[axis] = index
	return q
}

// Space is the candidates of one or several engines.
type Space struct {
	parts   []Part
	ranks   [][][]int // by part and axis: the numbers' indices, ascending by value
	columns []column
	places  [][]place // by part and axis: the columns that the axis is encoded in
	engines int       // the column that tells the parts apart; -1 if there is one part
	listed  []Point   // every candidate, if there are few
	share   float64   // part of the combinations that Where keeps; an estimate if not listed
}

// maxListed is up to how many combinations a space is listed, so that rare
// candidates under a strict Where are found: 2^17 take some milliseconds.
const maxListed = 1 << 17

// NewSpace puts parts together. It panics on an axis without values or on lists
// of the wrong length, which are a programmer's mistakes.
func NewSpace(parts ...Part) *Space {
	s := &Space{parts: slices.Clone(parts)}
	for i := range s.parts {
		s.parts[i].check()
		if s.parts[i].Own == nil {
			s.parts[i].Own = slices.Repeat([]Value{Off()}, len(parts[i].Axes))
		}
		var ranks [][]int
		for _, a := range parts[i].Axes {
			ranks = append(ranks, ascending(a.Values))
		}
		s.ranks = append(s.ranks, ranks)
	}
	s.encodeColumns()
	s.survey()
	return s
}

func (p *Part) check() {
	n := len(p.Axes)
	for _, a := range p.Axes {
		if len(a.Values) == 0 {
			panic(fmt.Sprintf("axis %s of %s has no values", a.Name, p.Name))
		}
	}
	if p.Own != nil && len(p.Own) != n || p.Order != nil && len(p.Order) != n || p.Ease != nil && len(p.Ease) != n {
		panic(fmt.Sprintf("own values, order or ease of %s do not match its %d axes", p.Name, n))
	}
}

// Parts is how many engines the space has.
func (s *Space) Parts() int { return len(s.parts) }

// Total is the number of combinations, those included that Where leaves out.
func (s *Space) Total() *big.Int {
	total := new(big.Int)
	for i := range s.parts {
		total.Add(total, s.parts[i].total())
	}
	return total
}

func (p *Part) total() *big.Int {
	n := big.NewInt(1)
	for _, a := range p.Axes {
		n.Mul(n, big.NewInt(int64(len(a.Values))))
	}
	return n
}

// Count is the number of candidates after Where, and whether that is exact: in a
// large space it is an estimate from samples.
func (s *Space) Count() (n float64, exact bool) {
	if s.listed != nil {
		return float64(len(s.listed)), true
	}
	total, _ := new(big.Float).SetInt(s.Total()).Float64()
	return total * s.share, s.unconditional()
}

func (s *Space) unconditional() bool {
	for i := range s.parts {
		if s.parts[i].Where != nil {
			return false
		}
	}
	return true
}

// survey lists a small space and samples a large one.
func (s *Space) survey() {
	s.share = 1
	if total := s.Total(); total.IsInt64() && total.Int64() <= maxListed {
		s.listed = []Point{}
		for p := range s.All() {
			s.listed = append(s.listed, p.Clone())
		}
		return
	}
	if s.unconditional() {
		return
	}
	const samples = 4096
	r, kept := newRand(1, 0), 0
	for range samples {
		if s.Keeps(s.anywhere(r)) {
			kept++
		}
	}
	s.share = float64(kept) / samples
}

// Keeps says whether the point is a candidate: on the grid and not left out by Where.
func (s *Space) Keeps(p Point) bool {
	part := &s.parts[p.Part]
	for i, at := range p.At {
		if at < 0 || at >= len(part.Axes[i].Values) {
			return false
		}
	}
	return part.Where == nil || part.Where(p.At)
}

// Key is equal for points that are the same configuration.
func (s *Space) Key(p Point) string {
	b := make([]byte, 0, 2*len(p.At)+1)
	b = append(b, byte(p.Part))
	for i, at := range p.At {
		if s.inert(p, i) {
			at = math.MaxUint16
		}
		b = append(b, byte(at), byte(at>>8))
	}
	return string(b)
}

func (s *Space) inert(p Point, axis int) bool {
	part := &s.parts[p.Part]
	return part.Inert != nil && !slices.Contains(p.At, Own) && part.Inert(p.At, axis)
}

// Value is a point's value on an axis.
func (s *Space) Value(p Point, axis int) Value {
	part := &s.parts[p.Part]
	if p.At[axis] == Own {
		return part.Own[axis]
	}
	return part.Axes[axis].Values[p.At[axis]]
}

// Baseline is the point of a part's own values: Own where such a value is none
// of the axis'.
func (s *Space) Baseline(part int) Point {
	p := Point{part, make([]int, len(s.parts[part].Axes))}
	for i, a := range s.parts[part].Axes {
		own := s.parts[part].Own[i]
		p.At[i] = slices.IndexFunc(a.Values, func(v Value) bool { return v.Text == own.Text })
	}
	return p
}

// Describe names a point's values, as in "max-num-seqs=16 enforce-eager=off".
func (s *Space) Describe(p Point) string {
	var words []string
	for i, a := range s.parts[p.Part].Axes {
		words = append(words, a.Name+"="+s.Value(p, i).Text)
	}
	return strings.Join(words, " ")
}

// Changes names what q has otherwise than p: "max-num-seqs 256 → 64".
func (s *Space) Changes(p, q Point) string {
	if p.Part != q.Part {
		return s.parts[q.Part].Name + ": " + s.Describe(q)
	}
	var words []string
	for i, a := range s.parts[p.Part].Axes {
		if p.At[i] != q.At[i] && !(s.inert(p, i) && s.inert(q, i)) {
			words = append(words, fmt.Sprintf("%s %s → %s", a.Name, s.Value(p, i).Text, s.Value(q, i).Text))
		}
	}
	return strings.Join(words, ", ")
}
