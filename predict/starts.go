package predict

import (
	"math"
	"slices"
	"time"
)

// Starts tells from the starts that were seen on a machine how long others of the same
// engine take there. The model knows what one start has to do that another has not (load,
// compile, capture graphs), the machine how fast it does it.
type Starts struct {
	ratios []float64 // of each seen start to the model's, sorted
}

// See adds a start that took so long where the model says predicted. One of no time
// tells nothing.
func (s *Starts) See(predicted, took time.Duration) {
	if predicted <= 0 || took <= 0 {
		return
	}
	r := float64(took) / float64(predicted)
	i, _ := slices.BinarySearch(s.ratios, r)
	s.ratios = slices.Insert(s.ratios, i, r)
}

// Seen is how many starts it tells from.
func (s *Starts) Seen() int { return len(s.ratios) }

// Expect is how long a start takes for which the model says predicted: as much longer as
// the median of those seen, so that one cold or disturbed start moves it little.
// Without any it is predicted.
func (s *Starts) Expect(predicted time.Duration) time.Duration {
	if len(s.ratios) == 0 {
		return predicted
	}
	return time.Duration(float64(predicted) * median(s.ratios))
}

// Spread is how far the seen starts lie from what would be expected of them: the median
// of their distances, as a share. Of fewer than three it is NaN.
func (s *Starts) Spread() float64 {
	if len(s.ratios) < 3 {
		return math.NaN()
	}
	middle := median(s.ratios)
	off := make([]float64, len(s.ratios))
	for i, r := range s.ratios {
		off[i] = math.Abs(r/middle - 1)
	}
	slices.Sort(off)
	return median(off)
}

// median is the middle of sorted numbers, of which there is at least one.
func median(sorted []float64) float64 {
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}
