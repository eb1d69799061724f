package tuner

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"github.com/qtune/qtune/profiles"
	"github.com/qtune/qtune/tuner/search"
)

// Status is what a plan knows of a trial.
type Status string

// The states of a planned trial.
const (
	Planned  Status = "planned"
	Pruned   Status = "pruned"   // will not be started; Reason says why
	Measured Status = "measured" // an earlier run in the folder has its result
)

// The reasons for which a trial is pruned.
const (
	ReasonWhere      = "where"
	ReasonBudget     = StoppedTrials
	ReasonBudgetTime = StoppedTime
)

// Trial is one engine with one assignment of flags.
type Trial struct {
	ID        string // of the configuration alone: the same in every run of it
	Engine    *profiles.Engine
	Candidate profiles.Candidate
	Baseline  bool
	Status    Status
	Reason    string
	Why       string // a strategy chose it; "" where every candidate is tried

	point search.Point // where a strategy chose it
}

// Plan is every trial of a profile in the order in which they run, the baseline
// first. Where a strategy chooses among the candidates there is the baseline alone,
// until Foresee or a run adds what the strategy asks for.
type Plan struct {
	Profile  *profiles.Profile
	Trials   []Trial
	Unlisted int // candidates beyond MaxListed: the budget leaves no room for them
	Search   Search

	space   *space              // nil: every candidate is tried
	hints   *Hints              // nil: nothing was recalled
	earlier [][]search.Trial    // the hints, by run
	cannot  func(*Trial) string // of Prune
}

// MaxListed bounds how many trials a plan lists, so that a grid of millions
// under a budget of trials costs neither memory nor patience.
const MaxListed = 20_000

// Count is how many trials have the status.
func (p *Plan) Count(s Status) int {
	n := 0
	for i := range p.Trials {
		if p.Trials[i].Status == s {
			n++
		}
	}
	return n
}

// Most is how many trials a run of the plan has at most; 0: as many as the strategy
// asks for.
func (p *Plan) Most() int {
	if p.space != nil {
		return p.Search.Most
	}
	return p.Count(Planned) + p.Count(Measured)
}

// add puts a trial at the end, or gives the one that is there already.
func (p *Plan) add(t Trial) *Trial {
	for i := range p.Trials {
		if p.Trials[i].ID == t.ID {
			p.Trials[i].Why, p.Trials[i].point = t.Why, t.point
			return &p.Trials[i]
		}
	}
	p.Trials = append(p.Trials, t)
	return &p.Trials[len(p.Trials)-1]
}

// NewPlan lays out the trials: the baseline with its own flags and none of its
// sweep, then each engine's grid in the order of the file. A grid point that
// equals an earlier trial is that trial, once.
func NewPlan(p *profiles.Profile) *Plan {
	plan := &Plan{Profile: p}
	seen := map[string]bool{}
	add := func(t Trial) {
		t.ID = configurationID(t.Engine, t.Candidate)
		if seen[t.ID] {
			return
		}
		seen[t.ID] = true
		plan.Trials = append(plan.Trials, t)
	}
	base := p.Baseline()
	add(Trial{Engine: base, Candidate: base.BaselineCandidate(), Baseline: true, Status: Planned})
	all := newSpace(p)
	plan.Search = searchOf(p, all)
	if p.Search.Chooses() {
		plan.space = all
		return plan
	}
	for _, e := range p.Engines {
		if e == base && len(e.Axes) == 0 {
			continue
		}
		plan.addGrid(e, add)
	}
	plan.limit(p.Search.Budget.Trials)
	return plan
}

func (p *Plan) addGrid(e *profiles.Engine, add func(Trial)) {
	walked := 0
	for c := range e.Candidates() {
		if len(p.Trials) >= MaxListed {
			break
		}
		walked++
		add(gridTrial(e, c))
	}
	total, _ := e.Count()
	p.Unlisted += max(0, total-walked)
}

func gridTrial(e *profiles.Engine, c profiles.Candidate) Trial {
	if c.Excluded {
		return Trial{Engine: e, Candidate: c, Status: Pruned, Reason: ReasonWhere}
	}
	return Trial{Engine: e, Candidate: c, Status: Planned}
}

// limit prunes what a budget of n trials leaves no room for; 0 is no budget.
func (p *Plan) limit(n int) {
	if n == 0 {
		return
	}
	for i := range p.Trials {
		t := &p.Trials[i]
		if t.Status != Planned {
			continue
		}
		if n == 0 {
			t.Status, t.Reason = Pruned, ReasonBudget
			continue
		}
		n--
	}
}

// configurationID hashes what a person would call the configuration: the
// engine and its resolved flags and environment. Secrets enter by name.
func configurationID(e *profiles.Engine, c profiles.Candidate) string {
	text, err := json.Marshal(struct {
		Kind, Name, Image string
		Flags             Flags
		Env               Env
	}{e.Kind, e.Name, e.Image, c.Flags, c.Env})
	if err != nil {
		panic(fmt.Sprintf("flags of %s are no JSON: %v", e.Label(), err)) // profiles checked every value
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:5])
}
