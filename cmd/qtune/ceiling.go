package main

import (
	"fmt"
	"slices"

	"github.com/qtune/qtune/bench"
	"github.com/qtune/qtune/catalog"
	"github.com/qtune/qtune/engine"
	"github.com/qtune/qtune/gpu"
	"github.com/qtune/qtune/profiles"
	"github.com/qtune/qtune/tuner"
)

// roof is what the trials run on, or why no ceiling can be given for it.
func (s *surroundings) roof() tuner.Roof {
	site := s.site()
	named := ""
	if site.Card == nil && s.simulation == nil {
		site.Card, named = s.profilesCard(), " (by the profile)"
	}
	switch {
	case site.Card != nil && site.Card.CPU, s.simulation == nil && s.profile.GPU.None():
		return tuner.Roof{Unknown: "the engines use a CPU, and no data sheet says which bandwidth a server gets of it"}
	case site.Card == nil:
		return tuner.Roof{Unknown: s.noCard()}
	case site.Model == nil:
		return tuner.Roof{Unknown: fmt.Sprintf("the shape of the model %s is not known: it has no config.json here and is in no table", s.modelName())}
	}
	model := *site.Model
	if model.ID == "" {
		model.ID = s.modelName()
	}
	card := *site.Card
	card.Name += named
	return tuner.Roof{Card: card, Model: model}
}

// profilesCard is the card that the profile names, for a machine on which none can be
// read; nil if it names none, or one can be read and is another.
func (s *surroundings) profilesCard() *catalog.Card {
	if _, err := gpu.Devices(); err == nil || s.external() {
		return nil
	}
	card, ok := catalog.FindCard(s.profile.GPU.Simulate)
	if !ok {
		return nil
	}
	return &card
}

// external says that qtune does not start a server of the profile.
func (s *surroundings) external() bool {
	return slices.ContainsFunc(s.profile.Engines, func(e *profiles.Engine) bool { return e.Runtime == profiles.RuntimeExternal })
}

func (s *surroundings) modelName() string {
	if s.profile.Model.ID != "" {
		return s.profile.Model.ID
	}
	return s.profile.Model.Path
}

// noCard says why the card is not known.
func (s *surroundings) noCard() string {
	if s.external() {
		return "the server is not qtune's, so its card is not known"
	}
	inv, err := gpu.Devices()
	switch {
	case err != nil:
		return "no GPU could be read on this machine"
	case len(inv.Devices) == 0:
		return "this machine has no GPU"
	}
	return fmt.Sprintf("there are no figures of one card %q", inv.Devices[0].Name)
}

// ceilingView is the most that the baseline's cards can do with its weights.
type ceilingView struct {
	Card    string        `json:"card,omitempty"`
	Cards   int           `json:"cards,omitempty"` // that the baseline uses
	Model   string        `json:"model,omitempty"`
	Alone   float64       `json:"ceiling_alone,omitempty"` // tokens/s of one request alone
	AtLoad  float64       `json:"ceiling,omitempty"`       // tokens/s at the objective's level
	Level   string        `json:"level,omitempty"`
	Bound   catalog.Bound `json:"bound,omitempty"`
	Unknown string        `json:"unknown,omitempty"` // why there is none
}

// ceiling is what the plan can say of it before anything was measured.
func (s *surroundings) ceiling() *ceilingView {
	roof := s.roof()
	if roof.Unknown != "" {
		return &ceilingView{Unknown: roof.Unknown}
	}
	o := s.profile.Objective
	w := s.profile.Workloads[o.At.Workload]
	level := w.Levels[o.At.Level]
	base := s.profile.Baseline()
	use, _ := engine.Use(base.Kind, base.BaselineCandidate())
	traffic := plannedTraffic(w, level)
	load, ok := catalog.CeilingOf(roof.Card, roof.Model, use, traffic)
	alone, _ := catalog.CeilingOf(roof.Card, roof.Model, use, tuner.Alone(traffic))
	if !ok {
		return &ceilingView{Unknown: "the lengths of the answers are not known before they are sent"}
	}
	return &ceilingView{Card: roof.Card.Name, Cards: use.AllCards(), Model: roof.Model.ID, Alone: alone.Tokens, AtLoad: load.Tokens, Level: level.String(), Bound: load.Bound}
}

// plannedTraffic is the load of a level's requests. How many of an open loop will be
// under way is not known: any number.
func plannedTraffic(w bench.Workload, l bench.Level) catalog.Traffic {
	t := catalog.Traffic{Users: l.Users}
	if l.Kind == bench.KindSingle {
		t.Users = 1
	}
	n := 0.0
	for _, r := range bench.Plan(w, l) {
		if !r.Warmup {
			t.Input, t.Output, n = t.Input+float64(r.InputTokens), t.Output+float64(r.OutputTokens), n+1
		}
	}
	if n == 0 {
		return catalog.Traffic{Users: t.Users, Input: float64(w.Prompts.InputTokens), Output: float64(l.OutputTokens)}
	}
	t.Input, t.Output = t.Input/n, t.Output/n
	return t
}

// String says it in a sentence.
func (c *ceilingView) String() string {
	if c.Unknown != "" {
		return fmt.Sprintf("The card's ceiling is not known: %s.", c.Unknown)
	}
	cards := c.Card
	if c.Cards > 1 {
		cards = fmt.Sprintf("%d × %s", c.Cards, c.Card)
	}
	return fmt.Sprintf("Ceiling of %s with %s, by its data sheet: %s for one request alone, %s at %s (%s).", cards, c.Model,
		tuner.Figure(c.Alone, bench.UnitTokensPerSecond), tuner.Figure(c.AtLoad, bench.UnitTokensPerSecond), c.Level, boundWords[c.Bound])
}

// boundWords say what limits a ceiling.
var boundWords = map[catalog.Bound]string{
	catalog.ByBandwidth: "reading weights and KV cache takes the time",
	catalog.ByFLOPS:     "multiplying takes the time",
}
