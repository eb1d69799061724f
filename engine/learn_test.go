package engine

import (
	"testing"

	"github.com/qtune/qtune/catalog"
	"github.com/qtune/qtune/profiles"
)

func TestLearnFromStarts(t *testing.T) {
	e := &profiles.Engine{Kind: "vllm", Name: "a", Runtime: profiles.RuntimeDocker}
	long := flags("gpu-memory-utilization", num("0.8"), "max-model-len", num("32768"))
	short := flags("gpu-memory-utilization", num("0.9"), "max-model-len", num("8192"))
	other := &profiles.Engine{Kind: "vllm", Name: "b", Runtime: profiles.RuntimeDocker}
	tests := []struct {
		why    string
		tokens int
		from   *profiles.Engine
		start  profiles.Candidate
		want   catalog.Answer
	}{
		{"nothing was logged", 0, e, short, catalog.AnswerCannot},
		{"the log says what was worked out", 29300, e, short, catalog.AnswerCannot},
		{"the log says half as much again: it is no longer sure", 42000, e, short, catalog.AnswerNotKnown},
		{"another engine block may have another image", 42000, other, short, catalog.AnswerCannot},
		{"a cache that was given says nothing of the card", 42000, e, flags("kv-cache-memory-bytes", str("12G"), "max-model-len", num("8192")), catalog.AnswerCannot},
	}
	for _, test := range tests {
		s := site(t, "RTX 5090", "Qwen/Qwen3-32B-AWQ")
		if got := s.Feasible(e, long); got.Answer != catalog.AnswerCannot {
			t.Fatalf("before anything was learned: %+v", got)
		}
		s.Learn(test.from, test.start, test.tokens)
		if got := s.Feasible(e, long); got.Answer != test.want {
			t.Errorf("%s: %+v, want %s", test.why, got, test.want)
		}
	}
}
