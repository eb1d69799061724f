package compare

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/qtune/qtune/bench"
)

// users is a level of a closed loop.
var users = Load{Kind: bench.KindClosed, Users: 4, OutputTokens: 50}

// measured is a side of one level, a start for each set of figures.
func measured(starts ...map[string]Figure) *Side {
	l := Level{Workload: "chat", Load: users, Separate: true}
	for _, f := range starts {
		l.Starts = append(l.Starts, Start{Figures: f})
	}
	return &Side{Name: "x", Client: ClientQtune, Levels: []Level{l}}
}

func throughput(v, half float64) map[string]Figure {
	f := Figure{Value: v}
	if half > 0 {
		f.Interval = &[2]float64{v - half, v + half}
	}
	return map[string]Figure{"output_throughput": f}
}

func latency(v, half float64) map[string]Figure {
	f := Figure{Value: v, N: 40}
	if half > 0 {
		f.Interval = &[2]float64{v - half, v + half}
	}
	return map[string]Figure{"ttft_p95": f}
}

func TestVerdicts(t *testing.T) {
	tests := []struct {
		name string
		a, b *Side
		o    Options
		want string
	}{
		{"a third more tokens is better", measured(throughput(100, 1)), measured(throughput(133, 1)), Options{}, "better starts-less interval"},
		{"and a third less is worse", measured(throughput(133, 1)), measured(throughput(100, 1)), Options{}, "worse starts-less interval"},
		{"a longer time is worse", measured(latency(100, 2)), measured(latency(130, 2)), Options{}, "worse starts-less interval"},
		{"three percent on one start each is what starts differ by", measured(throughput(100, 0.1)), measured(throughput(103, 0.1)), Options{}, "no difference starts-less interval"},
		{"unless one start measured both", measured(throughput(100, 0.1)), measured(throughput(103, 0.1)), Options{Restart: -1}, "better starts-less interval"},
		{"a wide interval around none tells nothing", measured(latency(100, 30)), measured(latency(105, 30)), Options{}, "cannot tell (wide) starts-less interval"},
		{"a figure without an interval tells nothing", measured(throughput(100, 0)), measured(throughput(200, 1)), Options{}, "cannot tell (bare)"},
		{"nor does one of too few samples", measured(latency(100, 0)), measured(latency(200, 10)), Options{}, "cannot tell (few)"},
		{"there is no ratio to zero", measured(throughput(0, 0)), measured(throughput(200, 1)), Options{}, "cannot tell (zero)"},
		{"three starts each tell of themselves", measured(throughput(100, 0), throughput(101, 0), throughput(99, 0)), measured(throughput(110, 0), throughput(111, 0), throughput(109, 0)), Options{}, "better starts"},
		{"two starts that disagree do not", measured(throughput(100, 0), throughput(140, 0)), measured(throughput(150, 0), throughput(120, 0)), Options{}, "cannot tell (wide) starts"},
		{"three starts against one are mixed", measured(throughput(100, 0), throughput(101, 0), throughput(99, 0)), measured(throughput(130, 1)), Options{}, "better mixed"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := Compare(tt.a, tt.b, tt.o)
			if len(c.Levels) != 1 || len(c.Levels[0].Rows) != 1 {
				t.Fatalf("%+v", c.Levels)
			}
			r := c.Levels[0].Rows[0]
			got := string(r.Verdict)
			if r.Why != "" {
				got += fmt.Sprintf(" (%s)", r.Why)
			}
			if r.Method == ByInterval {
				got += " starts-less interval"
			} else if r.Method != "" {
				got += " " + string(r.Method)
			}
			if got != tt.want {
				t.Errorf("%s, want %s: change %v in %v", got, tt.want, r.Change, r.Interval)
			}
		})
	}
}

// noisy are requests with a queue: neighbours are alike, and each request is slow or
// fast by its own length, the same on both sides. factor is how slow the side is.
func noisy(n int, factor float64, lengths, queue uint64) *Requests {
	l, q := rand.New(rand.NewPCG(lengths, 1)), rand.New(rand.NewPCG(queue, 2))
	r, level, sent := &Requests{}, 0.0, 0.0
	for i := range n {
		level = 0.8*level + 0.05*q.NormFloat64()
		base := math.Exp(0.5*l.NormFloat64() + level)
		r.Add(i, sent, 100*factor*base, 20*factor, 1000*factor*base)
		sent += 250 * factor * base
	}
	return r
}

func withRequests(r *Requests, list string) *Side {
	mean := 0.0
	for _, v := range r.TTFT {
		mean += v / float64(len(r.TTFT))
	}
	s := measured(map[string]Figure{"ttft_mean": {Value: mean, N: len(r.TTFT)}})
	s.Levels[0].List, s.Levels[0].Starts[0].Requests = list, r
	return s
}

// TestCoverage holds the intervals to what they promise: with the true change known,
// that it is inside about 95 times in 100, in pairs and without.
func TestCoverage(t *testing.T) {
	const rounds = 400
	for _, list := range []string{"same", ""} {
		inside, width := 0, 0.0
		for i := range uint64(rounds) {
			lengthsB := i
			if list == "" {
				lengthsB = i + 1e6
			}
			a, b := withRequests(noisy(600, 1, i, 3*i), list), withRequests(noisy(600, 1.1, lengthsB, 3*i+1), list)
			r := Compare(a, b, Options{Restart: -1}).Levels[0].Row("ttft_mean")
			if r.Interval[0] <= 0.1 && 0.1 <= r.Interval[1] {
				inside++
			}
			width += (r.Interval[1] - r.Interval[0]) / rounds
		}
		t.Logf("list %q: %.1f %% inside, width %.3f", list, 100*float64(inside)/rounds, width)
		if share := float64(inside) / rounds; share < 0.92 || share > 0.985 {
			t.Errorf("list %q: the truth is inside %.1f %% of the intervals", list, 100*share)
		}
	}
}

func TestPairsAreSurer(t *testing.T) {
	width := func(list string) float64 {
		r := Compare(withRequests(noisy(600, 1, 1, 2), list), withRequests(noisy(600, 1.1, 1, 3), list), Options{Restart: -1}).Levels[0].Row("ttft_mean")
		return r.Interval[1] - r.Interval[0]
	}
	if same, other := width("same"), width(""); same > 0.7*other {
		t.Errorf("the interval of pairs is %v wide, without %v", same, other)
	}
}

func TestPairsNeedTheSameRequests(t *testing.T) {
	a, b := withRequests(noisy(600, 1, 1, 2), "one"), withRequests(noisy(600, 1, 1, 3), "two")
	if c := Compare(a, b, Options{}); c.Levels[0].Pairs != 0 || c.Levels[0].Paired() {
		t.Error("requests of other lists were paired")
	}
	b.Levels[0].List = "one"
	if c := Compare(a, b, Options{}); c.Levels[0].Pairs != 600 || !c.Levels[0].Paired() {
		t.Errorf("%d pairs of the same list", c.Levels[0].Pairs)
	}
	b.Levels[0].Starts[0].Requests.Add(7, math.NaN(), math.NaN(), math.NaN(), math.NaN())
	if c := Compare(a, b, Options{}); c.Levels[0].Pairs != 599 {
		t.Errorf("%d pairs where one request failed", c.Levels[0].Pairs)
	}
}

func TestReasons(t *testing.T) {
	tests := []struct {
		name   string
		change func(a, b *Side)
		want   string
	}{
		{"nothing differs", func(a, b *Side) {}, "[]"},
		{"what one does not tell is not held against it", func(a, b *Side) { a.Model, a.Card, a.Bench = "m", "c", "1" }, "[]"},
		{"simulated against measured", func(a, b *Side) { a.Simulated = true }, "[simulated]"},
		{"another model, card and version", func(a, b *Side) { a.Model, b.Model, a.Card, b.Card, a.Bench, b.Bench = "m", "n", "c", "d", "1", "2" }, "[model card bench]"},
		{"another client", func(a, b *Side) { b.Client = "AIPerf" }, "[client]"},
		{"another load, where there is one level each", func(a, b *Side) { b.Levels[0].Load.Users = 8 }, "[load]"},
		{"another workload by its words", func(a, b *Side) {
			a.Levels[0].Sends, b.Levels[0].Sends = []string{"input_tokens=64"}, []string{"input_tokens=65"}
		}, "[workload]"},
		{"another length, where the words are not known", func(a, b *Side) {
			a.Levels[0].Input, b.Levels[0].Input, a.Levels[0].Output, b.Levels[0].Output = 64, 80, 50, 51
		}, "[input]"},
		{"a client that was the bottleneck", func(a, b *Side) { b.Levels[0].Starts[0].Bound = true }, "[client-bound]"},
		{"nothing in common", func(a, b *Side) {
			b.Levels = append(b.Levels, b.Levels[0])
			b.Levels[0].Load.Users = 8
			b.Levels[1].Load.Users = 9
		}, "[no-level]"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a, b := measured(throughput(100, 1)), measured(throughput(100, 1))
			tt.change(a, b)
			codes := []string{}
			c := Compare(a, b, Options{})
			for _, r := range c.Reasons {
				codes = append(codes, r.Code)
			}
			if got := fmt.Sprint(codes); got != tt.want || c.Comparable() != (tt.want == "[]") {
				t.Errorf("%s, want %s", got, tt.want)
			}
		})
	}
}

func TestFiguresOfOtherMeaningAreNotCompared(t *testing.T) {
	a, b := measured(map[string]Figure{"itl_mean": {Value: 10, Of: "events"}}), measured(map[string]Figure{"itl_mean": {Value: 10}})
	if rows := Compare(a, b, Options{}).Levels[0].Rows; len(rows) != 0 {
		t.Errorf("%+v", rows)
	}
	a, b = measured(map[string]Figure{"goodput": {Value: 10}}), measured(map[string]Figure{"goodput": {Value: 10}})
	a.Levels[0].SLO = "ttft=1s"
	if rows := Compare(a, b, Options{}).Levels[0].Rows; len(rows) != 0 {
		t.Errorf("goodput of another SLO: %+v", rows)
	}
}

func TestGate(t *testing.T) {
	tests := []struct {
		name    string
		a, b    float64
		half    float64
		metrics []string
		want    Outcome
	}{
		{"a tenth slower, certainly", 100, 88, 1, nil, Slower},
		{"six percent slower, plus or minus four: nobody knows", 100, 94, 0.5, nil, Open},
		{"as fast", 100, 100, 0.1, nil, Kept},
		{"faster", 100, 150, 1, nil, Kept},
		{"no interval", 100, 50, 0, nil, Open},
		{"a metric that nobody measured", 100, 50, 1, []string{"ttft_p95"}, Open},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := Compare(measured(throughput(tt.a, tt.half)), measured(throughput(tt.b, tt.half)), Options{Gate: &Gate{Slower: 0.05, Metrics: tt.metrics}})
			if c.Gate.Outcome != tt.want || len(c.Gate.Checks) != 1 {
				t.Errorf("%s, want %s: %+v", c.Gate.Outcome, tt.want, c.Gate.Checks)
			}
		})
	}
}

func TestGateHoldsTheObjective(t *testing.T) {
	side := func(v float64) *Side {
		s := measured(map[string]Figure{"ttft_p95": {Value: 100, Interval: &[2]float64{99, 101}}, "output_throughput": {Value: v, Interval: &[2]float64{v - 1, v + 1}}})
		other := s.Levels[0]
		other.Load.Users = 8
		s.Levels = append(s.Levels, other)
		s.Objectives = []Objective{{Metric: "ttft_p95", Workload: "chat", Load: other.Load}}
		return s
	}
	c := Compare(side(100), side(50), Options{Gate: &Gate{Slower: 0.05}})
	if len(c.Gate.Checks) != 1 || c.Gate.Checks[0].Metric != "ttft_p95" || c.Gate.Checks[0].Level != "8 users" || c.Gate.Outcome != Kept {
		t.Errorf("%+v", c.Gate)
	}
}

// TestGateHoldsBothFigures finds a loss in either of two figures, each at its own level.
func TestGateHoldsBothFigures(t *testing.T) {
	side := func(tokens, ttft float64) *Side {
		near := func(v float64) Figure { return Figure{Value: v, Interval: &[2]float64{.99 * v, 1.01 * v}} }
		s := measured(map[string]Figure{"ttft_p95": near(ttft), "output_throughput": near(100)})
		loaded := measured(map[string]Figure{"ttft_p95": near(100), "output_throughput": near(tokens)}).Levels[0]
		loaded.Load.Users = 8
		s.Objectives = []Objective{{Metric: "output_throughput", Workload: "chat", Load: loaded.Load}, {Metric: "ttft_p95", Workload: "chat", Load: s.Levels[0].Load}}
		s.Levels = append(s.Levels, loaded)
		return s
	}
	lacking := Objective{Metric: "ttft_p95", Workload: "chat", Lacking: "1 user"}
	elsewhere := Objective{Metric: "ttft_p95", Workload: "chat", Load: Load{Kind: bench.KindClosed, Users: 64}}
	for _, c := range []struct {
		why          string
		tokens, ttft float64
		metrics      []string
		objective    func(a, b *Side) // nil: both have the same
		want         Outcome
		checks       string
	}{
		{"neither is worse", 100, 100, nil, nil, Kept, "[output_throughput 8 users ttft_p95 4 users]"},
		{"a loss in the first", 80, 100, nil, nil, Slower, "[output_throughput 8 users ttft_p95 4 users]"},
		{"a loss in the second, with a gain in the first", 150, 130, nil, nil, Slower, "[output_throughput 8 users ttft_p95 4 users]"},
		{"a metric that is the second figure is held at its level", 100, 130, []string{"ttft_p95"}, nil, Slower, "[ttft_p95 4 users]"},
		{"a metric that is no figure of it is held where the first is", 100, 100, []string{"e2e_mean"}, nil, Open, "[e2e_mean 8 users]"},
		{"B did not measure the second figure's level", 100, 100, nil, func(_, b *Side) { b.Objectives[1] = lacking }, Open, "[output_throughput 8 users ttft_p95 1 user]"},
		{"a loss in the first, and no level of the second", 80, 100, nil, func(_, b *Side) { b.Objectives[1] = lacking }, Slower, "[output_throughput 8 users ttft_p95 1 user]"},
		{"A has no such level", 100, 100, nil, func(_, b *Side) { b.Objectives[1] = elsewhere }, Open, "[output_throughput 8 users ttft_p95 64 users]"},
		{"A's objective stands in for B's that A has not measured", 100, 100, nil, func(a, b *Side) { b.Objectives, a.Objectives = []Objective{elsewhere}, a.Objectives[:1] }, Kept, "[output_throughput 8 users]"},
		{"no objective has a level on both sides: every one", 100, 130, nil, func(a, b *Side) { b.Objectives, a.Objectives = []Objective{elsewhere}, nil }, Slower, "[ttft_p95 64 users ttft_p95 4 users ttft_p95 8 users]"},
		{"the same without a loss is not called kept", 100, 100, nil, func(a, b *Side) { b.Objectives, a.Objectives = []Objective{lacking}, nil }, Open, "[ttft_p95 1 user ttft_p95 4 users ttft_p95 8 users]"},
	} {
		a, b := side(100, 100), side(c.tokens, c.ttft)
		if c.objective != nil {
			c.objective(a, b)
		}
		g := Compare(a, b, Options{Gate: &Gate{Slower: 0.05, Metrics: c.metrics}}).Gate
		var checks []string
		for _, k := range g.Checks {
			checks = append(checks, k.Metric+" "+k.Level)
		}
		if g.Outcome != c.want || fmt.Sprint(checks) != c.checks {
			t.Errorf("%s: %s, %v: %+v", c.why, g.Outcome, checks, g)
		}
	}
}

// TestFalseAlarms holds the gate to its word: where B is slower by exactly what is
// allowed, it fails once in forty times. Neighbours are alike here over some nine
// requests, and blocks hold forty. The bound is three standard deviations of the count
// above.
func TestFalseAlarms(t *testing.T) {
	const rounds, most = 1000, 40
	for _, list := range []string{"same", ""} {
		alarms := 0
		for i := range uint64(rounds) {
			lengths := i
			if list == "" {
				lengths += 1e6
			}
			a, b := withRequests(noisy(400, 1, i, 5*i), list), withRequests(noisy(400, 1.05, lengths, 5*i+1), list)
			c := Compare(a, b, Options{Restart: -1, Gate: &Gate{Slower: 0.05, Metrics: []string{"ttft_mean"}}})
			if c.Gate.Outcome == Slower {
				alarms++
			}
		}
		t.Logf("list %q: %d alarms in %d", list, alarms, rounds)
		if alarms > most {
			t.Errorf("list %q: %d false alarms in %d", list, alarms, rounds)
		}
	}
}

func TestShares(t *testing.T) {
	share := func(v float64, n int) *Side { return measured(map[string]Figure{"error_rate": {Value: v, N: n}}) }
	for _, tt := range []struct {
		name string
		a, b *Side
		want Verdict
	}{
		{"no failure in a thousand on either side", share(0, 1000), share(0, 1000), Same},
		{"ten of a hundred fail now", share(0, 100), share(0.1, 100), Worse},
		{"two of five tell little", share(0, 5), share(0.4, 5), Unsure},
	} {
		r := Compare(tt.a, tt.b, Options{}).Levels[0].Row("error_rate")
		if r.Verdict != tt.want {
			t.Errorf("%s: %s in %v", tt.name, r.Verdict, *r.Interval)
		}
	}
}

func TestJoin(t *testing.T) {
	a := measured(throughput(100, 1))
	if err := a.Join(measured(throughput(101, 1))); err != nil || len(a.Levels[0].Starts) != 2 {
		t.Errorf("%v: %+v", err, a.Levels)
	}
	other := measured(throughput(101, 1))
	other.Client = "AIPerf"
	if err := a.Join(other); err == nil {
		t.Error("starts of two clients were put together")
	}
}
