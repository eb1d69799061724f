package tuner

import (
	"time"

	"github.com/qtune/qtune/profiles"
)

// source is where a run's trials come from.
type source interface {
	// next is the next trial after so much of the engines' time; nil: none any more.
	next(spent time.Duration) *Trial
	tell(*Trial, *TrialResult)
}

func (t *Tuner) source(plan *Plan) (source, error) {
	if plan.space == nil {
		return &listed{plan: plan}, nil
	}
	x, err := newExplorer(plan, t.Prior)
	return &asked{plan: plan, explorer: x}, err
}

// over says whether a budget is used up, and which; "" if none is.
func over(b profiles.Budget, spent time.Duration) string {
	if b.Time > 0 && spent >= b.Time {
		return StoppedTime
	}
	return ""
}

// overWith is over for a search that leaves room for its finish: the time that this
// may want, up to a quarter of the budget.
func overWith(p *profiles.Profile, spent time.Duration, trials int) string {
	return over(p.Search.Budget, spent+min(reserve(p, spent, trials), p.Search.Budget.Time/4))
}

// listed goes through the trials of a plan that lists them all.
type listed struct {
	plan *Plan
	at   int // of the next
	n    int // trials so far
}

func (l *listed) next(spent time.Duration) *Trial {
	stopped := overWith(l.plan.Profile, spent, l.n)
	for ; l.at < len(l.plan.Trials); l.at++ {
		t := &l.plan.Trials[l.at]
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
	l.plan.Search.Stopped = l.end()
	return nil
}

// end is why there is no next one: what was pruned by a budget says it.
func (l *listed) end() string {
	if l.plan.Unlisted > 0 {
		return StoppedTrials
	}
	for i := range l.plan.Trials {
		if t := &l.plan.Trials[i]; t.Status == Pruned && (t.Reason == ReasonBudget || t.Reason == ReasonBudgetTime) {
			return t.Reason
		}
	}
	return StoppedAll
}

func (l *listed) tell(*Trial, *TrialResult) {}

// asked asks a strategy for each trial, within the budget.
type asked struct {
	*explorer
	plan *Plan
	n    int // trials so far
}

func (a *asked) next(spent time.Duration) *Trial {
	b := a.plan.Profile.Search.Budget
	stopped := overWith(a.plan.Profile, spent, a.n)
	if b.Trials > 0 && a.n >= b.Trials {
		stopped = StoppedTrials
	}
	if stopped != "" {
		a.plan.Search.Stopped = stopped
		return nil
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
