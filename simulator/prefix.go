package simulator

// prefixCache holds the keys and values of prompts' beginnings, so that a prompt that
// begins like an earlier one has less to compute. What no running sequence uses stays
// until its blocks are wanted, the longest unused first.
type prefixCache struct {
	entries map[uint64]*segment
	idle    int     // blocks of segments that no sequence uses
	oldest  segment // the ring of those, in the order in which they will go; not one itself
	spare   []*segment
}

// segment is one piece of a prompt's beginning; its key stands for all before it too.
type segment struct {
	key        uint64
	blocks     int
	uses       int // by running sequences
	prev, next *segment
}

func (p *prefixCache) reset() {
	clear(p.entries)
	if p.entries == nil {
		p.entries = map[uint64]*segment{}
	}
	p.idle = 0
	p.oldest.prev, p.oldest.next = &p.oldest, &p.oldest
}

// room is the cache that can be had: what is free, and what nobody uses.
func (c *Core) room() int { return c.free + c.prefix.idle }

// match is how many of a request's leading segments are there, and how many blocks of
// them nobody uses now. One token at least is always computed.
func (c *Core) match(r *Request) (n, idle int) {
	if len(r.Prefix) == 0 {
		return 0, 0
	}
	most := min(len(r.Prefix), (r.target-1)/r.Segment)
	for n < most {
		s, ok := c.prefix.entries[r.Prefix[n]]
		if !ok {
			break
		}
		if s.uses == 0 {
			idle += s.blocks
		}
		n++
	}
	return n, idle
}

// reuse starts a request with its first n segments taken from the cache.
func (c *Core) reuse(r *Request, n int) {
	for _, key := range r.Prefix[:n] {
		c.use(c.prefix.entries[key])
	}
	r.held = n
	r.computed = n * r.Segment
	r.shared = n * r.Segment / c.s.Block
	r.blocks = r.shared
	r.room = r.blocks * c.s.Block
	if r.generated == 0 && c.s.Prefixes {
		c.stats.PromptTokens += int64(r.computed)
		c.stats.PrefixAsked += int64(r.Prompt)
		c.stats.PrefixHits += int64(r.computed)
	}
}

func (c *Core) use(s *segment) {
	if s.uses == 0 {
		s.prev.next, s.next.prev = s.next, s.prev
		c.prefix.idle -= s.blocks
	}
	s.uses++
}

// publish shares what r has computed of its beginning.
func (c *Core) publish(r *Request) {
	for r.held < len(r.Prefix) && (r.held+1)*r.Segment <= r.computed {
		key, blocks := r.Prefix[r.held], r.Segment/c.s.Block
		s, ok := c.prefix.entries[key]
		if ok { // somebody was faster, and r's copy goes
			c.free += blocks
			c.use(s)
		} else {
			s = c.newSegment()
			*s = segment{key: key, blocks: blocks, uses: 1}
			c.prefix.entries[key] = s
		}
		r.shared += blocks
		r.held++
	}
}

func (c *Core) newSegment() *segment {
	n := len(c.prefix.spare)
	if n == 0 {
		return &segment{}
	}
	s := c.prefix.spare[n-1]
	c.prefix.spare = c.prefix.spare[:n-1]
	return s
}

// leave gives back the segments that r uses. The last goes first, since those before it
// serve more prompts.
func (c *Core) leave(r *Request) {
	for i := r.held - 1; i >= 0; i-- {
		s := c.prefix.entries[r.Prefix[i]]
		if s.uses--; s.uses == 0 {
			last := c.prefix.oldest.prev
			s.prev, s.next = last, &c.prefix.oldest
			last.next, c.prefix.oldest.prev = s, s
			c.prefix.idle += s.blocks
		}
	}
	r.held, r.shared = 0, 0
}

// reclaim makes blocks free, of segments that nobody uses.
func (c *Core) reclaim(blocks int) {
	for c.free < blocks && c.prefix.idle > 0 {
		s := c.prefix.oldest.next
		s.prev.next, s.next.prev = s.next, s.prev
		c.prefix.idle -= s.blocks
		c.free += s.blocks
		delete(c.prefix.entries, s.key)
		c.prefix.spare = append(c.prefix.spare, s)
	}
}

// hitRate is the share of prompts that came from the cache of prefixes; nil without one.
func (s *Stats) hitRate() *float64 {
	if s.PrefixAsked == 0 {
		return nil
	}
	rate := float64(s.PrefixHits) / float64(s.PrefixAsked)
	return &rate
}

// Forget empties the cache of prefixes, but for what running sequences use.
func (c *Core) Forget() { c.reclaim(c.total) }
