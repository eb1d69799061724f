package bench

import (
	"encoding/json"
	"hash/fnv"
	"strconv"
)

// body writes a request's body. The words of a synthetic prompt need no escaping:
// they are plain letters. A body is never reused, since the transport may still
// be sending one when its answer is already there.
func (s *session) body(r Request) []byte {
	b := make([]byte, 0, len(s.wire.before)+7*s.lexicon.count(r.InputTokens)+256)
	b = append(b, s.wire.before...)
	if f := s.work.Prompts.File; f != nil {
		b = append(b, s.wire.recorded(f.Turn(r.Turn))...)
	} else {
		b = append(b, s.wire.open...)
		b = s.prompt(b, r)
		b = append(b, s.wire.shut...)
	}
	return s.finish(b, r.OutputTokens)
}

// finish adds what stands behind the prompt.
func (s *session) finish(b []byte, tokens int) []byte {
	options := s.wire.after
	if s.running {
		options = s.wire.running
	}
	b = append(b, options...)
	b = strconv.AppendInt(b, int64(tokens), 10)
	return append(b, s.wire.tail...)
}

// prompt writes a synthetic prompt: what it shares with others, then its own.
func (s *session) prompt(b []byte, r Request) []byte {
	l := s.lexicon
	n := l.count(r.InputTokens)
	b = append(b, opening...)
	switch t := s.work.Prompts.Trace; {
	case r.PrefixTokens > 0:
		shared := min(n-1, l.count(r.PrefixTokens+l.overhead))
		b = l.draw(b, r.Prefix, shared)
		n -= shared
	case t != nil && !r.Warmup:
		for _, block := range t.Entries[r.Turn].Blocks {
			words := min(n, l.count(traceBlock+l.overhead))
			b = l.draw(b, blockSeed(s.work.Seed, block), words)
			n -= words
		}
	}
	return l.draw(b, r.PromptSeed, n)
}

func blockSeed(seed uint64, block int) uint64 {
	h := fnv.New64a()
	_, _ = h.Write(strconv.AppendInt(strconv.AppendUint(nil, seed, 16), int64(block), 36))
	return h.Sum64()
}

// recorded is a turn as the interface takes it; it must be able to.
func (w *wire) recorded(t Turn) []byte {
	if !w.chat {
		text, _ := t.plain()
		return text
	}
	text, err := json.Marshal(t.Messages)
	if err != nil { // messages were read from JSON
		return []byte("[]")
	}
	return text
}

// takes says whether the interface can send everything that is in a file.
func (w *wire) takes(f *File) error {
	if w.chat {
		return nil
	}
	for i, talk := range f.Talks {
		for _, t := range talk {
			if _, ok := t.plain(); !ok {
				return &LineError{f.Name, f.lines[i], &usageError{"a conversation needs an interface with messages", "use the API chat"}}
			}
		}
	}
	return nil
}
