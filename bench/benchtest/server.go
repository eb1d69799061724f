// Package benchtest is a server whose figures are known: it answers like an
// OpenAI server, one token a word, at exactly the times that it is told. It is
// for the tests of package bench and of those who use it.
package benchtest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"time"
)

// Server is an http.Handler of known truth. Its fields are not changed once it serves.
type Server struct {
	TTFT      time.Duration // from the request's arrival to its first event
	Gap       time.Duration // from one event to the next
	PerEvent  []int         // tokens of an event, by turns; empty: one
	BOS       int           // tokens of a prompt beside its words
	Template  int           // tokens that a chat adds
	Tokenizer bool          // POST /tokenize is answered
	NoUsage   bool          // no usage is sent
	Running   bool          // usage is sent with each event too
	Costly    string        // a word that is two tokens
	Usage     func(n int) int

	requests atomic.Int64
	prompts  atomic.Pointer[func(string)]
}

// Requests is how many completions were asked for.
func (s *Server) Requests() int { return int(s.requests.Load()) }

// OnPrompt calls f with the prompt of each completion.
func (s *Server) OnPrompt(f func(prompt string)) { s.prompts.Store(&f) }

type request struct {
	Prompt    string
	Messages  []struct{ Content string }
	MaxTokens int `json:"max_tokens"`
}

// ServeHTTP answers completions, chats and tokenize.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	began := time.Now()
	var q request
	if err := json.NewDecoder(r.Body).Decode(&q); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	switch {
	case r.URL.Path == "/tokenize" && s.Tokenizer:
		_, _ = fmt.Fprintf(w, `{"count":%d,"max_model_len":4096,"tokens":[]}`, s.BOS+s.words(q.Prompt))
	case r.URL.Path == "/v1/completions":
		s.stream(w, r, began, q, q.Prompt, `"text":" w"`)
	case r.URL.Path == "/v1/chat/completions":
		s.stream(w, r, began, q, q.Messages[0].Content, `"delta":{"content":" w"}`)
	default:
		http.NotFound(w, r)
	}
}

func (s *Server) words(prompt string) int {
	n := 0
	for _, word := range strings.Fields(prompt) {
		n++
		if word == s.Costly {
			n++
		}
	}
	return n
}

func (s *Server) stream(w http.ResponseWriter, r *http.Request, began time.Time, q request, prompt, content string) {
	s.requests.Add(1)
	if f := s.prompts.Load(); f != nil {
		(*f)(prompt)
	}
	input := s.BOS + s.words(prompt)
	if len(q.Messages) > 0 {
		input += s.Template
	}
	w.Header().Set("Content-Type", "text/event-stream")
	due := began.Add(s.TTFT)
	for sent, i := 0, 0; sent < q.MaxTokens; i++ {
		if !sleepUntil(r, due) {
			return
		}
		due = due.Add(s.Gap)
		sent = min(sent+s.perEvent(i), q.MaxTokens)
		finish, usage := "null", ""
		if sent == q.MaxTokens {
			finish = `"length"`
		}
		if s.Running {
			usage = "," + s.usage(input, sent)
		}
		event(w, `{"id":"cmpl-0123456789abcdef0123456789abcdef","object":"text_completion","created":1,"model":"m","choices":[{"index":0,%s,"logprobs":null,"finish_reason":%s,"stop_reason":null,"token_ids":null,"prompt_logprobs":null}]%s}`, content, finish, usage)
	}
	if !s.NoUsage {
		event(w, `{"id":"cmpl-0123456789abcdef","choices":[],%s}`, s.usage(input, q.MaxTokens))
	}
	event(w, "[DONE]")
}

func (s *Server) usage(input, output int) string {
	if s.Usage != nil {
		output = s.Usage(output)
	}
	return fmt.Sprintf(`"usage":{"prompt_tokens":%d,"total_tokens":%d,"completion_tokens":%d}`, input, input+output, output)
}

func (s *Server) perEvent(i int) int {
	if len(s.PerEvent) == 0 {
		return 1
	}
	return s.PerEvent[i%len(s.PerEvent)]
}

func event(w http.ResponseWriter, format string, args ...any) {
	_, _ = fmt.Fprintf(w, "data: "+format+"\n\n", args...)
	_ = http.NewResponseController(w).Flush()
}

// sleepUntil sleeps to an absolute time, so that lag does not add up; false if
// the client has gone.
func sleepUntil(r *http.Request, t time.Time) bool {
	if time.Until(t) <= 0 {
		return r.Context().Err() == nil
	}
	timer := time.NewTimer(time.Until(t))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-r.Context().Done():
		return false
	}
}
