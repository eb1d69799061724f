package tuner

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/qtune/qtune/bench"
	"github.com/qtune/qtune/profiles"
)

// seqsProfile sweeps one flag of numbers.
func seqsProfile(cs ...profiles.Constraint) *profiles.Profile {
	p := oneLevel("output_throughput", false, cs...)
	p.Engines[0].Flags = []profiles.Flag{{Name: "seqs", Value: profiles.Number("8")}}
	p.Engines[0].Axes = []profiles.Axis{{Name: "seqs", Values: []profiles.Value{
		profiles.Number("8"), profiles.Number("16"), profiles.Number("32"), profiles.Number("64"), profiles.Number("128"), profiles.Number("256")}}}
	return p
}

// atSeqs are results at 8, 16, 32, … of that flag, the first the baseline's.
func atSeqs(values ...float64) []TrialResult {
	var all []TrialResult
	for i, v := range values {
		r := measured(fmt.Sprint("t", i), v, 100*float64(i+1))
		r.Baseline, r.Purpose = i == 0, PurposeSearch
		r.Flags = Flags{{Name: "seqs", Value: profiles.Number(fmt.Sprint(8 << i))}}
		all = append(all, r)
	}
	return all
}

func TestAdvice(t *testing.T) {
	for _, tt := range []struct {
		why  string
		p    *profiles.Profile
		rs   []TrialResult
		want string // in the advice; "" is none
	}{
		{"a winner at the end of its axis", seqsProfile(), atSeqs(10, 20, 30, 40, 50, 60), "seqs=256 is the greatest value that was allowed"},
		{"a winner in the middle", seqsProfile(), atSeqs(10, 20, 30, 60, 50, 40), ""},
		{"a flat end is no reason to go on", seqsProfile(), atSeqs(10, 20, 30, 59.5, 59.8, 60), ""},
		{"a limit that costs", seqsProfile(limit("ttft_mean", 350)), atSeqs(10, 20, 30, 40, 50, 60), "trial t5 gives 100 % more, with ttft_mean 600 ms > 350 ms"},
		{"nothing matters", seqsProfile(), atSeqs(10, 10.1, 10.05, 9.98, 10.02, 9.95), "nothing matters at this load: 6 trials, in which every flag was varied, differ by 0.5 % (standard deviation), no more than starts of one server do. The server may have nothing to do but wait: try 16 users and 64"},
	} {
		t.Run(tt.why, func(t *testing.T) {
			d := Decide(tt.p, tt.rs)
			got := strings.Join(advise(tt.p, &d, tt.rs), "\n")
			if !strings.Contains(got, tt.want) || tt.want == "" && got != "" {
				t.Errorf("advice %q, want %q", got, tt.want)
			}
		})
	}
}

func TestFlat(t *testing.T) {
	for _, tt := range []struct {
		why    string
		values []float64
		want   bool
	}{
		{"too few trials to say", []float64{10, 10, 10, 10, 10}, false},
		{"one that is 5 % better matters", []float64{10, 10, 10, 10, 10, 10.5}, false},
		{"noise does not", []float64{10, 10.1, 10.05, 9.98, 10.02, 9.95}, true},
		{"failures are no values", []float64{10, 10, 10, 10, 0, 0, 10}, false},
	} {
		t.Run(tt.why, func(t *testing.T) {
			rs := atSeqs(tt.values...)
			for i := range rs {
				if tt.values[i] == 0 {
					rs[i].Status = Failed
				}
			}
			if got := flat(seqsProfile(), rs); (got != "") != tt.want {
				t.Errorf("%q", got)
			}
		})
	}
	same := atSeqs(10, 10, 10, 10, 10, 10)
	for i := range same {
		same[i].Flags = same[0].Flags
	}
	if got := flat(seqsProfile(), same); got != "" {
		t.Errorf("a flag that was not varied: %q", got)
	}
}

// TestFlatSearchEndsEarly runs a search in which nothing matters.
func TestFlatSearchEndsEarly(t *testing.T) {
	p := searchProfile(t, `search { strategy = "auto" }`)
	p.Engines = p.Engines[:1]
	u := simulated(t, newFolder(t), "r", p)
	measure := u.Measure
	u.Measure = func(ctx context.Context, to bench.Target, w bench.Workload, l bench.Level, each func(bench.Outcome) bool) (bench.LevelResult, error) {
		r, err := measure(ctx, to, w, l, each)
		r.OutputThroughput = 100 * noise(fmt.Sprint(r.OutputThroughput))
		return r, err
	}
	plan := NewPlan(p)
	results, err := u.Run(t.Context(), plan)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(plan.Search.Stopped, StoppedFlat) || len(results) > 20 {
		t.Errorf("stopped after %d starts: %q", len(results), plan.Search.Stopped)
	}
	o := Conclude(plan, results, 0)
	if f := o.Summary.Finish; !o.Summary.KeptBaseline && f == nil || f != nil && len(f.Rows) > 2 || len(o.Summary.Advice) == 0 {
		t.Errorf("kept the baseline: %v, advice %v", o.Summary.KeptBaseline, o.Summary.Advice)
	}
}

// More of a flag without effect is no advice, however the winner stands.
func TestDoesNothing(t *testing.T) {
	e := &profiles.Engine{Kind: "sglang", Image: "lmsysorg/sglang:v0.5.23"}
	for flag, want := range map[string]bool{"num-continuous-decode-steps": true, "max-running-requests": false, "no-such-flag": false} {
		if doesNothing(e, flag) != want {
			t.Errorf("%s does nothing: %v, want %v", flag, !want, want)
		}
	}
}
