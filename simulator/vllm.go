package simulator

// formVLLM forms a batch as vLLM's V1 scheduler does, and llama-server with its slots:
// running requests first, one token each or the next chunk of their prompt, then
// waiting ones while budget, sequences and cache last. When the cache is short, the
// request that came last is evicted and computed again later; nobody is admitted then.
func (c *Core) formVLLM() {
	budget := c.s.Budget
	evicted := false
	// What is read and written for each sequence stands in variables of the function, which
	// the compiler keeps in registers.
	each, context, decodes := 1+c.s.Drafted, c.context, c.decodes
	for i := 0; i < len(c.running) && budget > 0; i++ {
		r := c.running[i]
		if r.computed >= r.target && r.computed+each <= r.room { // nearly always
			budget -= each
			context += r.computed
			decodes = append(decodes, r)
			continue
		}
		tokens := each
		if r.computed < r.target {
			tokens = min(r.target-r.computed, budget)
		}
		ok, some := c.makeRoom(r, tokens)
		evicted = evicted || some
		if !ok {
			break
		}
		budget -= tokens
		if r.computed < r.target {
			c.prefills = append(c.prefills, part{r, tokens})
		} else {
			context += r.computed
			decodes = append(decodes, r)
		}
	}
	c.context, c.decodes = context, decodes
	if !evicted {
		c.admit(budget)
	}
}

// makeRoom gives r blocks for more tokens, evicting from the end of the running
// requests; ok is false if r itself was the last of them.
func (c *Core) makeRoom(r *Request, tokens int) (ok, evicted bool) {
	need := c.needs(r, r.computed+tokens)
	for need > c.room() {
		last := c.running[len(c.running)-1]
		c.running = c.running[:len(c.running)-1]
		c.evict(last)
		c.waiting.pushFront(last)
		evicted = true
		if last == r {
			return false, true
		}
	}
	c.take(r, need)
	return true, evicted
}

func (c *Core) admit(budget int) {
	for c.waiting.len() > 0 && len(c.running) < c.s.MaxRunning && budget > 0 {
		r := c.waiting.at(0)
		hits, idle := c.match(r)
		known := hits * r.Segment
		tokens := min(r.target-known, budget)
		if !c.s.Chunked && r.target-known > budget {
			if len(c.prefills)+len(c.decodes) > 0 {
				return
			}
			tokens = r.target - known
		}
		whole := known + tokens
		if c.s.WholeFirst {
			whole = r.target
		}
		if c.blocksFor(whole)-known/c.s.Block > c.room()-idle {
			return
		}
		c.reuse(r, hits)
		c.take(r, c.needs(r, r.computed+tokens))
		budget -= tokens
		c.waiting.popFront()
		c.start(r)
		c.prefills = append(c.prefills, part{r, tokens})
	}
}
