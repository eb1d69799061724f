package deploy

import (
	"fmt"
	"slices"
)

// Action is what a plan does.
type Action string

// The actions.
const (
	Create  Action = "create"
	Keep    Action = "no change"
	Replace Action = "replace"
)

// Room says whether a new server has room beside the old one.
type Room struct {
	Enough bool
	Why    string // where it has not
}

// Plan is what has to be done for a service to run.
type Plan struct {
	Action Action
	Old    *Deployed // nil where nothing is deployed under the name
	// Beside: the new server starts while the old one serves, and takes its port
	// when it is ready. Otherwise the old one ends first, for the reason Why.
	Beside  bool
	Why     string
	Changes []string // lines "- what was" and "+ what is"
}

// NewPlan decides what has to be done for s, where found is deployed. replace asks
// for a new container even where nothing has changed.
func NewPlan(s *Service, found []Deployed, room Room, replace bool) Plan {
	i := slices.IndexFunc(found, func(d Deployed) bool { return d.Name == s.Name && !d.Halfway() })
	if i < 0 {
		return Plan{Action: Create, Changes: changes(nil, s.Blueprint.Lines)}
	}
	old := &found[i]
	p := Plan{Action: Replace, Old: old, Changes: changes(old.Lines, s.Blueprint.Lines)}
	switch {
	case old.State != "running":
		p.Changes = append(p.Changes, fmt.Sprintf("- container %s, which is %s", old.Container, old.State))
		p.Why = "it does not run"
	case old.Hash == s.Blueprint.Hash() && !replace:
		p.Action = Keep
	case !room.Enough:
		p.Why = room.Why
	default:
		p.Beside = true
	}
	return p
}

// changes lists what is gone and what is new, in the order of each.
func changes(before, after []string) []string {
	var all []string
	for _, l := range before {
		if !slices.Contains(after, l) {
			all = append(all, "- "+l)
		}
	}
	for _, l := range after {
		if !slices.Contains(before, l) {
			all = append(all, "+ "+l)
		}
	}
	return all
}
