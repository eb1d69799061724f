package tuner

// ReasonCannotFit begins the reason of a trial that Prune has taken out.
const ReasonCannotFit = "cannot fit"

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
			t.Status, t.Reason = Pruned, ReasonCannotFit+": "+reason
		}
	}
	p.limit(p.Profile.Search.Budget.Trials)
}

// prunedFor is the reason by which pruned trials are counted: the arithmetic of
// each is its own.
func prunedFor(t *Trial) string {
	if len(t.Reason) > len(ReasonCannotFit) && t.Reason[:len(ReasonCannotFit)] == ReasonCannotFit {
		return ReasonCannotFit
	}
	return t.Reason
}
