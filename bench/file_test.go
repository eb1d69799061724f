package bench

import (
	"errors"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/qtune/qtune/bench/benchtest"
)

const talks = `{"conversations":[{"from":"system","value":"Be brief."},{"from":"human","value":"a1"},{"from":"gpt","value":"twelve bytes"},{"from":"human","value":"a2"},{"from":"gpt","value":"four"}]}
{"messages":[{"role":"user","content":"b1"},{"role":"assistant","content":"x"},{"role":"user","content":[{"type":"text","text":"b2"}]}],"output_tokens":7}
`

func TestReadFile(t *testing.T) {
	for _, tc := range []struct {
		name, text string
		turns      []int // output tokens of each request
		line       int
		err        string
	}{
		{"plain prompts", `{"prompt":"hello","output_tokens":5}` + "\n" + `{"text":"bye"}`, []int{5, 0}, 0, ""},
		{"names of the answer's length", `{"prompt":"a","output_len":1}` + "\n" + `{"prompt":"a","max_tokens":2}` + "\n" + `{"prompt":"a","output_length":3}`, []int{1, 2, 3}, 0, ""},
		{"conversations", talks, []int{3, 1, 7, 7}, 0, ""},
		{"bad JSON", `{"prompt":"a"}` + "\n\n{oops", nil, 3, "invalid character"},
		{"an empty prompt", `{"prompt":""}`, nil, 1, "empty"},
		{"nothing asked", `{"id":3}`, nil, 1, "nothing is asked"},
		{"no user", `{"conversations":[{"from":"gpt","value":"hi"}]}`, nil, 1, "nothing is asked"},
		{"a stranger", `{"conversations":[{"from":"tool","value":"hi"}]}`, nil, 1, `"tool"`},
		{"both", `{"prompt":"a","messages":[{"role":"user","content":"b"}]}`, nil, 1, "both"},
		{"no tokens", `{"prompt":"a","output_tokens":0}`, nil, 1, "at least 1"},
		{"a message without content", `{"messages":[{"role":"user"}]}`, nil, 1, "message 1"},
		{"nothing", "", nil, 0, "holds no prompt"},
	} {
		f, err := ReadFile("x", strings.NewReader(tc.text))
		var line *LineError
		if tc.err != "" {
			if err == nil || !strings.Contains(err.Error(), tc.err) || tc.line > 0 && (!errors.As(err, &line) || line.Line != tc.line) {
				t.Errorf("%s: %v, want line %d: %s", tc.name, err, tc.line, tc.err)
			}
			continue
		}
		if err != nil || f.turns != len(tc.turns) {
			t.Errorf("%s: %v, %+v", tc.name, err, f)
			continue
		}
		for i, want := range tc.turns {
			if got := f.Turn(i + f.turns); got.OutputTokens != want {
				t.Errorf("%s: request %d: %+v, want %d output tokens", tc.name, i, got, want)
			}
		}
	}
}

func FuzzReadFile(f *testing.F) {
	f.Add(talks)
	f.Add(`{"prompt":"hello","output_tokens":5}`)
	f.Fuzz(func(t *testing.T, text string) {
		file, err := ReadFile("x", strings.NewReader(text))
		if err != nil {
			return
		}
		chat, plain := wires[APIChat], wires[APICompletions]
		for i := range file.turns {
			if len(file.Turn(i).Messages) == 0 || len(chat.recorded(file.Turn(i))) < 2 || file.line(i) < 1 {
				t.Errorf("request %d: %+v", i, file.Turn(i))
			}
		}
		_ = plain.takes(file)
	})
}

func TestPromptsFromAFile(t *testing.T) {
	f, err := ReadFile("x", strings.NewReader(`{"prompt":"say \"one\"","output_tokens":5}`+"\n"+`{"prompt":"two\nlines"}`))
	if err != nil {
		t.Fatal(err)
	}
	srv := &benchtest.Server{TTFT: 10 * ms, Gap: ms}
	var seen prompts
	srv.OnPrompt(seen.add)
	inFalseTime(t, srv, func(t *testing.T, c *Client, to Target) {
		w := work()
		w.Prompts = Prompts{File: f}
		r := mustRun(t, c, to, w, Level{Kind: KindSingle, OutputTokens: 3, Requests: 3})
		if r.OutputTokens != 5+3+5 || strings.Join(seen.all, "|") != "say \"one\"|two\nlines|say \"one\"" {
			t.Errorf("%d tokens, prompts %q", r.OutputTokens, seen.all)
		}
		if notes := strings.Join(r.Notes, "\n"); !strings.Contains(notes, "repeated") || strings.Contains(notes, "planned length") {
			t.Errorf("notes %q", notes)
		}
		if _, err := c.Run(t.Context(), to, w, Level{Kind: KindSingle, Requests: 1}); err == nil || !strings.Contains(err.Error(), "line 2") {
			t.Errorf("an answer of unknown length: %v", err)
		}
	})
}

func TestConversationsAreKeptInOrder(t *testing.T) {
	f, err := ReadFile("x", strings.NewReader(talks))
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var last []string
	srv := &benchtest.Server{TTFT: 10 * ms, Gap: ms}
	srv.OnPrompt(func(p string) {
		mu.Lock()
		defer mu.Unlock()
		last = append(last, p[strings.LastIndexByte(p, '\n')+1:])
	})
	w := work()
	w.API, w.Prompts = APIChat, Prompts{File: f}
	l := Level{Kind: KindClosed, Users: 1, OutputTokens: 3, Requests: 4}
	_, err = (&Client{}).Run(t.Context(), Target{URL: "http://127.0.0.1:1"}, Workload{Prompts: w.Prompts}, l)
	if err == nil || !strings.Contains(err.Error(), "line 1") {
		t.Errorf("a conversation for an interface without messages: %v", err)
	}
	w.Prompts.File.Talks[1] = w.Prompts.File.Talks[1][:1]
	if _, err := (&Client{}).Run(t.Context(), Target{URL: "http://127.0.0.1:1"}, w, Level{Kind: KindOpen, Rate: 1, OutputTokens: 1}); err == nil {
		t.Error("an open loop of conversations: no error")
	}
	f, _ = ReadFile("x", strings.NewReader(strings.ReplaceAll(talks, `[{"type":"text","text":"b2"}]`, `"b2"`)))
	w.Prompts.File = f
	inFalseTime(t, srv, func(t *testing.T, c *Client, to Target) {
		mustRun(t, c, to, w, l)
	})
	if got := strings.Join(last, " "); got != "a1 a2 b1 b2" {
		t.Errorf("asked %q", got)
	}
}

func TestLengthsHaveTheirDistribution(t *testing.T) {
	for _, tc := range []struct {
		name     string
		spread   Spread
		mean, sd float64
	}{
		{"uniform", Spread{Shape: ShapeUniform, Width: 0.5}, 1000, 1000 / math.Sqrt(12)},
		{"normal", Spread{Shape: ShapeNormal, Width: 0.2}, 1000, 200},
		{"lognormal", Spread{Shape: ShapeLogNormal, Width: 0.5}, 1000, 500},
	} {
		w := work()
		w.Prompts.InputTokens, w.Prompts.Input, w.Prompts.Output = 1000, tc.spread, Spread{Shape: ShapeUniform, Width: 1, Max: 60}
		var in []float64
		warm := map[int]bool{}
		for _, r := range Plan(w, Level{Kind: KindClosed, Users: 8, OutputTokens: 50, Requests: 4000, Warmup: -1}) {
			if r.Warmup {
				warm[r.InputTokens] = true
				continue
			}
			in = append(in, float64(r.InputTokens))
			if r.OutputTokens < 1 || r.OutputTokens > 60 {
				t.Fatalf("%s: %d output tokens", tc.name, r.OutputTokens)
			}
		}
		mean, variance := moments(in)
		if math.Abs(mean-tc.mean) > 30 || math.Abs(math.Sqrt(variance)-tc.sd) > 30 || len(warm) != 8 {
			t.Errorf("%s: mean %.0f, standard deviation %.0f, %d lengths of the warm-up", tc.name, mean, math.Sqrt(variance), len(warm))
		}
	}
}

func TestPromptsShareAPrefix(t *testing.T) {
	srv := &benchtest.Server{TTFT: ms, Gap: ms, BOS: 1, Tokenizer: true}
	var seen prompts
	srv.OnPrompt(seen.add)
	inFalseTime(t, srv, func(t *testing.T, c *Client, to Target) {
		w := work()
		w.Prompts = Prompts{InputTokens: 100, SharedPrefix: SharedPrefix{Tokens: 60, Groups: 3}}
		r := mustRun(t, c, to, w, Level{Kind: KindClosed, Users: 2, Requests: 60, OutputTokens: 2})
		if r.InputTokens != 6000 {
			t.Errorf("%d input tokens of 60 prompts of 100", r.InputTokens)
		}
	})
	groups, whole := map[string]int{}, map[string]bool{}
	for _, p := range seen.all {
		if words := strings.Fields(p); len(words) == 99 {
			groups[strings.Join(words[:60], " ")]++
			whole[p] = true
		}
	}
	for p, n := range groups {
		if n == 1 { // a probe
			delete(groups, p)
		}
	}
	if len(groups) != 3 || len(whole) < 60 {
		t.Errorf("%d prefixes, %d prompts", len(groups), len(whole))
	}
}

func TestWorkloadsThatCannotBeRun(t *testing.T) {
	trace := &Trace{Entries: []TraceEntry{{InputTokens: 1, OutputTokens: 1}}}
	file, _ := ReadFile("x", strings.NewReader(`{"prompt":"a"}`))
	open := Level{Kind: KindOpen, Rate: 1, OutputTokens: 1}
	for name, tc := range map[string]struct {
		w Workload
		l Level
	}{
		"no rate":                     {work(), Level{Kind: KindOpen, OutputTokens: 1}},
		"a rate that is no number":    {work(), Level{Kind: KindOpen, Rate: math.NaN(), OutputTokens: 1}},
		"an unknown arrival":          {work(), Level{Kind: KindOpen, Rate: 1, Arrival: "tidal", OutputTokens: 1}},
		"gamma without burstiness":    {work(), Level{Kind: KindOpen, Rate: 1, Arrival: ArrivalGamma, OutputTokens: 1}},
		"burstiness without gamma":    {work(), Level{Kind: KindOpen, Rate: 1, Burstiness: 2, OutputTokens: 1}},
		"steps to nowhere":            {work(), Level{Kind: KindOpen, Rate: 1, Steps: 3, OutputTokens: 1}},
		"a trace that there is not":   {work(), Level{Kind: KindTrace}},
		"a file and a trace":          {Workload{Prompts: Prompts{File: file, Trace: trace}}, open},
		"a spread file":               {Workload{Prompts: Prompts{File: file, Input: Spread{Shape: ShapeUniform, Width: 1}}}, open},
		"a width without shape":       {Workload{Prompts: Prompts{InputTokens: 9, Input: Spread{Width: 1}}}, open},
		"a shape without width":       {Workload{Prompts: Prompts{InputTokens: 9, Output: Spread{Shape: ShapeNormal}}}, open},
		"limits the wrong way":        {Workload{Prompts: Prompts{InputTokens: 9, Output: Spread{ShapeNormal, 1, 5, 4}}}, open},
		"a prefix that is all":        {Workload{Prompts: Prompts{InputTokens: 9, SharedPrefix: SharedPrefix{Tokens: 9}}}, open},
		"a maximal rate without SLO":  {work(), Level{Kind: KindMaxRate, OutputTokens: 1}},
		"whole answers of llama.cpp":  {Workload{API: APILlamaCpp, Whole: true, Prompts: Prompts{InputTokens: 9}}, open},
		"fewer than none under way":   {Workload{Prompts: Prompts{Trace: trace}}, Level{Kind: KindTrace, MaxInFlight: -1}},
		"a trace that runs backwards": {Workload{Prompts: Prompts{Trace: trace}}, Level{Kind: KindTrace, Speedup: -1}},
	} {
		if _, err := (&Client{}).Run(t.Context(), Target{URL: "http://127.0.0.1:1"}, tc.w, tc.l); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestLimits(t *testing.T) {
	for text, want := range map[string]Limit{
		"ttft_p95=2s": {"ttft", "p95", 2 * time.Second}, "tpot=30ms": {"tpot", "", 30 * ms}, "e2e_mean=1m0s": {"e2e", "mean", time.Minute},
	} {
		name, value, _ := strings.Cut(text, "=")
		if got, err := ParseLimit(name, value); err != nil || got != want || got.String() != text {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"itl=1s", "ttft_p96=1s", "ttft=0s", "ttft=fast", "=1s", "ttft_=1s"} {
		name, value, _ := strings.Cut(text, "=")
		if got, err := ParseLimit(name, value); err == nil {
			t.Errorf("%s passed as %v", text, got)
		}
	}
}
