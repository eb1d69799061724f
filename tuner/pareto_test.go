package tuner

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/qtune/qtune/bench"
	"github.com/qtune/qtune/profiles"
)

// two makes TTFT the second figure of a profile's objective.
func two(p *profiles.Profile, pick string) *profiles.Profile {
	m, _ := bench.LookupMetric("ttft_p95")
	p.Objective.Also, p.Objective.Pick = &profiles.Objective{Metric: m, Minimize: true, At: p.Objective.At}, pick
	return p
}

// TestDecideOfTwo picks from a front; gains are of throughput, of TTFT and of both.
func TestDecideOfTwo(t *testing.T) {
	b := func(tokens, ttft float64) TrialResult { return measured("b", tokens, ttft, baseline) }
	for _, c := range []struct {
		why     string
		profile *profiles.Profile
		results []TrialResult
		winner  string
		gains   string
		front   string // the best throughput first
	}{
		{"the knee is where a percent of the one costs a percent of the other", two(oneLevel("output_throughput", false), "knee"),
			[]TrialResult{b(100, 100), measured("x", 150, 120), measured("y", 200, 400), measured("z", 90, 95), measured("out", 140, 130)}, "x", "+50 -17 +12", "y x* b z"},
		{"it may cost the first figure, and says so", two(oneLevel("output_throughput", false), "knee"),
			[]TrialResult{b(100, 100), measured("x", 80, 20)}, "x", "-20 +400 +100", "b x*"},
		{"a tie on the front goes to the baseline", two(oneLevel("output_throughput", false), "knee"),
			[]TrialResult{b(100, 100), measured("x", 200, 200), measured("y", 50, 50)}, "b", "+0 +0 +0", "x b* y"},
		{"a constraint picks the best of the first that keeps it", two(oneLevel("output_throughput", false, limit("ttft_p95", 300)), "constraint"),
			[]TrialResult{b(100, 100), measured("x", 150, 120), measured("y", 200, 400), measured("z", 160, 290)}, "z", "+60 -66 none", "z* x b"},
		{"of one that has no second figure nothing is said", two(oneLevel("output_throughput", false), "knee"),
			[]TrialResult{b(100, 100), measured("x", 300, 10, func(r *TrialResult) { level(r).TTFT.P95 = nil })}, "b", "+0 +0 +0", "b*"},
		{"a second figure of 0 has no ratio", two(oneLevel("output_throughput", false), "knee"),
			[]TrialResult{b(100, 100), measured("x", 300, 0)}, "b", "+0 +0 +0", "b*"},
		{"a baseline without a knee leaves no gain in both", two(oneLevel("output_throughput", false), "knee"),
			[]TrialResult{b(100, 0), measured("x", 300, 10)}, "x", "+200 none none", "x*"},
	} {
		t.Run(c.why, func(t *testing.T) {
			d := Decide(c.profile, c.results)
			s := pair(c.profile, &d)
			both := &Gain{}
			if s.Both != nil {
				both = s.Both
			}
			gains := percentText(d.Gain) + " " + percentText(s.Gain.Value) + " " + percentText(both.Value)
			var front []string
			for _, f := range s.Front {
				front = append(front, f.Trial+map[bool]string{true: "*"}[f.Picked])
			}
			if d.Winner.Result.Trial != c.winner || gains != c.gains || strings.Join(front, " ") != c.front {
				t.Errorf("%s wins with %s, front %v", d.Winner.Result.Trial, gains, front)
			}
		})
	}
}

func percentText(v *float64) string {
	if v == nil {
		return "none"
	}
	return fmt.Sprintf("%+.0f", 100**v+0) // no -0
}

// TestRunsOfTwo lets strategies look for a knee: 8 sequences in fp8 by worth. Each figure
// gets its own interval, which holds what is true to within the noise of the search.
func TestRunsOfTwo(t *testing.T) {
	for _, strategy := range []string{"grid", "ofat", "auto"} {
		t.Run(strategy, func(t *testing.T) {
			p := two(searchProfile(t, "search {\n strategy = \""+strategy+"\"\n screen = true\n finish { starts = 3 }\n}"), "knee")
			plan := NewPlan(p)
			results, err := simulated(t, newFolder(t), "r", p).Run(t.Context(), plan)
			if err != nil {
				t.Fatal(err)
			}
			s := Conclude(plan, results, 0).Summary
			text, _ := json.Marshal(s.Winner.Flags)
			if !strings.Contains(string(text), `"max-num-seqs":8`) || !strings.Contains(string(text), `"kv-cache-dtype":"fp8"`) {
				t.Fatalf("%s wins", text)
			}
			truth := []float64{1.2*3/math.Log2(48) - 1, 48./8 - 1}
			truth = append(truth, math.Sqrt((1+truth[0])*(1+truth[1]))-1)
			for i, g := range []Gain{{s.Gain, s.GainInterval}, s.Pair.Gain, *s.Pair.Both} {
				if g.Interval == nil || truth[i] < g.Interval[0]-.02 || truth[i] > g.Interval[1]+.02 {
					t.Errorf("gain %d: %v, in truth %.3f", i, g, truth[i])
				}
			}
			if *s.Gain > 0 || *s.Pair.Both.Value < .9 || len(s.Pair.Front) < 2 || *s.Pair.Second.Value > 41 || s.Finish.Rows[1].Second.Value == nil {
				t.Errorf("gains %v and %v, front %v", *s.Gain, *s.Pair.Both.Value, s.Pair.Front)
			}
		})
	}
}

// TestEqualsHaveNoKnee runs finishes of a baseline and three equals whose figures both
// differ from start to start. A second figure must not be a second chance to win.
func TestEqualsHaveNoKnee(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 7))
	won, runs := 0, 12
	for range runs {
		var results []TrialResult
		for _, name := range []string{"b", "x", "y", "z"} {
			noisy := func() float64 { return 100 * math.Exp(.015*random.NormFloat64()) }
			r := measured(name, noisy(), noisy())
			r.Baseline, r.Purpose = name == "b", PurposeSearch
			results = append(results, r)
			for start := 1; start <= 3; start++ {
				f := again(measured(name, noisy(), noisy()), start)
				f.Baseline = name == "b"
				results = append(results, f)
			}
		}
		if d := Decide(two(oneLevel("output_throughput", false), "knee"), results); !d.KeptBaseline {
			won++
		}
	}
	if won > 2 {
		t.Errorf("%d of %d finishes between equals have a winner", won, runs)
	}
}

// TestGoal says what is sought.
func TestGoal(t *testing.T) {
	p := oneLevel("output_throughput", false)
	for pick, want := range map[string]string{
		"":           "maximize output_throughput at 4 users",
		"knee":       "maximize output_throughput at 4 users, and minimize ttft_p95 at 4 users, at the knee: where a percent of the one costs a percent of the other",
		"constraint": "maximize output_throughput at 4 users, and minimize ttft_p95 at 4 users as far as its constraint asks",
	} {
		if pick != "" {
			two(p, pick)
		} else {
			p.Objective.Also = nil
		}
		if got := Goal(p); got != want {
			t.Errorf("%s: %q", pick, got)
		}
	}
}
