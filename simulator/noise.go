package simulator

import (
	"math"
	"math/rand/v2"
	"time"
)

// The noise of a typical server at scale 1 (tuning notes, section 4.4; where no public
// figure was found they are judgement): each step's own, a slow drift as of clocks and
// heat, what one start has for as long as it lives, and rare stalls.
const (
	jitterSD   = 0.015            // of a step's logarithm
	driftSD    = 0.01             // of the drift's logarithm
	driftTau   = 60 * time.Second // after which it has forgotten
	restartSD  = 0.01             // of a start's logarithm
	stallEvery = 3000             // steps, on average
	stallLeast = 50 * time.Millisecond
	stallMost  = 500 * time.Millisecond
)

// noise makes steps as uneven as those of a real server. It depends on its seeds alone.
type noise struct {
	scale float64
	rng   *rand.Rand
	start float64 // logarithm of what this start has
	drift float64
}

// newNoise is that of one start of a server; nil for a scale of 0.
func newNoise(scale float64, seed, start uint64) *noise {
	if scale <= 0 {
		return nil
	}
	n := &noise{scale: scale, rng: rand.New(rand.NewPCG(seed, 0x4015e+start))}
	n.start = restartSD * scale * n.rng.NormFloat64()
	n.drift = driftSD * scale * n.rng.NormFloat64()
	return n
}

// step is how long a step takes that should take d.
func (n *noise) step(d time.Duration) time.Duration {
	keep := math.Exp(-float64(d) / float64(driftTau))
	n.drift = keep*n.drift + math.Sqrt(1-keep*keep)*driftSD*n.scale*n.rng.NormFloat64()
	t := float64(d) * math.Exp(n.start+n.drift+jitterSD*n.scale*n.rng.NormFloat64())
	if n.rng.Float64()*stallEvery < math.Min(n.scale, 1) {
		t += float64(stallLeast) * math.Pow(float64(stallMost/stallLeast), n.rng.Float64())
	}
	return max(time.Duration(t), 1)
}
