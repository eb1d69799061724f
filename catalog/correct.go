package catalog

import (
	"fmt"
	"math"
)

// Start is the KV cache of one start: what was worked out for it before, and what its
// log then said, in bytes on one card.
type Start struct {
	Estimate float64
	Logged   float64
}

// Correction is what earlier starts of an engine on a card say of the estimates of
// others. The zero says nothing.
type Correction struct {
	Starts int
	Shift  float64 // bytes by which caches were larger than worked out; negative: smaller
	Spread float64 // bytes between the largest and the smallest of these errors
}

// The margin once several starts agree: still above what their flags can move, since
// the estimates of activations and graphs err in the same direction.
const (
	CorrectedShare = 0.05 // of what is needed
	CorrectedBytes = gib / 2
)

// Correct works out a correction. The error of an estimate is one of bytes, not of
// a share: weights are known, and what is not (activations, graphs, libraries) does
// not grow with the cache. Starts whose error is larger than half of their cache are
// of another kind, such as a card that others use too, and are passed over.
func Correct(starts []Start) Correction {
	var c Correction
	least, most, sum := math.Inf(1), math.Inf(-1), 0.0
	for _, s := range starts {
		off := s.Logged - s.Estimate
		if !(math.Abs(off) <= math.Max(s.Logged, s.Estimate)/2) {
			continue
		}
		c.Starts++
		sum, least, most = sum+off, math.Min(least, off), math.Max(most, off)
	}
	if c.Starts > 0 {
		c.Shift, c.Spread = sum/float64(c.Starts), most-least
	}
	return c
}

// margin is by how much a configuration must miss to be refused, where so much is
// needed and so much of the memory is activations, libraries and graphs: by more than
// usual never, and by less only where several starts agree.
func (c Correction) margin(needed, work float64) float64 {
	usual := math.Max(FeasibleBytes, FeasibleShare*needed) + FeasibleWork*math.Max(0, work)
	if c.Starts < 2 {
		return usual
	}
	return math.Min(usual, math.Max(math.Max(CorrectedBytes, CorrectedShare*needed), 2*c.Spread))
}

// words are for the middle of the arithmetic; "" where nothing was learned.
func (c Correction) words() string {
	starts := "1 earlier start"
	if c.Starts > 1 {
		starts = fmt.Sprintf("%d earlier starts", c.Starts)
	}
	switch {
	case c.Starts == 0 || math.Abs(c.Shift) < 0.05*gib:
		return ""
	case c.Shift > 0:
		return ", plus " + needsGiB(c.Shift) + " by the log of " + starts + ","
	}
	return ", less " + needsGiB(-c.Shift) + " by the log of " + starts + ","
}

// LoggedKV is what a KV cache of so many tokens takes on one card, in bytes; false
// where its size does not tell how much memory there was: it was given, or layers
// with a window have a share of it.
func (f VLLMFlags) LoggedKV(card Card, m Model, tokens int) (float64, bool) {
	c := f.cache(m, f.KVDType, f.NoHybrid)
	return float64(tokens) * c.perToken(), tokens > 0 && f.KVCacheBytes == 0 && !card.CPU && m.WindowLayers == 0 && m.KVUnknown == ""
}

// LoggedKV is the same for SGLang's pool.
func (f SGLangFlags) LoggedKV(card Card, m Model, tokens int) (float64, bool) {
	return float64(tokens) * f.cell(m), tokens > 0 && f.MaxTotalTokens == 0 && !card.CPU && m.WindowLayers == 0 && m.KVUnknown == ""
}
