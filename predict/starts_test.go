package predict

import (
	"math"
	"testing"
	"time"
)

func TestStarts(t *testing.T) {
	const model = 30 * time.Second
	rows := []struct {
		what   string
		took   []time.Duration
		expect time.Duration
		spread float64
	}{
		{"none was seen: the model's own", nil, model, math.NaN()},
		{"a start of no time tells nothing", []time.Duration{0}, model, math.NaN()},
		{"one was", []time.Duration{45 * time.Second}, 45 * time.Second, math.NaN()},
		{"two: half way", []time.Duration{60 * time.Second, 30 * time.Second}, 45 * time.Second, math.NaN()},
		{"a cold start among many", []time.Duration{600 * time.Second, 60 * time.Second, 54 * time.Second, 63 * time.Second, 60 * time.Second}, 60 * time.Second, .05},
	}
	for _, r := range rows {
		var s Starts
		for _, d := range r.took {
			s.See(model, d)
		}
		if got := s.Expect(model); got != r.expect {
			t.Errorf("%s: %v, want %v", r.what, got, r.expect)
		}
		if got := s.Spread(); math.IsNaN(got) != math.IsNaN(r.spread) || math.Abs(got-r.spread) > 1e-9 {
			t.Errorf("%s: spread %v, want %v", r.what, got, r.spread)
		}
	}
}
