package quality

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/qtune/qtune/bench"
)

func TestCompare(t *testing.T) {
	for _, c := range []struct {
		name       string
		want, got  []string
		same       int
		common     float64
		comparable bool
	}{
		{"the same answers", []string{"Helsinki", "6"}, []string{"Helsinki", "6"}, 2, 1, true},
		{"one differs half-way", []string{"abcd", "6"}, []string{"abXX", "6"}, 1, 0.75, true},
		{"one that ends early has only its beginning", []string{"abcd"}, []string{"ab"}, 0, 0.5, true},
		{"a difference within a character is before it", []string{"한글"}, []string{"한긁"}, 0, 0.5, true},
		{"nothing was to be said, and nothing was", []string{""}, []string{""}, 1, 1, true},
		{"answers to other prompts", []string{"a"}, []string{"a", "b"}, 0, 0, false},
		{"no answers at all", nil, nil, 0, 0, false},
	} {
		got, ok := Compare(&Answers{Texts: c.want}, &Answers{Texts: c.got})
		if ok != c.comparable || got.Same != c.same || got.Common != c.common {
			t.Errorf("%s: %+v, %v", c.name, got, ok)
		}
	}
	if _, ok := Compare(nil, &Answers{Texts: []string{"a"}}); ok {
		t.Error("a comparison without a reference")
	}
}

func TestDiffers(t *testing.T) {
	for _, c := range []struct {
		name  string
		floor *Forced
		of    *Forced
		want  bool
	}{
		{"as good as the floor", &Forced{250, 256}, &Forced{250, 256}, false},
		{"a little below it, which is chance", &Forced{250, 256}, &Forced{245, 256}, false},
		{"far below it", &Forced{250, 256}, &Forced{180, 256}, true},
		{"a perfect floor, and one position", &Forced{256, 256}, &Forced{255, 256}, false},
		{"a perfect floor, and a dozen", &Forced{256, 256}, &Forced{240, 256}, true},
		{"better than the floor", &Forced{240, 256}, &Forced{256, 256}, false},
		{"the floor is not known", nil, &Forced{1, 256}, false},
	} {
		if got := Differs(c.floor, c.of); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

func TestMatters(t *testing.T) {
	for flag, want := range map[string]bool{
		"kv-cache-dtype": true, "quantization": true, "speculative-config": true, "cache-type-k": true, "attention-backend": true, "dtype": true,
		"max-num-seqs": false, "gpu-memory-utilization": false, "schedule-policy": false, "enable-prefix-caching": false,
	} {
		if Matters(flag) != want {
			t.Errorf("%s: %v", flag, !want)
		}
	}
}

// server answers each prompt with its own last word, and ranks as it is told.
func server(t *testing.T, ranks string, seen *[]string) bench.Target {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var q struct {
			Prompt, Text string
			Max          int  `json:"max_tokens"`
			Ranks        *int `json:"prompt_logprobs"`
		}
		if err := json.NewDecoder(r.Body).Decode(&q); err != nil {
			t.Error(err)
		}
		*seen = append(*seen, q.Prompt+q.Text)
		switch {
		case r.URL.Path == "/generate" || q.Ranks != nil:
			if ranks == "" {
				http.Error(w, "no", http.StatusBadRequest)
				return
			}
			_, _ = io.WriteString(w, ranks)
		default:
			_, _ = io.WriteString(w, `{"choices":[{"text":" an answer"}],"usage":{"prompt_tokens":2}}`)
		}
	}))
	t.Cleanup(s.Close)
	return bench.Target{URL: s.URL, Model: "m"}
}

func TestAsk(t *testing.T) {
	n := len(Prompts())
	for _, c := range []struct {
		name, kind, ranks string
		forced            *Forced
		problem           string
	}{
		{"vLLM gives ranks; those of the prompt itself do not count", "vllm",
			`{"choices":[{"prompt_logprobs":[null,{"5":{"rank":9}},{"7":{"rank":1}},{"8":{"rank":2}},{"9":{"rank":1}}]}]}`, &Forced{2 * n, 3 * n}, ""},
		{"SGLang gives each token beside the likeliest", "sglang",
			`{"meta_info":{"input_token_logprobs":[[null,1,null],[-1,2,null],[-1,3,null],[-1,4,null]],"input_top_logprobs":[null,[[-1,2,null]],[[-1,3,null]],[[-0.5,9,null]]]}}`, &Forced{n, 2 * n}, ""},
		{"an engine without ranks is compared by its texts", "llamacpp", "", nil, ""},
		{"one that refuses to give them says so", "vllm", "", nil, "asking for the ranks of tokens"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var seen []string
			a := Ask(t.Context(), server(t, c.ranks, &seen), c.kind, nil)
			if len(a.Texts) != n || a.Texts[0] != " an answer" || !strings.HasPrefix(a.Problem, c.problem) || c.problem == "" && a.Problem != "" {
				t.Fatalf("%+v", a)
			}
			if c.forced == nil != (a.Forced == nil) || c.forced != nil && *c.forced != *a.Forced {
				t.Errorf("forced %+v, not %+v", a.Forced, c.forced)
			}
		})
	}
}

func TestAskReference(t *testing.T) {
	var seen []string
	to := server(t, `{"choices":[{"prompt_logprobs":[null,{"5":{"rank":1}},{"7":{"rank":1}}]}]}`, &seen)
	reference := &Answers{}
	for range Prompts() {
		reference.Texts = append(reference.Texts, " the reference")
	}
	Ask(t.Context(), to, "vllm", reference)
	if last := seen[len(seen)-1]; !strings.HasSuffix(last, " the reference") {
		t.Errorf("the ranks are those of %q", last)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if a := Ask(ctx, to, "vllm", nil); a.Problem == "" || len(a.Texts) > 0 {
		t.Errorf("asked after the end: %+v", a)
	}
}
