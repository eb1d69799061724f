package tuner

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/stat"

	"github.com/qtune/qtune/profiles"
	"github.com/qtune/qtune/tuner/finish"
)

// StoppedFlat begins the reason of a search that ended because nothing that it varied
// makes a difference at the objective's load.
const StoppedFlat = "nothing matters at this load"

// minFlat is how many measured trials it takes at least to say so.
const minFlat = 6

// flat says that the trials differ by no more than starts of one configuration do,
// although every axis had several of its values in them: their standard deviation is
// not above that of a restart. "" where that is not so, or cannot be said yet.
func flat(p *profiles.Profile, results []TrialResult) string {
	why := ""
	for _, o := range Figures(p.Objective) {
		if why = flatIn(p, o, results); why == "" {
			return ""
		}
	}
	return why
}

// flatIn is flat in one figure of the objective.
func flatIn(p *profiles.Profile, o profiles.Objective, results []TrialResult) string {
	values, tried := []float64{}, map[string]map[string]bool{}
	searched, _ := byPurpose(results)
	for _, r := range searched {
		v, ok := r.Value(o)
		if !ok || v <= 0 || unsound(p, r) != "" {
			continue
		}
		values = append(values, math.Log(v))
		for _, e := range p.Engines {
			if e.Kind == r.Engine && e.Name == r.Name {
				note(tried, e, r)
			}
		}
	}
	if len(values) < minFlat || !allVaried(p, tried) {
		return ""
	}
	sd := stat.StdDev(values, nil)
	if sd > finish.DefaultNoise().SD {
		return ""
	}
	return fmt.Sprintf("%s: %d trials, in which every flag was varied, differ by %.1f %% (standard deviation), no more than starts of one server do",
		StoppedFlat, len(values), 100*sd)
}

func note(tried map[string]map[string]bool, e *profiles.Engine, r *TrialResult) {
	for _, a := range e.Axes {
		key := e.Kind + " " + e.Name + " " + a.Name
		if tried[key] == nil {
			tried[key] = map[string]bool{}
		}
		v, _ := valueOn(a, r.Flags, r.Env)
		tried[key][v.String()] = true
	}
}

func allVaried(p *profiles.Profile, tried map[string]map[string]bool) bool {
	for _, e := range p.Engines {
		for _, a := range e.Axes {
			if len(a.Values) > 1 && len(tried[e.Kind+" "+e.Name+" "+a.Name]) < 2 {
				return false
			}
		}
	}
	return true
}

// livelier is the level at which the trials that measured it differ most, and by how
// much (the standard deviation of the logarithms); "" if nowhere by more than starts do.
func livelier(p *profiles.Profile, results []*TrialResult) (string, float64) {
	best, most := "", 2*finish.DefaultNoise().SD
	for w := range p.Workloads {
		for l := range p.Workloads[w].Levels {
			at := profiles.At{Workload: w, Level: l}
			var values []float64
			for _, r := range results {
				if level := r.Level(at); level != nil && r.Status == OK {
					if v, ok := level.Metric(p.Objective.Metric.Name); ok && v > 0 {
						values = append(values, math.Log(v))
					}
				}
			}
			if len(values) < minFlat {
				continue
			}
			if sd := stat.StdDev(values, nil); sd > most {
				best, most = p.Workloads[w].Levels[l].String(), sd
			}
		}
	}
	return best, most
}
