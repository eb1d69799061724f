package simulator

import (
	"fmt"
	"net/http"
	"strings"
)

// sample is one figure of GET /metrics.
type sample struct {
	name   string
	kind   string // gauge or counter
	help   string
	labels string // more labels, each with a comma before it
	value  float64
}

// metrics answers in Prometheus' text format under the engine's own names.
func (s *server) metrics(w http.ResponseWriter, _ *http.Request) {
	st := s.d.snapshot()
	label := fmt.Sprintf(`model_name=%q`, s.i.names[0])
	var samples []sample
	switch s.i.kind {
	case kindVLLM:
		label += `,engine="0"`
		samples = s.vllmMetrics(st)
	case kindSGLang:
		samples = s.sglangMetrics(st)
	default:
		label = ""
		samples = llamaMetrics(st)
	}
	var b strings.Builder
	for _, m := range samples {
		labels := label + m.labels
		if labels != "" {
			labels = "{" + labels + "}"
		}
		fmt.Fprintf(&b, "# HELP %s %s\n# TYPE %s %s\n%s%s %g\n", m.name, m.help, m.name, m.kind, m.name, labels, m.value)
	}
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	_, _ = w.Write([]byte(b.String())) // the client has gone, and nobody else cares
}

func (s *server) vllmMetrics(st Stats) []sample {
	cache := fmt.Sprintf(`,block_size="%d",num_gpu_blocks="%d",kv_cache_size_tokens="%d",gpu_memory_utilization="%s"`,
		s.i.scheduling.Block, s.i.scheduling.Pool/max(1, s.i.scheduling.Block), s.i.fit.KVTokens, s.i.args.text("gpu-memory-utilization", "0.92"))
	return []sample{
		{"vllm:num_requests_running", "gauge", "Requests in the running batch.", "", float64(st.Running)},
		{"vllm:num_requests_waiting", "gauge", "Requests in the queue.", "", float64(st.Waiting)},
		{"vllm:kv_cache_usage_perc", "gauge", "Share of the KV cache in use, 0 to 1.", "", st.KVUsage},
		{"vllm:num_preemptions_total", "counter", "Preemptions so far.", "", float64(st.Preemptions)},
		{"vllm:prompt_tokens_total", "counter", "Prompt tokens computed.", "", float64(st.PromptTokens)},
		{"vllm:prefix_cache_queries_total", "counter", "Prompt tokens looked up in the prefix cache.", "", float64(st.PrefixAsked)},
		{"vllm:prefix_cache_hits_total", "counter", "Prompt tokens found in the prefix cache.", "", float64(st.PrefixHits)},
		{"vllm:generation_tokens_total", "counter", "Tokens generated.", "", float64(st.GeneratedTokens)},
		{"vllm:request_success_total", "counter", "Requests finished.", `,finished_reason="length"`, float64(st.Finished)},
		{"vllm:cache_config_info", "gauge", "The cache's configuration.", cache, 1},
	}
}

func (s *server) sglangMetrics(st Stats) []sample {
	used := st.KVUsage * float64(s.i.fit.KVTokens)
	hits := 0.0
	if rate := st.hitRate(); rate != nil {
		hits = *rate
	}
	return []sample{
		{"sglang:cache_hit_rate", "gauge", "Share of prompt tokens found in the radix cache.", "", hits},
		{"sglang:num_running_reqs", "gauge", "Running requests.", "", float64(st.Running)},
		{"sglang:num_queue_reqs", "gauge", "Requests in the queue.", "", float64(st.Waiting)},
		{"sglang:token_usage", "gauge", "Share of the token pool in use, 0 to 1.", "", st.KVUsage},
		{"sglang:num_used_tokens", "gauge", "Tokens of the pool in use.", "", used},
		{"sglang:max_total_num_tokens", "gauge", "Tokens of the pool.", "", float64(s.i.fit.KVTokens)},
		{"sglang:num_retracted_requests_total", "counter", "Retractions so far.", "", float64(st.Preemptions)},
		{"sglang:prompt_tokens_total", "counter", "Prompt tokens computed.", "", float64(st.PromptTokens)},
		{"sglang:generation_tokens_total", "counter", "Tokens generated.", "", float64(st.GeneratedTokens)},
		{"sglang:num_requests_total", "counter", "Requests finished.", "", float64(st.Finished)},
	}
}

func llamaMetrics(st Stats) []sample {
	return []sample{
		{"llamacpp:requests_processing", "gauge", "Requests in a slot.", "", float64(st.Running)},
		{"llamacpp:requests_deferred", "gauge", "Requests that wait for a slot.", "", float64(st.Waiting)},
		{"llamacpp:prompt_tokens_total", "counter", "Prompt tokens computed.", "", float64(st.PromptTokens)},
		{"llamacpp:tokens_predicted_total", "counter", "Tokens generated.", "", float64(st.GeneratedTokens)},
		{"llamacpp:n_decode_total", "counter", "Steps computed.", "", float64(st.Steps)},
	}
}
