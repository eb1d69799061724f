package tuner

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/qtune/qtune/bench"
	"github.com/qtune/qtune/engine"
	"github.com/qtune/qtune/profiles"
	"github.com/qtune/qtune/tuner/search"
)

// searchProfile has two engines, numbers, words, a flag that may be left off, a
// variable of the environment and a where.
func searchProfile(t testing.TB, block string) *profiles.Profile {
	t.Helper()
	p, diags := profiles.Parse([]byte(`
model { id = "Qwen/Qwen3-8B" }
engine "vllm" "a" {
  image    = "vllm/vllm-openai:v0.32.0"
  baseline = true
  flags    = { max-num-seqs = 48 }
  sweep {
    max-num-seqs   = [8, 16, 32, 64, 128, 256]
    kv-cache-dtype = ["auto", "fp8"]
    enforce-eager  = [null, true]
    env            = { VLLM_ATTENTION_BACKEND = ["FLASH_ATTN", "FLASHINFER"] }
  }
  where = flags.kv-cache-dtype == "auto" || flags.enforce-eager == null
}
engine "sglang" "b" {
  image = "lmsysorg/sglang:v0.5.9"
  sweep {
    max-running-requests = [16, 64]
  }
}
workload "w" {
  prompts { input_tokens = 64 }
  closed {
    users         = 4
    output_tokens = 8
  }
}
objective { maximize = output_throughput }
constraint "ttft_p95" { max = "1s" }
`+block), "case.hcl", profiles.Options{})
	if diags.HasErrors() {
		var b strings.Builder
		_ = diags.WriteText(&b, 100, false)
		t.Fatal(b.String())
	}
	return p
}

func flagText(t *Trial, name string) string {
	for _, f := range t.Candidate.Flags {
		if f.Name == name {
			return f.Value.Text
		}
	}
	return ""
}

func flagNumber(t *Trial, name string, otherwise float64) float64 {
	var v float64
	if _, err := fmt.Sscan(flagText(t, name), &v); err != nil {
		return otherwise
	}
	return v
}

// worth is what a trial of searchProfile truly gives: 128 sequences in fp8 are the
// best that keeps the constraint, 256 do not start in 16 bits.
func worth(t *Trial) (tokens, ttft float64, starts bool) {
	if t.Engine.Kind == "sglang" {
		return 150 * flagNumber(t, "max-running-requests", 16) / 64, 100, true
	}
	seqs := flagNumber(t, "max-num-seqs", 256)
	tokens, ttft = 100*math.Log2(seqs), 5*seqs
	if flagText(t, "kv-cache-dtype") == "fp8" {
		tokens *= 1.2
	} else if seqs > 128 {
		return 0, 0, false
	}
	if flagText(t, "enforce-eager") == "true" {
		tokens *= 0.8
	}
	return tokens, ttft, true
}

// noise is as good as random and the same for the same text: up to ±1 %.
func noise(text string) float64 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(text))
	return 1 + 0.01*(2*float64(h.Sum32())/math.MaxUint32-1)
}

// simulated is a tuner whose engines follow worth, on a clock of its own: a start
// takes a minute, a level half of one.
func simulated(t testing.TB, folder *Folder, run string, p *profiles.Profile) *Tuner {
	t.Helper()
	clock := fixedTime()
	now := func() time.Time { return clock }
	dir := folder.RunPath(run)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	j, err := CreateJournal(filepath.Join(dir, "journal.jsonl"), now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = j.Close() })
	if err := j.Append(Record{Type: RecordRun, Header: &RunHeader{Run: run, Profile: p.Name, Version: JournalVersion}}); err != nil {
		t.Fatal(err)
	}
	var current *Trial
	return &Tuner{
		Launch: func(_ context.Context, trial *Trial, _ bool, _ string) (Server, *engine.Failure, error) {
			current, clock = trial, clock.Add(time.Minute)
			if _, _, starts := worth(trial); !starts {
				return nil, &engine.Failure{Class: engine.GPUOutOfMemory, Fault: engine.FaultConfiguration}, nil
			}
			return &fakeServer{died: make(chan struct{}), close: func() error { return nil }}, nil, nil
		},
		Measure: func(_ context.Context, _ bench.Target, w bench.Workload, l bench.Level, _ func(bench.Outcome) bool) (bench.LevelResult, error) {
			clock = clock.Add(30 * time.Second)
			tokens, ttft, _ := worth(current)
			tokens *= noise(fmt.Sprint(current.ID, w.Seed))
			return bench.LevelResult{Kind: l.Kind, Users: l.Users, OutputThroughput: tokens, Requests: bench.RequestCount{Total: 100, Completed: 100},
				TTFT: bench.Stats{Mean: &ttft, P95: &ttft, N: 100}}, nil
		},
		Command:  func(*Trial) []string { return []string{"serve"} },
		Identity: func(t *Trial) string { return "id-" + t.ID },
		Setting:  func(t *Trial) string { return "setting of " + t.Engine.Kind },
		Journal:  j, Folder: folder, RunID: run, Notify: func(Event) {}, Now: now, Speed: 1,
	}
}

func newFolder(t testing.TB) *Folder {
	t.Helper()
	f, err := OpenFolder(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// decided is a run's decision and how it came about, as one text.
func decided(t testing.TB, folder *Folder, run, block string) string {
	t.Helper()
	p := searchProfile(t, block)
	if strings.HasPrefix(block, "# of two") {
		two(p, profiles.PickKnee)
	}
	u := simulated(t, folder, run, p)
	known, earlier := folder.Known(func(err error) { t.Error(err) })
	u.Known = known
	plan := NewPlan(p)
	plan.Recall(earlier, u.Identity, u.Setting)
	results, err := u.Run(t.Context(), plan)
	if err != nil {
		t.Fatal(err)
	}
	o := Conclude(plan, results, 0)
	var b strings.Builder
	for i := range results {
		fmt.Fprintf(&b, "%s: %s: %s\n", results[i].Trial, results[i].Status, results[i].Why)
	}
	o.Summary.Trials.Reused, o.Summary.EngineS, o.Summary.GPUHours, o.Summary.WallS = 0, 0, 0, 0
	text, err := json.Marshal(o.Summary)
	if err != nil {
		t.Fatal(err)
	}
	b.Write(text)
	return b.String()
}

func TestStrategiesDecide(t *testing.T) {
	for _, tt := range []struct{ name, block, want, stopped string }{
		{"a grid tries everything", ``, "max-num-seqs=128 kv-cache-dtype=fp8 enforce-eager=off", StoppedAll},
		{"one factor at a time finds what lies on single steps", `search { strategy = "ofat" }`, "max-num-seqs=128 kv-cache-dtype=fp8 enforce-eager=off", search.Converged},
		{"auto finds it too", `search { strategy = "auto" }`, "max-num-seqs=128 kv-cache-dtype=fp8 enforce-eager=off", search.Converged},
		{"a budget of trials is kept", "search {\n strategy = \"auto\"\n budget { trials = 4 }\n}", "", StoppedTrials},
		{"a budget of time is kept", "search {\n strategy = \"random\"\n budget { time = \"6m\" }\n}", "", StoppedTime},
		{"chance goes through all of a small space", `search { strategy = "random" }`, "max-num-seqs=128 kv-cache-dtype=fp8 enforce-eager=off", StoppedAll},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := searchProfile(t, tt.block)
			plan := NewPlan(p)
			results, err := simulated(t, newFolder(t), "r", p).Run(t.Context(), plan)
			if err != nil {
				t.Fatal(err)
			}
			o := Conclude(plan, results, 0)
			for _, r := range o.Rows {
				if r.Winner && !strings.Contains(r.Varies, tt.want) {
					t.Errorf("the winner is %s, want %s", r.Varies, tt.want)
				}
			}
			if plan.Search.Stopped != tt.stopped || o.Summary.NotRun != 0 {
				t.Errorf("stopped by %q, %d not run; want %q and none", plan.Search.Stopped, o.Summary.NotRun, tt.stopped)
			}
			searched, _ := byPurpose(results)
			spent := time.Duration(0)
			for i := range searched[:len(searched)-1] {
				spent += time.Duration(results[i].EngineS() * float64(time.Second))
			}
			if tt.stopped == StoppedTime && spent >= p.Search.Budget.Time {
				t.Errorf("%s were spent before the last trial of a budget of %s", spent, p.Search.Budget.Time)
			}
			if !results[0].Baseline || len(searched) > 41 || tt.stopped == StoppedTrials && len(searched) != 4 {
				t.Errorf("%d trials, the baseline first: %v", len(searched), results[0].Baseline)
			}
		})
	}
}

// TestKilledRunsDecideTheSame ends a run after each record of its journal, also in
// the middle of one, and applies again: the trials and the decision are those of
// the run that was left alone.
func TestKilledRunsDecideTheSame(t *testing.T) {
	for _, block := range []string{
		"# after an old version\nsearch {\n strategy = \"auto\"\n finish { starts = 0 }\n budget { trials = 5 }\n}",
		"search {\n finish { starts = 2 }\n budget { trials = 3 }\n}",
		"search {\n strategy = \"ofat\"\n finish { starts = 0 }\n budget { trials = 5 }\n}",
		"search {\n strategy = \"auto\"\n finish {\n  candidates = 1\n  starts = 1\n }\n budget { trials = 4 }\n}",
		"search {\n strategy = \"auto\"\n finish { starts = 2 }\n budget { time = \"12m\" }\n}",
		"search {\n strategy = \"random\"\n seed = 3\n finish { starts = 0 }\n budget { trials = 4 }\n}",
		"# of two figures\nsearch {\n strategy = \"ofat\"\n finish {\n  candidates = 1\n  starts = 1\n }\n budget { trials = 3 }\n}",
	} {
		whole := newFolder(t)
		warm := strings.HasPrefix(block, "# after")
		if warm {
			runOld(t, whole, 6)
		}
		want := decided(t, whole, "1", block)
		journal, err := os.ReadFile(filepath.Join(whole.RunPath("1"), "journal.jsonl"))
		if err != nil {
			t.Fatal(err)
		}
		lines := bytes.SplitAfter(journal, []byte("\n"))
		for n := range lines {
			kept := append(bytes.Join(lines[:n], nil), lines[n][:len(lines[n])/2]...)
			folder := newFolder(t)
			if warm {
				runOld(t, folder, 6)
			}
			if err := os.MkdirAll(folder.RunPath("1"), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(folder.RunPath("1"), "journal.jsonl"), kept, 0o644); err != nil {
				t.Fatal(err)
			}
			if got := decided(t, folder, "2", block); got != want {
				t.Fatalf("%s\nkilled in record %d of %d, the next run gave\n%s\nwant\n%s", block, n+1, len(lines), got, want)
			}
		}
	}
}

func TestMachineFaultsTeachNothing(t *testing.T) {
	p := searchProfile(t, `search { strategy = "auto" }`)
	s := newSpace(p)
	r := TrialResult{Status: Failed, Failure: &engine.Failure{Class: engine.GPUBusy, Fault: engine.FaultMachine}}
	if got := learned(p, s.baseline, &r); got.Failed || !got.Pending {
		t.Errorf("a fault of the machine is told as %+v", got)
	}
	r.Failure = &engine.Failure{Class: engine.GPUOutOfMemory, Fault: engine.FaultConfiguration}
	if got := learned(p, s.baseline, &r); !got.Failed {
		t.Errorf("a fault of the configuration is told as %+v", got)
	}
	over := measured("x", 5, 1500)
	if got := learned(p, s.baseline, &over); got.Value != 5 || got.Limits[0] != 1.5 || got.Feasible() {
		t.Errorf("a broken constraint is told as %+v", got)
	}
}

// TestSpaceOfAxes checks what a strategy sees of values.
func TestSpaceOfAxes(t *testing.T) {
	p := searchProfile(t, `search { strategy = "auto" }`)
	s := newSpace(p)
	if got := s.Describe(s.baseline); got != "max-num-seqs=48 kv-cache-dtype=off enforce-eager=off env VLLM_ATTENTION_BACKEND=off" {
		t.Errorf("the baseline is %s", got)
	}
	if n, exact := s.Count(); n != 38 || !exact {
		t.Errorf("%g candidates, exact: %v; want 38 after where", n, exact)
	}
	if b := s.trial(s.baseline); !b.Baseline || b.ID != NewPlan(p).Trials[0].ID {
		t.Errorf("the baseline's point is the trial %+v", b)
	}
}

// TestLargeSpacesAreNotWalked plans thousands of millions of candidates, in which
// no loop over all of them ends.
func TestLargeSpacesAreNotWalked(t *testing.T) {
	var axes strings.Builder
	for i := range 12 {
		fmt.Fprintf(&axes, "    flag-%d = range(1, 64)\n", i)
	}
	p, diags := profiles.Parse([]byte(`
model { id = "m" }
engine "openai" "x" {
  url = "http://127.0.0.1:1"
}
engine "llamacpp" "y" {
  image = "i:1"
  sweep {
`+axes.String()+`  }
  where = flags.flag-1 < flags.flag-2
}
workload "w" {
  prompts { input_tokens = 64 }
  single { output_tokens = 8 }
}
objective { maximize = output_throughput }
search {
  strategy = "auto"
  budget { trials = 40 }
}
`), "big.hcl", profiles.Options{})
	if diags.HasErrors() {
		var b strings.Builder
		_ = diags.WriteText(&b, 100, false)
		t.Fatal(b.String())
	}
	plan := NewPlan(p)
	plan.Prune(func(*Trial) string { return "" })
	if err := plan.Foresee(nil, nil, nil, 5); err != nil {
		t.Fatal(err)
	}
	if plan.Search.Candidates < 1e20 || len(plan.Trials) != 5 || plan.Most() != 40 {
		t.Errorf("%g candidates, %d trials shown of %d", plan.Search.Candidates, len(plan.Trials), plan.Most())
	}
}
