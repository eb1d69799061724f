package bench_test

import (
	"encoding/json"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/qtune/qtune/bench"
	"github.com/qtune/qtune/bench/benchtest"
)

func TestSmoke(t *testing.T) {
	srv := httptest.NewServer(&benchtest.Server{TTFT: 20 * time.Millisecond, Gap: 5 * time.Millisecond, BOS: 1, Tokenizer: true})
	defer srv.Close()
	w := bench.Workload{Prompts: bench.Prompts{InputTokens: 32}, Seed: 1}
	for _, l := range []bench.Level{
		{Kind: bench.KindSingle, OutputTokens: 10, Requests: 5, Warmup: -1},
		{Kind: bench.KindSingle, OutputTokens: 10, Warmup: -1},
		{Kind: bench.KindClosed, Users: 4, OutputTokens: 10, Requests: 20, Warmup: -1},
		{Kind: bench.KindClosed, Users: 4, OutputTokens: 10, Warmup: -1},
		{Kind: bench.KindClosed, Users: 4, OutputTokens: 10, Warmup: -1, Duration: 2 * time.Second},
		{Kind: bench.KindBurst, Users: 4, OutputTokens: 10},
	} {
		var c bench.Client
		r, err := c.Run(t.Context(), bench.Target{URL: srv.URL, Model: "m"}, w, l)
		b, _ := json.Marshal(r)
		t.Logf("%s %v\n%s", l, err, b)
	}
}
