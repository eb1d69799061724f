package bench

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/qtune/qtune/bench/benchtest"
)

// TestEnoughEndsALevelWithWhatIsUnderWay says after some requests that they are enough:
// no more are sent, those under way are awaited, and the figures are as true as others.
func TestEnoughEndsALevelWithWhatIsUnderWay(t *testing.T) {
	srv := &benchtest.Server{TTFT: 100 * ms, Gap: 10 * ms, BOS: 1, Tokenizer: true}
	for _, l := range []Level{
		{Kind: KindClosed, Users: 4, OutputTokens: 51, Requests: 400, Warmup: -1},
		{Kind: KindClosed, Users: 4, OutputTokens: 51, Duration: 100 * time.Second, Warmup: -1},
		{Kind: KindSingle, OutputTokens: 51, Requests: 100, Warmup: -1},
		{Kind: KindOpen, Rate: 5, OutputTokens: 51, Requests: 400, Warmup: -1},
	} {
		t.Run(l.String(), func(t *testing.T) {
			inFalseTime(t, srv, func(t *testing.T, c *Client, to Target) {
				var ended atomic.Int64
				c.Record = func(o Outcome) {
					if !o.Warmup {
						ended.Add(1)
					}
				}
				c.Enough = func() bool { return ended.Load() >= 20 }
				r := mustRun(t, c, to, work(), l)
				if n := r.Requests.Total; n < 20 || n > 20+2*max(l.Users, 4) || r.Requests.Completed != n || r.Partial {
					t.Errorf("%+v, partial: %v", r.Requests, r.Partial)
				}
				if !near(*r.TTFT.Mean, 100) || !near(*r.TPOT.Mean, 10) {
					t.Errorf("TTFT %v, TPOT %v", *r.TTFT.Mean, *r.TPOT.Mean)
				}
			})
		})
	}
}
