package search

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// auto is led by the prior and corrected by each trial: expected improvement, as
// far as the candidate is likely to start and to keep its limits, over candidates
// that the prior likes, that are near the best so far, or that differ in what the
// prior cannot see. Without a prior it goes one factor at a time until something
// runs, and then by the same models.
type auto struct {
	Problem
	oracle *oracle
}

func newAuto(p Problem) *auto {
	a := &auto{Problem: p}
	a.oracle = newOracle(&a.Problem)
	return a
}

// Next is the candidate with the best score.
func (a *auto) Next(h []Trial) (Point, string, bool) {
	seen := a.seen(h)
	if p, why, ok, done := a.opening(h, seen); done {
		return p, why, ok
	}
	hasPrior := len(a.oracle.rank()) > 0
	hints, value, doubted := a.believable(h, hasPrior)
	if !hasPrior && !a.plenty(hints) {
		if p, why, ok := a.walk(h); ok {
			return p, why + doubted, true
		}
	}
	m, warning := a.believe(h, hints, value, hasPrior)
	c := a.choose(m, h, hints, seen)
	switch {
	case c.point.At == nil:
		return Point{}, Exhausted, false
	case a.converged(h, c):
		return Point{}, Converged, false
	}
	return c.point, a.explain(h, c) + warning + doubted, true
}

// walk goes one factor at a time, where a space has single factors to change and
// not only scattered candidates, or until something runs.
func (a *auto) walk(h []Trial) (Point, string, bool) {
	ran := slices.ContainsFunc(h, func(t Trial) bool { return t.measured() })
	w := newWalk(&a.Problem, h)
	for _, from := range a.starts() {
		if ran && !a.Space.walkable(from) {
			continue
		}
		if w.climb(from); w.next != nil {
			return *w.next, w.why, true
		}
	}
	return Point{}, "", false
}

// walkable says that most changes of a single axis are candidates.
func (s *Space) walkable(p Point) bool {
	kept, all := 0, 0
	for axis, a := range s.parts[p.Part].Axes {
		for i := range a.Values {
			if i == p.At[axis] {
				continue
			}
			all++
			if s.Keeps(p.with(axis, i)) {
				kept++
			}
		}
	}
	return 2*kept >= all
}

// minJudged is from how many measured trials on the prior is judged.
const minJudged = 6

// evidence against the prior that sets it aside: it makes the trials e³ = 20 times
// less likely.
const evidence = 3

// believe fits the model: on the prior as far as the measurements bear it out, or without
// it where they show that it misleads. The text says so. The value's surface on the prior
// is given where it was fitted before.
func (a *auto) believe(h, hints []Trial, value *surface, hasPrior bool) (*model, string) {
	told := slices.Concat(hints, h)
	m := newModel(a.oracle, told, hasPrior, value)
	if !hasPrior {
		return m, ""
	}
	if rho, n := a.oracle.agreement(h); n >= minJudged && rho < wrongBelow {
		plain := (&model{oracle: a.oracle}).fitValue(told)
		if plain.rest.leaveOneOut()-m.value.rest.leaveOneOut() >= evidence {
			return newModel(a.oracle, told, false, &plain), fmt.Sprintf("; the simulator is set aside: its order agrees little with the %d trials measured (rank correlation %.2f)", n, rho)
		}
	}
	if c := a.oracle.credit(told); c < 1 {
		return m, fmt.Sprintf("; the simulator's order counts for %.0f %%, its rank correlation with what was measured", 100*c)
	}
	return m, ""
}

// chosen is a candidate and why it was chosen.
type chosen struct {
	point    Point
	view     view
	promise  float64 // log of expected improvement, chances included
	score    float64 // promise, less what speaks against the candidate as an experiment
	gainless bool    // nothing feasible is known: the score is no improvement
}

// choose scores candidates and climbs on the score from the best of them.
func (a *auto) choose(m *model, h, hints []Trial, seen map[string]bool) chosen {
	s := scorer{model: m, best: math.Inf(-1), threshold: startThreshold(h)}
	around := a.leaders(slices.Concat(hints, h))
	s.leaders = append(first(a.leaders(h)), first(around)...)
	for i := range h {
		if h[i].Feasible() {
			s.best = math.Max(s.best, m.of(h[i].Point).gain)
		}
	}
	r := newRand(a.Seed, len(h))
	pool := newPool(a.Space, seen)
	a.gather(pool, around, r)
	var all []chosen
	score := func(from int) {
		for _, p := range pool.points[from:] {
			all = append(all, s.score(p))
		}
		slices.SortStableFunc(all, func(x, y chosen) int { return descending(x.score, y.score) })
	}
	score(0)
	for range ascents {
		before := len(pool.points)
		for _, c := range all[:min(3, len(all))] {
			pool.add(a.Space.Neighbours(c.point)...)
		}
		score(before)
	}
	if len(all) == 0 {
		return chosen{}
	}
	return a.simplify(&s, all[0], seen)
}

// worthChanging is what leaving an engine's own value has to add to the log of the promise, the
// same 1 % at which a search ends: what changes nothing stays as it is.
const worthChanging = enough

// simplify takes back each change from the engine's own values that promises nothing.
func (a *auto) simplify(s *scorer, c chosen, seen map[string]bool) chosen {
	for axis, own := range a.Space.Baseline(c.point.Part).At {
		if own == Own || own == c.point.At[axis] {
			continue
		}
		q := c.point.with(axis, own)
		if !a.Space.Keeps(q) || seen[a.Space.Key(q)] {
			continue
		}
		if plain := s.score(q); plain.score >= c.score-worthChanging {
			c = plain
		}
	}
	return c
}

// ascents is how many rounds the neighbours of the best candidates are scored.
const ascents = 2

// How many candidates of each kind are scored.
const (
	fromRanking   = 40
	fromBest      = 5  // trials whose neighbourhood is scored
	mutationsEach = 10 // of each of them
	fromBlind     = 32
	fromChance    = 20
)

// gather fills the pool, also with what is around the best trials.
func (a *auto) gather(pool *pool, around []Point, r *rand.Rand) {
	ranked := a.oracle.rank()
	pool.add(ranked[:min(fromRanking, len(ranked))]...)
	pool.add(around...)
	for _, p := range ranked[:min(2, len(ranked))] {
		pool.add(a.Space.Neighbours(p)...)
	}
	for _, p := range around {
		pool.add(a.Space.Neighbours(p)...)
		for i := range mutationsEach {
			if q, ok := a.Space.mutate(p, 2+i%2, r); ok {
				pool.add(q)
			}
		}
	}
	for _, p := range slices.Concat(around[:min(2, len(around))], ranked[:min(1, len(ranked))]) {
		a.varyBlind(pool, p, r)
	}
	for range fromChance {
		if p, ok := a.Space.Random(r); ok {
			pool.add(p)
		}
	}
	if len(pool.points) == 0 {
		if p, ok := a.Space.unseen(pool.has, r); ok {
			pool.add(p)
		}
	}
}

// leaders are the best trials so far that are on the grid.
func (a *auto) leaders(h []Trial) []Point {
	order := make([]int, 0, len(h))
	for i := range h {
		if a.Space.Keeps(h[i].Point) && !math.IsInf(a.score(&h[i]), -1) {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(i, j int) int { return descending(a.score(&h[i]), a.score(&h[j])) })
	var all []Point
	for _, i := range order[:min(fromBest, len(order))] {
		all = append(all, h[i].Point)
	}
	return all
}

// first is the first of the points, if there is one.
func first(points []Point) []Point { return slices.Clone(points[:min(1, len(points))]) }

// varyBlind adds combinations of the factors that the prior cannot see.
func (a *auto) varyBlind(pool *pool, p Point, r *rand.Rand) {
	axes := a.oracle.blind(p.Part)
	if len(axes) == 0 {
		return
	}
	for range fromBlind {
		q := p.Clone()
		for _, axis := range axes {
			q.At[axis] = r.IntN(len(a.Space.parts[p.Part].Axes[axis].Values))
		}
		if a.Space.Keeps(q) {
			pool.add(q)
		}
	}
}

// scorer scores candidates.
type scorer struct {
	*model
	best      float64 // gain of the incumbent; -Inf: none
	leaders   []Point // the best trial so far, in or out of the limits, and the best that is known; none: nothing ran
	threshold float64 // of the probability to start
}

// score is log expected improvement plus the log probabilities to start and to
// keep the limits. While nothing feasible is known it is the expected value
// instead of the improvement. A candidate that is less likely to start than the
// threshold comes after all others.
func (s *scorer) score(p Point) chosen {
	v := s.of(p)
	c := chosen{point: p, view: v, gainless: math.IsInf(s.best, -1)}
	if c.gainless {
		sd := math.Min(v.gainSD, 1)
		c.score = v.gain + sd*sd/2
	} else {
		c.score = improvement(v.gain, v.gainSD, s.best)
	}
	c.score += v.keeps + math.Log(v.starts)
	c.promise = c.score
	c.score -= perMove * float64(max(0, s.moved(p)-freeMoves))
	if v.starts < s.threshold {
		c.score -= 1e3 * (1 + s.threshold - v.starts)
	}
	return c
}

// strange is on how many axes that the prior cannot see a candidate differs from
// the baseline.
func (s *scorer) strange(p Point) int {
	n := 0
	for _, axis := range s.blind(p.Part) {
		if p.Part != s.Baseline.Part || p.At[axis] != s.Baseline.At[axis] {
			n++
		}
	}
	return n
}

// A candidate that differs from the best trial on more than two axes says little
// about any one of them, and hides what goes wrong behind what helps. Each axis
// beyond two has to promise e times as much.
const (
	freeMoves = 2
	perMove   = 1.0
)

// moved is on how many axes a candidate differs from the nearest leader. Before there
// is one, what counts is that it leaves at the baseline's values what the prior
// cannot see: an engine's defaults are better than chance.
func (s *scorer) moved(p Point) int {
	if len(s.leaders) == 0 {
		return freeMoves + s.strange(p)
	}
	least := math.MaxInt
	for i := range s.leaders {
		least = min(least, apart(&s.leaders[i], &p))
	}
	return least
}

// apart is on how many axes two points differ; those of two engines as if on those that
// cost nothing.
func apart(p, q *Point) int {
	if p.Part != q.Part {
		return freeMoves
	}
	n := 0
	for i := range p.At {
		if p.At[i] != q.At[i] {
			n++
		}
	}
	return n
}

// startThreshold is the probability to start below which nothing is tried (SCOOT,
// WWW 2025): from 0.5, up by 0.05 with each failure to 0.75, down by 0.05 with each
// five starts in a row to 0.25.
func startThreshold(h []Trial) float64 {
	at, row := 0.5, 0
	for i := range h {
		switch {
		case h[i].Pending:
		case h[i].Failed:
			at, row = math.Min(0.75, at+0.05), 0
		default:
			if row++; row == 5 {
				at, row = math.Max(0.25, at-0.05), 0
			}
		}
	}
	return at
}

// enough is the expected improvement, as a fraction, below which the search ends.
const enough = 0.01

// converged says that nothing promises 1 %, and that twice as many trials as there
// are axes, so that each had its chance, brought nothing better either.
func (a *auto) converged(h []Trial, c chosen) bool {
	if a.Thorough || c.gainless || c.promise > math.Log(enough) {
		return false
	}
	best := a.best(h)
	patience := max(8, 2*len(a.Space.parts[c.point.Part].Axes))
	return best >= 0 && len(h)-1-best >= patience
}

func (a *auto) explain(h []Trial, c chosen) string {
	best := a.best(h)
	if best < 0 {
		return fmt.Sprintf("nothing has met the limits yet; most promising, %.0f %% likely to start and %.0f %% to meet them",
			100*c.view.starts, 100*math.Exp(c.view.keeps))
	}
	expected := math.Exp(c.view.gain-a.gain(h[best].Value)) - 1
	return fmt.Sprintf("from the best so far: %s; expected %+.0f %% ± %.0f, %.0f %% likely to meet the limits",
		a.Space.Changes(h[best].Point, c.point), 100*expected, 100*c.view.gainSD, 100*c.view.starts*math.Exp(c.view.keeps))
}
