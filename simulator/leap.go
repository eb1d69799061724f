package simulator

import (
	"math"
	"slices"
	"time"
)

// Leap computes the steps that would follow with the sequences that run, each of which
// yields one token for each of them, as Step would one after the other: up to the first
// in which a sequence ends or for which the cache is short, and none that begins limit or
// more from now. It gives the time of each; the events, of the sequences that
// ended, belong to the last. No times mean that Step is needed. Both slices are valid
// until the next call.
func (c *Core) Leap(limit time.Duration) ([]time.Duration, []Event) {
	c.times, c.events = c.times[:0], c.events[:0]
	n := 0
	if c.steady && limit > 0 {
		n = c.alike()
	}
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

// alike puts all that run into a step, and says how many like it follow: up to the first
// end, as far as the cache has room for a token of each and for what SGLang wants free.
func (c *Core) alike() int {
	c.prefills, c.decodes, c.context = c.prefills[:0], c.decodes[:0], 0
	if len(c.running) == 0 {
		return 0
	}
	n, context := math.MaxInt, 0
	for _, r := range c.running {
		context += r.computed
		n = min(n, r.Output-r.generated)
	}
	c.decodes, c.context = append(c.decodes, c.running...), context
	room := c.room()
	if c.s.SGLang {
		room -= c.blocksFor(len(c.decodes))
	}
	// Each may have so many whole blocks more. Beyond them those need another whose last
	// block is full first.
	each := max(0, room/len(c.decodes))
	sure := each * c.s.Block
	return min(n, sure+c.beyond(min(n-sure, c.s.Block-1), room-each*len(c.decodes)))
}

// beyond is how many tokens, at most so many and less than a block, each sequence can
// have before more of them than there are blocks to spare have filled their last one.
func (c *Core) beyond(most, spare int) int {
	if most <= 0 {
		return 0
	}
	c.left = slices.Grow(c.left[:0], most)[:most]
	clear(c.left)
	for _, r := range c.decodes {
		if left := r.room - r.computed; left < most {
			c.left[max(left, 0)]++
		}
	}
	for tokens, full := range c.left {
		if spare -= full; spare < 0 {
			return tokens
		}
	}
	return most
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
		if r.computed += n; r.computed > r.room {
			c.take(r, c.needs(r, r.computed))
		}
	}
	c.least = min(c.least, c.room())
	last, ended := c.stats.Steps, 0
	for _, r := range c.decodes {
		r.target = r.computed
		if r.generated+n < r.Output {
			r.generated += n
			r.last = last
			continue
		}
		r.generated += n - 1
		r.last = last - 1
		c.emit(r) // counts its last token
		ended++
	}
	c.stats.GeneratedTokens += int64(len(c.decodes) - ended)
	c.stats.LastDecodeSequence = len(c.decodes)
	c.steady = c.ended == 0
	c.sweep()
	c.steady = c.steady || c.closed(false) && c.ghosts.n == 0
}
