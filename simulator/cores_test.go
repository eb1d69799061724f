package simulator

import (
	"testing"

	"github.com/qtune/qtune/bench"
)

func TestBoundCores(t *testing.T) {
	for list, want := range map[string]int{
		"": 0, "auto": 0, "nobind": 0, "0": 1, "0-1": 2, "0,2,4": 3, "0-3, 8": 5, "0-3|4-7": 4, "3-1": 0, "0-": 0, "-1": 0, "0,,1": 0, "0-99999999999": 0,
	} {
		if got := boundCores(list); got != want {
			t.Errorf("%q: %d cores, want %d", list, got, want)
		}
	}
}

// One core of two is slower where many sequences are multiplied, and hardly where two
// are: reading the weights takes the time. So it was measured on a real vLLM.
func TestFewerCores(t *testing.T) {
	tokens := func(cores string, users int) float64 {
		e, err := Prepare(Setup{Kind: "vllm", Args: []string{smol, "--dtype", "bfloat16", "--max-model-len", "2048", "--enforce-eager"}, Card: card(t, "2-core CPU"),
			Getenv: environment("VLLM_CPU_OMP_THREADS_BIND=" + cores)})
		if err != nil || e.Facts().Refusal != "" {
			t.Fatal(err, e.Facts().Refusal)
		}
		load, err := NewLoad(chat(), bench.Level{Kind: bench.KindClosed, Users: users, OutputTokens: 32, Requests: 32, Warmup: -1})
		if err != nil {
			t.Fatal(err)
		}
		return e.Run(load, 1).OutputThroughput
	}
	if all, auto := tokens("0-1", 16), tokens("auto", 16); all != auto {
		t.Errorf("both of two cores %.1f tokens/s, and by default %.1f", all, auto)
	}
	few, many := tokens("0", 1)/tokens("0-1", 1), tokens("0", 16)/tokens("0-1", 16)
	if few >= 1 || many >= few || many < .5 {
		t.Errorf("one core gives %.2f of what two give to one user, %.2f to sixteen", few, many)
	}
}
