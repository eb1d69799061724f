package simulator

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestVLLMAnswers(t *testing.T) {
	u := serve(t, fast(), "vllm", awq32, "--max-model-len", "2048", "--served-model-name", "big", "--trust-remote-code")
	rows := []struct {
		what   string
		path   string
		body   string // "": GET
		status int
		says   []string
	}{
		{"models", "/v1/models", "", 200, []string{`"id":"big"`, `"max_model_len":2048`}},
		{"version", "/version", "", 200, []string{`"version":"0.32.0"`}},
		{"tokens", "/tokenize", `{"model":"big","prompt":"Tell me a story"}`, 200, []string{`"count":4`, `"max_model_len":2048`, `"tokens":[`}},
		{"tokens of a chat", "/tokenize", `{"messages":[{"role":"user","content":"Tell me"}]}`, 200, []string{`"count":`}},
		{"a text", "/v1/completions", `{"model":"big","prompt":"Tell me a story","max_tokens":5,"ignore_eos":true}`, 200, []string{`"completion_tokens":5`, `"prompt_tokens":4`, `"finish_reason":"length"`, `"object":"text_completion"`}},
		{"16 tokens by default", "/v1/completions", `{"model":"big","prompt":"Tell me a story","ignore_eos":true}`, 200, []string{`"completion_tokens":16`}},
		{"token ids", "/v1/completions", `{"model":"big","prompt":[1,2,3,4,5,6],"max_tokens":2,"ignore_eos":true}`, 200, []string{`"prompt_tokens":6`}},
		{"a chat", "/v1/chat/completions", `{"model":"big","messages":[{"role":"user","content":"Tell me"}],"max_tokens":3,"ignore_eos":true}`, 200, []string{`"completion_tokens":3`, `"role":"assistant"`, `"object":"chat.completion"`}},
		{"too long", "/v1/completions", `{"model":"big","prompt":"Tell me","max_tokens":2047}`, 400, []string{"maximum context length is 2048 tokens", "BadRequestError"}},
		{"just fits", "/v1/completions", `{"model":"big","prompt":"Tell me","max_tokens":2046,"ignore_eos":true}`, 200, []string{`"completion_tokens":2046`}},
		{"no such model", "/v1/completions", `{"model":"other","prompt":"a","max_tokens":2}`, 404, []string{"The model `other` does not exist."}},
		{"no tokens", "/v1/completions", `{"model":"big","prompt":"a","max_tokens":0}`, 400, []string{"max_tokens must be at least 1"}},
		{"empty prompt", "/v1/completions", `{"model":"big","prompt":""}`, 400, []string{"cannot be empty"}},
		{"no prompt", "/v1/completions", `{"model":"big"}`, 400, []string{"prompt must be"}},
		{"no JSON", "/v1/completions", `{"model":`, 400, []string{"no valid JSON"}},
		{"two answers", "/v1/completions", `{"model":"big","prompt":"a","n":2}`, 400, []string{"n must be 1"}},
		{"metrics", "/metrics", "", 200, []string{`vllm:num_requests_running{model_name="big",engine="0"} 0`, "vllm:num_requests_waiting", "vllm:kv_cache_usage_perc", "vllm:generation_tokens_total", "vllm:prompt_tokens_total"}},
		{"simulator", "/simulator", "", 200, []string{`"simulated":true`, `"card":"RTX 5090"`, `"speed":1000`, `"lag_p99_ms":`, `"not_modelled":["trust-remote-code"]`}},
		{"no route", "/nothing", "", 404, nil},
	}
	for _, r := range rows {
		status, body := u.get(r.path)
		if r.body != "" {
			status, body = u.post(r.path, r.body)
		}
		if status != r.status {
			t.Errorf("%s: status %d, want %d: %s", r.what, status, r.status, body)
		}
		for _, s := range r.says {
			if !strings.Contains(body, s) {
				t.Errorf("%s: %q is not in %s", r.what, s, body)
			}
		}
	}
	checkLog(t, u, "qtune: simulated vllm on RTX 5090 at speed 1000", "GPU KV cache size: ", "Maximum concurrency for 2,048 tokens per request: ", "Application startup complete.")
}

// checkLog ends the engine and looks for lines in their order, the first of them first.
func checkLog(t *testing.T, u *up, lines ...string) {
	t.Helper()
	if got := u.stop(); got != 0 {
		t.Errorf("exit %d, want 0", got)
	}
	log := u.log.String()
	if !strings.HasPrefix(log, lines[0]) {
		t.Errorf("the log does not begin with %q:\n%s", lines[0], log)
	}
	for _, l := range lines {
		_, rest, ok := strings.Cut(log, l)
		if !ok {
			t.Errorf("%q is not in the rest of the log:\n%s", l, u.log)
			return
		}
		log = rest
	}
}

func TestStreams(t *testing.T) {
	vllm := serve(t, fast(), "vllm", awq32, "--max-model-len", "2048")
	coarse := serve(t, fast(), "vllm", awq32, "--max-model-len", "2048", "--stream-interval", "4")
	sglang := serve(t, fast(), "sglang", "--model-path", awq32)
	llama := serve(t, fast(), "llamacpp", "-m", "Qwen3-8B-Q8_0.gguf", "-c", "4096", "-np", "4")
	completion := `{"prompt":"Tell me a story","max_tokens":10,"stream":true,"ignore_eos":true,"stream_options":{"include_usage":true}}`
	chat := `{"messages":[{"role":"user","content":"Tell me"}],"max_tokens":10,"stream":true,"ignore_eos":true,"stream_options":{"include_usage":true}}`
	rows := []struct {
		what      string
		u         *up
		path      string
		body      string
		texts     int  // events with text
		roleFirst bool // an event without text begins
		usageLast bool // in an event without a choice
	}{
		{"vLLM", vllm, "/v1/completions", completion, 10, false, true},
		{"vLLM chat", vllm, "/v1/chat/completions", chat, 10, true, true},
		{"vLLM, four tokens in an event: the first, then at 5 and 9, then the last", coarse, "/v1/completions", completion, 4, false, true},
		{"SGLang", sglang, "/v1/completions", completion, 10, false, true},
		{"SGLang chat", sglang, "/v1/chat/completions", chat, 10, true, true},
		{"llama-server puts usage beside the last choice", llama, "/v1/completions", completion, 10, false, false},
		{"llama-server chat", llama, "/v1/chat/completions", chat, 10, true, true},
	}
	for _, r := range rows {
		chunks := r.u.events(r.path, r.body)
		texts := 0
		var use *usage
		finish := ""
		for i, c := range chunks {
			if c.Usage != nil {
				use = c.Usage
				if (len(c.Choices) == 0) != r.usageLast || i != len(chunks)-1 {
					t.Errorf("%s: usage stands in event %d of %d with %d choices", r.what, i+1, len(chunks), len(c.Choices))
				}
			}
			if len(c.Choices) == 0 {
				continue
			}
			if d := c.Choices[0]; d.Text != "" || d.Delta.Content != nil && *d.Delta.Content != "" {
				texts++
			} else if i != 0 || !r.roleFirst {
				t.Errorf("%s: event %d has no text", r.what, i)
			}
			if f := c.Choices[0].Finish; f != nil {
				finish = *f
			}
		}
		if texts != r.texts || finish != "length" || use == nil || use.Completion != 10 || use.Total != use.Prompt+10 {
			t.Errorf("%s: %d texts (want %d), finish %q, usage %+v", r.what, texts, r.texts, finish, use)
		}
	}
}

func TestWithoutIgnoreEOSAnswersEndByThemselves(t *testing.T) {
	u := serve(t, fast(), "vllm", awq32, "--max-model-len", "8192")
	lengths := map[int]bool{}
	for n := range 5 {
		chunks := u.events("/v1/completions", fmt.Sprintf(`{"prompt":"story %d","max_tokens":4000,"stream":true,"stream_options":{"include_usage":true}}`, n))
		last := chunks[len(chunks)-2]
		if *last.Choices[0].Finish != "stop" {
			t.Errorf("finish %q, want stop", *last.Choices[0].Finish)
		}
		lengths[chunks[len(chunks)-1].Usage.Completion] = true
	}
	if len(lengths) < 3 {
		t.Errorf("the lengths hardly differ: %v", lengths)
	}
}

func TestSGLangAnswers(t *testing.T) {
	u := serve(t, fast(), "sglang", "--model-path", awq32, "--max-total-tokens", "3328", "--enable-metrics", "--served-model-name", "big")
	for path, says := range map[string]string{
		"/v1/models": `"max_model_len":40960`, "/model_info": `"is_generation":true`, "/server_info": `"max_total_num_tokens":3328`,
		"/metrics": "sglang:num_running_reqs", "/health_generate": "", "/simulator": `"engine":"sglang"`,
	} {
		if status, body := u.get(path); status != 200 || !strings.Contains(body, says) {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	if status, body := u.post("/tokenize", `{"prompt":"Tell me"}`); status != 200 || !strings.Contains(body, `"count":2`) {
		t.Errorf("tokenize: %d %s", status, body)
	}
	long := strings.Repeat("word ", 3400)
	if status, body := u.post("/v1/completions", `{"prompt":"`+long+`","max_tokens":5}`); status != 400 || !strings.Contains(body, "exceeds the maximum allowed length (3327 tokens)") {
		t.Errorf("a prompt larger than the pool: %d %s", status, body)
	}
	if status, body := u.post("/v1/completions", `{"prompt":"Tell me","max_tokens":40960}`); status != 400 || !strings.Contains(body, "maximum context length of 40960 tokens") {
		t.Errorf("an answer longer than the context: %d %s", status, body)
	}
	if status, body := u.post("/v1/completions", `{"prompt":"Tell me","max_tokens":4000,"ignore_eos":true}`); status != 200 || !strings.Contains(body, `"completion_tokens":3325`) {
		t.Errorf("an answer is cut to the pool: %d %s", status, body)
	}
	checkLog(t, u, "qtune: simulated sglang", "Load weight begin. avail mem=", "max_total_num_tokens=3328, ", "Uvicorn running on http://127.0.0.1:", "The server is fired up and ready to roll!")
}

func TestLlamaServerAnswers(t *testing.T) {
	u := serve(t, fast(), "llamacpp", "-m", "SmolLM2-135M-Instruct.Q4_1.gguf", "-c", "1024", "-np", "2", "-a", "smol", "--metrics")
	for path, says := range map[string]string{
		"/v1/models": `"n_ctx":512`, "/props": `"total_slots":2`, "/metrics": "llamacpp:requests_processing 0", "/health": `{"status":"ok"}`,
	} {
		if status, body := u.get(path); status != 200 || !strings.Contains(body, says) {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	if status, body := u.post("/tokenize", `{"content":"Tell me"}`); status != 200 || strings.Contains(body, "count") {
		t.Errorf("tokenize: %d %s", status, body)
	}
	if status, body := u.post("/v1/completions", `{"prompt":"Tell me","max_tokens":2000,"ignore_eos":true}`); status != 200 || !strings.Contains(body, `"completion_tokens":510`) {
		t.Errorf("an answer ends with its slot: %d %s", status, body)
	}
	checkLog(t, u, "qtune: simulated llamacpp", "loading model", "n_slots = 2, n_ctx_slot = 512", "model loaded", "listening on http://127.0.0.1:")
}

// A real vLLM on a CPU printed this very line.
func TestCPULogLine(t *testing.T) {
	u := serve(t, environment("QTUNE_SIMULATE_SPEED=1000", "QTUNE_SIMULATE_CARD=2-core CPU", "VLLM_CPU_KVCACHE_SPACE=2", "QTUNE_SIMULATE_MODEL="+smol),
		"vllm", "/models/smol", "--max-model-len", "2048", "--dtype", "bfloat16", "--enforce-eager", "--served-model-name", "smol")
	checkLog(t, u, "qtune: simulated vllm on 2-core CPU", "[kv_cache_utils.py:2327] CPU KV cache size: 93,184 tokens, Maximum concurrency for 2,048 tokens per request: 45.50x")
}

func TestReadiness(t *testing.T) {
	status := func(u string) int {
		resp, err := http.Get(u + "/health")
		if err != nil {
			return 0
		}
		_ = resp.Body.Close()
		return resp.StatusCode
	}
	for kind, want := range map[string][]int{"vllm": {0, 200}, "sglang": {0, 503, 200}, "llamacpp": {503, 200}} {
		words := map[string][]string{"vllm": {"vllm", awq32, "--max-model-len", "2048"}, "sglang": {"sglang", "--model-path", awq32}, "llamacpp": {"llamacpp", "-m", "Qwen3-8B-Q8_0.gguf", "-c", "2048"}}[kind]
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		port := l.Addr().(*net.TCPAddr).Port
		_ = l.Close()
		ctx, cancel := context.WithCancel(t.Context())
		code := make(chan int)
		go func() {
			code <- Main(ctx, append(words, "--host", "127.0.0.1", "--port", fmt.Sprint(port)), environment("QTUNE_SIMULATE_SPEED=20"), io.Discard, io.Discard)
		}()
		var seen []int
		for end := time.Now().Add(15 * time.Second); time.Now().Before(end) && !slices.Contains(seen, 200); time.Sleep(2 * time.Millisecond) {
			if s := status(fmt.Sprintf("http://127.0.0.1:%d", port)); len(seen) == 0 || seen[len(seen)-1] != s {
				seen = append(seen, s)
			}
		}
		cancel()
		<-code
		if kind == "llamacpp" && len(seen) > 0 && seen[0] == 0 {
			seen = seen[1:] // before the process had its socket
		}
		if !slices.Equal(seen, want) {
			t.Errorf("%s: health went through %v, want %v", kind, seen, want)
		}
	}
}

func TestEndedBeforeItIsUp(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if code := Main(ctx, []string{"vllm", awq32, "--max-model-len", "2048", "--port", "1"}, environment(), io.Discard, io.Discard); code != 143 {
		t.Errorf("exit %d, want 143", code)
	}
}

func TestKeys(t *testing.T) {
	u := serve(t, fast(), "vllm", awq32, "--max-model-len", "2048", "--api-key", "geheim")
	if status, _ := u.get("/v1/models"); status != http.StatusUnauthorized {
		t.Errorf("without a key: %d", status)
	}
	req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, u.url+"/v1/models", nil)
	req.Header.Set("Authorization", "Bearer geheim")
	resp, err := http.DefaultClient.Do(req)
	if err != nil || resp.StatusCode != 200 {
		t.Fatalf("with the key: %v %v", resp, err)
	}
	_ = resp.Body.Close()
}

// A client that goes away is forgotten at once, and one that never reads stops nobody.
func TestClientsThatGo(t *testing.T) {
	u := serve(t, environment("QTUNE_SIMULATE_SPEED=100"), "vllm", awq32, "--max-model-len", "40000", "--kv-cache-dtype", "fp8")
	ctx, cancel := context.WithCancel(t.Context())
	body := `{"prompt":"a","max_tokens":30000,"stream":true,"ignore_eos":true}`
	req, _ := http.NewRequestWithContext(ctx, http.MethodPost, u.url+"/v1/completions", strings.NewReader(body))
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if _, err := resp.Body.Read(make([]byte, 10)); err != nil {
		t.Fatal(err)
	}
	cancel()
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		_, text := u.get("/metrics")
		if strings.Contains(text, `vllm:num_requests_running{model_name="`+awq32+`",engine="0"} 0`) {
			break
		}
		if time.Now().After(end) {
			t.Fatal("the request of a client that left still runs")
		}
	}
	deaf, err := net.Dial("tcp", strings.TrimPrefix(u.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = deaf.Close() }()
	_, _ = fmt.Fprintf(deaf, "POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	if chunks := u.events("/v1/completions", `{"prompt":"Tell me","max_tokens":20,"stream":true,"ignore_eos":true}`); len(chunks) != 20 {
		t.Errorf("beside a client that does not read: %d events", len(chunks))
	}
}
