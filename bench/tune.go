package bench

import (
	"context"
	"slices"
)

// learntKey is what a lexicon depends on; tokens 0 is the one for any length.
type learntKey struct {
	url, model string
	api        API
	tokens     int
}

func (c *Client) learned(k learntKey) *lexicon {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.learnt[k]
}

func (c *Client) remember(k learntKey, l *lexicon) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.learnt == nil {
		c.learnt = map[learntKey]*lexicon{}
	}
	c.learnt[k] = l
}

// calibrate finds the lexicon that makes prompts of the workload's length on
// this server, once per client, server and length. A server that cannot be asked
// leaves lengths approximate, which is noted.
func (s *session) calibrate(ctx context.Context) {
	if s.work.Prompts.File != nil {
		return
	}
	key := learntKey{s.link.target.URL, s.link.target.Model, s.work.API, s.work.Prompts.typical()}
	if l := s.client.learned(key); l != nil {
		s.lexicon = l
	} else if l, answered := s.fit(ctx, key); l != nil {
		s.lexicon = l
		if answered {
			s.client.remember(key, l)
		}
	}
	if !s.lexicon.exact && ctx.Err() == nil {
		s.note("the server counts the prompt's tokens differently or not at all: prompts have about %d tokens", key.tokens)
	}
}

// fit learns words and then corrects the fixed cost of a prompt by what usage
// says of real ones, which holds what /tokenize does not know: special tokens and
// the chat template. It gives nil, or what it has, where the server did not answer.
func (s *session) fit(ctx context.Context, key learntKey) (l *lexicon, answered bool) {
	anyLength := key
	anyLength.tokens = 0
	known := s.client.learned(anyLength)
	if known == nil {
		l, err := learn(ctx, tokenizer(s.link))
		if err != nil {
			l = s.probeTwice(ctx, key.tokens)
		}
		if l == nil {
			return nil, false
		}
		known = l
		s.client.remember(anyLength, known)
	}
	own := *known
	return &own, s.correct(ctx, &own, min(key.tokens, maxVerified))
}

// correct compares at most three prompts of the wanted length with their usage;
// false where the server did not answer.
func (s *session) correct(ctx context.Context, l *lexicon, tokens int) bool {
	for try := range uint64(3) {
		got, ok := s.probe(ctx, l, try, l.count(tokens))
		if !ok {
			return false
		}
		if got < 0 {
			l.exact = l.counted && l.perWord == 1 && s.work.API != APIChat
			return true
		}
		if l.exact = got == tokens; l.exact || l.count(tokens) == 1 && got > tokens {
			return true
		}
		l.overhead += got - tokens
	}
	return true
}

// probeTwice learns from the usage of two requests what a word costs, where the
// server has no tokenizer to ask. Nil where it did not answer.
func (s *session) probeTwice(ctx context.Context, tokens int) *lexicon {
	l := uncalibrated()
	long := max(min(tokens, maxVerified), 64)
	more, ok := s.probe(ctx, l, 10, long)
	if !ok {
		return nil
	}
	less, ok := s.probe(ctx, l, 11, long/2)
	if !ok {
		return nil
	}
	if more > less && less > 0 {
		l.counted = true
		l.perWord = float64(more-less) / float64(long-long/2)
		l.overhead = max(0, more-int(l.perWord*float64(long)+0.5))
	}
	return l
}

// probe sends a prompt of some words for one token and gives its length by usage,
// -1 where the server sends none; false where the request failed.
func (s *session) probe(ctx context.Context, l *lexicon, n uint64, words int) (int, bool) {
	b := append([]byte(nil), s.wire.before...)
	b = append(append(b, s.wire.open...), opening...)
	b = l.draw(b, s.work.Seed^(0xca11b7a7e<<8|n), words)
	a := s.stream(0).do(ctx, s.finish(append(b, s.wire.shut...), 1), 1)
	return a.prompt, a.fail == nil && !a.cancelled
}

// typical is a length of synthetic prompts near the middle of all.
func (p *Prompts) typical() int {
	if p.Trace == nil {
		return max(p.InputTokens, 1)
	}
	lengths := make([]int, len(p.Trace.Entries))
	for i, e := range p.Trace.Entries {
		lengths[i] = e.InputTokens
	}
	slices.Sort(lengths)
	return lengths[len(lengths)/2]
}
