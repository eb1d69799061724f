// Package benchtest is a server whose figures are known: it answers like an
// OpenAI server, one token a word, at exactly the times that it is told. It is
// for the tests of package bench and of those who use it.
package benchtest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
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
	Slots     int    // requests served at once, others wait; 0: any number
	Metrics   string // GET /metrics answers under this engine's names: vllm, sglang, llamacpp, lmdeploy, trtllm or tgi; empty: not at all
	Busy      int    // so many times /reset_prefix_cache answers that it is busy

	slots    chan struct{}
	once     sync.Once
	counts   counts
	requests atomic.Int64
	prompts  atomic.Pointer[func(string)]
}

// Requests is how many completions were asked for.
func (s *Server) Requests() int { return int(s.requests.Load()) }

// OnPrompt calls f with the prompt of each completion.
func (s *Server) OnPrompt(f func(prompt string)) { s.prompts.Store(&f) }

type request struct {
	Prompt        string
	Text          string
	Messages      []struct{ Content string }
	Stream        *bool
	StreamOptions *struct{} `json:"stream_options"`
	MaxTokens     int       `json:"max_tokens"`
	NPredict      int       `json:"n_predict"`
	Sampling      struct {
		MaxNewTokens int `json:"max_new_tokens"`
	} `json:"sampling_params"`
	Options struct {
		NumPredict int `json:"num_predict"`
	}
}

func (q *request) prompt() string {
	text := q.Prompt + q.Text
	for _, m := range q.Messages {
		text += m.Content + "\n"
	}
	return strings.TrimSuffix(text, "\n")
}

func (q *request) want() int {
	return max(q.MaxTokens, q.NPredict, q.Sampling.MaxNewTokens, q.Options.NumPredict)
}

// ServeHTTP answers completions, chats and tokenize.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	began := time.Now()
	var q request
	if err := json.NewDecoder(r.Body).Decode(&q); err != nil && r.Method == http.MethodPost && r.ContentLength != 0 {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	switch {
	case s.other(w, r):
	case r.URL.Path == "/tokenize" && s.Tokenizer:
		_, _ = fmt.Fprintf(w, `{"count":%d,"max_model_len":4096,"tokens":[]}`, s.BOS+s.words(q.Prompt))
	default:
		if d, ok := dialects[r.URL.Path]; ok {
			s.generate(w, r, began, q, d)
			return
		}
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

// generate answers a request for text in one of the dialects.
func (s *Server) generate(w http.ResponseWriter, r *http.Request, began time.Time, q request, d dialect) {
	a := answer{Server: s, input: s.BOS + s.words(q.prompt()), want: q.want(), chat: len(q.Messages) > 0}
	if a.chat {
		a.input += s.Template
	}
	s.requests.Add(1)
	if f := s.prompts.Load(); f != nil {
		(*f)(q.prompt())
	}
	if !s.enter(r) {
		return
	}
	defer s.leave(&a)
	if s.Slots > 0 {
		began = time.Now()
	}
	due := began.Add(s.TTFT)
	whole := q.Stream != nil && !*q.Stream || q.Stream == nil && d.whole != nil && q.StreamOptions == nil
	if !whole {
		w.Header().Set("Content-Type", d.media)
	}
	for i := 0; a.sent < a.want; i++ {
		if !sleepUntil(r, due) {
			return
		}
		if i == 0 {
			s.counts.first(time.Since(began))
		}
		due = due.Add(s.Gap)
		a.fresh = min(s.perEvent(i), a.want-a.sent)
		a.sent += a.fresh
		if !whole {
			d.event(w, &a)
		}
	}
	if whole {
		d.whole(w, &a)
		return
	}
	d.end(w, &a)
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
