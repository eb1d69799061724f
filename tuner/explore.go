package tuner

import (
	"fmt"
	"math"

	"github.com/qtune/qtune/profiles"
	"github.com/qtune/qtune/tuner/search"
)

// The reasons of the strategies for which a run stops asking for trials.
const (
	StoppedTrials = search.Budget
	StoppedAll    = search.Exhausted
)

// Search is what is to be said of how a run's trials are chosen.
type Search struct {
	Strategy   string  `json:"strategy"`
	Seed       int     `json:"seed"`
	Candidates float64 `json:"candidates"` // after where; an estimate unless Exact
	Exact      bool    `json:"exact"`
	Most       int     `json:"most"`              // trials at most; 0: until the strategy ends
	LedBy      string  `json:"led_by,omitempty"`  // what predicted the candidates; "" where nothing did
	Earlier    int     `json:"earlier,omitempty"` // trials of earlier runs that it starts from
	Stopped    string  `json:"stopped,omitempty"` // why no more trials were asked for; "" where the run did not get there

	Next []Upcoming `json:"next,omitempty"` // what would have come next
}

// explorer asks a strategy for one trial after the other and tells it what each
// gave. It is a pure function of the results, so that a run that was cut off is led
// the same way again.
type explorer struct {
	space    *space
	strategy search.Strategy
	history  []search.Trial
	// cannot says why a trial cannot start or serve, "" if it may; what cannot is
	// told to the strategy and costs nothing.
	cannot func(*Trial) string
}

// Prior predicts a trial before it is measured; false where nothing is known of it.
type Prior func(*Trial) (search.Prediction, bool)

// newExplorer begins a search. The error is a strategy that there is not.
func newExplorer(plan *Plan, prior Prior) (*explorer, error) {
	p, s := plan.Profile, plan.space
	problem := search.Problem{
		Space: s.Space, Baseline: s.baseline, Minimize: p.Objective.Minimize,
		Limits: limits(p), Seed: uint64(p.Search.Seed), Earlier: plan.earlier,
	}
	if prior != nil {
		problem.Prior = func(at search.Point) (search.Prediction, bool) {
			t := s.trial(at)
			return prior(&t)
		}
	}
	strategy, err := search.New(p.Search.Strategy, problem)
	if err != nil {
		return nil, fmt.Errorf("choose trials: %w", err)
	}
	return &explorer{space: s, strategy: strategy, cannot: plan.cannot}, nil
}

// next is the next trial, why it was chosen, and those that were passed over
// because they cannot start. Without a trial the reason is why the search ends.
func (x *explorer) next() (t *Trial, passed []Trial, why string) {
	for {
		at, why, ok := x.strategy.Next(x.history)
		if !ok {
			return nil, passed, why
		}
		trial := x.space.trial(at)
		trial.point, trial.Why = at, why
		reason := ""
		if x.cannot != nil && !trial.Baseline {
			reason = x.cannot(&trial)
		}
		if reason == "" {
			return &trial, passed, why
		}
		trial.Status, trial.Reason = Pruned, refused(reason)
		passed = append(passed, trial)
		x.history = append(x.history, search.Trial{Point: at, Failed: true, Value: math.NaN()})
	}
}

// tell adds what a trial gave.
func (x *explorer) tell(t *Trial, r *TrialResult) {
	x.history = append(x.history, learned(x.space.profile, t.point, r))
}

// expect takes a trial as running, so that what may come after it can be asked.
func (x *explorer) expect(t *Trial) {
	x.history = append(x.history, search.Trial{Point: t.point, Pending: true, Value: math.NaN()})
}

// searchOf describes a search before it begins.
func searchOf(p *profiles.Profile, s *space) Search {
	n, exact := s.Count()
	info := Search{Strategy: p.Search.Strategy, Seed: p.Search.Seed, Candidates: n, Exact: exact, Most: p.Search.Budget.Trials}
	if all := n + 1; exact && (info.Most == 0 || float64(info.Most) > all) && all <= MaxListed {
		info.Most = int(all)
		if s.Keeps(s.baseline) {
			info.Most--
		}
	}
	return info
}

// Foresee adds to a plan whose trials a strategy chooses what is known of them: those
// that an earlier run has measured, as far as they lead, and up to n that come after
// them. What follows depends on what these give. Identity is a trial's.
func (p *Plan) Foresee(prior Prior, known map[string]TrialResult, identity func(*Trial) string, n int) error {
	if p.space == nil {
		return nil
	}
	x, err := newExplorer(p, prior)
	if err != nil {
		return err
	}
	f := foresight{profile: p.Profile, known: known, identity: identity}
	for most := p.Most(); n > 0 && (most == 0 || len(p.Trials) < most+p.Count(Pruned)); {
		t, passed, _ := x.next()
		p.Trials = append(p.Trials, passed...)
		if t == nil {
			break
		}
		t = p.add(*t)
		if r := f.of(t); r != nil {
			x.tell(t, r)
			continue
		}
		x.expect(t)
		n--
	}
	return nil
}
