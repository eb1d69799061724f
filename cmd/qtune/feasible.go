package main

import (
	"errors"
	"io/fs"
	"math"
	"slices"
	"strconv"

	"github.com/qtune/qtune/catalog"
	"github.com/qtune/qtune/engine"
	"github.com/qtune/qtune/gpu"
	"github.com/qtune/qtune/profiles"
	"github.com/qtune/qtune/tuner"
)

// prune takes out of a plan what cannot fit on the card that it would run on. A
// configuration that an earlier run has started is not judged again, and what its log
// said of its KV cache corrects what is worked out for others.
func (s *surroundings) prune(p *tuner.Plan, known map[string]tuner.TrialResult) {
	s.judge = s.site()
	s.fits = make(map[string]catalog.Feasible, len(p.Trials))
	before := s.measured(p, known)
	for i := range p.Trials {
		if r, ok := before[p.Trials[i].ID]; ok {
			s.judge.Learn(p.Trials[i].Engine, p.Trials[i].Candidate, r.Facts.KVTokens)
		}
	}
	p.Prune(func(t *tuner.Trial) string {
		answer := s.judge.Feasible(t.Engine, t.Candidate)
		s.fits[t.ID] = answer
		if _, ok := before[t.ID]; ok || answer.Answer != catalog.AnswerCannot {
			return ""
		}
		return answer.Why
	})
}

// measured are the results that earlier runs have of a plan's trials, by trial.
func (s *surroundings) measured(p *tuner.Plan, known map[string]tuner.TrialResult) map[string]tuner.TrialResult {
	found := map[string]tuner.TrialResult{}
	if len(known) == 0 {
		return found
	}
	for i := range p.Trials {
		if r, ok := tuner.Recall(known, s.profile, s.identity(&p.Trials[i])); ok {
			found[p.Trials[i].ID] = r
		}
	}
	return found
}

// learn takes in what the log of a trial said of its KV cache, now or in a run that
// was cut off: this one has to judge as that one would have gone on to.
func (s *surroundings) learn(e tuner.Event) {
	if (e.Type == tuner.EventTrialDone || e.Type == tuner.EventTrialReused) && s.judge != nil {
		s.judge.Learn(e.Trial.Engine, e.Trial.Candidate, e.Result.Facts.KVTokens)
	}
}

// site is where the trials would run, as far as it is known.
func (s *surroundings) site() *engine.Site {
	site := &engine.Site{Model: knownModel(s.profile.Model, s.environ), LongestRequest: engine.LongestRequest(s.profile.Workloads)}
	if s.simulation != nil {
		site.Cards = max(1, s.simulation.Cards)
		if card, ok := catalog.FindCard(s.simulation.Card); ok {
			site.Card = &card
		}
		return site
	}
	devices := s.profile.GPU.Devices
	switch {
	case devices == nil:
		site.Cards = 1 // the launcher takes one free card
	case len(devices) == 0:
		return site // no card: the host's memory, which others use too
	default:
		site.Cards = len(devices)
	}
	if inv, err := gpu.Devices(); err == nil {
		site.Card = knownCard(inv, devices)
	}
	return site
}

// cardTolerance is how far NVML's memory may lie from the table's: a slice of a
// card has its name and a part of its memory.
const cardTolerance = 0.1

// knownCard is the card of the table that trials would get; nil where it is not
// there, or where they may get cards of several kinds.
func knownCard(inv gpu.Inventory, devices []string) *catalog.Card {
	var found *catalog.Card
	for _, d := range inv.Devices {
		if devices != nil && !slices.Contains(devices, d.UUID) && !slices.Contains(devices, strconv.Itoa(d.Index)) {
			continue
		}
		card, ok := catalog.FindCard(d.Name)
		if !ok || math.Abs(float64(d.MemoryBytes)/card.MemoryBytes-1) > cardTolerance || found != nil && found.Name != card.Name {
			return nil
		}
		card.MemoryBytes = math.Max(card.MemoryBytes, float64(d.MemoryBytes))
		found = &card
	}
	return found
}

// knownModel is the shape of the profile's model: from its folder or GGUF file, else
// from the table; nil where neither tells.
func knownModel(m profiles.Model, environ []string) *catalog.Model {
	path := m.Path
	if path == "" {
		path = engine.CacheState(engine.CacheDir(environ), m).Snapshot
	}
	if model, err := engine.ReadModel(path); path != "" && err == nil {
		return &model
	} else if path != "" && !errors.Is(err, fs.ErrNotExist) {
		return nil // it is another model than its name says, or one that is not reckoned
	}
	if model, ok := catalog.FindModel(m.ID); ok && m.ID != "" && (m.Path == "" || !exists(m.Path)) {
		return &model
	}
	return nil
}

// memoryLine is what a plan says of a trial's memory. What cannot fit says so itself.
func memoryLine(f catalog.Feasible) string {
	switch f.Answer {
	case catalog.AnswerFits:
		return f.Fit.String()
	case catalog.AnswerNotKnown:
		return "must be tried: " + f.Why
	}
	return ""
}
