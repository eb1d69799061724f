package predict

import (
	"slices"
	"testing"

	"github.com/qtune/qtune/bench"
	"github.com/qtune/qtune/usage"
)

func TestDisturbedLevels(t *testing.T) {
	level := func(users int, setting string, cores float64) Observation {
		o := Observation{Cores: setting, Level: bench.Level{Kind: bench.KindClosed, Users: users}}
		if cores > 0 {
			o.Measured.Usage = &usage.Level{On: &usage.Engine{CPUs: &cores}}
		}
		return o
	}
	open := func(cores float64) Observation {
		o := level(0, "", cores)
		o.Level = bench.Level{Kind: bench.KindOpen, Rate: 2}
		return o
	}
	of := func(o Observation, workload string) Observation {
		o.Workload.Name = workload
		return o
	}
	rows := []struct {
		what string
		all  []Observation
		want []int // that were disturbed
	}{
		{"one of many had fewer cores", []Observation{level(8, "", 1.95), level(8, "", 1.2), level(8, "", 1.9), level(8, "", 1.94)}, []int{1}},
		{"a little fewer is usual", []Observation{level(8, "", 1.95), level(8, "", 1.55), level(8, "", 1.9), level(8, "", 1.94)}, nil},
		{"another level may need fewer", []Observation{level(8, "", 1.95), level(1, "", 1), level(8, "", 1.9), level(8, "", 1.94), level(8, "", 1.9)}, nil},
		{"who is bound to fewer has fewer", []Observation{level(8, "0-1", 1.95), level(8, "0", 1), level(8, "0-1", 1.9), level(8, "0-1", 1.94), level(8, "0-1", 1.94)}, nil},
		{"at a rate who needs fewer is better", []Observation{open(1.95), open(1.2), open(1.9), open(1.94)}, nil},
		{"another workload may need fewer", []Observation{level(8, "", 1.95), of(level(8, "", 1), "long"), level(8, "", 1.9), level(8, "", 1.94), level(8, "", 1.9)}, nil},
		{"of three nothing is told", []Observation{level(8, "", 1.95), level(8, "", 1), level(8, "", 1.9)}, nil},
		{"nobody looked", []Observation{level(8, "", 1.95), level(8, "", 0), level(8, "", 1.9), level(8, "", 1.94), level(8, "", 1.9)}, nil},
	}
	for _, r := range rows {
		var got []int
		for i, why := range disturbed(r.all) {
			if why != "" {
				got = append(got, i)
			}
		}
		if !slices.Equal(got, r.want) {
			t.Errorf("%s: %v are disturbed, want %v", r.what, got, r.want)
		}
	}
}
