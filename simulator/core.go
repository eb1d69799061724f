package simulator

import (
	"math/rand/v2"
	"time"
)

// Scheduling is what goes into a step, as an engine's flags choose it.
type Scheduling struct {
	SGLang     bool    // whole batches of prompts before tokens; else tokens and prompts share a step
	MaxRunning int     // sequences at once
	Budget     int     // tokens of one step (vLLM, llama-server)
	Chunked    bool    // a prompt may be cut to the budget
	Pool       int     // tokens of KV cache
	Block      int     // tokens of one block of it
	WholeFirst bool    // admit a prompt only when all of it fits into the cache (vLLM)
	Prefixes   bool    // beginnings of prompts are kept for later ones
	Drafted    int     // tokens that are drafted for each sequence and step
	Accept     float64 // chance that a draft is taken, if those before it were

	// SGLang only.
	Chunk            int     // tokens of prompts in one batch; a longer prompt is cut
	MaxPrefill       int     // the same, uncut
	LongestFirst     bool    // order the queue by the length asked for, longest first
	CachedFirst      bool    // order it by what the cache has of a prompt, most first, as long as few wait
	Conservativeness float64 // scales the share of unfinished output that is reserved
	Mixed            bool    // a batch of prompts carries the decoding sequences too
	OnceMore         bool    // a sequence that has ended is computed once more: the step was formed before that was known
}

// Request is one prompt and the tokens asked for. Set the exported fields, hand it to
// Core.Submit, and do not touch it until its last Event or Abort.
type Request struct {
	Owner any // the caller's
	// Prefix names the prompt's beginning, in pieces of Segment tokens, each key standing
	// for all before it as well: prompts with equal keys begin alike.
	Prefix  []uint64
	Segment int
	Prompt  int // tokens
	held    int // leading segments that it has from the cache of prefixes or gave to it

	// What every step reads and writes stands together, in 64 bytes from the 64th on: a step
	// of a hundred sequences is as fast as their memory.
	Output    int // tokens, at least 1
	computed  int // tokens whose keys and values are in the cache
	target    int // tokens to compute before the next one is generated
	room      int // tokens that its blocks hold
	generated int
	last      int64 // the step of its last token
	measured  bool  // plain tokens of it are counted apart
	waiting   bool
	running   bool
	blocks    int // of the cache

	shared      int // blocks of those
	Preemptions int // times it lost its cache and began again
}

// Event is one generated token.
type Event struct {
	Request *Request
	Index   int   // of the token, from 0
	Steps   int64 // since its request's token before; 0 for the first
	Done    bool  // it is the request's last
}

// Stats are counters and gauges of a Core.
type Stats struct {
	Running, Waiting   int
	KVUsage, KVPeak    float64 // 0 to 1
	PromptTokens       int64   // those from the cache of prefixes among them
	PrefixAsked        int64   // of prompts that were looked up in it
	PrefixHits         int64   // found there
	GeneratedTokens    int64
	Preemptions        int64
	Finished           int64
	Steps              int64
	LastDecodeSequence int
}

type part struct {
	r      *Request
	tokens int
}

// Core schedules requests into steps. It has no clock: Step says how long the step
// takes and which tokens it yields at its end. It is for one goroutine.
type Core struct {
	s       Scheduling
	machine *Machine
	noise   *noise // nil: every step takes what the machine says
	rng     *rand.Rand

	waiting  queue
	running  []*Request
	free     int // blocks
	total    int
	cut      *Request // SGLang: the prompt of which a part is computed
	ratio    float64  // SGLang: share of unfinished output that is reserved
	ghosts   ghosts   // SGLang: those that ended in the last step and are computed once more
	prefills []part
	decodes  []*Request
	context  int   // tokens in the cache of those that decode
	left     []int // of those, how many have so many tokens until their last block is full
	events   []Event
	ended    int  // of the running ones, not yet swept
	brief    bool // tokens that say nothing new have no event and are only counted
	plain    int  // such tokens of the last step: one a step before had its request, too
	counted  int  // those of them whose request is measured
	times    []time.Duration
	prefix   prefixCache
	steady   bool // all that run got a token in the last step, and the next holds them alone, one token each
	least    int  // blocks that were ever free
	stats    Stats
}

// NewCore makes a scheduler, whose chance (which drafts are taken) depends on seed alone.
func NewCore(s Scheduling, machine *Machine, seed uint64) *Core {
	c := &Core{}
	c.again(s, machine, seed)
	return c
}

// again makes c as NewCore does, in the memory that it has.
func (c *Core) again(s Scheduling, machine *Machine, seed uint64) {
	s.Block = max(s.Block, 1)
	blocks := s.Pool / s.Block
	*c = Core{
		s: s, machine: machine, rng: rand.New(rand.NewPCG(seed, 0x71)), free: blocks, total: blocks, least: blocks,
		waiting: queue{ring: c.waiting.ring}, running: c.running[:0], prefills: c.prefills[:0], decodes: c.decodes[:0], events: c.events[:0], times: c.times[:0], left: c.left[:0],
		prefix: c.prefix,
	}
	c.prefix.reset()
	c.ratio = c.firstRatio()
}

// Submit queues a request. One that can never fit into the cache must not be submitted.
func (c *Core) Submit(r *Request) {
	*r = Request{Prompt: max(r.Prompt, 1), Output: max(r.Output, 1), Owner: r.Owner, Prefix: r.Prefix, Segment: r.Segment, measured: r.measured, waiting: true}
	if !c.s.Prefixes || r.Segment < 1 || r.Segment%c.s.Block != 0 {
		r.Prefix = nil
	}
	r.Prefix = r.Prefix[:min(len(r.Prefix), r.Prompt/max(r.Segment, 1))]
	r.target = r.Prompt
	c.steady = false
	c.waiting.pushBack(r)
}

// Abort forgets a request, whatever became of it.
func (c *Core) Abort(r *Request) {
	switch {
	case r.waiting:
		c.waiting.remove(r)
		r.waiting = false
	case r.running:
		c.drop(r)
	}
	if c.cut == r {
		c.cut = nil
	}
	c.steady = false
	c.release(r)
}

// Stats are the counters so far and the gauges of now.
func (c *Core) Stats() Stats {
	s := c.stats
	s.Running, s.Waiting = len(c.running), c.waiting.len()
	if c.total > 0 {
		s.KVUsage = 1 - float64(c.room())/float64(c.total)
		s.KVPeak = 1 - float64(c.least)/float64(c.total)
	}
	return s
}

// Idle says that no request is left.
func (c *Core) Idle() bool { return len(c.running) == 0 && c.waiting.len() == 0 }

// Step forms the next batch and computes it: how long that takes, and the tokens that
// are there at its end. No events and no time mean that there is nothing to do. The
// slice is valid until the next call.
func (c *Core) Step() (time.Duration, []Event) {
	c.prefills, c.decodes, c.events = c.prefills[:0], c.decodes[:0], c.events[:0]
	c.plain, c.counted, c.context = 0, 0, 0
	evicted := c.stats.Preemptions
	if c.s.SGLang {
		c.formSGLang()
	} else {
		c.formVLLM()
	}
	b := c.batch()
	c.ghosts = ghosts{}
	if b.Prefills == 0 && b.Decodes == 0 {
		c.ratio = c.firstRatio()
		return 0, nil
	}
	d := c.noisy(c.machine.Step(b))
	c.stats.Steps++
	c.least = min(c.least, c.room())
	finished, all := c.stats.Finished, len(c.prefills)+len(c.decodes) == len(c.running)
	whole := c.complete()
	refused := len(c.prefills) == 0 && finished == c.stats.Finished && evicted == c.stats.Preemptions
	c.steady = all && whole && c.s.Drafted == 0 && c.closed(refused) && c.ghosts.n == 0
	return d, c.events
}

// closed says that nobody is admitted before a sequence ends: nobody waits, no place is
// free, or those that wait were refused by the last step and nothing has become free. In
// vLLM they then are again, since the free cache only shrinks; SGLang's reserve shrinks too.
func (c *Core) closed(refused bool) bool {
	return c.waiting.len() == 0 || len(c.running) >= c.s.MaxRunning || refused && !c.s.SGLang
}

func (c *Core) noisy(d time.Duration) time.Duration {
	if c.noise != nil {
		return c.noise.step(d)
	}
	return d
}

func (c *Core) batch() Batch {
	b := Batch{Prefills: len(c.prefills), Decodes: len(c.decodes)}
	for _, p := range c.prefills {
		b.PrefillTokens += p.tokens
		b.PrefillWork += float64(p.tokens) * (float64(p.r.computed) + float64(p.tokens)/2)
	}
	context := c.context
	if b.Prefills == 0 || c.s.Mixed {
		b.Decodes += c.ghosts.n
		context += c.ghosts.context
	}
	b.DecodeContext = float64(context + b.Decodes)
	return b
}

// decode puts the next token of a sequence into the step.
func (c *Core) decode(r *Request) {
	c.decodes = append(c.decodes, r)
	c.context += r.computed
}

// complete books the batch: prompts that are now whole and every decoding sequence
// have one more token. It says whether all prompts of the batch are whole.
func (c *Core) complete() (whole bool) {
	whole = true
	for _, p := range c.prefills {
		c.stats.PromptTokens += int64(min(p.tokens, max(0, p.r.Prompt-p.r.computed)))
		p.r.computed += p.tokens
		if p.r.held < len(p.r.Prefix) {
			c.publish(p.r)
		}
		if p.r.computed >= p.r.target {
			c.emit(p.r)
		} else {
			whole = false
		}
	}
	steps, brief, plain, counted := c.stats.Steps, c.brief && c.s.Drafted == 0, 0, 0
	for _, r := range c.decodes {
		switch {
		case brief && r.last == steps-1 && r.generated+1 < r.Output: // a token that says nothing new
			r.computed++
			r.target = r.computed
			r.generated++
			r.last = steps
			plain++
			if r.measured {
				counted++
			}
		case c.s.Drafted > 0:
			c.emitDrafted(r)
		default:
			r.computed++
			r.target = r.computed
			c.emit(r)
		}
	}
	c.plain, c.counted = plain, counted
	c.stats.GeneratedTokens += int64(c.plain)
	c.stats.LastDecodeSequence = len(c.decodes)
	c.sweep()
	return whole
}

// emitDrafted gives a sequence its token and the drafts before the first that is not
// taken.
func (c *Core) emitDrafted(r *Request) {
	for n := 0; n <= c.s.Drafted && r.generated < r.Output; n++ {
		r.computed++
		r.target = r.computed
		c.emit(r)
		if c.rng.Float64() >= c.s.Accept {
			return
		}
	}
}

func (c *Core) emit(r *Request) {
	r.generated++
	c.stats.GeneratedTokens++
	done := r.generated >= r.Output
	since := int64(0)
	if r.generated > 1 {
		since = c.stats.Steps - r.last
	}
	r.last = c.stats.Steps
	c.events = append(c.events, Event{Request: r, Index: r.generated - 1, Steps: since, Done: done})
	if done {
		c.stats.Finished++
		c.ended++
		r.running = false
		c.haunt(r)
		c.release(r)
	}
}

// sweep takes those that have ended out of the running ones.
func (c *Core) sweep() {
	if c.ended == 0 {
		return
	}
	c.ended = 0
	left := c.running[:0]
	for _, r := range c.running {
		if r.running {
			left = append(left, r)
		}
	}
	c.running = left
}

// needs is how many more blocks hold tokens of r in all.
func (c *Core) needs(r *Request, tokens int) int {
	if tokens <= r.room {
		return 0
	}
	return c.blocksFor(tokens) - r.blocks
}

func (c *Core) blocksFor(tokens int) int { return (tokens + c.s.Block - 1) / c.s.Block }

func (c *Core) take(r *Request, blocks int) {
	if blocks > c.free {
		c.reclaim(blocks)
	}
	c.free -= blocks
	r.blocks += blocks
	r.room = r.blocks * c.s.Block
}

func (c *Core) release(r *Request) {
	c.free += r.blocks - r.shared
	if r.held > 0 {
		c.leave(r)
	}
	r.blocks, r.room = 0, 0
}

func (c *Core) drop(r *Request) {
	for i, x := range c.running {
		if x == r {
			c.running = append(c.running[:i], c.running[i+1:]...)
			break
		}
	}
	r.running = false
}

func (c *Core) start(r *Request) {
	r.waiting, r.running = false, true
	c.running = append(c.running, r)
}

// evict takes a running request's cache away: prompt and tokens so far are computed
// again later.
func (c *Core) evict(r *Request) {
	c.release(r)
	r.target = r.Prompt + r.generated
	r.computed = 0
	r.Preemptions++
	r.running, r.waiting = false, true
	c.stats.Preemptions++
}
