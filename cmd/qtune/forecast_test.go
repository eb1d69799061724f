package main

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/qtune/qtune/engine"
	"github.com/qtune/qtune/predict"
	"github.com/qtune/qtune/profiles"
	"github.com/qtune/qtune/simulator"
	"github.com/qtune/qtune/tuner"
)

const forecastProfile = `
model {
  id = "Qwen/Qwen3-8B"
}
gpu {
  simulate = "RTX 5090"
}
engine "vllm" "plain" {
  image = "vllm/vllm-openai:v0.32.0"
  flags = { max-model-len = 8192 }
  sweep {
    max-num-seqs           = [4, 64]
    gpu-memory-utilization = [0.4, 0.9]
    enforce-eager          = [null, true]
  }
}
workload "chat" {
  prompts {
    input_tokens = 512
  }
  closed {
    users         = 16
    output_tokens = 128
  }
}
objective {
  maximize = output_throughput
}
constraint "ttft_p99" {
  max = "2s"
}
`

// forecastOf plans the profile. The hub is not asked for the model: HF_ENDPOINT is nowhere.
func forecastOf(t *testing.T, c *console, args ...string) planView {
	t.Helper()
	c.environ = append(c.environ, "HF_ENDPOINT=http://127.0.0.1:1")
	path := write(t, "case.hcl", forecastProfile)
	if code := c.run(t, append([]string{"plan", path, "--dir", t.TempDir(), "--json"}, args...)...); code != exitOK {
		t.Fatal(code, c.err.String())
	}
	var v planView
	if err := json.Unmarshal([]byte(c.out.String()), &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestPlanPredictsEachTrial(t *testing.T) {
	v := forecastOf(t, newConsole(t), "--simulate", "--gpu-hour-price", "2")
	if f := v.Forecast; f == nil || f.Predicted != f.Trials || f.Trials == 0 || f.EngineS <= 0 || math.Abs(f.Cost-2*f.EngineS/3600) > 1e-9 {
		t.Fatalf("%+v", v.Forecast)
	}
	if c := v.Ceiling; c == nil || c.Alone < 100 || c.Alone > 125 || c.AtLoad < c.Alone {
		t.Errorf("%+v", v.Ceiling)
	}
	for _, trial := range v.Trials {
		if trial.Status != string(tuner.Planned) {
			continue
		}
		f := trial.Forecast
		if f == nil || f.Figures == nil || f.Figures.Tokens <= 0 || f.Figures.Tokens > v.Ceiling.AtLoad || f.StartS <= 0 || f.MeasureS <= 0 {
			t.Errorf("%v: %+v", trial.Flags, f)
		}
	}
}

func TestPlanSaysThatItPredicts(t *testing.T) {
	c := newConsole(t)
	c.environ = append(c.environ, "HF_ENDPOINT=http://127.0.0.1:1")
	path := write(t, "case.hcl", forecastProfile)
	if code := c.run(t, "plan", path, "--dir", t.TempDir(), "--gpu-hour-price", "2"); code != exitOK {
		t.Fatal(c.err.String())
	}
	for _, want := range []string{
		"Predicted, not measured: ", " GPU-hours, ", " at 2 an hour.", "not calibrated on RTX 5090: treat the figures as a ranking",
		"Ceiling of RTX 5090 (by the profile) with Qwen/Qwen3-8B, by its data sheet: ", "   predicted: ", " at 16 users; how soon up is not known, taken to be ",
		"Predictions of vllm's start are guesses: none was measured here yet.",
	} {
		if !strings.Contains(c.out.String(), want) {
			t.Errorf("it does not say %q:\n%s", want, c.out.String())
		}
	}
	if code := c.run(t, "plan", path, "--gpu-hour-price", "-1"); code != exitUsage {
		t.Error("a negative price gives", code)
	}
}

// What a run has found of a card is in the next plan, with the error that it had.
func TestPlanUsesTheCalibration(t *testing.T) {
	c := newConsole(t)
	before := forecastOf(t, c)
	slow := predict.Calibration{
		Version: predict.StoreVersion, Simulator: simulator.Version, Card: "RTX 5090", Engine: "vllm", EngineVersion: "0.32.0",
		Run: "r1", Time: time.Now(), Values: map[string]float64{"weights": .4}, Errors: predict.Errors{Tokens: .04, TTFT: .1, TPOT: .03, Levels: 6}, HeldOut: true,
	}
	store := predict.Store{Dir: c.calibrations()}
	if _, err := store.Keep(&slow); err != nil {
		t.Fatal(err)
	}
	d := newConsole(t)
	d.environ = c.environ
	after := forecastOf(t, d)
	if b, a := before.Trials[0].Forecast.Figures.Tokens, after.Trials[0].Forecast.Figures.Tokens; a > .8*b {
		t.Errorf("half the bandwidth and %.0f tokens/s after %.0f", a, b)
	}
	if text := strings.Join(after.Forecast.Basis, "\n"); !strings.Contains(text, "calibrated by run r1 (vllm 0.32.0); so far off by throughput 4 %, TTFT 10 %, TPOT 3 %, on trials that the fit had not seen") {
		t.Error(text)
	}
}

// What is predicted of a trial never contradicts what its cards and their memory allow,
// however many it wants.
func TestForecastOfSeveralCards(t *testing.T) {
	const starts, refused, unknown = "starts", "refused", "unknown"
	rows := []struct {
		what, gpu, engine, flags string
		trial                    string // starts, refused or unknown
		says                     string // in what is said of it
	}{
		{"70B on the one card that an engine gets", `simulate = "H100"`, "vllm", "", refused, "out of memory"},
		{"and on two of two", `simulate = "H100", devices = [0, 1]`, "vllm", "tensor-parallel-size = 2", starts, ""},
		{"and on two of four in a pipeline", `simulate = "H100", devices = [0, 1, 2, 3]`, "vllm", "pipeline-parallel-size = 2", starts, ""},
		{"on two where there is one", `simulate = "H100"`, "vllm", "tensor-parallel-size = 2", refused, "World size (2) is larger than the number of available GPUs (1)"},
		{"in two copies on eight", `simulate = "H100", devices = [0, 1, 2, 3, 4, 5, 6, 7]`, "vllm", "tensor-parallel-size = 4, data-parallel-size = 2", unknown, "--data-parallel-size"},
		{"over two machines", `simulate = "H100", devices = [0, 1]`, "vllm", "tensor-parallel-size = 4, nnodes = 2", unknown, "several machines"},
		{"by processes of a CPU", `devices = []`, "vllm", "tensor-parallel-size = 2", unknown, "processes of a CPU"},
		{"SGLang on two of two", `simulate = "H100", devices = [0, 1]`, "sglang", "tp-size = 2, context-length = 8192, mem-fraction-static = 0.9", starts, ""},
		{"SGLang on two where there is one", `simulate = "H100"`, "sglang", "tp-size = 2", refused, "larger than the number of GPUs on this node, 1"},
		{"SGLang in copies", `simulate = "H100", devices = [0, 1]`, "sglang", "dp-size = 2", unknown, "--dp-size"},
	}
	for _, r := range rows {
		t.Run(r.what, func(t *testing.T) {
			c := newConsole(t)
			c.environ = append(c.environ, "HF_ENDPOINT=http://127.0.0.1:1")
			path := write(t, "cards.hcl", cardsProfile(r.gpu, r.engine, r.flags))
			if code := c.run(t, "plan", path, "--dir", t.TempDir(), "--json"); code != exitOK {
				t.Fatal(code, c.err.String())
			}
			var v planView
			if err := json.Unmarshal([]byte(c.out.String()), &v); err != nil {
				t.Fatal(err)
			}
			got, said, f := starts, "", v.Trials[0].Forecast
			switch {
			case f == nil:
				t.Fatalf("nothing is predicted: %+v", v.Forecast)
			case f.Unknown != "":
				got, said = unknown, f.Unknown
			case f.Refusal != "":
				got, said = refused, f.Refusal
			case f.Figures == nil || f.Figures.Tokens <= 0 || f.Figures.Tokens > f.Ceiling:
				t.Errorf("%+v under a ceiling of %g", f.Figures, f.Ceiling)
			}
			if got != r.trial || !strings.Contains(said, r.says) {
				t.Errorf("%s (%s), want %s with %q", got, said, r.trial, r.says)
			}
			if fits := v.Trials[0].Fits; fits == "fits" && got == refused || fits == "cannot fit" && got == starts || fits == "not known" && got == refused {
				t.Errorf("by arithmetic %q (%s), and predicted: %s (%s)", fits, v.Trials[0].Memory, got, said)
			}
		})
	}
}

func cardsProfile(gpu, kind, flags string) string {
	length := ""
	if kind == "vllm" {
		length = "max-model-len = 8192\n"
	}
	lines := func(s string) string { return strings.ReplaceAll(s, ", ", "\n") }
	return fmt.Sprintf(`
model {
  id = "meta-llama/Llama-3.3-70B-Instruct"
}
gpu {
%s
}
engine %q "one" {
  flags = {
%s%s
  }
}
workload "chat" {
  prompts {
    input_tokens = 512
  }
  closed {
    users         = 8
    output_tokens = 64
  }
}
objective {
  maximize = output_throughput
}
`, strings.Replace(gpu, ", devices", "\ndevices", 1), kind, length, lines(flags))
}

func TestPrior(t *testing.T) {
	p, diags := profiles.Parse([]byte(forecastProfile), "case.hcl", profiles.Options{})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	p.Search.Strategy = profiles.StrategyAuto
	around := &surroundings{profile: p, simulation: &engine.Simulation{Card: "RTX 5090"}}
	plan := tuner.NewPlan(p)
	prior := around.lead(plan, newForecaster(around, t.TempDir()))
	if prior == nil || !strings.Contains(plan.Search.LedBy, "the very model that the simulated engines run on") {
		t.Fatalf("led by %q", plan.Search.LedBy)
	}
	p.Search.Strategy = profiles.StrategyGrid
	values := map[string]float64{}
	for _, trial := range tuner.NewPlan(p).Trials {
		got, ok := prior(&trial)
		if ok && got.Starts < .5 {
			continue
		}
		if !ok || len(got.Limits) != 1 {
			t.Fatalf("%s: %+v %v", trial.Varies(), got, ok)
		}
		values[trial.Varies()] = got.Value
	}
	few, many := values["max-num-seqs=4 gpu-memory-utilization=0.9 enforce-eager=off"], values["max-num-seqs=64 gpu-memory-utilization=0.9 enforce-eager=off"]
	if !(few > 0 && many > 1.5*few) {
		t.Errorf("four sequences at once %.0f tokens/s, sixty-four %.0f: %v", few, many, values)
	}
}

func TestPriorOfARefusalHasNoFigures(t *testing.T) {
	p, diags := profiles.Parse([]byte(strings.Replace(forecastProfile, "0.4, 0.9", "0.5", 1)), "case.hcl", profiles.Options{})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	around := &surroundings{profile: p, simulation: &engine.Simulation{Card: "RTX 4090"}} // 16 GB of weights in half of 24
	p.Search.Strategy = profiles.StrategyAuto
	prior := around.lead(tuner.NewPlan(p), newForecaster(around, t.TempDir()))
	p.Search.Strategy = profiles.StrategyGrid
	for _, trial := range tuner.NewPlan(p).Trials[1:] {
		if got, ok := prior(&trial); !ok || got.Starts > .1 || !math.IsNaN(got.Value) {
			t.Errorf("%s: %+v %v", trial.Varies(), got, ok)
		}
	}
}

// How long a start takes is learnt from those that earlier runs have measured on this
// machine, of the same model and kind of engine.
func TestPlanLearnsFromStarts(t *testing.T) {
	const smol = "HuggingFaceTB/SmolLM2-135M"
	text := strings.NewReplacer(`simulate = "RTX 5090"`, `devices = []`, "Qwen/Qwen3-8B", smol).Replace(forecastProfile)
	p, diags := profiles.Parse([]byte(text), "case.hcl", profiles.Options{})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	host, err := os.Hostname()
	if err != nil {
		t.Skip("this machine has no name: ", err)
	}
	trial := tuner.NewPlan(p).Trials[0]
	start := func(host, kind, model string) tuner.Started {
		return tuner.Started{Host: host, Kind: kind, Model: model, Candidate: trial.Candidate, Took: 100 * time.Second}
	}
	rows := []struct {
		what    string
		started []tuner.Started
		learnt  bool
	}{
		{"none", nil, false},
		{"one here", []tuner.Started{start(host, "vllm", smol)}, true},
		{"one on another machine", []tuner.Started{start(host+"-2", "vllm", smol)}, false},
		{"one of another model", []tuner.Started{start(host, "vllm", "Qwen/Qwen3-0.6B")}, false},
		{"one of another engine", []tuner.Started{start(host, "sglang", smol)}, false},
	}
	for _, r := range rows {
		f := newForecaster(&surroundings{profile: p}, t.TempDir())
		f.learn(r.started)
		server, why := f.serve(&trial)
		if why != "" {
			t.Fatal(why)
		}
		took, _ := f.start("vllm", server)
		if (took == 100*time.Second) != r.learnt {
			t.Errorf("%s: %v", r.what, took)
		}
		if line := f.startBasis("vllm"); strings.Contains(line, "1 start of earlier runs on this machine") != r.learnt {
			t.Errorf("%s: %s", r.what, line)
		}
	}
}
