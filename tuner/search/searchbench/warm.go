package searchbench

import (
	"math/rand"

	"github.com/qtune/qtune/tuner/search"
)

// Yesterday is what a run of a strategy has measured on another day, when everything was
// by a factor as fast: n trials at most, under a seed of its own.
func (c *Case) Yesterday(strategy string, seed, n int, level float64) ([]search.Trial, error) {
	p := c.Problem
	p.Seed, p.Trials = uint64(seed), n
	s, err := search.New(strategy, p)
	if err != nil {
		return nil, err
	}
	var h []search.Trial
	for {
		at, _, ok := s.Next(h)
		if !ok {
			break
		}
		h = append(h, c.Try(at, seed))
	}
	for i := range h {
		h[i].Value *= level
		for k := range h[i].Limits {
			h[i].Limits[k] /= level
		}
	}
	return h, nil
}

// Shuffled are the trials of a run with each other's figures, but for the baseline, which
// is the first: a history that misleads.
func Shuffled(h []search.Trial, seed int) []search.Trial {
	mixed := append([]search.Trial(nil), h...)
	rest := mixed[1:]
	rand.New(rand.NewSource(int64(seed))).Shuffle(len(rest), func(i, j int) {
		rest[i], rest[j] = rest[j], rest[i]
		rest[i].Point, rest[j].Point = rest[j].Point, rest[i].Point
	})
	return mixed
}
