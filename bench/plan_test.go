package bench

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/qtune/qtune/bench/benchtest"
)

func TestPlanIsAPureFunction(t *testing.T) {
	l := Level{Kind: KindClosed, Users: 4, OutputTokens: 50, Requests: 20, Warmup: -1}
	a, b := Plan(work(), l), Plan(work(), l)
	if !slices.Equal(a, b) || len(a) != 24 {
		t.Fatalf("%d and %d requests, equal: %v", len(a), len(b), slices.Equal(a, b))
	}
	other := work()
	other.Seed++
	more := l
	more.Users = 8
	seeds := map[uint64]bool{}
	for _, list := range [][]Request{a, Plan(other, l), Plan(work(), more)} {
		for _, r := range list {
			if seeds[r.PromptSeed] {
				t.Fatalf("the prompt of %+v was there before", r)
			}
			seeds[r.PromptSeed] = true
		}
	}
}

func TestPlanFollowsTheLevelsLimits(t *testing.T) {
	for _, tc := range []struct {
		name     string
		level    Level
		warm, n  int
		requests int
		d        time.Duration
	}{
		{"an exact number", Level{Kind: KindClosed, Users: 5, Requests: 30, Warmup: 3}, 3, 30, 30, 0},
		{"no warm-up", Level{Kind: KindSingle, Requests: 5}, 0, 5, 5, 0},
		{"the default warm-up of a single stream", Level{Kind: KindSingle, Requests: 5, Warmup: -1}, 1, 5, 5, 0},
		{"the default warm-up of one user", Level{Kind: KindClosed, Users: 1, Requests: 5, Warmup: -1}, 2, 5, 5, 0},
		{"a burst is one request a user", Level{Kind: KindBurst, Users: 7, Warmup: -1}, 7, 7, 7, 0},
		{"a time", Level{Kind: KindClosed, Users: 5, Duration: time.Minute}, 0, 200, 0, time.Minute},
		{"no limit, one stream", Level{Kind: KindSingle}, 0, 50, 50, 2 * time.Minute},
		{"no limit, many users", Level{Kind: KindClosed, Users: 20}, 0, 400, 400, 2 * time.Minute},
	} {
		list := Plan(work(), tc.level)
		requests, d := tc.level.Cap()
		if len(list) != tc.warm+tc.n || requests != tc.requests || d != tc.d {
			t.Errorf("%s: %d requests, cap %d and %v", tc.name, len(list), requests, d)
		}
		for i, r := range list {
			if r.Warmup != (i < tc.warm) {
				t.Errorf("%s: request %d: warm-up %v", tc.name, i, r.Warmup)
			}
		}
	}
}

// prompts collects what a server was asked.
type prompts struct {
	mu  sync.Mutex
	all []string
}

func (p *prompts) add(s string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.all = append(p.all, s)
}

func TestPromptsHaveTheExactLength(t *testing.T) {
	for _, tc := range []struct {
		name   string
		server *benchtest.Server
		api    API
		tokens int
		probes int
		note   string
	}{
		{"a tokenizer that adds a token", &benchtest.Server{Tokenizer: true, BOS: 1}, APICompletions, 64, 1, ""},
		{"a tokenizer that adds none", &benchtest.Server{Tokenizer: true}, APICompletions, 5, 1, ""},
		{"a chat template that it does not know of", &benchtest.Server{Tokenizer: true, BOS: 1, Template: 11}, APIChat, 64, 2, ""},
		{"no tokenizer", &benchtest.Server{BOS: 1}, APICompletions, 64, 3, ""},
		{"no tokenizer and a chat template", &benchtest.Server{BOS: 1, Template: 11}, APIChat, 200, 3, ""},
		{"a word that is two tokens is not used", &benchtest.Server{Tokenizer: true, BOS: 1, Costly: "because"}, APICompletions, 64, 1, ""},
		{"a prompt of 4000 tokens", &benchtest.Server{Tokenizer: true, BOS: 1}, APICompletions, 4000, 1, ""},
		{"a length below what the template costs", &benchtest.Server{Tokenizer: true, Template: 20}, APIChat, 10, 2, "about 10 tokens"},
		{"neither tokenizer nor usage", &benchtest.Server{NoUsage: true}, APICompletions, 64, 3, "about 64 tokens"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var seen prompts
			tc.server.OnPrompt(seen.add)
			inFalseTime(t, tc.server, func(t *testing.T, c *Client, to Target) {
				w := work()
				w.API, w.Prompts.InputTokens = tc.api, tc.tokens
				l := Level{Kind: KindClosed, Users: 2, OutputTokens: 2, Requests: 6}
				r := mustRun(t, c, to, w, l)
				again := mustRun(t, c, to, w, l)
				notes := strings.Join(append(r.Notes, again.Notes...), "\n")
				if tc.note == "" && (r.InputTokens != 6*tc.tokens || strings.Contains(notes, "prompts")) || !strings.Contains(notes, tc.note) {
					t.Errorf("%d input tokens of 6 prompts, notes %q", r.InputTokens, notes)
				}
				if n := tc.server.Requests(); n > 12+tc.probes && tc.note == "" {
					t.Errorf("%d requests for 12 that were wanted: at most %d probes", n, tc.probes)
				}
			})
			slices.Sort(seen.all)
			for _, p := range slices.Compact(seen.all) {
				if tc.tokens > 20 && strings.Count(strings.Join(seen.all, "\n"), p[:30]) > 2 {
					t.Errorf("the beginning of %q was sent before", p[:40])
				}
			}
		})
	}
}
