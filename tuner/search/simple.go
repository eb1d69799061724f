package search

// grid tries every candidate in the order of nested loops.
type grid struct{ Problem }

// Next is the first candidate of the grid that was not tried.
func (g *grid) Next(h []Trial) (Point, string, bool) {
	seen := g.seen(h)
	if p, why, ok, done := g.opening(h, seen); done {
		return p, why, ok
	}
	for p := range g.Space.All() {
		if !seen[g.Space.Key(p)] {
			return p.Clone(), "the next of the grid", true
		}
	}
	return Point{}, Exhausted, false
}

// random tries candidates in random order.
type random struct{ Problem }

// Next is a random candidate that was not tried.
func (s *random) Next(h []Trial) (Point, string, bool) {
	seen := s.seen(h)
	if p, why, ok, done := s.opening(h, seen); done {
		return p, why, ok
	}
	if p, ok := s.Space.unseen(seen, newRand(s.Seed, len(h))); ok {
		return p, "at random", true
	}
	return Point{}, Exhausted, false
}
