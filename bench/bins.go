package bench

import (
	"math"
	"time"
)

// bins hold the output tokens that came over time, in at most maxBins slots of
// equal width; when a level outgrows them the width doubles, so memory does not grow.
type bins struct {
	width time.Duration
	slots []float64
}

const (
	maxBins  = 4096
	firstBin = 10 * time.Millisecond // of the engine's time
)

// add credits tokens at time t after the bins' origin; before that nothing is kept.
func (b *bins) add(t time.Duration, tokens float64) {
	if t < 0 {
		return
	}
	if b.width == 0 {
		b.width = firstBin
	}
	for int(t/b.width) >= maxBins {
		b.fold()
	}
	i := int(t / b.width)
	for len(b.slots) <= i {
		b.slots = append(b.slots, 0)
	}
	b.slots[i] += tokens
}

func (b *bins) fold() {
	half := (len(b.slots) + 1) / 2
	for i := range half {
		b.slots[i] = b.slots[2*i]
		if 2*i+1 < len(b.slots) {
			b.slots[i] += b.slots[2*i+1]
		}
	}
	b.slots = b.slots[:half]
	b.width *= 2
}

// total is what came from slot from on.
func (b *bins) total(from int) float64 {
	sum := 0.0
	for _, tokens := range b.slots[min(from, len(b.slots)):] {
		sum += tokens
	}
	return sum
}

// batches cuts the time from slot from to end into n equal stretches and gives
// the output tokens per second of each; nil if there is less than a slot for each.
func (b *bins) batches(from int, end time.Duration, n int) []float64 {
	if b.width == 0 {
		return nil
	}
	start := time.Duration(from) * b.width
	length := float64(end-start) / float64(n)
	if length < float64(b.width) {
		return nil
	}
	rates := make([]float64, n)
	for i := range rates {
		lower := float64(start) + float64(i)*length
		rates[i] = b.between(lower, math.Min(lower+length, float64(end)), float64(end)) / (length / float64(time.Second))
	}
	return rates
}

// between is what came from one time to another, with its share of the slots in which
// they lie; the last slot ends at end.
func (b *bins) between(lower, upper, end float64) float64 {
	width := float64(b.width)
	first, last := int(lower/width), min(int(math.Ceil(upper/width)), len(b.slots))-1
	sum := 0.0
	for i := first; i <= last; i++ {
		sum += b.slots[i]
	}
	outside := func(slot int, from, to float64) {
		begin := float64(slot) * width
		if slot < len(b.slots) && to > from {
			sum -= b.slots[slot] * (to - from) / (math.Min(begin+width, end) - begin)
		}
	}
	outside(first, float64(first)*width, lower)
	outside(last, math.Max(upper, float64(last)*width), math.Min(float64(last+1)*width, end))
	return sum
}

// peak is the most tokens per second of any stretch of whole slots of about a
// second (as many slots as a second fills); nil if all of it is shorter.
func (b *bins) peak() *float64 {
	if b.width == 0 {
		return nil
	}
	n := int((time.Second + b.width - 1) / b.width)
	if len(b.slots) < n {
		return nil
	}
	var sum, best float64
	for _, tokens := range b.slots[:n] {
		sum += tokens
	}
	best = sum
	for i, tokens := range b.slots[n:] {
		if sum += tokens - b.slots[i]; sum > best {
			best = sum
		}
	}
	best /= (time.Duration(n) * b.width).Seconds()
	return &best
}
