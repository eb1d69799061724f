package report

import (
	"math"
	"testing"

	"github.com/qtune/qtune/bench"
	"github.com/qtune/qtune/profiles"
	"github.com/qtune/qtune/tuner"
)

// grid is an outcome of trials with two flags; a value below 0 is a failure.
func grid(values map[[2]string]float64) (*tuner.Outcome, map[string]*tuner.TrialResult) {
	o, results := &tuner.Outcome{}, map[string]*tuner.TrialResult{}
	for _, a := range []string{"1", "2"} {
		for _, b := range []string{"x", "y", "off"} {
			v, ok := values[[2]string{a, b}]
			if !ok {
				continue
			}
			r := &tuner.TrialResult{Trial: a + b, Engine: "vllm", Name: "e", Flags: tuner.Flags{{Name: "a", Value: profiles.Number(a)}, {Name: "same", Value: profiles.Bool(true)}}}
			if b != "off" {
				r.Flags = append(r.Flags, profiles.Flag{Name: "b", Value: profiles.String(b)})
			}
			row := tuner.Row{Trial: a + b, Engine: "vllm", Name: "e"}
			if v >= 0 {
				row.Value = &v
			}
			results[a+b] = r
			o.Rows = append(o.Rows, row)
		}
	}
	return o, results
}

func TestEffectsComparePairsThatDifferInOneFlag(t *testing.T) {
	o, results := grid(map[[2]string]float64{
		{"1", "x"}: 100, {"1", "y"}: 200, {"1", "off"}: 50,
		{"2", "x"}: 110, {"2", "y"}: -1, {"2", "off"}: 60,
	})
	all := axesOf(o, results)
	if len(all) != 1 || len(all[0].names) != 2 {
		t.Fatalf("%+v", all)
	}
	effects := all[0].effects()
	if effects[0][0].Axis != "b" {
		t.Errorf("the strongest axis is %s", effects[0][0].Axis)
	}
	tests := []struct {
		axis, value           string
		trials, failed, pairs int
		change, median        float64
	}{
		{"b", "y", 1, 1, 1, 1, 1},
		{"b", "off", 2, 0, 2, math.Sqrt(.5*60/110) - 1, (-.5 + 60./110 - 1) / 2},
		{"a", "2", 2, 1, 2, math.Sqrt(1.1*1.2) - 1, .15},
	}
	for _, tt := range tests {
		for _, e := range append(effects[0], effects[1]...) {
			if e.Axis != tt.axis || e.Value != tt.value {
				continue
			}
			if e.Trials != tt.trials || e.Failed != tt.failed || e.Pairs != tt.pairs || math.Abs(*e.Change-tt.change) > 1e-9 || math.Abs(*e.Median-tt.median) > 1e-9 {
				t.Errorf("%s=%s: %+v, change %v", tt.axis, tt.value, e, *e.Change)
			}
		}
	}
}

func TestEffectsSayHowSureTheyAre(t *testing.T) {
	for _, tt := range []struct {
		why           string
		with, without []float64
		clear         bool
		within        float64 // half of the interval at most, in log units
	}{
		{"a single pair may be two starts that differ", []float64{102}, []float64{100}, false, .05},
		{"a single pair that differs by more than starts do", []float64{110}, []float64{100}, true, .05},
		{"many pairs say more", []float64{102, 103, 101, 102, 103, 102}, []float64{100, 100, 100, 100, 100, 100}, true, .02},
		{"pairs that contradict each other", []float64{150, 80}, []float64{100, 100}, false, math.Inf(1)},
		{"two that agree though few", []float64{150, 152}, []float64{100, 100}, true, .04},
	} {
		var e Effect
		for i, v := range tt.with {
			e.add(&v, tt.without[i])
		}
		e.finish()
		half := math.Log((1+e.Interval[1])/(1+e.Interval[0])) / 2
		if e.clear() != tt.clear || half > tt.within || *e.Change < e.Interval[0] || *e.Change > e.Interval[1] {
			t.Errorf("%s: %+.3f, from %+.3f to %+.3f, clear %v", tt.why, *e.Change, e.Interval[0], e.Interval[1], e.clear())
		}
	}
}

func TestAFigureThatBecomesZeroIsNotLeftOut(t *testing.T) {
	e := Effect{}
	for _, v := range []float64{0, 110} {
		e.add(&v, 100)
	}
	e.finish()
	if e.Pairs != 2 || math.Abs(*e.Change+.45) > 1e-9 || *e.Low != -1 || e.Interval != nil {
		t.Errorf("%d pairs, %v in the mean, from %v, interval %v", e.Pairs, *e.Change, *e.Low, e.Interval)
	}
}

func TestOneOddTrialDoesNotMoveTheTypicalEffect(t *testing.T) {
	e := Effect{}
	for _, v := range []float64{101, 102, 99, 400, 100} {
		e.add(&v, 100)
	}
	e.finish()
	if math.Abs(*e.Median-.01) > 1e-9 || *e.High != 3 || math.Abs(*e.Low+.01) > 1e-9 {
		t.Errorf("median %v, from %v to %v", *e.Median, *e.Low, *e.High)
	}
}

func TestParetoFront(t *testing.T) {
	row := func(out string) *tuner.Row { return &tuner.Row{Out: out} }
	front := paretoFront([]spot{
		{row(""), 100, 10}, {row(""), 200, 20}, {row(""), 150, 30}, {row("too slow"), 300, 5}, {row(""), 200, 25}, {row(""), 50, 10},
	})
	if len(front) != 2 || front[0].x != 100 || front[1].x != 200 || front[1].y != 20 {
		t.Errorf("%+v", front)
	}
}

func TestNumbersOfAColumnAreWrittenAlike(t *testing.T) {
	tests := []struct {
		name   string
		values []float64
		unit   string
		want   []string
	}{
		{"seconds where one of them has a second", []float64{904, 44790}, "ms", []string{"0.90", "44.79"}},
		{"small seconds keep three digits", []float64{46, 2069}, "ms", []string{"0.046", "2.069"}},
		{"milliseconds", []float64{27.4, 212}, "ms", []string{"27.4", "212.0"}},
		{"tokens a second", []float64{6.69, 1240}, "tok/s", []string{"6.69", "1240.00"}},
		{"large numbers", []float64{12345.6, 120}, "tok/s", []string{"12,346", "120"}},
		{"a share", []float64{0.0123}, "share", []string{"1.23"}},
	}
	for _, tt := range tests {
		q := quantityOf(tt.values, unitOf(tt.unit))
		for i, v := range tt.values {
			if got := q.number(v); got != tt.want[i] {
				t.Errorf("%s: %v is %q, want %q", tt.name, v, got, tt.want[i])
			}
		}
	}
	for v, want := range map[float64]string{.2351: "+23.5 %", -.0001: "0.0 %", -.1: "−10.0 %", 4: "+400.0 %"} {
		if got := changeText(v); got != want {
			t.Errorf("changeText(%v) = %q, want %q", v, got, want)
		}
	}
}

func unitOf(s string) bench.Unit { return bench.Unit(s) }
