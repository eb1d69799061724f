package bench

import (
	"context"
	"errors"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/qtune/qtune/bench/benchtest"
)

func TestInterruptedGivesTheResultSoFar(t *testing.T) {
	interrupt := errors.New("interrupted")
	for _, l := range []Level{
		{Kind: KindSingle, OutputTokens: 51, Requests: 1000},
		{Kind: KindClosed, Users: 4, OutputTokens: 51, Duration: time.Hour, Warmup: -1},
		{Kind: KindBurst, Users: 4, OutputTokens: 51, Requests: 1000},
	} {
		t.Run(l.String(), func(t *testing.T) {
			srv := &benchtest.Server{TTFT: 100 * ms, Gap: 10 * ms, BOS: 1, Tokenizer: true}
			inFalseTime(t, srv, func(t *testing.T, c *Client, to Target) {
				ctx, cancel := context.WithCancelCause(t.Context())
				time.AfterFunc(30*time.Second+50*ms, func() { cancel(interrupt) })
				began := time.Now()
				r, err := c.Run(ctx, to, work(), l)
				if !errors.Is(err, interrupt) || !r.Partial || time.Since(began) > 30*time.Second+60*ms {
					t.Errorf("%v, partial %v, after %v", err, r.Partial, time.Since(began))
				}
				if r.Requests.Completed < 40 || r.Requests.Failed != 0 || !near(r.OutputThroughput, float64(max(l.Users, 1))*51/0.6) {
					t.Errorf("requests %+v, throughput %v", r.Requests, r.OutputThroughput)
				}
			})
		})
	}
}

func TestInterruptedBeforeAnythingWasMeasured(t *testing.T) {
	inFalseTime(t, hangs(""), func(t *testing.T, c *Client, to Target) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		r, err := c.Run(ctx, to, work(), Level{Kind: KindClosed, Users: 4, OutputTokens: 5, Warmup: -1})
		if !errors.Is(err, context.DeadlineExceeded) || !r.Partial || r.Requests.Total != 0 {
			t.Errorf("%v, %+v", err, r)
		}
	})
}

func TestRecordGetsEachRequestOnce(t *testing.T) {
	srv := &benchtest.Server{TTFT: 10 * ms, Gap: ms, BOS: 1, Tokenizer: true}
	inFalseTime(t, srv, func(t *testing.T, c *Client, to Target) {
		var got []Outcome
		c.Record = func(o Outcome) { got = append(got, o) }
		mustRun(t, c, to, work(), Level{Kind: KindClosed, Users: 4, OutputTokens: 11, Requests: 20, Warmup: -1})
		seqs := map[int]bool{}
		for _, o := range got {
			if o.Warmup {
				continue
			}
			if seqs[o.Seq] || o.TTFT != 10*ms || o.E2E != 20*ms || o.OutputTokens != 11 || o.InputTokens != 32 || o.Sent < o.Intended || o.User > 3 {
				t.Errorf("outcome %+v", o)
			}
			seqs[o.Seq] = true
		}
		if len(got) != 24 || len(seqs) != 20 {
			t.Errorf("%d outcomes, %d measured", len(got), len(seqs))
		}
	})
}

func TestUsersOfAClosedLoopStartOneAfterTheOther(t *testing.T) {
	srv := &benchtest.Server{TTFT: 100 * ms, Gap: 10 * ms, BOS: 1, Tokenizer: true}
	inFalseTime(t, srv, func(t *testing.T, c *Client, to Target) {
		first := map[int]time.Duration{}
		c.Record = func(o Outcome) {
			if _, ok := first[o.User]; !ok && !o.Warmup {
				first[o.User] = o.Sent
			}
		}
		mustRun(t, c, to, work(), Level{Kind: KindClosed, Users: 6, OutputTokens: 51, Duration: 10 * time.Second, Warmup: -1})
		for user, sent := range first {
			if want := time.Duration(user) * 100 * ms; sent < want || sent > want+ms {
				t.Errorf("user %d of 6 began at %v, want %v: a sixth of a request after the other", user, sent, want)
			}
		}
	})
}

func TestLevelsThatCannotBeRun(t *testing.T) {
	for name, l := range map[string]Level{
		"a kind that there is not":  {Kind: "tidal", OutputTokens: 1},
		"no users":                  {Kind: KindClosed, OutputTokens: 1},
		"no tokens":                 {Kind: KindSingle},
		"less than no request":      {Kind: KindSingle, OutputTokens: 1, Requests: -1},
		"a level that is not given": {},
	} {
		if _, err := (&Client{}).Run(t.Context(), Target{URL: "http://127.0.0.1:1"}, work(), l); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	ok := Level{Kind: KindSingle, OutputTokens: 1, Requests: 1}
	for _, url := range []string{"", "127.0.0.1:8000", "ftp://x", "http://", "::"} {
		if _, err := (&Client{}).Run(t.Context(), Target{URL: url}, work(), ok); err == nil {
			t.Errorf("URL %q: no error", url)
		}
	}
	if _, err := (&Client{}).Run(t.Context(), Target{URL: "http://127.0.0.1:1"}, Workload{API: "telepathy"}, ok); err == nil {
		t.Error("unknown API: no error")
	}
}

// Two busy neighbours on one core leave a client no chance to be on time, and it says so.
func TestAStarvedClientIsFoundOut(t *testing.T) {
	old := runtime.GOMAXPROCS(1)
	defer runtime.GOMAXPROCS(old)
	var stop atomic.Bool
	done := make(chan struct{})
	for range 2 {
		go func() {
			defer func() { done <- struct{}{} }()
			for !stop.Load() {
			}
		}()
	}
	srv := newLoopback(t, &benchtest.Server{TTFT: 5 * ms, Gap: 2 * ms, BOS: 1, Tokenizer: true})
	r := mustRun(t, &Client{}, srv, work(), Level{Kind: KindClosed, Users: 4, OutputTokens: 10, Requests: 12})
	stop.Store(true)
	<-done
	<-done
	if !r.Client.Bound || len(r.Client.Reasons) == 0 {
		t.Errorf("client %+v, waiting p99 %v", r.Client, r.Client.SchedLatencyP99MS)
	}
}

func TestAnIdleLevelIsNotBoundByTheClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clientUse{cpu: 100 * ms}.cost(time.Second, clientSigns{figure: 10})
		if c.Bound || c.CPUShare != 0.1 || c.Reasons == nil {
			t.Errorf("client %+v", c)
		}
	})
}

// Where the hub reads, goroutines are woken to send and for nothing else: that a
// burst of them waits for a core delays no token.
func TestTheWaitForACoreCountsWhereItDelaysTokens(t *testing.T) {
	u := clientUse{cpu: 100 * ms, buckets: []float64{0, 0.001, 0.002}, counts: []uint64{1, 9}}
	for hub, bound := range map[bool]bool{false: true, true: false} {
		if c := u.cost(time.Second, clientSigns{figure: 10, hub: hub}); c.Bound != bound {
			t.Errorf("hub %v: bound %v, %q", hub, c.Bound, c.Reasons)
		}
	}
}
