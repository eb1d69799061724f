package simulator

import (
	"math"
	"testing"
	"time"
)

func TestNoise(t *testing.T) {
	if newNoise(0, 1, 1) != nil {
		t.Error("noise of scale 0")
	}
	const d, steps, starts = 10 * time.Millisecond, 20_000, 60
	var means, stalls, deviation float64
	for start := range uint64(starts) {
		n := newNoise(1, 7, start)
		sum, squares, count := 0.0, 0.0, 0.0
		for range steps {
			got := n.step(d)
			if got > d+stallLeast/2 {
				stalls++
				if got > 2*stallMost {
					t.Fatalf("a step of %v", got)
				}
				continue
			}
			log := math.Log(float64(got) / float64(d))
			sum, squares, count = sum+log, squares+log*log, count+1
		}
		mean := sum / count
		deviation += math.Sqrt(squares/count-mean*mean) / starts
		means += mean * mean / starts
	}
	if per := stalls / starts / steps * stallEvery; per < .85 || per > 1.15 {
		t.Errorf("%.2f stalls for each %d steps", per, stallEvery)
	}
	// Of one start: its jitter, and most of the drift over 200 s.
	if deviation < .015 || deviation > .020 {
		t.Errorf("steps of one start deviate by %.4f", deviation)
	}
	if between := math.Sqrt(means); between < .007 || between > .016 {
		t.Errorf("starts deviate by %.4f from each other, want about %.3f", between, restartSD)
	}
}
