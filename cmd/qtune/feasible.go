package main

import (
	"errors"
	"fmt"
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
	if card := s.foreignCard(); card != nil {
		s.judge.Card = card
	}
	s.fits = make(map[string]catalog.Feasible, len(p.Trials))
	before := s.measured(p, known)
	for i := range p.Trials {
		t := &p.Trials[i]
		if r, ok := before[t.ID]; ok {
			s.judge.Learn(t.Engine, t.Candidate, r.Facts.KVTokens)
		}
		if t.Baseline { // it always runs, and Prune does not ask
			s.fits[t.ID] = s.judge.Feasible(t.Engine, t.Candidate)
		}
	}
	p.Prune(func(t *tuner.Trial) string {
		answer := s.judge.Feasible(t.Engine, t.Candidate)
		s.fits[t.ID] = answer
		if why := s.flagless(t); why != "" {
			return why
		}
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
		site.Card = thisCPU()
		return site
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

// foreignCard is, for a plan on a machine whose card cannot be read, the one that the
// profile names: somebody plans for another machine. A run judges nothing by it.
func (s *surroundings) foreignCard() *catalog.Card {
	if !s.planning || s.simulation != nil || s.judge.Card != nil || s.profile.GPU.None() {
		return nil
	}
	card := s.profilesCard()
	if card != nil {
		s.notes = append(s.notes, fmt.Sprintf("no GPU can be read on this machine: what fits is worked out for the profile's %s (gpu.simulate), and apply here would try everything", card.Name))
	}
	return card
}

// memoryLine is what a plan says of a trial's memory. A pruned one says it itself.
func memoryLine(t *tuner.Trial, f catalog.Feasible) string {
	switch {
	case f.Answer == catalog.AnswerFits:
		return f.Fit.String()
	case f.Answer == catalog.AnswerNotKnown:
		return mustTry + f.Why
	case f.Answer == catalog.AnswerCannot && t.Baseline:
		return "cannot fit, by arithmetic, and runs as the baseline: " + f.Why
	}
	return ""
}

const mustTry = "must be tried: "

// sayOnce makes one note of what is not known of every trial for the same reason.
func (v *planView) sayOnce() {
	why := ""
	for i := range v.Trials {
		t := &v.Trials[i]
		if t.Fits == "" {
			continue
		}
		if t.Fits != string(catalog.AnswerNotKnown) || why != "" && t.Memory != why {
			return
		}
		why = t.Memory
	}
	if why == "" {
		return
	}
	for i := range v.Trials {
		v.Trials[i].Memory = ""
	}
	v.Notes = append(v.Notes, "what fits is not known, so every trial "+why)
}
