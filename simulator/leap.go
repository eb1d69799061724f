package simulator

import "time"

// Leap computes the steps that would follow with the very same sequences, each of which
// yields one token for each of them, as Step would one after the other: up to the first
// in which a sequence ends or for which the cache is short, and none that begins limit or
// more from now. It gives the time of each; the events, of the sequences that
// ended, belong to the last. No times mean that Step is needed. Both slices are valid
// until the next call.
func (c *Core) Leap(limit time.Duration) ([]time.Duration, []Event) {
	c.times, c.events = c.times[:0], c.events[:0]
	n := c.alike()
	if n == 0 {
		return nil, nil
	}
	b := c.batch()
	s := c.machine.shape(b)
	for spent := time.Duration(0); len(c.times) < n && spent < limit; {
		d := c.noisy(s.step(b.DecodeContext))
		b.DecodeContext += s.decodes
		spent += d
		c.times = append(c.times, d)
	}
	c.leapt(len(c.times))
	return c.times, c.events
}

// alike is how many steps like the last will follow.
func (c *Core) alike() int {
	if !c.steady || len(c.decodes) == 0 {
		return 0
	}
	n := c.decodes[0].Output - c.decodes[0].generated
	for _, r := range c.decodes[1:] {
		n = min(n, r.Output-r.generated)
	}
	for n > 0 && !c.holds(n) {
		n /= 2
	}
	return n
}

// holds says whether the cache has room for n more tokens of each sequence, and for
// what SGLang wants free before each step.
func (c *Core) holds(n int) bool {
	need := 0
	for _, r := range c.decodes {
		need += c.needs(r, r.computed+n)
	}
	if c.s.SGLang {
		need += (len(c.decodes) + c.s.Block - 1) / c.s.Block
	}
	return need <= c.room()
}

// leapt books n steps of the same sequences.
func (c *Core) leapt(n int) {
	c.stats.Steps += int64(n)
	c.stats.GeneratedTokens += int64((n - 1) * len(c.decodes))
	if c.s.SGLang {
		for range n {
			c.decay()
		}
	}
	for _, r := range c.decodes {
		r.computed += n
		c.take(r, c.needs(r, r.computed))
	}
	c.least = min(c.least, c.room())
	for _, r := range c.decodes {
		r.target = r.computed
		r.last = c.stats.Steps - 1
		if r.generated += n - 1; r.generated+1 >= r.Output {
			c.emit(r)
			c.steady = false
			continue
		}
		r.generated++
		r.last++
		c.stats.GeneratedTokens++
	}
	c.sweep()
}
