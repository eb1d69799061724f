package bench

import (
	"context"
	"encoding/json"
	"sync"
	"sync/atomic"
)

// talker leads one user through the conversations of a file: all turns of one,
// one after the other, then those of the next that nobody has begun.
type talker struct {
	file      *File
	next      *atomic.Int64
	turn, end int // what is left of the conversation
}

// conversations is the file whose turns must be kept in order, nil if there is none.
func (p *phase) conversations() *File {
	if f := p.work.Prompts.File; f != nil && f.multiTurn() && !p.warmup {
		return f
	}
	return nil
}

// take makes r the user's next turn, if it follows a conversation.
func (t *talker) take(r *Request, l Level) {
	f := t.file
	if f == nil {
		return
	}
	if t.turn == t.end {
		talk := int(t.next.Add(1)-1) % len(f.Talks)
		t.turn = f.starts[talk]
		t.end = t.turn + len(f.Talks[talk])
	}
	r.Turn, r.OutputTokens = t.turn, l.OutputTokens
	if n := f.Turn(t.turn).OutputTokens; n > 0 {
		r.OutputTokens = n
	}
	t.turn++
}

// maxTexts is how many answers of the warm-up are counted by the server's
// tokenizer, where it sends no usage.
const maxTexts = 8

// texts keeps answers of the warm-up that came without usage.
type texts struct {
	mu     sync.Mutex
	all    []string
	events int
}

// keepTexts tells all streams whether to keep what is generated.
func (s *session) keepTexts(keep bool) {
	keep = keep && s.wire.dialect == dialectOpenAI
	for i := range s.warmers() {
		s.stream(i).keep = keep
	}
}

// countText keeps the text of an answer of the warm-up that came without usage.
func (p *phase) countText(a *answer) {
	if a.fail != nil || a.tokens >= 0 || len(a.text) == 0 {
		return
	}
	t := &p.texts
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.all) < maxTexts {
		t.all = append(t.all, string(a.text))
		t.events += a.events
	}
}

// learnCounting finds out how tokens are to be counted, by what the warm-up showed.
func (s *session) learnCounting(ctx context.Context, warm *ledger) {
	if warm != nil && warm.bundled > 0 && s.wire.running != "" && s.server.countsRunning() {
		s.running = true
	}
	if s.texts.events == 0 {
		return
	}
	count := tokenizer(s.link)
	special, err := count(ctx, opening)
	if err != nil {
		return
	}
	tokens := 0
	for _, text := range s.texts.all {
		var plain string
		if json.Unmarshal([]byte(`"`+text+`"`), &plain) != nil {
			return
		}
		n, err := count(ctx, plain)
		if err != nil {
			return
		}
		tokens += n - (special - 1)
	}
	if tokens > 0 {
		s.perEvent = float64(tokens) / float64(s.texts.events)
	}
}
