package simulator

import (
	"math"
	"sync"
	"time"
)

// lagMeter gathers how late something was, in wall time. A
// percentile is exact to 5 %.
type lagMeter struct {
	mu      sync.Mutex
	buckets [400]int64
	n       int64
	sum     time.Duration
}

// lateness is what a lagMeter has gathered, in wall time.
type lateness struct {
	mean, p50, p99 time.Duration
	n              int64
}

const (
	lagStart = 100 * time.Nanosecond
	lagStep  = 1.05
)

func (l *lagMeter) add(d time.Duration) {
	i := 0
	if d > lagStart {
		i = min(len(l.buckets)-1, 1+int(math.Log(float64(d)/float64(lagStart))/math.Log(lagStep)))
	}
	l.mu.Lock()
	l.buckets[i]++
	l.n++
	l.sum += d
	l.mu.Unlock()
}

// read is the lag since the last read, and forgets it.
func (l *lagMeter) read() lateness {
	l.mu.Lock()
	defer l.mu.Unlock()
	late := lateness{p50: l.percentile(.5), p99: l.percentile(.99), n: l.n}
	if l.n > 0 {
		late.mean = l.sum / time.Duration(l.n)
	}
	l.buckets, l.n, l.sum = [400]int64{}, 0, 0
	return late
}

func (l *lagMeter) percentile(p float64) time.Duration {
	if l.n == 0 {
		return 0
	}
	rank := int64(math.Ceil(p * float64(l.n)))
	for i, n := range l.buckets {
		if rank -= n; rank <= 0 {
			return time.Duration(float64(lagStart) * math.Pow(lagStep, float64(i)))
		}
	}
	return 0
}
