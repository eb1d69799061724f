package tuner

import (
	"fmt"
	"slices"

	"github.com/qtune/qtune/bench"
	"github.com/qtune/qtune/catalog"
	"github.com/qtune/qtune/engine"
	"github.com/qtune/qtune/profiles"
)

// Roof is what a run's trials ran on, as far as a ceiling can be given for it.
type Roof struct {
	Card    catalog.Card
	Model   catalog.Model
	Unknown string // why no ceiling can be given; "" if one can
}

// Ceiling is how near a run came to what its card can do with its model.
type Ceiling struct {
	Card     string   `json:"card,omitempty"`
	Model    string   `json:"model,omitempty"`
	Unknown  string   `json:"unknown,omitempty"` // why there is none
	Winner   *Reach   `json:"winner,omitempty"`
	Baseline *Reach   `json:"baseline,omitempty"`
	Above    []string `json:"above,omitempty"` // of each trial the figure that its card cannot give, the winner's first
}

// Reach is one trial's throughput at the objective's level under its ceiling there.
type Reach struct {
	Tokens float64       `json:"output_throughput"` // as measured, or simulated: tokens/s
	AtLoad float64       `json:"ceiling"`           // tokens/s at that load
	Bound  catalog.Bound `json:"bound"`             // what limits it
	Alone  float64       `json:"ceiling_alone"`     // tokens/s of one request that has the card for itself
	Share  float64       `json:"share"`             // of AtLoad
}

// CompareWithCeiling puts into an outcome how near it came to its card's ceiling,
// and marks every figure above it.
func (o *Outcome) CompareWithCeiling(roof Roof, results []TrialResult) {
	c := &Ceiling{Card: roof.Card.Name, Model: roof.Model.ID, Unknown: roof.Unknown}
	o.Summary.Ceiling = c
	if c.Unknown != "" {
		c.Card, c.Model = "", ""
		return
	}
	c.Winner, c.Baseline = o.reach(&roof, o.Best), o.reach(&roof, o.Base)
	for i := range results {
		note := roof.above(&results[i])
		if note == "" {
			continue
		}
		for r := range o.Rows {
			if o.Rows[r].Trial == results[i].Trial {
				o.Rows[r].Notes = append(o.Rows[r].Notes, note)
			}
		}
		note = fmt.Sprintf("%s (trial %s)", note, results[i].Trial)
		if w := o.Summary.Winner; w != nil && w.Trial == results[i].Trial {
			c.Above = slices.Insert(c.Above, 0, note)
		} else {
			c.Above = append(c.Above, note)
		}
	}
}

// reach is nil where the trial has no figure at the objective's level.
func (o *Outcome) reach(roof *Roof, r *TrialResult) *Reach {
	goal, ok := o.Objective(r)
	if !ok {
		return nil
	}
	level := r.Level(goal.At)
	use, _ := r.use()
	top, ok := catalog.CeilingOf(roof.Card, roof.Model, use, trafficOf(level))
	alone, _ := catalog.CeilingOf(roof.Card, roof.Model, use, Alone(trafficOf(level)))
	if !ok || level.OutputThroughput <= 0 {
		return nil
	}
	return &Reach{Tokens: level.OutputThroughput, AtLoad: top.Tokens, Bound: top.Bound, Alone: alone.Tokens, Share: level.OutputThroughput / top.Tokens}
}

func (r *TrialResult) use() (catalog.Use, bool) {
	return engine.Use(r.Engine, profiles.Candidate{Flags: r.Flags, Env: r.Env})
}

// Alone is the traffic of one user of many, without what its prompts cost.
func Alone(t catalog.Traffic) catalog.Traffic {
	return catalog.Traffic{Users: 1, Output: min(t.Output, 1)}
}

// trafficOf is the load that a level had. Where requests came by a schedule, as many
// were under way as at the worst moment: that gives the highest ceiling.
func trafficOf(l *bench.LevelResult) catalog.Traffic {
	t := catalog.Traffic{Users: max(l.Users, 1)}
	if l.Kind == bench.KindOpen || l.Kind == bench.KindTrace || l.Kind == bench.KindMaxRate {
		t.Users = l.PeakInFlight
	}
	if n := float64(l.Requests.Completed); n > 0 {
		t.Input, t.Output = float64(l.InputTokens)/n, float64(l.OutputTokens)/n
	}
	return t
}

// above tells of the figure of a trial that is the furthest above what its card can
// give; "" if none is.
func (roof *Roof) above(r *TrialResult) string {
	use, speculates := r.use()
	note, worst := "", 1.0
	add := func(tokens, ceiling float64, level, each string) {
		if tokens > worst*ceiling {
			note, worst = aboveNote(tokens, ceiling, level, each, speculates), tokens/ceiling
		}
	}
	for w := range r.Workloads {
		for i := range r.Workloads[w].Levels {
			l := &r.Workloads[w].Levels[i]
			t := trafficOf(l)
			top, ok := catalog.CeilingOf(roof.Card, roof.Model, use, t)
			if !ok {
				continue
			}
			add(l.OutputThroughput, top.Tokens, LevelName(l), "")
			alone, _ := catalog.CeilingOf(roof.Card, roof.Model, use, Alone(t))
			if mean := l.TPOT.Mean; mean != nil && *mean > 0 {
				add(1000 / *mean, alone.Tokens, LevelName(l), " a user")
			}
		}
	}
	return note
}

func aboveNote(tokens, ceiling float64, level, each string, speculates bool) string {
	figures := fmt.Sprintf("%s%s at %s is more than the %s that the card can do", Figure(tokens, bench.UnitTokensPerSecond), each, level, Figure(ceiling, bench.UnitTokensPerSecond))
	if speculates {
		return figures + ": speculative decoding may yield more than one token a step"
	}
	return figures + ": impossible, unless prompts came from a cache; else tokens or time are counted wrongly"
}
