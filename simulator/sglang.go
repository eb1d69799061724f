package simulator

// How SGLang guesses what running requests will still need: it starts with a share of
// what they asked for, lowers it with each step and raises it when it was too low.
const (
	firstShare    = 0.7
	lastShare     = 0.14 // of the first
	shareSteps    = 600
	clipOutput    = 4096 // no request reserves more
	retractMargin = 20   // tokens a sequence is taken to grow by after a retraction
	lpmWaiting    = 128  // requests; where more wait, the longest prefix is not looked for
)

func (c *Core) firstRatio() float64 {
	return min(1, firstShare*c.s.Conservativeness)
}

// formSGLang forms a batch as SGLang does: a batch of prompts if any can be admitted,
// else one token for each running sequence.
func (c *Core) formSGLang() {
	if c.ghosts.n == 0 || c.cut != nil {
		c.admitPrompts()
	}
	if len(c.prefills) > 0 && !c.s.Mixed {
		return
	}
	c.retract()
	for _, r := range c.running {
		if r.computed >= r.target {
			if more := 1 + c.s.Drafted; r.computed+more > r.room {
				c.take(r, c.needs(r, r.computed+more))
			}
			c.decode(r)
		}
	}
	c.decay()
}

// ghosts are sequences that have ended and that the next step computes all the same.
type ghosts struct{ n, context int }

// haunt remembers a sequence that has ended. SGLang's overlap loop forms a step while the
// one before it is computed, thus before it has seen that a sequence ended there: its step
// holds that sequence once more, and nobody who came meanwhile.
func (c *Core) haunt(r *Request) {
	if c.s.OnceMore {
		c.ghosts.n++
		c.ghosts.context += r.computed
	}
}

// decay lowers the share of unfinished output that is reserved, once a step.
func (c *Core) decay() {
	c.ratio = max(c.firstRatio()*lastShare, c.ratio-c.firstRatio()*(1-lastShare)/shareSteps)
}

// admitPrompts continues the prompt that was cut, then takes the queue in its order
// while chunk, prefill bound, sequences and cache last.
func (c *Core) admitPrompts() {
	chunk := c.s.Chunk
	if chunk <= 0 {
		chunk = c.s.MaxPrefill
	}
	room := c.s.MaxPrefill
	rest := c.unreserved()
	if c.cut != nil {
		tokens := min(c.cut.target-c.cut.computed, chunk)
		if c.needs(c.cut, c.cut.computed+tokens) > c.room() {
			return
		}
		c.prefill(c.cut, tokens)
		chunk -= tokens
		room -= tokens
		if c.cut.computed+tokens >= c.cut.target {
			c.cut = nil
		}
	}
	for c.waiting.len() > 0 && len(c.running) < c.s.MaxRunning && c.cut == nil && chunk > 0 && room > 0 {
		i := c.next()
		r := c.waiting.at(i)
		hits, idle := c.match(r)
		known := hits * r.Segment
		reserve := r.target - known + min(r.Output-r.generated, clipOutput)
		free := rest - float64(idle*c.s.Block)
		if float64(reserve) >= free && len(c.running) > 0 || c.blocksFor(r.target)-known/c.s.Block > c.room()-idle {
			return
		}
		rest = free - float64(reserve)
		c.waiting.removeAt(i)
		c.reuse(r, hits)
		c.start(r)
		tokens := min(r.target-known, chunk)
		if tokens < r.target-known {
			c.cut = r
		}
		c.prefill(r, tokens)
		chunk -= tokens
		room -= tokens
	}
}

func (c *Core) prefill(r *Request, tokens int) {
	c.take(r, c.needs(r, r.computed+tokens))
	c.prefills = append(c.prefills, part{r, tokens})
}

// next is the place in the queue of the request that is first in the policy's order.
func (c *Core) next() int {
	switch {
	case c.s.LongestFirst:
		return c.greatest(func(r *Request) int { return r.Output })
	case c.s.CachedFirst && c.waiting.len() <= lpmWaiting:
		return c.greatest(func(r *Request) int {
			n, _ := c.match(r)
			return n
		})
	}
	return 0
}

// greatest is the first of those waiting of which something is greatest.
func (c *Core) greatest(of func(*Request) int) int {
	best, most := 0, of(c.waiting.at(0))
	for i := 1; i < c.waiting.len(); i++ {
		if n := of(c.waiting.at(i)); n > most {
			best, most = i, n
		}
	}
	return best
}

// unreserved is the free cache less what running sequences are taken to need still.
func (c *Core) unreserved() float64 {
	rest := float64(c.room() * c.s.Block)
	for _, r := range c.running {
		rest -= c.ratio * float64(min(r.Output-r.generated, clipOutput))
	}
	return rest
}

// retract evicts running sequences when the cache has no room for one more token
// each: those with the fewest tokens so far, the longest prompt first.
func (c *Core) retract() {
	retracted := false
	for len(c.running) > 1 && c.room()*c.s.Block < len(c.running)*(1+c.s.Drafted) {
		victim := c.running[0]
		for _, r := range c.running[1:] {
			if r.generated < victim.generated || r.generated == victim.generated && r.Prompt > victim.Prompt {
				victim = r
			}
		}
		if victim == c.cut {
			c.cut = nil
		}
		c.drop(victim)
		c.evict(victim)
		c.waiting.pushBack(victim)
		retracted = true
	}
	if !retracted {
		return
	}
	done, asked := 0.0, 0.0
	for _, r := range c.running {
		done += float64(r.generated + retractMargin)
		asked += float64(r.Output)
	}
	c.ratio = min(1, done/max(asked, 1))
}
