package tuner

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/qtune/qtune/profiles"
)

// runOld fills a folder with run 0, of another version of the engines: n trials that auto chose.
func runOld(t testing.TB, folder *Folder, n int) []TrialResult {
	t.Helper()
	p := searchProfile(t, fmt.Sprintf("search {\n strategy = \"auto\"\n seed = 9\n finish { starts = 0 }\n budget { trials = %d }\n}", n))
	u := simulated(t, folder, "0", p)
	u.Identity = func(t *Trial) string { return "old-" + t.ID }
	results, err := u.Run(t.Context(), NewPlan(p))
	if err != nil {
		t.Fatal(err)
	}
	return results
}

func TestRecall(t *testing.T) {
	number, word := profiles.Number, profiles.String
	kept := func(seqs, dtype profiles.Value) TrialResult {
		r := measured("x", 5, 1500)
		r.Engine, r.Name, r.Identity, r.Setting = "vllm", "a", "old", "setting of vllm"
		r.Flags = Flags{{Name: "max-num-seqs", Value: seqs}, {Name: "kv-cache-dtype", Value: dtype}}
		r.Env = Env{{Name: "VLLM_ATTENTION_BACKEND", Value: word("FLASH_ATTN")}}
		return r
	}
	for _, tt := range []struct {
		name   string
		block  string
		change func(*TrialResult)
		want   int
	}{
		{"a candidate that another version measured", "auto", func(*TrialResult) {}, 1},
		{"flags in another order", "auto", func(r *TrialResult) { slices.Reverse(r.Flags) }, 1},
		{"the baseline, whose value is none of the axis'", "auto", func(r *TrialResult) { r.Flags, r.Env = Flags{{Name: "max-num-seqs", Value: number("48")}}, nil }, 1},
		{"a trial's own measurement is used as it is", "auto", func(r *TrialResult) { r.Identity = "now" }, 0},
		{"another model, card or workload", "auto", func(r *TrialResult) { r.Setting = "another" }, 0},
		{"a value that is not in the sweep", "auto", func(r *TrialResult) { r.Flags[0].Value = number("24") }, 0},
		{"a value off the sweep beside others on it", "auto", func(r *TrialResult) { r.Flags[0].Value = number("48") }, 0},
		{"another flag off the axes", "auto", func(r *TrialResult) { r.Flags = append(r.Flags, profiles.Flag{Name: "x", Value: profiles.Bool(true)}) }, 0},
		{"another kind of engine", "auto", func(r *TrialResult) { r.Engine = "sglang" }, 0},
		{"left out by where", "auto", func(r *TrialResult) {
			r.Flags[1].Value = word("fp8")
			r.Flags = append(r.Flags, profiles.Flag{Name: "enforce-eager", Value: profiles.Bool(true)})
		}, 0},
		{"a grid needs no hints", "grid", func(*TrialResult) {}, 0},
		{"neither does chance", "random", func(*TrialResult) {}, 0},
	} {
		p := searchProfile(t, fmt.Sprintf("search { strategy = %q }", tt.block))
		plan := NewPlan(p)
		r := kept(number("64"), word("auto"))
		tt.change(&r)
		plan.Recall(&Earlier{results: []TrialResult{r}}, func(*Trial) string { return "now" },
			func(t *Trial) string { return "setting of " + t.Engine.Kind })
		if plan.Search.Earlier != tt.want {
			t.Errorf("%s: %d trials of earlier runs, want %d", tt.name, plan.Search.Earlier, tt.want)
		}
	}
}

// TestSettingIsWhatShapes checks what makes results hints and what keeps them from it.
func TestSettingIsWhatShapes(t *testing.T) {
	p := searchProfile(t, ``)
	around := Surroundings{Engine: "v1", GPU: "driver 1, H100", Cards: "H100", Model: "files"}
	trial := NewPlan(p).Trials[0]
	base := Setting(p, &trial, around)
	for _, tt := range []struct {
		name   string
		change func(*Surroundings)
		same   bool
	}{
		{"another version of the engine", func(s *Surroundings) { s.Engine = "v2" }, true},
		{"another driver", func(s *Surroundings) { s.GPU = "driver 2, H100" }, true},
		{"another card", func(s *Surroundings) { s.Cards = "A100" }, false},
		{"another model", func(s *Surroundings) { s.Model = "others" }, false},
		{"an engine of which nothing is known", func(s *Surroundings) { s.Engine = "" }, false},
	} {
		s := around
		tt.change(&s)
		if got := Setting(p, &trial, s); (got == base) != tt.same {
			t.Errorf("%s: the same setting: %v, want %v", tt.name, got == base, tt.same)
		}
	}
	before := Identity(p, &trial, around)
	around.Cards = ""
	if Identity(p, &trial, around) != before {
		t.Error("the cards' names alone change an identity: all that was measured before would be forgotten")
	}
	p.Workloads[0].Seed++
	if around.Cards = "H100"; Setting(p, &trial, around) == base {
		t.Error("another workload has the same setting")
	}
}

func TestHintsAreNoResults(t *testing.T) {
	folder := newFolder(t)
	old := runOld(t, folder, 8)
	p := searchProfile(t, "search {\n strategy = \"auto\"\n finish { starts = 0 }\n budget { trials = 4 }\n}")
	u := simulated(t, folder, "1", p)
	known, earlier := folder.Known(func(err error) { t.Error(err) })
	u.Known = known
	plan := NewPlan(p)
	plan.Recall(earlier, u.Identity, u.Setting)
	results, err := u.Run(t.Context(), plan)
	if err != nil {
		t.Fatal(err)
	}
	if plan.Search.Earlier == 0 || plan.Search.Earlier > len(old) {
		t.Errorf("%d trials of an earlier run of %d lead the search", plan.Search.Earlier, len(old))
	}
	o := Conclude(plan, results, 0)
	if len(results) != 4 || len(o.Rows) != 4 || o.Summary.Trials.Reused != 0 {
		t.Errorf("%d results, %d rows, %d reused: want the 4 of the budget, measured now", len(results), len(o.Rows), o.Summary.Trials.Reused)
	}
	again := false
	for i := range results {
		if !strings.HasPrefix(results[i].Identity, "id-") {
			t.Errorf("%s is a result of the run", results[i].Identity)
		}
		again = again || i > 0 && slices.ContainsFunc(old, func(r TrialResult) bool { return r.Trial == results[i].Trial })
	}
	if !again {
		t.Error("no candidate of the earlier run was tried, though it had found the best")
	}
}

func TestCutOffRunsHints(t *testing.T) {
	hints := Hints{Baseline: "b", Results: []TrialResult{{Trial: "x"}}}
	header := Record{Type: RecordRun, Header: &RunHeader{Profile: "p"}}
	given := Record{Type: RecordHints, Hints: &hints}
	for _, tt := range []struct {
		name string
		runs [][]Record
		want map[string]Hints
	}{
		{"a run that was cut off hands them on", [][]Record{{header, given}}, map[string]Hints{"p": hints}},
		{"and one that began after it, and came to nothing, keeps them", [][]Record{{header, given}, {header}}, map[string]Hints{"p": hints}},
		{"one that decided does not", [][]Record{{header, given, {Type: RecordResult}}}, map[string]Hints{}},
		{"nor one from which another has gone on to its end", [][]Record{{header, given}, {header, {Type: RecordResult}}}, map[string]Hints{}},
	} {
		e := &Earlier{given: map[string]Hints{}}
		for i, records := range tt.runs {
			profile, ended := gist(records)
			e.note(fmt.Sprint(i), profile, ended, records)
		}
		if !reflect.DeepEqual(e.given, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, e.given, tt.want)
		}
	}
}

func TestThinned(t *testing.T) {
	for _, n := range []int{0, 1, mostHints, mostHints + 1, 3*mostHints + 7} {
		all := make([]hint, n)
		for i := range all {
			all[i].result.Start, all[i].result.Baseline = i, i%10 == 0
		}
		got := thinned(all)
		if len(got) != min(n, mostHints) {
			t.Errorf("%d of %d are kept, want %d", len(got), n, min(n, mostHints))
		}
		if !slices.IsSortedFunc(got, func(a, b hint) int { return a.result.Start - b.result.Start }) {
			t.Errorf("those kept of %d are out of order", n)
		}
	}
}
