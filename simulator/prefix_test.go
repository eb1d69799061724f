package simulator

import (
	"reflect"
	"strings"
	"testing"

	"github.com/qtune/qtune/bench"
)

// began submits a request whose prompt begins like others with the same keys.
func began(c *Core, name string, prompt, output, piece int, keys ...uint64) {
	c.Submit(&Request{Prompt: prompt, Output: output, Owner: name, Prefix: keys, Segment: piece})
}

func TestBeginningsAreComputedOnce(t *testing.T) {
	for what, s := range map[string]Scheduling{
		"vLLM":   {MaxRunning: 8, Budget: 2048, Chunked: true, Pool: 1600, Block: 16, WholeFirst: true, Prefixes: true},
		"SGLang": {SGLang: true, MaxRunning: 8, Pool: 1600, Block: 1, Chunk: 2048, MaxPrefill: 4096, Prefixes: true},
	} {
		c := smallCore(t, s)
		began(c, "first", 500, 4, 64, 1, 2, 3)
		first := runAll(t, c)
		began(c, "again", 500, 4, 64, 1, 2, 3)
		again := runAll(t, c)
		if st := c.Stats(); st.PrefixHits != 192 || st.PrefixAsked != 1000 || st.PromptTokens != 1000 {
			t.Errorf("%s: %d of %d tokens were found, %d in all", what, st.PrefixHits, st.PrefixAsked, st.PromptTokens)
		}
		if again[0].took >= first[0].took || !reflect.DeepEqual(tokensOf(again), [][]string{{"again"}, {"again"}, {"again"}, {"again!"}}) {
			t.Errorf("%s: the prompt took %v first and %v again; %v", what, first[0].took, again[0].took, tokensOf(again))
		}
		began(c, "other", 500, 4, 64, 1, 9, 3)
		runAll(t, c)
		if st := c.Stats(); st.PrefixHits != 192+64 || st.KVUsage != 0 {
			t.Errorf("%s: a prompt that differs behind its first piece: %d hits; %g of the cache is held", what, st.PrefixHits, st.KVUsage)
		}
		c.Forget()
		began(c, "forgotten", 500, 4, 64, 1, 2, 3)
		runAll(t, c)
		if st := c.Stats(); st.PrefixHits != 192+64 {
			t.Errorf("%s: %d hits in an empty cache", what, st.PrefixHits-192-64)
		}
	}
}

// What is kept goes, the longest unused first, when a request wants its place.
func TestBeginningsGoWhenThereIsNoRoom(t *testing.T) {
	c := smallCore(t, Scheduling{MaxRunning: 8, Budget: 2048, Chunked: true, Pool: 640, Block: 16, WholeFirst: true, Prefixes: true})
	for _, key := range []uint64{1, 2, 3} {
		began(c, "a", 200, 1, 160, key)
		runAll(t, c)
	}
	began(c, "large", 400, 2, 160)
	runAll(t, c)
	if c.room() != c.total || len(c.prefix.entries) != 1 || c.prefix.entries[3] == nil {
		t.Errorf("%d blocks of %d, kept: %v", c.room(), c.total, c.prefix.entries)
	}
}

// A whole prompt that is known still has its last token computed.
func TestAPromptThatIsKnownWhole(t *testing.T) {
	c := smallCore(t, Scheduling{MaxRunning: 8, Budget: 2048, Chunked: true, Pool: 640, Block: 16, Prefixes: true})
	for range 2 {
		began(c, "a", 128, 2, 64, 1, 2)
		runAll(t, c)
	}
	if st := c.Stats(); st.PrefixHits != 64 {
		t.Errorf("%d tokens were found, want the first piece alone", st.PrefixHits)
	}
}

func TestLongestPrefixFirst(t *testing.T) {
	c := smallCore(t, Scheduling{SGLang: true, MaxRunning: 1, Pool: 1600, Block: 1, Chunk: 2048, MaxPrefill: 4096, Prefixes: true, CachedFirst: true})
	began(c, "warm", 100, 1, 32, 1, 2)
	runAll(t, c)
	began(c, "unknown", 100, 1, 32, 7)
	began(c, "half", 100, 1, 32, 1, 8)
	began(c, "all", 100, 1, 32, 1, 2)
	if got := tokensOf(runAll(t, c)); !reflect.DeepEqual(got, [][]string{{"all!"}, {"half!"}, {"unknown!"}}) {
		t.Errorf("order: %q", got)
	}
}

func TestBeginningsOfAText(t *testing.T) {
	text := strings.Repeat("one two three four ", 10)
	tokens, keys := beginnings(text, 16)
	if tokens != countTokens(text) || len(keys) != tokens/16 {
		t.Errorf("%d tokens, %d keys", tokens, len(keys))
	}
	_, longer := beginnings(text+" and more of it", 16)
	_, other := beginnings("another "+text, 16)
	if !reflect.DeepEqual(longer[:len(keys)], keys) || other[1] == keys[1] {
		t.Error("keys do not stand for what comes before")
	}
}

// A workload whose prompts share what stands before them is answered sooner, and the
// result says how much was found.
func TestVirtualSharedPrefix(t *testing.T) {
	w := chat()
	w.Prompts.InputTokens = 2000
	w.Prompts.SharedPrefix = bench.SharedPrefix{Tokens: 1600, Groups: 2}
	l := bench.Level{Kind: bench.KindClosed, Users: 4, OutputTokens: 20, Requests: 40, Warmup: -1}
	load, err := NewLoad(w, l)
	if err != nil {
		t.Fatal(err)
	}
	with := prepared(t, marlin32...).Run(load, 1)
	without := prepared(t, append(marlin32, "--no-enable-prefix-caching")...).Run(load, 1)
	if with.Server.PrefixHitRate == nil || *with.Server.PrefixHitRate < .65 || *with.Server.PrefixHitRate > .8 || without.Server.PrefixHitRate != nil {
		t.Errorf("hit rate %v with and %v without a cache", *with.Server.PrefixHitRate, without.Server.PrefixHitRate)
	}
	if *with.TTFT.Mean > .6**without.TTFT.Mean {
		t.Errorf("TTFT %.0f ms with and %.0f ms without a cache", *with.TTFT.Mean, *without.TTFT.Mean)
	}
}
