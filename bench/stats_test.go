package bench

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func TestSummariseIsOrderStatistics(t *testing.T) {
	for _, tc := range []struct {
		name          string
		n             int
		p50, p90, p95 float64 // 0: none
		p99           float64
	}{
		{"none", 0, 0, 0, 0, 0},
		{"one sample is its own median", 1, 1, 0, 0, 0},
		{"nine cannot support p90", 9, 5, 0, 0, 0},
		{"ten can", 10, 5, 9, 0, 0},
		{"twenty support p95", 20, 10, 18, 19, 0},
		{"ninety-nine cannot support p99", 99, 50, 90, 95, 0},
		{"a hundred can", 100, 50, 90, 95, 99},
	} {
		xs := make([]float64, tc.n)
		for i := range xs {
			xs[i] = float64(tc.n - i)
		}
		s := new(factors).summarise(xs)
		for name, v := range map[string][2]any{"p50": {s.P50, tc.p50}, "p90": {s.P90, tc.p90}, "p95": {s.P95, tc.p95}, "p99": {s.P99, tc.p99}} {
			got, want := v[0].(*float64), v[1].(float64)
			if (got == nil) != (want == 0) || got != nil && *got != want {
				t.Errorf("%s: %s = %v, want %v", tc.name, name, got, want)
			}
		}
		if s.N != tc.n || (s.Mean == nil) != (tc.n == 0) || (s.MeanInterval == nil) != (tc.n < MinInterval) {
			t.Errorf("%s: %+v", tc.name, s)
		}
	}
}

// The intervals hold the truth in about 95 of 100 runs.
func TestIntervalsCoverTheTruth(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	const runs = 1000
	var mean, ratios, batches int
	for range runs {
		xs := make([]float64, 40)
		var r ratio
		for i := range xs {
			xs[i] = 100 + 10*random.NormFloat64()
			x := 5 + random.Float64()
			r.add(x, 3*x+random.NormFloat64())
		}
		if s := new(factors).summarise(xs); s.MeanInterval[0] <= 100 && 100 <= s.MeanInterval[1] {
			mean++
		}
		if half, _ := r.half(new(factors)); math.Abs(r.value()-3) <= half {
			ratios++
		}
		var b bins
		for at := time.Duration(0); at < 20*time.Second; {
			at += time.Duration(random.ExpFloat64() * float64(10*ms))
			b.add(at, 5)
		}
		if v := new(factors).batchMeans(&b, 0, 20*time.Second); math.Abs(v.value-500) <= v.half {
			batches++
		}
	}
	for name, n := range map[string]int{"mean": mean, "ratio": ratios, "batch means": batches} {
		t.Logf("%s: %.1f %%", name, float64(n)/runs*100)
		if n < 930 || n > 970 {
			t.Errorf("the interval of %s holds the truth in %d of %d runs", name, n, runs)
		}
	}
}

func TestTrimFindsTheStartUp(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	series := make([]float64, 200)
	for i := range series {
		series[i] = 100 + random.NormFloat64()
		if i < 40 {
			series[i] = 20 + 2*float64(i)
		}
	}
	if cut, ok := trim(series); !ok || cut < 35 || cut > 60 {
		t.Errorf("cut at %d, %v, want about 40 or a little more", cut, ok)
	}
	for i := range series {
		series[i] = float64(i)
	}
	if cut, ok := trim(series); ok {
		t.Errorf("a series that only grows is cut at %d", cut)
	}
	for i := range series {
		series[i] = 7
	}
	if cut, ok := trim(series); !ok || cut != 0 {
		t.Errorf("a constant series is cut at %d, %v", cut, ok)
	}
}

func TestBinsDoNotGrowAndLoseNothing(t *testing.T) {
	var b bins
	const n = 100_000
	for i := range n {
		b.add(time.Duration(i)*36*ms, 1)
	}
	if len(b.slots) > maxBins || b.total(0) != n {
		t.Errorf("%d slots hold %v of %d", len(b.slots), b.total(0), n)
	}
	for _, rate := range b.batches(0, n*36*ms, 10) {
		if math.Abs(rate-1/0.036) > 0.01/0.036 {
			t.Errorf("%v tokens per second, want %v", rate, 1/0.036)
		}
	}
}

func TestALongRunKeepsAFairShareOfItsSamples(t *testing.T) {
	l := newLedger(Level{Kind: KindSingle, OutputTokens: 1}, newClock(1))
	for i := range 3 * maxSamples {
		l.keep(sample{sent: time.Duration(i)})
	}
	early := 0
	for _, s := range l.samples {
		if s.sent < maxSamples {
			early++
		}
	}
	if len(l.samples) != maxSamples || math.Abs(float64(early)-maxSamples/3) > 0.02*maxSamples {
		t.Errorf("%d samples, %d of the first third", len(l.samples), early)
	}
}

// The ranks of percentiles' intervals are those of the binomial distribution.
func TestRanksOfPercentileIntervals(t *testing.T) {
	for _, tc := range []struct {
		p         float64
		n         int
		low, high float64 // ranks from 1; 0: there is none
	}{
		{0.99, 367, 0, 0}, {0.99, 368, 361, 368}, {0.99, 1000, 983, 997}, {0.99, 2000, 1971, 1989},
		{0.95, 71, 0, 0}, {0.95, 72, 64, 72}, {0.50, 5, 0, 0}, {0.50, 6, 1, 6}, {0.50, 100, 40, 61},
	} {
		sorted := make([]float64, tc.n)
		for i := range sorted {
			sorted[i] = float64(i + 1)
		}
		got := new(factors).rankInterval(sorted, tc.p)
		if (got == nil) != (tc.high == 0) || got != nil && (math.Abs(got[0]-tc.low) > 1 || math.Abs(got[1]-tc.high) > 1) {
			t.Errorf("p%v of %d: %v, want ranks %v to %v", 100*tc.p, tc.n, got, tc.low, tc.high)
		}
	}
}

func TestPercentileIntervalsCoverTheTruth(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	const runs = 1000
	for _, tc := range []struct {
		p float64
		n int
	}{{0.5, 200}, {0.9, 400}, {0.95, 500}, {0.99, 2000}} {
		held := 0
		truth := -math.Log(1 - tc.p) // of the exponential distribution
		for range runs {
			xs := make([]float64, tc.n)
			for i := range xs {
				xs[i] = random.ExpFloat64()
			}
			slices.Sort(xs)
			if v := new(factors).rankInterval(xs, tc.p); v[0] <= truth && truth <= v[1] {
				held++
			}
		}
		t.Logf("p%v of %d: %.1f %%", 100*tc.p, tc.n, float64(held)/runs*100)
		if held < 930 || held > 970 {
			t.Errorf("the interval of p%v of %d samples holds the truth in %d of %d runs", 100*tc.p, tc.n, held, runs)
		}
	}
}
