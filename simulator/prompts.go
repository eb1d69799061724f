package simulator

import (
	"github.com/qtune/qtune/bench"
)

// prompt is what the scheduler sees of one.
type prompt struct {
	tokens int
	keys   []uint64 // of its beginnings
	piece  int      // tokens of each
}

// traceBlock is the length of a block of a recorded prompt, as bench writes it.
const traceBlock = 512

// prompt is that of a request. Where its length is not planned, the simulated tokenizer
// counts it. own is the memory of a key.
func (l *Load) prompt(r *bench.Request, i *instance, own *[1]uint64) prompt {
	p := l.work.Prompts
	switch {
	case p.File != nil:
		return l.recorded(r.Turn, i.piece())
	case r.PrefixTokens > 0 && i.scheduling.Prefixes:
		own[0] = r.Prefix
		block := max(i.scheduling.Block, 1)
		return prompt{r.InputTokens, own[:], r.PrefixTokens / block * block}
	case p.Trace != nil && !r.Warmup && i.scheduling.Prefixes && len(p.Trace.Entries[r.Turn].Blocks) > 0:
		return l.traced(r, p.Trace.Entries[r.Turn].Blocks)
	}
	return prompt{tokens: r.InputTokens}
}

// recorded is a prompt of a file.
func (l *Load) recorded(turn, piece int) prompt {
	known, ok := l.prompts[turn]
	if ok && known.piece == piece {
		return known
	}
	t := l.work.Prompts.File.Turn(turn)
	var messages []message
	for _, m := range t.Messages {
		messages = append(messages, message{Role: m.Role, Content: m.Content})
	}
	text := messages[0].text()
	if chat := l.work.API == bench.APIChat || l.work.API == bench.APIOllamaChat; chat || len(messages) != 1 {
		text = template(messages)
	}
	known.piece = piece
	known.tokens, known.keys = beginnings(text, piece)
	known.tokens = max(known.tokens, 1)
	l.remember(turn, known)
	return known
}

// traced is a prompt of a trace that names the pieces that it is made of.
func (l *Load) traced(r *bench.Request, blocks []int) prompt {
	known, ok := l.prompts[r.Turn]
	if !ok {
		known = prompt{tokens: r.InputTokens, piece: traceBlock}
		for _, b := range blocks {
			known.keys = append(known.keys, uint64(b))
		}
		l.remember(r.Turn, known)
	}
	return known
}

func (l *Load) remember(turn int, p prompt) {
	if l.prompts == nil {
		l.prompts = map[int]prompt{}
	}
	l.prompts[turn] = p
}
