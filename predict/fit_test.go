package predict

import (
	"fmt"
	"math"
	"testing"

	"github.com/qtune/qtune/bench"
	"github.com/qtune/qtune/catalog"
	"github.com/qtune/qtune/simulator"
)

// site is Qwen3-8B on an RTX 5090, of which nothing has been measured.
func site(t testing.TB) Site {
	t.Helper()
	card, _ := catalog.FindCard("RTX 5090")
	model, ok := catalog.FindModel("Qwen/Qwen3-8B")
	if !ok {
		t.Fatal("the catalog has lost it")
	}
	return Site{Card: card, Model: &model}
}

// otherwise is a machine whose constants are 20 to 60 % away from those that are assumed.
func otherwise(card catalog.Card) simulator.Efficiency {
	e := simulator.EfficiencyOf(card)
	e.Weights *= .80
	e.GEMM *= .75
	e.KV *= .8
	e.Attention *= .7
	e.StepUS *= 1.6
	e.SequenceUS *= 1.6
	e.SmallUS, e.SmallTokUS, e.AttentionUS, e.EagerUS = 1.3*e.SmallUS, 1.3*e.SmallTokUS, 1.3*e.AttentionUS, 1.3*e.EagerUS
	return e
}

func chat() (bench.Workload, []bench.Level) {
	w := bench.Workload{Name: "chat", API: bench.APICompletions, Seed: 1, Prompts: bench.Prompts{InputTokens: 512}}
	for _, users := range []int{1, 4, 16} {
		w.Levels = append(w.Levels, bench.Level{Kind: bench.KindClosed, Users: users, OutputTokens: 64, Requests: 2 * users, Warmup: 1})
	}
	return w, w.Levels
}

func trial(flags ...string) Trial {
	return Trial{Kind: "vllm", Args: append([]string{"Qwen/Qwen3-8B", "--max-model-len", "4096"}, flags...)}
}

// observe measures trials on a machine with these constants, in virtual time.
func observe(t testing.TB, s Site, eff simulator.Efficiency, trials ...Trial) []Observation {
	t.Helper()
	s.Efficiency = eff
	var all []Observation
	w, levels := chat()
	for i, tr := range trials {
		server, err := s.Serve(tr)
		if err != nil || server.Refusal() != "" {
			t.Fatal(tr.Args, err, server)
		}
		for _, l := range levels {
			load, err := NewLoad(w, l)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, Observation{Name: fmt.Sprint("trial ", i), Trial: tr, Workload: w, Level: l, Measured: server.Run(load)})
		}
	}
	return all
}

// A machine is not what the prior takes it for. What a first run measured there on two
// trials must make a second run's predictions of other trials better.
func TestSecondRunPredictsBetterThanTheFirst(t *testing.T) {
	s := site(t)
	truth := otherwise(s.Card)
	first := observe(t, s, truth, trial(), trial("--enforce-eager"), trial("--max-num-seqs", "8"))
	second := observe(t, s, truth, trial("--max-num-seqs", "16", "--enforce-eager"), trial("--max-num-batched-tokens", "512"), trial("--kv-cache-dtype", "fp8"))
	fitted, err := s.Fit(first, 0)
	if err != nil {
		t.Fatal(err)
	}
	errorsOf := func(eff simulator.Efficiency) Errors {
		f, _, err := newFitter(&s, second)
		if err != nil {
			t.Fatal(err)
		}
		return Compare(f.predict(f.cases, eff), f.measured(f.cases))
	}
	before, after := errorsOf(simulator.EfficiencyOf(s.Card)), errorsOf(fitted.Efficiency)
	t.Logf("on trials that were never fitted: before %v, after %v; held out %v", before, after, fitted.HeldOut)
	for _, p := range fitted.Parameters {
		t.Logf("%-10s prior %8.3f fitted %8.3f %s", p.Name, p.Prior, p.Value, p.Unit)
	}
	if before.Tokens < .08 {
		t.Fatalf("the machines do not differ: %v", before)
	}
	if after.Tokens > .03 || after.TPOT > .03 || after.TTFT > .10 {
		t.Errorf("after a fit predictions are off by %v, before by %v", after, before)
	}
}

func TestFirstTrialsPredictTheOthers(t *testing.T) {
	s := site(t)
	all := observe(t, s, otherwise(s.Card), trial(), trial("--enforce-eager"), trial("--max-num-seqs", "8"))
	fitted, err := s.Fit(all, 2)
	if err != nil {
		t.Fatal(err)
	}
	unseen := 0
	for _, r := range fitted.Residuals {
		if !r.Seen {
			unseen++
		}
	}
	if unseen != 3 || fitted.HeldOut.Levels != 3 || fitted.After.Levels != 6 || fitted.Before.Levels != 9 {
		t.Errorf("%d of %d unseen; held out %d, after %d", unseen, len(fitted.Residuals), fitted.HeldOut.Levels, fitted.After.Levels)
	}
	if fitted.HeldOut.Tokens > .03 || fitted.HeldOut.TPOT > .03 {
		t.Errorf("off by %v", fitted.HeldOut)
	}
}

func TestNothingMeasuredChangesNothing(t *testing.T) {
	s := site(t)
	truth := simulator.EfficiencyOf(s.Card)
	fitted, err := s.Fit(observe(t, s, truth, trial(), trial("--enforce-eager")), 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range fitted.Parameters {
		if math.Abs(p.Value/p.Prior-1) > .02 {
			t.Errorf("%s went from %g to %g on a machine that is as was taken", p.Name, p.Prior, p.Value)
		}
	}
}

func TestSharesStayBelowTheWhole(t *testing.T) {
	s := site(t)
	fast := simulator.EfficiencyOf(s.Card)
	fast.Weights, fast.GEMM = 1.6, 1.6 // no card is: a figure counted wrongly
	fitted, err := s.Fit(observe(t, s, fast, trial()), 0)
	if err != nil {
		t.Fatal(err)
	}
	if e := fitted.Efficiency; e.Weights > 1 || e.GEMM > 1 || e.KV > 1 {
		t.Errorf("%+v", e)
	}
}

func TestWhatCannotBeFittedIsSaid(t *testing.T) {
	s := site(t)
	good := observe(t, s, simulator.EfficiencyOf(s.Card), trial())[0]
	bound := good
	bound.Measured.Client.Bound = true
	failed := good
	failed.Measured.Requests.Failed = failed.Measured.Requests.Total
	refused := good
	refused.Name, refused.Trial = "refused", trial("--max-model-len", "999999")
	unknown := good
	unknown.Name, unknown.Trial = "unknown", Trial{Kind: "openai"}
	tests := []struct {
		name string
		o    Observation
		want string
	}{
		{"the client was the bottleneck", bound, "a level was bound by the load client"},
		{"requests failed", failed, "a level has failed requests"},
		{"the model is sure that it does not start", refused, "the model would not start what was measured"},
		{"an engine that is not modelled", unknown, "no engine"},
	}
	for _, tt := range tests {
		if _, err := s.Fit([]Observation{tt.o}, 0); err == nil {
			t.Errorf("%s: it was fitted", tt.name)
		}
		fitted, err := s.Fit([]Observation{good, tt.o}, 0)
		if err != nil || len(fitted.Skipped) != 1 || len(fitted.Residuals) != 1 {
			t.Errorf("%s: %v %+v", tt.name, err, fitted)
		}
	}
	if _, err := s.Fit(nil, 0); err == nil {
		t.Error("a fit to nothing")
	}
}

func BenchmarkFit(b *testing.B) {
	s := site(b)
	seen := observe(b, s, otherwise(s.Card), trial(), trial("--enforce-eager"), trial("--max-num-seqs", "8"))
	for b.Loop() {
		if _, err := s.Fit(seen, 0); err != nil {
			b.Fatal(err)
		}
	}
}
