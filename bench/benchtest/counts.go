package benchtest

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"
)

// counts is what the server tells of itself.
type counts struct {
	mu                          sync.Mutex
	running, waiting            int
	prompt, generated, answered int
	ttft                        time.Duration
	busy                        int
	erased                      int
}

// enter waits for a slot; false if the client has gone.
func (s *Server) enter(r *http.Request) bool {
	s.once.Do(func() { s.slots = make(chan struct{}, max(s.Slots, 1)) })
	s.counts.change(0, 1)
	if s.Slots > 0 {
		select {
		case s.slots <- struct{}{}:
		case <-r.Context().Done():
			s.counts.change(0, -1)
			return false
		}
	}
	s.counts.change(1, -1)
	return true
}

func (s *Server) leave(a *answer) {
	if s.Slots > 0 {
		<-s.slots
	}
	c := &s.counts
	c.mu.Lock()
	defer c.mu.Unlock()
	c.running--
	c.prompt += a.input
	c.generated += a.sent
}

func (c *counts) change(running, waiting int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.running += running
	c.waiting += waiting
}

func (c *counts) first(after time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ttft += after
	c.answered++
}

// Flushed is how often the cache was emptied.
func (s *Server) Flushed() int {
	s.counts.mu.Lock()
	defer s.counts.mu.Unlock()
	return s.counts.erased
}

// other answers what is no request for text: metrics and the resetting of caches,
// by the engine whose Metrics are told.
func (s *Server) other(w http.ResponseWriter, r *http.Request) bool {
	c := &s.counts
	c.mu.Lock()
	defer c.mu.Unlock()
	switch s.Metrics + " " + r.URL.Path {
	case "vllm /metrics":
		s.metrics(w, "vllm:prompt_tokens_total{model_name=\"m\"}", "vllm:generation_tokens_total", "vllm:num_requests_running", "vllm:num_requests_waiting", "vllm:time_to_first_token_seconds")
	case "sglang /metrics":
		s.metrics(w, "sglang:prompt_tokens_total", "sglang:generation_tokens_total", "sglang:num_running_reqs", "sglang:num_queue_reqs", "sglang:time_to_first_token_seconds")
	case "llamacpp /metrics":
		s.metrics(w, "llamacpp:prompt_tokens_total", "llamacpp:tokens_predicted_total", "llamacpp:requests_processing", "llamacpp:requests_deferred", "llamacpp:none")
	case "lmdeploy /metrics":
		s.metrics(w, "lmdeploy:prompt_tokens_total", "lmdeploy:generation_tokens_total", "lmdeploy:num_requests_running", "lmdeploy:num_requests_waiting", "lmdeploy:time_to_first_token_seconds")
	case "trtllm /prometheus/metrics":
		s.metrics(w, "trtllm_prompt_tokens_total", "trtllm_generation_tokens_total", "trtllm_num_requests_running", "trtllm_num_requests_waiting", "trtllm_time_to_first_token_seconds")
	case "tgi /metrics":
		s.metrics(w, "tgi_request_input_length_sum", "tgi_request_generated_tokens_sum", "tgi_batch_current_size", "tgi_queue_size", "tgi_none")
	case "vllm /reset_prefix_cache":
		c.busy++
		c.erased += map[bool]int{true: 1}[c.busy > s.Busy]
		_, _ = fmt.Fprintf(w, `{"success":%v}`, c.busy > s.Busy)
	case "sglang /flush_cache":
		if c.busy++; c.busy <= s.Busy {
			http.Error(w, "failed to flush cache", http.StatusBadRequest)
			break
		}
		c.erased++
	case s.Metrics + " /health":
	case s.Metrics + " /v1/models":
		_, _ = fmt.Fprint(w, `{"object":"list","data":[{"id":"m","object":"model","created":1,"owned_by":"benchtest","max_model_len":4096}]}`)
	case "llamacpp /slots":
		_, _ = fmt.Fprint(w, `[{"id":0,"is_processing":false},{"id":1,"is_processing":false}]`)
	default:
		if s.Metrics != "llamacpp" || !strings.HasPrefix(r.URL.Path, "/slots/") {
			return false
		}
		c.erased++
	}
	return true
}

func (s *Server) metrics(w http.ResponseWriter, prompt, generated, running, waiting, ttft string) {
	c := &s.counts
	_, _ = fmt.Fprintf(w, "# HELP x y\n# TYPE x counter\n%s %d\n%s %d\n%s %d\n%s %d 1700000000000\n%s_sum %g\n%s_count %d\n",
		prompt, c.prompt, generated, c.generated, running, c.running, waiting, c.waiting, ttft, c.ttft.Seconds(), ttft, c.answered)
}
