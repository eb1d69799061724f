package tuner

import (
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/qtune/qtune/catalog"
	"github.com/qtune/qtune/profiles"
)

// advise says what to try next, from the trials that ran and nothing else: the load at
// which flags would matter, the constraint that holds the winner back, the axes whose
// end it has reached. There is none of it where a run has no winner.
func advise(p *profiles.Profile, d *Decision, results []TrialResult) []string {
	searched, _ := byPurpose(results)
	var all []string
	if f := flat(p, results); f != "" {
		all = append(all, f+". "+elsewhere(p, searched))
	}
	if d.Winner == nil {
		return all
	}
	if text := heldBack(p, d); text != "" {
		all = append(all, text)
	}
	if !d.KeptBaseline {
		all = append(all, edges(p, d)...)
	}
	return all
}

// elsewhere proposes a load at which the flags would make a difference.
func elsewhere(p *profiles.Profile, searched []*TrialResult) string {
	if level, sd := livelier(p, searched); level != "" {
		return fmt.Sprintf("At %s they differ by %.0f %%: choose by that level", level, 100*sd)
	}
	l := p.Workloads[p.Objective.At.Workload].Levels[p.Objective.At.Level]
	if l.Users > 0 {
		return fmt.Sprintf("The server may have nothing to do but wait: try %d users and %d", 4*l.Users, 16*l.Users)
	}
	return "The server may have nothing to do but wait: try a load several times as high"
}

// heldBack names the limit without which more would be had.
func heldBack(p *profiles.Profile, d *Decision) string {
	value := d.searchedScore(d.Winner)
	if value == nil {
		return ""
	}
	var best *Verdict
	gain := SmallGain
	for i := range d.Verdicts {
		v := &d.Verdicts[i]
		if v.Out == "" || v.score == nil || unsound(p, v.Result) != "" {
			continue
		}
		if g := advantage(p.Objective, *v.score, *value); g > gain {
			best, gain = v, g
		}
	}
	if best == nil {
		return ""
	}
	return fmt.Sprintf("A limit holds the winner back: trial %s gives %.0f %% more, with %s", best.Result.Trial, 100*gain, best.Out)
}

// searchedScore is what the search has compared a verdict's trial by.
func (d *Decision) searchedScore(v *Verdict) *float64 {
	if i := d.rank(v.Result.Trial); i >= 0 {
		return d.Verdicts[i].score
	}
	return nil
}

// edges names the axes of numbers at whose end the winner stands, where a trial that
// differs from it there alone was worse: beyond the end may be better.
func edges(p *profiles.Profile, d *Decision) []string {
	i := slices.IndexFunc(p.Engines, func(e *profiles.Engine) bool {
		return e.Kind == d.Winner.Result.Engine && e.Name == d.Winner.Result.Name
	})
	if i < 0 {
		return nil
	}
	var all []string
	for _, a := range p.Engines[i].Axes {
		if doesNothing(p.Engines[i], a.Name) {
			continue
		}
		end, own := endOf(a, d.Winner.Result)
		if end != nil && d.worseInside(p, p.Engines[i], a) {
			all = append(all, fmt.Sprintf("%s=%s is the %s value that was allowed, and %s was worse: allow %s", a.Name, own, end.word, end.inside, end.beyond))
		}
	}
	return all
}

// doesNothing says that the catalog knows a flag to be without effect in the engine's
// version, so that more of it is no advice.
func doesNothing(e *profiles.Engine, flag string) bool {
	flags, ok := catalog.EngineFlags(e.Kind)
	if !ok {
		return false
	}
	f, known := flags.Lookup(flag)
	return known && f.NoOpSince != "" && len(flags.Check(flag, catalog.ImageVersion(e.Image))) > 0
}

// end is an end of an axis of numbers, in words.
type end struct{ word, inside, beyond string }

// endOf is the end of an axis at which a result's value stands; nil if it does not.
func endOf(a profiles.Axis, r *TrialResult) (at *end, value string) {
	v, ok := valueOn(a, r.Flags, r.Env)
	own, err := strconv.ParseFloat(v.Text, 64)
	if !ok || err != nil {
		return nil, ""
	}
	low, high, n := math.Inf(1), math.Inf(-1), 0
	for _, w := range a.Values {
		if x, err := strconv.ParseFloat(w.Text, 64); err == nil && w.Kind == profiles.KindNumber {
			low, high, n = min(low, x), max(high, x), n+1
		}
	}
	switch {
	case n < 2:
		return nil, ""
	case own == high:
		return &end{"greatest", "less", "more"}, v.Text
	case own == low:
		return &end{"smallest", "more", "less"}, v.Text
	}
	return nil, ""
}

// worseInside says that the trial nearest to the winner on this axis, of those that
// differ from it there alone, is behind it by more than starts explain.
func (d *Decision) worseInside(p *profiles.Profile, e *profiles.Engine, a profiles.Axis) bool {
	value := d.searchedScore(d.Winner)
	if value == nil {
		return false
	}
	nearest, worse := math.Inf(1), false
	for i := range d.Verdicts {
		v := &d.Verdicts[i]
		if v.score == nil || !differsAt(e, a, v.Result, d.Winner.Result) {
			continue
		}
		if far := distanceOn(a, v.Result, d.Winner.Result); far < nearest {
			nearest, worse = far, advantage(p.Objective, *v.score, *value) < -SmallGain/2
		}
	}
	return worse
}

// differsAt says that two results of an engine differ on one axis and on no other.
func differsAt(e *profiles.Engine, a profiles.Axis, r, s *TrialResult) bool {
	if r.Engine != s.Engine || r.Name != s.Name {
		return false
	}
	for _, other := range e.Axes {
		x, _ := valueOn(other, r.Flags, r.Env)
		y, _ := valueOn(other, s.Flags, s.Env)
		if (x.String() == y.String()) == (other.Name == a.Name && other.Env == a.Env) {
			return false
		}
	}
	return true
}

// distanceOn is how far two results are apart on an axis; infinite where one has no number.
func distanceOn(a profiles.Axis, r, s *TrialResult) float64 {
	x, _ := valueOn(a, r.Flags, r.Env)
	y, _ := valueOn(a, s.Flags, s.Env)
	from, err1 := strconv.ParseFloat(x.Text, 64)
	to, err2 := strconv.ParseFloat(y.Text, 64)
	if err1 != nil || err2 != nil {
		return math.Inf(1)
	}
	return math.Abs(from - to)
}
