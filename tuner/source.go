package tuner

import "github.com/qtune/qtune/profiles"

// source is where a run's trials come from.
type source interface {
	// next is the next trial after so much was spent on these results; nil: none any more.
	next(spent, []TrialResult) *Trial
	tell(*Trial, *TrialResult)
}

func (t *Tuner) source(plan *Plan) (source, error) {
	if plan.space == nil {
		return &listed{plan: plan}, nil
	}
	if plan.hints != nil {
		if err := t.Journal.Append(Record{Type: RecordHints, Hints: plan.hints}); err != nil {
			return nil, err
		}
	}
	x, err := newExplorer(plan, t.Prior)
	return &inquiry{plan: plan, explorer: x}, err
}

// listed goes through the trials of a plan that lists them all.
type listed struct {
	plan *Plan
	at   int // of the next
	n    int // trials so far
}

func (l *listed) next(s spent, _ []TrialResult) *Trial {
	stopped := s.overWith(l.plan.Profile, l.n)
	for ; l.at < len(l.plan.Trials); l.at++ {
		t := &l.plan.Trials[l.at]
		l.plan.look(t)
		switch {
		case t.Status == Pruned:
		case stopped != "":
			t.Status, t.Reason = Pruned, stopped
		default:
			l.at++
			l.n++
			return t
		}
	}
	if stopped == "" {
		if t := l.plan.secondLook(); t != nil {
			l.n++
			return t
		}
	}
	l.end()
	return nil
}

// end says why there is no next one: what was pruned by a budget tells.
func (l *listed) end() {
	info := &l.plan.Search
	info.Stopped = StoppedAll
	for i := range l.plan.Trials {
		t := &l.plan.Trials[i]
		if t.Status != Pruned || !isBudget(t.Reason) {
			continue
		}
		info.Stopped = t.Reason
		if len(info.Next) < mostNext {
			info.Next = append(info.Next, upcoming(t))
		}
	}
	if l.plan.Unlisted > 0 {
		info.Stopped = StoppedTrials
	}
}

func (l *listed) tell(*Trial, *TrialResult) {}

// inquiry asks a strategy for each trial, within the budget.
type inquiry struct {
	*explorer
	plan *Plan
	n    int // trials so far
}

func (a *inquiry) next(s spent, results []TrialResult) *Trial {
	b := a.plan.Profile.Search.Budget
	stopped := s.overWith(a.plan.Profile, a.n)
	if b.Trials > 0 && a.n >= b.Trials {
		stopped = StoppedTrials
	}
	if stopped != "" {
		a.plan.Search.Stopped = stopped
		a.plan.Search.Next = a.upcoming()
		return nil
	}
	if a.gives() {
		if why := flat(a.plan.Profile, results); why != "" {
			a.plan.Search.Stopped = why
			return nil
		}
	}
	t, passed, why := a.explorer.next()
	a.plan.Trials = append(a.plan.Trials, passed...)
	if t == nil {
		a.plan.Search.Stopped = why
		return nil
	}
	a.n++
	return a.plan.add(*t)
}

// gives says that the strategy gives up where nothing matters. Chance goes on: who
// chose it wants to see much of the space.
func (a *inquiry) gives() bool {
	s := a.plan.Profile.Search.Strategy
	return s == profiles.StrategyAuto || s == profiles.StrategyOFAT
}

// mostNext is how many of the trials are listed that a budget left out.
const mostNext = 3

// upcoming is what would have come next.
func (a *inquiry) upcoming() []Upcoming {
	var all []Upcoming
	for range mostNext {
		t, _, _ := a.explorer.next()
		if t == nil {
			break
		}
		all = append(all, upcoming(t))
		a.expect(t)
	}
	return all
}

// Upcoming is a trial that a budget left out.
type Upcoming struct {
	Trial  string `json:"trial"`
	Engine string `json:"engine"`
	Name   string `json:"name"`
	Varies string `json:"varies"`
	Why    string `json:"why,omitempty"`
}

func upcoming(t *Trial) Upcoming {
	return Upcoming{t.ID, t.Engine.Kind, t.Engine.Name, t.Varies(), t.Why}
}
