package simulator

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"time"
)

// message is one message of a chat.
type message struct {
	Role    string          `json:"role"`
	Content json.RawMessage `json:"content"`
}

// generation is a request for tokens, of either interface.
type generation struct {
	Model         string          `json:"model"`
	Prompt        json.RawMessage `json:"prompt"`
	Messages      []message       `json:"messages"`
	MaxTokens     *int            `json:"max_tokens"`
	MaxCompletion *int            `json:"max_completion_tokens"`
	MinTokens     int             `json:"min_tokens"`
	IgnoreEOS     bool            `json:"ignore_eos"`
	N             *int            `json:"n"`
	Stream        bool            `json:"stream"`
	StreamOptions struct {
		IncludeUsage bool `json:"include_usage"`
	} `json:"stream_options"`

	chat   bool
	prompt int      // tokens
	keys   []uint64 // of the prompt's beginnings
	output int      // tokens it will get
	reason string   // for which it ends
	hash   uint64
}

func (s *server) completions(w http.ResponseWriter, r *http.Request) { s.generate(w, r, false) }
func (s *server) chat(w http.ResponseWriter, r *http.Request)        { s.generate(w, r, true) }

func (s *server) generate(w http.ResponseWriter, r *http.Request, chat bool) {
	arrived := time.Now()
	if s.i.fault.serving == failsRequests && s.requests.Load() > 0 {
		s.refuse(w, http.StatusInternalServerError, "Internal Server Error")
		return
	}
	g := &generation{chat: chat}
	if err := readJSON(r, g); err != nil {
		s.refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	if s.i.kind == kindVLLM && g.Model != "" && !slices.Contains(s.i.names, g.Model) {
		s.refuse(w, http.StatusNotFound, fmt.Sprintf("The model `%s` does not exist.", g.Model))
		return
	}
	if err := s.prepare(g); err != nil {
		s.refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	st := &stream{request: Request{Prompt: g.prompt, Output: g.output, Prefix: g.keys, Segment: s.i.piece()}, arrived: arrived, done: make(chan struct{})}
	a := newAnswer(s, g, s.requests.Add(1))
	if g.Stream {
		s.stream(w, r, st, a)
		return
	}
	s.whole(w, r, st, a)
}

// prepare counts the prompt, sets how many tokens come, and refuses what the engine refuses.
func (s *server) prepare(g *generation) error {
	if g.N != nil && *g.N != 1 {
		return fmt.Errorf("a simulated engine gives one answer: n must be 1, not %d", *g.N)
	}
	var err error
	if g.prompt, err = s.promptTokens(g); err != nil {
		return err
	}
	limit := g.MaxTokens
	if g.MaxCompletion != nil {
		limit = g.MaxCompletion
	}
	if limit != nil && *limit < 1 && !(s.i.kind == kindLlamaCpp && *limit == -1) {
		return fmt.Errorf("max_tokens must be at least 1, got %d.", *limit) //nolint:staticcheck,revive // the engine's own text
	}
	asked := 16 // the default of /v1/completions
	room := s.i.maxLen - g.prompt
	switch {
	case limit != nil && *limit > 0:
		asked = *limit
	case g.chat || s.i.kind == kindLlamaCpp:
		asked = max(room, 1)
	}
	if err := s.i.checkLength(g.prompt, asked); err != nil {
		return err
	}
	asked = s.i.clip(g.prompt, asked)
	g.output, g.reason = asked, "length"
	if natural := max(s.naturalLength(g.hash), g.MinTokens, 1); !g.IgnoreEOS && natural < asked {
		g.output, g.reason = natural, "stop"
	}
	return nil
}

func (i *instance) checkLength(prompt, asked int) error {
	limit := i.maxLen
	switch {
	case prompt < 1:
		return fmt.Errorf("The decoder prompt cannot be empty") //nolint:staticcheck // the engine's own text
	case i.kind == kindLlamaCpp && prompt >= limit:
		return fmt.Errorf("the request exceeds the available context size (%d tokens), try increasing it", limit)
	case i.kind == kindLlamaCpp:
		return nil
	case i.kind == kindSGLang && prompt+asked > limit:
		return fmt.Errorf("Requested token count exceeds the model's maximum context length of %d tokens. You requested a total of %d tokens: %d tokens from the input messages and %d tokens for the completion.", limit, prompt+asked, prompt, asked) //nolint:staticcheck,revive // the engine's own text
	case i.kind == kindSGLang && prompt >= i.fit.KVTokens-1:
		return fmt.Errorf("Input length (%d tokens) exceeds the maximum allowed length (%d tokens). Use a shorter input or enable --allow-auto-truncate.", prompt, i.fit.KVTokens-1) //nolint:staticcheck,revive // the engine's own text
	case prompt+asked > limit:
		return fmt.Errorf("This model's maximum context length is %d tokens. However, you requested %d tokens (%d in the prompt, %d in the completion). Please reduce the length of the prompt or the completion.", limit, prompt+asked, prompt, asked) //nolint:staticcheck,revive // the engine's own text
	}
	return nil
}

// clip shortens an answer where the engine does so silently: SGLang to its pool,
// llama-server to its slot.
func (i *instance) clip(prompt, asked int) int {
	switch i.kind {
	case kindSGLang:
		return max(1, min(asked, i.fit.KVTokens-1-prompt))
	case kindLlamaCpp:
		return max(1, min(asked, i.maxLen-prompt))
	}
	return asked
}

// naturalLength is where the model would end by itself: some 220 tokens, widely
// spread, the same for the same prompt and seed.
func (s *server) naturalLength(hash uint64) int {
	rng := rand.New(rand.NewPCG(s.i.seed, hash))
	return int(220 * math.Exp(0.7*rng.NormFloat64()))
}

func (s *server) promptTokens(g *generation) (int, error) {
	if g.chat {
		if len(g.Messages) == 0 {
			return 0, fmt.Errorf("messages must hold at least one message")
		}
		text := template(g.Messages)
		g.hash = promptHash([]byte(text))
		return s.measure(g, text), nil
	}
	g.hash = promptHash(g.Prompt)
	var text string
	if json.Unmarshal(g.Prompt, &text) == nil && len(g.Prompt) > 0 && g.Prompt[0] == '"' {
		return s.measure(g, text), nil
	}
	var ids []int
	if json.Unmarshal(g.Prompt, &ids) == nil {
		return len(ids), nil
	}
	var texts []string
	if json.Unmarshal(g.Prompt, &texts) == nil && len(texts) == 1 {
		return s.measure(g, texts[0]), nil
	}
	var lists [][]int
	if json.Unmarshal(g.Prompt, &lists) == nil && len(lists) == 1 {
		return len(lists[0]), nil
	}
	return 0, fmt.Errorf("prompt must be a text or a list of token ids, and only one of them in a simulated engine")
}

// measure counts a prompt, and names its beginnings where the engine keeps them.
func (s *server) measure(g *generation, text string) (tokens int) {
	if !s.i.scheduling.Prefixes {
		return countTokens(text)
	}
	tokens, g.keys = beginnings(text, s.i.piece())
	return tokens
}

// piece is how many tokens of a prompt's beginning are kept or dropped together: a
// block, and 16 where that is smaller, which saves work and loses little.
func (i *instance) piece() int {
	return max(i.scheduling.Block, (16+i.scheduling.Block-1)/i.scheduling.Block*i.scheduling.Block)
}

// template writes a chat as one prompt. The marks take some three tokens a message.
func template(messages []message) string {
	var b strings.Builder
	for _, m := range messages {
		b.WriteString("\n" + m.Role + "\n" + m.text() + "\n")
	}
	b.WriteString("\nuser\n")
	return b.String()
}

// text is what a message says; "" for what is no text.
func (m message) text() string {
	var text string
	if json.Unmarshal(m.Content, &text) == nil {
		return text
	}
	var parts []struct {
		Text string `json:"text"`
	}
	_ = json.Unmarshal(m.Content, &parts) // anything else has no text
	for _, p := range parts {
		text += p.Text
	}
	return text
}

// whole answers in one piece.
func (s *server) whole(w http.ResponseWriter, r *http.Request, st *stream, a *answer) {
	var text strings.Builder
	n := 0
	st.write = func(e Event) bool {
		text.WriteString(a.say(e.Index))
		n++
		return true
	}
	s.d.submit(st)
	select {
	case <-st.done:
	case <-r.Context().Done():
		s.d.abort(st)
		<-st.done
		return
	}
	if n < a.g.output {
		s.refuse(w, http.StatusInternalServerError, "the engine is shutting down")
		return
	}
	reply(w, http.StatusOK, a.whole(text.String()))
}

// writeLimit is how long one event may block before its client is given up.
const writeLimit = 100 * time.Millisecond

// stream answers with one event for each token, written by the driver itself.
func (s *server) stream(w http.ResponseWriter, r *http.Request, st *stream, a *answer) {
	h := w.Header()
	h.Set("Content-Type", "text/event-stream; charset=utf-8")
	h.Set("Cache-Control", "no-cache")
	h.Set("X-Accel-Buffering", "no")
	rc := http.NewResponseController(w)
	n := 0
	st.write = func(e Event) bool {
		event := a.token(e)
		n++
		if len(event) == 0 {
			return true
		}
		_ = rc.SetWriteDeadline(time.Now().Add(writeLimit)) // a connection has deadlines
		if _, err := w.Write(event); err != nil {
			return false
		}
		return rc.Flush() == nil
	}
	s.d.submit(st)
	select {
	case <-st.done:
	case <-r.Context().Done():
		s.d.abort(st)
		<-st.done
	}
	_ = rc.SetWriteDeadline(time.Time{})
	if n < a.g.output && r.Context().Err() == nil {
		panic(http.ErrAbortHandler) // cut off in the middle, as a server that goes away does
	}
}
