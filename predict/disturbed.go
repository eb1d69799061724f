package predict

import (
	"fmt"
	"slices"

	"github.com/qtune/qtune/bench"
)

// leastCores is the share of the cores which others like it had that an engine must have
// had, for what was measured of it to tell something of the engine (judgement: in a grid of
// 24 real starts, a machine at work gave the engine at least 0.8 of the median, and 0.64 and
// 0.71 in the two starts that were slow by more than half or that starved the load client).
const leastCores = 0.75

// fewestAlike is how many levels a median is taken of.
const fewestAlike = 4

// disturbed says of each observation on a CPU why it was disturbed; "" if it was not. An
// engine that computes on the cores takes all that it may: where it had far fewer than the
// same level of trials with the same cores, something else had them. That is told by the
// processor time which the system booked, not by what was measured, and of loads alone in
// which a server always has work: of others it takes what the requests cost.
func disturbed(observations []Observation) []string {
	alike := map[string][]float64{}
	key := func(o *Observation) string {
		return fmt.Sprintf("%s\x00%s\x00%s\x00%d\x00%s", o.Trial.Kind, o.Workload.Name, o.Level, o.Level.OutputTokens, o.Cores)
	}
	for i := range observations {
		if cores := coresOf(&observations[i]); cores > 0 {
			k := key(&observations[i])
			alike[k] = append(alike[k], cores)
		}
	}
	for _, cores := range alike {
		slices.Sort(cores)
	}
	why := make([]string, len(observations))
	for i := range observations {
		cores, others := coresOf(&observations[i]), alike[key(&observations[i])]
		if cores == 0 || len(others) < fewestAlike {
			continue
		}
		if usual := others[len(others)/2]; cores < leastCores*usual {
			why[i] = fmt.Sprintf("a level was disturbed: its engine had %.1f cores where others like it had %.1f", cores, usual)
		}
	}
	return why
}

// coresOf is how many cores an engine kept busy during a level in which it always had
// work; 0 is not known.
func coresOf(o *Observation) float64 {
	if o.Level.Kind != bench.KindClosed && o.Level.Kind != bench.KindBurst {
		return 0
	}
	if u := o.Measured.Usage; u != nil && u.On != nil && u.On.CPUs != nil {
		return *u.On.CPUs
	}
	return 0
}
