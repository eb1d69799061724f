package tuner

import (
	"strings"
	"testing"

	"github.com/qtune/qtune/bench"
	"github.com/qtune/qtune/catalog"
	"github.com/qtune/qtune/profiles"
)

// rooftop is Qwen3-8B on an RTX 5090: 118.5 tokens/s for one request.
func rooftop(t *testing.T) Roof {
	t.Helper()
	card, _ := catalog.FindCard("RTX 5090")
	model, ok := catalog.FindModel("Qwen/Qwen3-8B")
	if !ok {
		t.Fatal("the catalog has lost it")
	}
	return Roof{Card: card, Model: model}
}

func TestAbove(t *testing.T) {
	level := func(kind bench.Kind, users, peak int, tokens, tpot float64) bench.LevelResult {
		l := bench.LevelResult{
			Kind: kind, Users: users, PeakInFlight: peak, OutputThroughput: tokens,
			Requests: bench.RequestCount{Completed: 10}, InputTokens: 640, OutputTokens: 1000, RequestedOutputTokens: 100,
		}
		if tpot > 0 {
			l.TPOT.Mean = &tpot
		}
		return l
	}
	speculative := Flags{{Name: "speculative-config", Value: profiles.Value{Kind: profiles.KindString, Text: "{}"}}}
	tests := []struct {
		name  string
		level bench.LevelResult
		flags Flags
		want  string // "": nothing is above
	}{
		{"well below", level(bench.KindClosed, 1, 1, 90, 11), nil, ""},
		{"one user above what one step gives", level(bench.KindClosed, 1, 1, 130, 0), nil, "130.0 tok/s at 1 user is more than the 11"},
		{"the same for eight is well below", level(bench.KindClosed, 8, 8, 130, 60), nil, ""},
		{"tokens that come faster than the weights are read", level(bench.KindClosed, 8, 8, 600, 5), nil, "200.0 tok/s a user at 8 users is more than the 118"},
		{"a schedule counts what was under way", level(bench.KindOpen, 0, 8, 600, 0), nil, ""},
		{"and is above with one", level(bench.KindOpen, 0, 1, 600, 0), nil, "600.0 tok/s at 0 req/s"},
		{"speculation is named", level(bench.KindClosed, 1, 1, 130, 0), speculative, "speculative decoding may yield"},
		{"a level that nothing completed has no ceiling", bench.LevelResult{Kind: bench.KindClosed, Users: 1, OutputThroughput: 1e6}, nil, ""},
	}
	roof := rooftop(t)
	for _, tt := range tests {
		r := TrialResult{Engine: "vllm", Flags: tt.flags, Workloads: []WorkloadResult{{Levels: []bench.LevelResult{tt.level}}}}
		if got := roof.above(&r); !strings.Contains(got, tt.want) || (got == "") != (tt.want == "") {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestCeilingThatIsNotKnown(t *testing.T) {
	o := Outcome{}
	o.CompareWithCeiling(Roof{Card: catalog.Card{Name: "x"}, Unknown: "this machine has no GPU"}, nil)
	if c := o.Summary.Ceiling; c == nil || c.Unknown == "" || c.Card != "" || c.Winner != nil {
		t.Errorf("%+v", c)
	}
}
