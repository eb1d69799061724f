package bench

import (
	"bytes"
	"cmp"
	"context"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	scrapeEvery   = time.Second     // wall time
	scrapeTimeout = 2 * time.Second // wall time
	maxScrape     = 16 << 20
)

// engineNames are the names by which an engine's metrics tell what is wanted;
// several names for one are of its versions. Absent is not told.
type engineNames struct {
	prefix                    string
	path                      string   // where they are, if not at /metrics
	prompt, generated         []string // counters of tokens
	running, waiting, kv      []string // gauges
	preemptions               []string // counter
	prefixQueries, prefixHits []string // counters of tokens
	hitRate                   []string // gauge, 0 to 1
	ttftSum, ttftCount        []string // seconds
	queueSum, queueCount      []string // seconds
	runningUsage              bool     // continuous_usage_stats is known to be taken
}

var engines = map[string]engineNames{
	"vllm": {
		prefix: "vllm:", runningUsage: true,
		prompt: []string{"vllm:prompt_tokens_total"}, generated: []string{"vllm:generation_tokens_total"},
		running: []string{"vllm:num_requests_running"}, waiting: []string{"vllm:num_requests_waiting"},
		kv:            []string{"vllm:kv_cache_usage_perc", "vllm:gpu_cache_usage_perc"},
		preemptions:   []string{"vllm:num_preemptions_total"},
		prefixQueries: []string{"vllm:prefix_cache_queries_total", "vllm:gpu_prefix_cache_queries_total"},
		prefixHits:    []string{"vllm:prefix_cache_hits_total", "vllm:gpu_prefix_cache_hits_total"},
		ttftSum:       []string{"vllm:time_to_first_token_seconds_sum"}, ttftCount: []string{"vllm:time_to_first_token_seconds_count"},
		queueSum: []string{"vllm:request_queue_time_seconds_sum"}, queueCount: []string{"vllm:request_queue_time_seconds_count"},
	},
	"sglang": {
		prefix: "sglang:", runningUsage: true,
		prompt: []string{"sglang:prompt_tokens_total"}, generated: []string{"sglang:generation_tokens_total"},
		running: []string{"sglang:num_running_reqs"}, waiting: []string{"sglang:num_queue_reqs"}, kv: []string{"sglang:token_usage"},
		preemptions: []string{"sglang:num_retracted_requests_total"}, hitRate: []string{"sglang:cache_hit_rate"},
		ttftSum: []string{"sglang:time_to_first_token_seconds_sum"}, ttftCount: []string{"sglang:time_to_first_token_seconds_count"},
		queueSum: []string{"sglang:queue_time_seconds_sum"}, queueCount: []string{"sglang:queue_time_seconds_count"},
	},
	"llamacpp": {
		prefix: "llamacpp:",
		prompt: []string{"llamacpp:prompt_tokens_total"}, generated: []string{"llamacpp:tokens_predicted_total"},
		running: []string{"llamacpp:requests_processing"}, waiting: []string{"llamacpp:requests_deferred"}, kv: []string{"llamacpp:kv_cache_usage_ratio"},
	},
	"lmdeploy": { // by its source, version 0.16
		prefix: "lmdeploy:",
		prompt: []string{"lmdeploy:prompt_tokens_total"}, generated: []string{"lmdeploy:generation_tokens_total"},
		running: []string{"lmdeploy:num_requests_running"}, waiting: []string{"lmdeploy:num_requests_waiting"}, kv: []string{"lmdeploy:gpu_cache_usage_perc"},
		ttftSum: []string{"lmdeploy:time_to_first_token_seconds_sum"}, ttftCount: []string{"lmdeploy:time_to_first_token_seconds_count"},
		queueSum: []string{"lmdeploy:request_queue_time_seconds_sum"}, queueCount: []string{"lmdeploy:request_queue_time_seconds_count"},
	},
	"trtllm": { // by its source, tensorrt_llm/metrics/collector.py of 2026
		prefix: "trtllm_", path: "/prometheus/metrics",
		prompt: []string{"trtllm_prompt_tokens_total"}, generated: []string{"trtllm_generation_tokens_total"},
		running: []string{"trtllm_num_requests_running"}, waiting: []string{"trtllm_num_requests_waiting"}, kv: []string{"trtllm_kv_cache_utilization"},
		hitRate: []string{"trtllm_kv_cache_hit_rate"},
		ttftSum: []string{"trtllm_time_to_first_token_seconds_sum"}, ttftCount: []string{"trtllm_time_to_first_token_seconds_count"},
		queueSum: []string{"trtllm_request_queue_time_seconds_sum"}, queueCount: []string{"trtllm_request_queue_time_seconds_count"},
	},
	"tgi": {
		prefix: "tgi_",
		prompt: []string{"tgi_request_input_length_sum"}, generated: []string{"tgi_request_generated_tokens_sum"},
		running: []string{"tgi_batch_current_size"}, waiting: []string{"tgi_queue_size"},
		queueSum: []string{"tgi_request_queue_duration_sum"}, queueCount: []string{"tgi_request_queue_duration_count"},
	},
}

// scraped is one look at a server's metrics: the sum of each name over its labels.
type scraped map[string]float64

// parseMetrics reads Prometheus' text format.
func parseMetrics(text []byte) scraped {
	m := scraped{}
	for line := range bytes.Lines(text) {
		line = bytes.TrimSpace(line)
		if len(line) == 0 || line[0] == '#' {
			continue
		}
		name, rest := line, []byte(nil)
		if i := bytes.IndexByte(line, '{'); i >= 0 {
			j := bytes.LastIndexByte(line, '}')
			if j < i {
				continue
			}
			name, rest = line[:i], line[j+1:]
		} else if i := bytes.IndexByte(line, ' '); i >= 0 {
			name, rest = line[:i], line[i:]
		}
		fields := strings.Fields(string(rest)) // the value, and perhaps a time
		if len(fields) == 0 {
			continue
		}
		if v, err := strconv.ParseFloat(fields[0], 64); err == nil {
			m[string(name)] += v
		}
	}
	return m
}

// get is the first of the names that is there.
func (m scraped) get(names []string) (float64, bool) {
	for _, n := range names {
		if v, ok := m[n]; ok {
			return v, true
		}
	}
	return 0, false
}

// has says whether there is a name that begins with prefix.
func (m scraped) has(prefix string) bool {
	for name := range m {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// serverLog is what the server's own metrics told before, during and after a level.
type serverLog struct {
	engine        string // "" where it tells nothing
	names         engineNames
	mu            sync.Mutex
	before, after scraped
	running       gauge
	waiting       gauge
	kv            gauge
}

// gauge sums up what a gauge showed.
type gauge struct {
	sum, max float64
	n        int
}

func (g *gauge) add(v float64, ok bool) {
	if ok {
		g.sum, g.max, g.n = g.sum+v, max(g.max, v), g.n+1
	}
}

func (g *gauge) highest() *float64 {
	if g.n == 0 {
		return nil
	}
	return &g.max
}

func (g *gauge) mean() *float64 {
	if g.n == 0 {
		return nil
	}
	v := g.sum / float64(g.n)
	return &v
}

// countsRunning says whether the engine is known to take continuous_usage_stats.
func (g *serverLog) countsRunning() bool { return g.names.runningUsage }

// scrape asks the server for its metrics; nil where it does not tell.
func (s *session) scrape(ctx context.Context) scraped { return s.scrapeAt(ctx, s.server.names.path) }

// scrapeAt asks at the path of an engine's names.
func (s *session) scrapeAt(ctx context.Context, path string) scraped {
	ctx, cancel := context.WithTimeout(ctx, scrapeTimeout)
	defer cancel()
	text, err := s.link.ask(ctx, http.MethodGet, cmp.Or(path, "/metrics"), nil, maxScrape)
	if err != nil {
		return nil
	}
	return parseMetrics(text)
}

// lookAtServer finds out which engine the server is by its metrics.
func (s *session) lookAtServer(ctx context.Context) {
	for _, path := range []string{"", engines["trtllm"].path} {
		found := s.scrapeAt(ctx, path)
		for engine, names := range engines {
			if names.path == path && found.has(names.prefix) {
				s.server.engine, s.server.names = engine, names
				return
			}
		}
	}
}

// observe looks at the sockets and at the server's metrics while a level is
// measured, until the function that it gives is called, which waits for the end.
func (s *session) observe(ctx context.Context) func() {
	s.link.sockets.restart()
	if s.server.engine != "" {
		s.server.before = s.scrape(ctx)
	}
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Go(func() { every(ctx, socketLook, s.link.sockets.look) })
	if s.server.engine != "" {
		wg.Go(func() { every(ctx, scrapeEvery, func() { s.server.note(s.scrape(ctx)) }) })
	}
	return func() {
		cancel()
		wg.Wait()
		if s.server.engine != "" {
			s.server.after = s.scrape(context.WithoutCancel(ctx))
		}
	}
}

// every calls f at each turn of a ticker until the context ends.
func every(ctx context.Context, d time.Duration, f func()) {
	t := time.NewTicker(d)
	defer t.Stop()
	for {
		select {
		case <-t.C:
			f()
		case <-ctx.Done():
			return
		}
	}
}

// note adds a look taken during the level.
func (g *serverLog) note(m scraped) {
	if m == nil {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.running.add(m.get(g.names.running))
	g.waiting.add(m.get(g.names.waiting))
	g.kv.add(m.get(g.names.kv))
}
