package simulator

import (
	"fmt"
	"reflect"
	"testing"
	"time"
)

// tokens are what a core yields: for each step its time and the requests that got a token.
type step struct {
	took   time.Duration
	tokens []string
}

// runAll steps a core until it is idle. Requests are named by their Owner.
func runAll(t *testing.T, c *Core) []step {
	t.Helper()
	var steps []step
	for range 100_000 {
		took, events := c.Step()
		if took == 0 {
			return steps
		}
		s := step{took: took}
		for _, e := range events {
			name := fmt.Sprint(e.Request.Owner)
			if e.Done {
				name += "!"
			}
			s.tokens = append(s.tokens, name)
		}
		steps = append(steps, s)
	}
	t.Fatal("the core does not come to an end")
	return nil
}

func submit(c *Core, name string, prompt, output int) *Request {
	r := &Request{Prompt: prompt, Output: output, Owner: name}
	c.Submit(r)
	return r
}

func smallCore(t testing.TB, s Scheduling) *Core {
	m := model(t, "Qwen/Qwen3-32B-AWQ")
	c := card(t, "RTX 5090")
	s.Conservativeness = 1
	return NewCore(s, NewMachine(c, m, Kernels{WeightBytes: .52, GraphTokens: 512}, EfficiencyOf(c)), 1)
}

func tokensOf(steps []step) [][]string {
	var all [][]string
	for _, s := range steps {
		all = append(all, s.tokens)
	}
	return all
}

func TestWhatGoesIntoAStep(t *testing.T) {
	vllm := Scheduling{MaxRunning: 8, Budget: 100, Chunked: true, Pool: 1600, Block: 16, WholeFirst: true}
	sglang := Scheduling{SGLang: true, MaxRunning: 8, Pool: 1600, Block: 1, Chunk: 100, MaxPrefill: 1000}
	lof, mixed, one, more := sglang, sglang, vllm, sglang
	more.OnceMore, more.MaxRunning = true, 1
	lof.LongestFirst, lof.MaxRunning = true, 1
	mixed.Mixed = true
	one.MaxRunning = 1
	type req struct {
		name           string
		prompt, output int
	}
	rows := []struct {
		what     string
		s        Scheduling
		requests []req
		want     [][]string
	}{
		{"vLLM: prompts share the budget, then one token each", vllm, []req{{"a", 10, 2}, {"b", 10, 3}},
			[][]string{{"a", "b"}, {"a!", "b"}, {"b!"}}},
		{"vLLM: a long prompt is cut, and the short one behind it gets what is left", vllm, []req{{"long", 150, 1}, {"b", 10, 2}},
			[][]string{nil, {"long!", "b"}, {"b!"}}},
		{"vLLM: the queue waits for a sequence to end", one, []req{{"a", 10, 2}, {"b", 10, 1}},
			[][]string{{"a"}, {"a!"}, {"b!"}}},
		{"SGLang: all prompts of a batch first", sglang, []req{{"a", 10, 2}, {"b", 10, 2}},
			[][]string{{"a", "b"}, {"a!", "b!"}}},
		{"SGLang: a cut prompt goes on before anybody decodes", sglang, []req{{"a", 10, 2}, {"long", 150, 1}},
			[][]string{{"a"}, {"long!"}, {"a!"}}},
		{"SGLang mixed: decoding goes on beside the prompt", mixed, []req{{"a", 10, 2}, {"long", 150, 1}},
			[][]string{{"a"}, {"long!", "a!"}}},
		{"SGLang lof: the longest output comes first", lof, []req{{"short", 5, 1}, {"long", 5, 2}},
			[][]string{{"long"}, {"long!"}, {"short!"}}},
		{"SGLang, overlapped as once: the next one waits for a step of one that has ended", more, []req{{"a", 10, 2}, {"b", 10, 1}},
			[][]string{{"a"}, {"a!"}, nil, {"b!"}, nil}},
	}
	for _, r := range rows {
		c := smallCore(t, r.s)
		for _, q := range r.requests {
			submit(c, q.name, q.prompt, q.output)
		}
		if got := tokensOf(runAll(t, c)); !reflect.DeepEqual(got, r.want) {
			t.Errorf("%s:\n got %q\nwant %q", r.what, got, r.want)
		}
		if c.Stats().KVUsage != 0 {
			t.Errorf("%s: %g of the cache is still held", r.what, c.Stats().KVUsage)
		}
	}
}

// However short the cache, every request gets all its tokens, each once and in order.
func TestShortCacheLosesNoToken(t *testing.T) {
	for what, s := range map[string]Scheduling{
		"vLLM":   {MaxRunning: 32, Budget: 64, Chunked: true, Pool: 320, Block: 16, WholeFirst: true},
		"SGLang": {SGLang: true, MaxRunning: 32, Pool: 320, Block: 1, Chunk: 64, MaxPrefill: 256},
		"slots":  {MaxRunning: 4, Budget: 512, Chunked: true, Pool: 1024, Block: 1},
	} {
		c := smallCore(t, s)
		got := map[*Request]int{}
		var all []*Request
		for n := range 24 {
			all = append(all, submit(c, fmt.Sprint(n), 20+n, 60+n))
		}
		for !c.Idle() {
			took, events := c.Step()
			if took == 0 {
				t.Fatalf("%s: stuck with %+v", what, c.Stats())
			}
			for _, e := range events {
				if e.Index != got[e.Request] {
					t.Fatalf("%s: token %d of %v came after %d", what, e.Index, e.Request.Owner, got[e.Request])
				}
				got[e.Request]++
			}
			if u := c.Stats().KVUsage; u < 0 || u > 1 {
				t.Fatalf("%s: %g of the cache is used", what, u)
			}
		}
		for _, r := range all {
			if got[r] != r.Output {
				t.Errorf("%s: %v got %d of %d tokens", what, r.Owner, got[r], r.Output)
			}
		}
		if st := c.Stats(); what != "slots" && st.Preemptions == 0 {
			t.Errorf("%s: nobody was evicted from a cache of 320 tokens", what)
		}
	}
}

// With three drafts, each taken with a chance of 0.67, a step yields 1 + 0.67 + 0.67² +
// 0.67³ tokens of a sequence, and none is lost.
func TestSpeculation(t *testing.T) {
	for _, s := range []Scheduling{
		{MaxRunning: 32, Budget: 2048, Chunked: true, Pool: 1600, Block: 16, WholeFirst: true},
		{SGLang: true, MaxRunning: 32, Pool: 1600, Block: 1, Chunk: 2048, MaxPrefill: 4096},
	} {
		s.Drafted, s.Accept = 3, 0.67
		c := smallCore(t, s)
		got := map[*Request]int{}
		var all []*Request
		for n := range 24 {
			all = append(all, submit(c, fmt.Sprint(n), 20+n, 60+n))
		}
		single := submit(c, "alone", 10, 3000/10)
		for !c.Idle() {
			took, events := c.Step()
			if took == 0 {
				t.Fatalf("stuck with %+v", c.Stats())
			}
			for _, e := range events {
				if e.Index != got[e.Request] {
					t.Fatalf("token %d of %v came after %d", e.Index, e.Request.Owner, got[e.Request])
				}
				got[e.Request]++
			}
		}
		for _, r := range append(all, single) {
			if got[r] != r.Output {
				t.Errorf("SGLang %v: %v got %d of %d tokens", s.SGLang, r.Owner, got[r], r.Output)
			}
		}
		alone := smallCore(t, s)
		submit(alone, "a", 10, 1500)
		if perStep := 1500 / float64(len(runAll(t, alone))); perStep < 2.25 || perStep > 2.56 {
			t.Errorf("SGLang %v: %.2f tokens a step, want about 2.42", s.SGLang, perStep)
		}
	}
}

func TestAbortGivesEverythingBack(t *testing.T) {
	for _, sglang := range []bool{false, true} {
		c := smallCore(t, Scheduling{SGLang: sglang, MaxRunning: 2, Budget: 100, Chunked: true, Pool: 1600, Block: 1, Chunk: 100, MaxPrefill: 500})
		running, waiting, cut := submit(c, "running", 10, 50), submit(c, "waiting", 10, 50), submit(c, "cut", 300, 5)
		for range 3 {
			c.Step()
		}
		for _, r := range []*Request{waiting, cut, running, running} {
			c.Abort(r)
		}
		if st := c.Stats(); !c.Idle() || st.KVUsage != 0 {
			t.Errorf("SGLang %v: after all are aborted: %+v", sglang, st)
		}
	}
}

func TestSameSeedSameSteps(t *testing.T) {
	run := func(seed uint64) []step {
		c := smallCore(t, Scheduling{MaxRunning: 8, Budget: 100, Chunked: true, Pool: 1600, Block: 16})
		c.noise = newNoise(1, seed, 0)
		for n := range 10 {
			submit(c, fmt.Sprint(n), 30, 40)
		}
		return runAll(t, c)
	}
	if a, b := run(7), run(7); !reflect.DeepEqual(a, b) {
		t.Error("two runs with one seed differ")
	}
	if a, b := run(7), run(8); reflect.DeepEqual(a, b) {
		t.Error("two seeds give the same noise")
	}
}

func BenchmarkCore(b *testing.B) {
	c := smallCore(b, Scheduling{MaxRunning: 256, Budget: 2048, Chunked: true, Pool: 41408, Block: 16})
	requests := make([]Request, 300)
	for b.Loop() {
		for i := range requests {
			requests[i] = Request{Prompt: 200 + i, Output: 100 + i%50}
			c.Submit(&requests[i])
		}
		for !c.Idle() {
			c.Step()
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "benchmarks/s")
}
