package tuner

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/qtune/qtune/engine"
	"github.com/qtune/qtune/profiles"
)

// again is a result of the finish.
func again(r TrialResult, start int) TrialResult {
	r.Purpose, r.Start = PurposeFinish, start
	return r
}

// TestFinishDecides gives each configuration its values in the search and in the
// finish; "b" is the baseline, "near" differs from it in one flag and "far" in two.
func TestFinishDecides(t *testing.T) {
	type values map[string][]float64
	tests := []struct {
		why      string
		search   map[string]float64
		finish   values
		ttft     map[string]float64 // in the finish; 100 if not said
		want     string             // the winner
		gain     string             // its sign, or the whole interval's
		keep     bool
		doubtful string
	}{
		{"a candidate that is better on every start wins, by what the finish says",
			map[string]float64{"b": 100, "near": 130, "far": 105}, values{"b": {100, 101, 99}, "near": {110, 111, 109}, "far": {100, 100, 100}}, nil, "near", "+10 (+", false, ""},
		{"what was lucky in the search is no winner", map[string]float64{"b": 100, "near": 104},
			values{"b": {100, 102, 99}, "near": {101, 100, 100.5}}, nil, "b", "+0", true, ""},
		{"of candidates that cannot be told apart the simpler wins", map[string]float64{"b": 100, "near": 119, "far": 120},
			values{"b": {100, 101, 99}, "near": {120, 119, 121}, "far": {120.5, 120, 121}}, nil, "near", "+20 (+", false, ""},
		{"a greater gain that holds beats the simpler", map[string]float64{"b": 100, "near": 119, "far": 140},
			values{"b": {100, 101, 99}, "near": {120, 119, 121}, "far": {140, 141, 139}}, nil, "far", "+40 (+", false, ""},
		{"who breaks a limit in any start is out", map[string]float64{"b": 100, "near": 119, "far": 120},
			values{"b": {100, 101, 99}, "near": {120, 119, 121}, "far": {140, 141, 139}}, map[string]float64{"far": 5000}, "near", "+20 (+", false, ""},
		{"where all are out the baseline stays", map[string]float64{"b": 100, "near": 119},
			values{"b": {100, 101, 99}, "near": {120, 119, 121}}, map[string]float64{"near": 5000}, "b", "+0", true, ""},
		{"a baseline that breaks the limit is still what the gain is of", map[string]float64{"b": 100, "near": 119},
			values{"b": {100, 101, 99}, "near": {120, 119, 121}}, map[string]float64{"b": 5000}, "near", "+20 (+", false, ""},
		{"a winner by default says that it may be no better", map[string]float64{"b": 100, "near": 101},
			values{"b": {100, 101, 99}, "near": {100, 99, 101}}, map[string]float64{"b": 5000}, "near", "+0 (-", false, "not better than the baseline by more than chance"},
		{"without a baseline there is a winner without a gain", map[string]float64{"near": 119, "far": 120},
			values{"near": {120, 119, 121}, "far": {120.5, 120, 121}}, nil, "near", "none", false, ""},
		{"a block that is not whole counts for nothing", map[string]float64{"b": 100, "near": 130},
			values{"b": {100, 101, 99}, "near": {110, 111}}, nil, "near", "+10 (+", false, ""},
		{"a start that the client disturbed speaks for nobody", map[string]float64{"b": 100, "near": 130, "far": 140},
			values{"b": {100, 101, 99}, "near": {110, 111, 109}, "far": {-200, 120, 119}}, nil, "near", "+10 (+", false, ""},
		{"where every candidate was disturbed the whole blocks decide", map[string]float64{"b": 100, "near": 130},
			values{"b": {100, 101, 99}, "near": {110, -111, 109}}, nil, "near", "+10 (+", false, ""},
		{"no whole block leaves the search's winner without a gain, and says so", map[string]float64{"b": 100, "near": 130},
			values{"near": {110, 111, 109}, "b": {-100, -101, -99}}, nil, "near", "none", false, "each start of the baseline measured the load client"},
		{"as does an end before the baseline's first start", map[string]float64{"b": 100, "near": 130},
			values{"near": {110}}, nil, "near", "none", false, "it ended before a start of the baseline"},
		{"as do blocks of which none is whole", map[string]float64{"b": 100, "near": 130},
			values{"near": {110}, "b": {-100, 101}}, nil, "near", "none", false, "no start of every configuration has a value"},
	}
	for _, tt := range tests {
		t.Run(tt.why, func(t *testing.T) {
			p := oneLevel("output_throughput", false, limit("ttft_mean", 1000))
			axis := func(name string) profiles.Axis {
				return profiles.Axis{Name: name, Values: []profiles.Value{profiles.Bool(true)}}
			}
			p.Engines[0].Axes = []profiles.Axis{axis("x"), axis("y")}
			result := func(name string, tokens, ttft float64) TrialResult {
				r := measured(name, tokens, ttft)
				r.Baseline, r.Purpose, r.Start = name == "b", PurposeSearch, 1
				on := profiles.Bool(true)
				r.Flags = map[string]Flags{"near": {{Name: "x", Value: on}}, "far": {{Name: "x", Value: on}, {Name: "y", Value: on}}}[name]
				return r
			}
			var results []TrialResult
			for _, name := range []string{"b", "near", "far"} {
				if v, ok := tt.search[name]; ok {
					results = append(results, result(name, v, 100))
				}
			}
			for _, name := range []string{"far", "b", "near"} {
				for i, v := range tt.finish[name] {
					ttft := 100.0
					if worse, ok := tt.ttft[name]; ok && i == 1 {
						ttft = worse
					}
					r := result(name, math.Abs(v), ttft)
					r.Workloads[0].Levels[0].Client.Bound = v < 0
					results = append(results, again(r, i+1))
				}
			}
			d := Decide(p, results)
			if d.Winner == nil || d.Winner.Result.Trial != tt.want || d.KeptBaseline != tt.keep || !strings.Contains(d.Doubt, tt.doubtful) {
				t.Fatalf("winner %+v, kept %v, doubt %q", d.Winner, d.KeptBaseline, d.Doubt)
			}
			if got := gainText(&d); !strings.HasPrefix(got, tt.gain) {
				t.Errorf("the gain is %s, want %s", got, tt.gain)
			}
		})
	}
}

func gainText(d *Decision) string {
	if d.Gain == nil {
		return "none"
	}
	text := fmt.Sprintf("%+.0f", 100**d.Gain)
	if i := d.GainInterval; i != nil {
		text += fmt.Sprintf(" (%+.0f … %+.0f)", 100*i[0], 100*i[1])
	}
	return text
}

// TestFinalists checks who is measured again.
func TestFinalists(t *testing.T) {
	for _, tt := range []struct {
		why    string
		values []float64 // of the baseline, then of candidates a, b, …; 0: it failed
		want   string
	}{
		{"the baseline and the best three", []float64{100, 120, 119, 121, 118}, "base c a b"},
		{"nobody far behind the best", []float64{100, 120, 103, 121, 106}, "base c a"},
		{"nobody where the baseline is the best", []float64{100, 99, 90}, ""},
		{"nobody behind the baseline", []float64{100, 101, 99}, "base a"},
		{"a baseline that failed is not started again", []float64{0, 101, 99}, "a b"},
	} {
		t.Run(tt.why, func(t *testing.T) {
			p := oneLevel("output_throughput", false)
			p.Search.Finish = profiles.DefaultFinish()
			var results []TrialResult
			for i, v := range tt.values {
				r := measured(append([]string{"base"}, strings.Split("abcd", "")...)[i], v, 1)
				r.Baseline = i == 0
				if v == 0 {
					r.Status, r.Failure = Failed, &engine.Failure{Class: engine.GPUOutOfMemory, Fault: engine.FaultConfiguration}
				}
				results = append(results, r)
			}
			d := Decide(p, results)
			var got []string
			for _, v := range finalists(p, &d) {
				got = append(got, v.Result.Trial)
			}
			if s := strings.Join(got, " "); s != tt.want {
				t.Errorf("%s, want %s", s, tt.want)
			}
		})
	}
}

// TestRunFinishes runs a search with its finish: fresh requests for each block, the
// same for all in it, and a gain that is the finish's.
func TestRunFinishes(t *testing.T) {
	folder := newFolder(t)
	p := searchProfile(t, `search { strategy = "auto" }`)
	plan := NewPlan(p)
	u := simulated(t, folder, "r", p)
	results, err := u.Run(t.Context(), plan)
	if err != nil {
		t.Fatal(err)
	}
	searched, finished := byPurpose(results)
	if len(finished) != 12 && len(finished) != 9 && len(finished) != 6 {
		t.Errorf("%d starts of the finish", len(finished))
	}
	o := Conclude(plan, results, 0)
	f := o.Summary.Finish
	if f == nil || f.Starts != 3 || !f.Rows[0].Baseline || o.Summary.GainInterval == nil || *o.Summary.Winner.Value != *o.Summary.Objective.Value {
		t.Fatalf("finish %+v, interval %v", f, o.Summary.GainInterval)
	}
	for _, r := range f.Rows {
		if r.Winner && *o.Summary.Gain != *r.Gain {
			t.Errorf("the gain is %v, the finish says %v", *o.Summary.Gain, *r.Gain)
		}
		for _, s := range searched {
			if s.Trial == r.Trial && *r.Values[0] == s.Workloads[0].Levels[0].OutputThroughput {
				t.Errorf("%s had the requests of the search again", r.Trial)
			}
		}
	}
	records, err := folder.Journal("r")
	if err != nil {
		t.Fatal(err)
	}
	past := Rebuild(records, p, nil)
	if *past.Outcome.Summary.Gain != *o.Summary.Gain || len(past.Results) != len(searched) || len(past.Finish) != len(finished) {
		t.Errorf("read back: gain %v, %d trials and %d starts", *past.Outcome.Summary.Gain, len(past.Results), len(past.Finish))
	}
}
