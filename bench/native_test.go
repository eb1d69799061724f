package bench

import (
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/qtune/qtune/bench/benchtest"
)

func TestFiguresOfEveryInterface(t *testing.T) {
	for _, tc := range []struct {
		name   string
		api    API
		server *benchtest.Server
		tpot   float64
	}{
		{"SGLang's own, with all of the text in each event", APIGenerate, &benchtest.Server{}, 10},
		{"SGLang's own, several tokens an event", APIGenerate, &benchtest.Server{PerEvent: []int{1, 2, 2}}, 230. / 39},
		{"llama.cpp's own", APILlamaCpp, &benchtest.Server{}, 10},
		{"Ollama's own", APIOllama, &benchtest.Server{}, 10},
		{"Ollama's own for chats", APIOllamaChat, &benchtest.Server{Template: 5}, 10},
		{"completions", APICompletions, &benchtest.Server{}, 10},
		{"chat", APIChat, &benchtest.Server{Template: 5}, 10},
	} {
		t.Run(tc.name, func(t *testing.T) {
			srv := tc.server
			srv.TTFT, srv.Gap, srv.BOS, srv.Tokenizer = 100*ms, 10*ms, 1, true
			inFalseTime(t, srv, func(t *testing.T, c *Client, to Target) {
				w := work()
				w.API = tc.api
				r := mustRun(t, c, to, w, Level{Kind: KindSingle, OutputTokens: 40, Requests: 5, Warmup: -1})
				if r.Requests.Completed != 5 || r.OutputTokens != 200 || r.InputTokens != 5*32 || r.TokensEstimated || r.Counting != "usage" {
					t.Fatalf("%+v, %d and %d tokens counted by %s, failures %+v, notes %q", r.Requests, r.InputTokens, r.OutputTokens, r.Counting, r.Failures, r.Notes)
				}
				wantStat(t, "TTFT", r.TTFT.Mean, 100)
				wantStat(t, "TPOT", r.TPOT.Mean, tc.tpot)
				rate := 1e3 / *r.TPOT.Mean
				wantStat(t, "rate of a user", r.UserRate.Mean, rate)
				if tc.api == APILlamaCpp {
					if r.Server == nil {
						t.Fatal("no timings")
					}
					wantStat(t, "prompt by timings", r.Server.PromptMSMean, 100)
					wantStat(t, "generation by timings", r.Server.GenerationMSMean, 390)
				}
			})
		})
	}
}

func TestAnswersInOnePiece(t *testing.T) {
	for _, api := range []API{APICompletions, APIChat} {
		srv := &benchtest.Server{TTFT: 100 * ms, Gap: 10 * ms, BOS: 1, Tokenizer: true}
		inFalseTime(t, srv, func(t *testing.T, c *Client, to Target) {
			w := work()
			w.API, w.Whole = api, true
			r := mustRun(t, c, to, w, Level{Kind: KindClosed, Users: 2, OutputTokens: 51, Requests: 6, Warmup: -1})
			wantStat(t, "E2E", r.E2E.Mean, 600)
			wantStat(t, "output throughput", &r.OutputThroughput, 2*51/0.6)
			if len(r.Notes) > 0 || r.OutputTokens != 306 || r.TTFT.N != 0 || r.TPOT.Mean != nil || r.ITL.Mean != nil {
				t.Errorf("%d tokens, TTFT %+v, TPOT %+v, failures %+v, notes %q", r.OutputTokens, r.TTFT, r.TPOT, r.Failures, r.Notes)
			}
		})
	}
}

func TestTokensAreCountedByTheTokenizerWhereThereIsNoUsage(t *testing.T) {
	srv := &benchtest.Server{TTFT: 100 * ms, Gap: 20 * ms, BOS: 1, Tokenizer: true, NoUsage: true, PerEvent: []int{2}}
	inFalseTime(t, srv, func(t *testing.T, c *Client, to Target) {
		open := mustRun(t, c, to, work(), Level{Kind: KindOpen, Rate: 1, OutputTokens: 50, Requests: 4, Warmup: -1})
		r := mustRun(t, c, to, work(), Level{Kind: KindSingle, OutputTokens: 50, Requests: 4, Warmup: -1})
		if open.Counting != "tokenize" || open.OutputTokens != 200 {
			t.Errorf("an open loop: %d tokens counted by %s", open.OutputTokens, open.Counting)
		}
		if r.OutputTokens != 200 || r.Counting != "tokenize" || !r.TokensEstimated || !strings.Contains(strings.Join(r.Notes, "\n"), "at 2 an event") {
			t.Errorf("%d tokens counted by %s, notes %q", r.OutputTokens, r.Counting, r.Notes)
		}
		wantStat(t, "ITL", r.ITL.Mean, 10)
	})
}

func TestUsageInEachEventIsAskedForWhereItHelps(t *testing.T) {
	for engine, want := range map[string]string{"vllm": "usage in each event", "": "usage", "tgi": "usage"} {
		srv := &benchtest.Server{TTFT: 100 * ms, Gap: 20 * ms, BOS: 1, Tokenizer: true, PerEvent: []int{2}, Metrics: engine}
		inFalseTime(t, srv, func(t *testing.T, c *Client, to Target) {
			if r := mustRun(t, c, to, work(), Level{Kind: KindSingle, OutputTokens: 50, Requests: 4, Warmup: -1}); r.Counting != want {
				t.Errorf("%q: counted by %s, want %s", engine, r.Counting, want)
			}
		})
	}
}

func TestCachesAreEmptied(t *testing.T) {
	for _, tc := range []struct {
		engine string
		busy   int
		erased int
		note   string
	}{
		{"vllm", 3, 1, ""}, {"sglang", 3, 1, ""}, {"llamacpp", 0, 2, ""}, {"tgi", 0, 0, "no way"}, {"vllm", 100, 0, "busy"},
	} {
		srv := &benchtest.Server{TTFT: ms, BOS: 1, Tokenizer: true, Metrics: tc.engine, Busy: tc.busy}
		inFalseTime(t, srv, func(t *testing.T, c *Client, to Target) {
			w := work()
			w.ResetCache = true
			r := mustRun(t, c, to, w, Level{Kind: KindSingle, OutputTokens: 2, Requests: 2, Warmup: -1})
			if notes := strings.Join(r.Notes, "\n"); srv.Flushed() != tc.erased || !strings.Contains(notes, tc.note) || tc.note == "" && notes != "" {
				t.Errorf("%s: emptied %d times, notes %q", tc.engine, srv.Flushed(), notes)
			}
		})
	}
}

func TestTheServersOwnFigures(t *testing.T) {
	for _, engine := range []string{"vllm", "sglang", "llamacpp", "lmdeploy", "trtllm", "tgi"} {
		srv := &benchtest.Server{TTFT: 100 * ms, Gap: 10 * ms, BOS: 1, Tokenizer: true, Metrics: engine}
		inFalseTime(t, srv, func(t *testing.T, c *Client, to Target) {
			r := mustRun(t, c, to, work(), Level{Kind: KindClosed, Users: 4, OutputTokens: 52, Requests: 60, Warmup: -1})
			s := r.Server
			if s == nil || s.Engine != engine || *s.GeneratedTokens != 60*52 || *s.PromptTokens != 60*32 || *s.RunningMax != 4 || *s.WaitingMax != 0 || s.Looks < 5 {
				t.Fatalf("%s: %+v", engine, s)
			}
			if told := s.TTFTMS != nil; told != (engine == "vllm" || engine == "sglang" || engine == "lmdeploy" || engine == "trtllm") || len(r.Notes) > 0 {
				t.Errorf("%s: TTFT told %v, notes %q", engine, told, r.Notes)
			}
		})
	}
}

func TestHeadersAndCertificates(t *testing.T) {
	var asked, right atomic.Int64
	inner := &benchtest.Server{TTFT: ms, BOS: 1, Tokenizer: true}
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if r.Header.Get("X-Tenant") == "me" && r.Header.Get("Authorization") == "Bearer k" {
			right.Add(1)
		}
		inner.ServeHTTP(w, r)
	}))
	srv.StartTLS()
	defer srv.Close()
	l := Level{Kind: KindSingle, OutputTokens: 2, Requests: 2}
	to := Target{URL: srv.URL, APIKey: "k", Header: http.Header{"x-tenant": {"me"}}}
	if r, _ := (&Client{}).Run(t.Context(), to, work(), l); r.Requests.Completed != 0 {
		t.Error("an unknown certificate was trusted")
	}
	to.CA = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw})
	if r := mustRun(t, &Client{}, to, work(), l); r.Requests.Completed != 2 || asked.Load() != right.Load() {
		t.Errorf("%+v %+v, %d of %d requests had the headers", r.Requests, r.Failures, right.Load(), asked.Load())
	}
	to.CA = []byte("nonsense")
	if _, err := (&Client{}).Run(t.Context(), to, work(), l); err == nil {
		t.Error("nonsense for certificates: no error")
	}
}

func TestGoodput(t *testing.T) {
	srv := &benchtest.Server{TTFT: 100 * ms, Gap: 10 * ms, BOS: 1, Tokenizer: true}
	for _, tc := range []struct {
		limits []Limit
		good   float64
		held   bool
	}{
		{[]Limit{{"ttft", "", 150 * ms}, {"e2e", "", 700 * ms}}, 1, true},
		{[]Limit{{"ttft", "", 150 * ms}, {"tpot", "", 9 * ms}}, 0, false},
		{[]Limit{{"e2e", "p50", 590 * ms}}, 0, false},
		{[]Limit{{"ttft", "p99", 500 * ms}}, 1, false}, // too few requests for a p99
	} {
		inFalseTime(t, srv, func(t *testing.T, c *Client, to Target) {
			w := work()
			w.SLO = tc.limits
			r := mustRun(t, c, to, w, Level{Kind: KindClosed, Users: 2, OutputTokens: 51, Requests: 20})
			held, why := r.Holds(w.SLO)
			if r.GoodShare == nil || *r.GoodShare != tc.good || !near(*r.Goodput, tc.good*r.RequestThroughput) || held != tc.held || held != (why == "") {
				t.Errorf("%v: share %v, goodput %v, holds %v (%s)", tc.limits, *r.GoodShare, *r.Goodput, held, why)
			}
		})
	}
	var n atomic.Int64
	flaky := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/v1/") && n.Add(1)%2 == 0 {
			http.Error(w, "no", http.StatusInternalServerError)
			return
		}
		srv.ServeHTTP(w, r)
	})
	inFalseTime(t, flaky, func(t *testing.T, c *Client, to Target) {
		w := work()
		w.SLO = []Limit{{"ttft", "", 150 * ms}}
		r := mustRun(t, c, to, w, Level{Kind: KindSingle, OutputTokens: 51, Requests: 20})
		if *r.GoodShare != 0.5 || !near(*r.Goodput, r.RequestThroughput) {
			t.Errorf("half of all failed: share %v, goodput %v of %v", *r.GoodShare, *r.Goodput, r.RequestThroughput)
		}
	})
}

func FuzzNative(f *testing.F) {
	for _, s := range []string{
		`{"text":"a","meta_info":{"finish_reason":{"type":"length"},"prompt_tokens":3,"completion_tokens":2}}`,
		`{"content":"a","stop":true,"stop_type":"limit","tokens_predicted":2,"timings":{"prompt_ms":1.5,"predicted_ms":2}}`,
		`{"message":{"content":"a"},"done":false}`, `{"response":"","done":true,"done_reason":"stop","eval_count":3}`, `{"error":"no"}`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, event string) {
		c := chunk{dialect: dialectNative}
		if c.parse([]byte(event)) == nil && (c.completion < -1 || c.timings.prompt < 0) {
			t.Errorf("%q: %+v", event, c)
		}
	})
}
