package tuner

import "strings"

// The beginnings of the reasons of trials that Prune has taken out.
const (
	ReasonCannotFit = "cannot fit"
	ReasonNoFlag    = "no such flag" // the engine itself does not list it
)

// refused is the reason of a trial by what Prune was told.
func refused(why string) string {
	if strings.HasPrefix(why, ReasonNoFlag+": ") {
		return why
	}
	return ReasonCannotFit + ": " + why
}

// Prune takes out the trials that cannot start or serve, each with the reason that
// why gives; "" leaves it in. The baseline always runs: it is what the rest is
// compared with. What a budget of trials had left out moves up. What a strategy asks
// for later is judged by the same.
func (p *Plan) Prune(why func(*Trial) string) {
	p.cannot = why
	if p.space != nil {
		return
	}
	for i := range p.Trials {
		t := &p.Trials[i]
		if t.Status == Pruned && t.Reason == ReasonBudget {
			t.Status, t.Reason = Planned, ""
		}
		if t.Status != Planned || t.Baseline {
			continue
		}
		if reason := why(t); reason != "" {
			t.Status, t.Reason = Pruned, refused(reason)
		}
	}
	p.limit(p.Profile.Search.Budget.Trials)
}

// look judges a trial again when it is its turn: the starts since Prune may have
// taught how much memory there is. What can start after all takes its place again,
// where the budget of trials leaves one.
func (p *Plan) look(t *Trial) {
	pruned := t.Status == Pruned && prunedFor(t) == ReasonCannotFit
	if p.cannot == nil || t.Baseline || !pruned && t.Status != Planned {
		return
	}
	switch reason := p.cannot(t); {
	case reason != "":
		t.Status, t.Reason = Pruned, refused(reason)
	case pruned && p.room():
		t.Status, t.Reason = Planned, ""
	}
}

// room says that the budget of trials leaves a place.
func (p *Plan) room() bool {
	most := p.Profile.Search.Budget.Trials
	return most == 0 || p.Count(Planned)+p.Count(Measured) < most
}

// secondLook finds a trial that was passed over for want of memory, and that can start
// by what has been learned since; nil if there is none.
func (p *Plan) secondLook() *Trial {
	for i := range p.Trials {
		t := &p.Trials[i]
		if t.Status != Pruned || prunedFor(t) != ReasonCannotFit {
			continue
		}
		if p.look(t); t.Status == Planned {
			return t
		}
	}
	return nil
}

// prunedFor is the reason by which pruned trials are counted: the arithmetic of
// each is its own.
func prunedFor(t *Trial) string {
	for _, reason := range []string{ReasonCannotFit, ReasonNoFlag} {
		if strings.HasPrefix(t.Reason, reason+": ") {
			return reason
		}
	}
	return t.Reason
}
