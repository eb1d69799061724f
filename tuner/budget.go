package tuner

import (
	"strings"
	"time"

	"github.com/qtune/qtune/engine"
	"github.com/qtune/qtune/profiles"
)

// The reasons for which a run stops asking for trials, beside those of the strategies.
const (
	StoppedStarts   = "budget: starts"
	StoppedTime     = "budget: time"
	StoppedGPUHours = "budget: GPU-hours"
	StoppedCost     = "budget: cost"
)

func isBudget(reason string) bool { return strings.HasPrefix(reason, "budget: ") }

// spent is what a run has used of its budget.
type spent struct {
	starts int
	time   time.Duration // of engines
	cards  time.Duration // the same, by card
}

func (s *spent) add(r *TrialResult) {
	t := time.Duration(r.EngineS() * float64(time.Second))
	s.starts++
	s.time += t
	s.cards += time.Duration(r.Cards) * t
}

// use is the share of a budget that is used up, and of which bound; 0 without bounds.
func (s *spent) use(b profiles.Budget) (share float64, which string) {
	for _, bound := range []struct {
		used, most float64
		which      string
	}{
		{float64(s.starts), float64(b.Starts), StoppedStarts},
		{s.time.Hours(), b.Time.Hours(), StoppedTime},
		{s.cards.Hours(), b.GPUHours, StoppedGPUHours},
		{s.cards.Hours() * b.GPUHourPrice, b.Cost, StoppedCost},
	} {
		if bound.most > 0 && bound.used/bound.most >= share {
			share, which = bound.used/bound.most, bound.which
		}
	}
	return share, which
}

// over says whether a budget is used up, and which; "" if none is.
func (s *spent) over(b profiles.Budget) string {
	if share, which := s.use(b); share >= 1 {
		return which
	}
	return ""
}

// mostReserve is the share of a budget that is kept back for a finish at most.
const mostReserve = 0.25

// overWith is over for a search of so many trials that leaves room for its finish: as
// much as its starts may want if they are like the trials.
func (s *spent) overWith(p *profiles.Profile, trials int) string {
	share, which := s.use(p.Search.Budget)
	reserve := 0.0
	if f := p.Search.Finish; f.Starts > 0 && trials > 0 {
		starts := f.Servers(trials)
		reserve = min(mostReserve, share*float64(starts)/float64(trials))
	}
	if share > 0 && share+reserve >= 1 {
		return which
	}
	return ""
}

// cards is how many cards a trial's engine takes; 0 where the profile gives it none.
func cards(p *profiles.Profile, t *Trial) int {
	if p.GPU.None() {
		return 0
	}
	use, _ := engine.Use(t.Engine.Kind, t.Candidate)
	return use.AllCards()
}
