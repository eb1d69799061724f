package bench

import (
	"fmt"
	"math"
	"runtime"
	"runtime/metrics"
	"time"
)

// When the client is held to be the bottleneck.
const (
	boundCPU     = 0.85                 // of the cores that it may use
	boundDelay   = 5 * time.Millisecond // wall time, schedule delay p99, and
	delayShare   = 0.10                 // of the mean TTFT or TPOT
	boundLatency = time.Millisecond / 5 // wall time, mean Go scheduler latency, and
	latencyShare = 0.05                 // of them: by so much is a mean TTFT too high
	boundSocket  = time.Millisecond     // wall time, mean wait of a byte to be read, and latencyShare of them
	starved      = 20                   // ms of wall time, Go scheduler latency p99: two turns of a busy neighbour
)

const schedLatencies = "/sched/latencies:seconds"

// clientUse is what the client itself has used.
type clientUse struct {
	at      time.Time
	cpu     time.Duration
	buckets []float64
	counts  []uint64
}

func lookAtClient() clientUse {
	sample := []metrics.Sample{{Name: schedLatencies}}
	metrics.Read(sample)
	u := clientUse{at: time.Now(), cpu: cpuTime()}
	if sample[0].Value.Kind() == metrics.KindFloat64Histogram {
		h := sample[0].Value.Float64Histogram()
		u.buckets, u.counts = h.Buckets, h.Counts
	}
	return u
}

// since is what was used after before was looked at.
func (u clientUse) since(before clientUse) clientUse {
	d := clientUse{at: u.at, cpu: u.cpu - before.cpu, buckets: u.buckets, counts: make([]uint64, len(u.counts))}
	for i, n := range u.counts {
		d.counts[i] = n
		if i < len(before.counts) {
			d.counts[i] -= before.counts[i]
		}
	}
	return d
}

// latencyP99 is the 99th percentile of the time for which goroutines that could
// run were kept waiting; nil if the runtime did not say.
func (u clientUse) latencyP99() *float64 {
	var total, sum uint64
	for _, n := range u.counts {
		total += n
	}
	if total == 0 {
		return nil
	}
	for i, n := range u.counts {
		sum += n
		if float64(sum) >= 0.99*float64(total) {
			ms := 1e3 * upper(u.buckets, i)
			return &ms
		}
	}
	return nil
}

// meanLatency is the mean of that time, in milliseconds, from the middles of the
// histogram's buckets.
func (u clientUse) meanLatency() float64 {
	var n, sum float64
	for i, count := range u.counts {
		n += float64(count)
		sum += float64(count) * (math.Max(u.buckets[i], 0) + upper(u.buckets, i)) / 2
	}
	if n == 0 {
		return 0
	}
	return 1e3 * sum / n
}

// upper is a bucket's upper end, or its lower one where it has none.
func upper(buckets []float64, i int) float64 {
	if !math.IsInf(buckets[i+1], 0) {
		return buckets[i+1]
	}
	return math.Max(buckets[i], 0)
}

// clientSigns are what else shows a client that was too slow, in milliseconds of wall time.
type clientSigns struct {
	delayMS  *float64 // schedule delay p99
	socketMS *float64 // how long a byte waited to be read
	figure   float64  // the level's mean TTFT or TPOT, the smaller one
	hub      bool     // no goroutine is woken for a token: the mean is that of the sends, whose delay is known
}

// cost says what the client used, and whether that was clearly too much.
func (u clientUse) cost(wall time.Duration, signs clientSigns) ClientCost {
	delayMS, figure := signs.delayMS, signs.figure
	c := ClientCost{Reasons: []string{}, ScheduleDelayP99MS: delayMS, SchedLatencyP99MS: u.latencyP99(), SocketWaitMS: signs.socketMS}
	if wall > 0 {
		c.CPUShare = u.cpu.Seconds() / wall.Seconds()
	}
	cores := float64(min(runtime.GOMAXPROCS(0), runtime.NumCPU()))
	if c.CPUShare > boundCPU*cores {
		c.because("it used %.0f %% of a core of the %.0f that it has", 100*c.CPUShare, cores)
	}
	if delayMS != nil && *delayMS > max(inMS(boundDelay), delayShare*figure) {
		c.because("requests were sent up to %.1f ms late (p99)", *delayMS)
	}
	if w := signs.socketMS; w != nil && *w > max(inMS(boundSocket), latencyShare*figure) {
		c.because("what the server sent waited %.1f ms on average until it was read", *w)
	}
	if mean := u.meanLatency(); !signs.hub && mean > max(inMS(boundLatency), latencyShare*figure) {
		c.because("its goroutines waited %.2f ms for a core on average", mean)
	} else if c.SchedLatencyP99MS != nil && *c.SchedLatencyP99MS > starved {
		c.because("its goroutines waited up to %.0f ms for a core (p99)", *c.SchedLatencyP99MS)
	}
	if c.Bound && c.CPUShare <= boundCPU*cores {
		c.because("it had %.0f %% of a core, of the %.0f that it may use", 100*c.CPUShare, cores)
	}
	return c
}

func inMS(d time.Duration) float64 { return d.Seconds() * 1e3 }

func (c *ClientCost) because(format string, args ...any) {
	c.Bound = true
	c.Reasons = append(c.Reasons, fmt.Sprintf(format, args...))
}
