package tuner

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/qtune/qtune/bench"
	"github.com/qtune/qtune/engine"
	"github.com/qtune/qtune/profiles"
	"github.com/qtune/qtune/quality"
)

// Server is one life of a candidate's server.
type Server interface {
	Target() bench.Target
	Facts() engine.Facts
	// Died is closed when the server can serve no more; Failure then says why.
	Died() <-chan struct{}
	Failure() *engine.Failure
	// Close stops and removes the server, whatever became of ctx. An error means
	// that something is left.
	Close(ctx context.Context) error
}

// lagger is a server that can tell how far it ran behind its own clock, as simulated ones do.
type lagger interface {
	Lag(ctx context.Context) (engine.Lag, bool)
}

// Tuner runs the trials of a plan, one at a time: a card has one tenant.
type Tuner struct {
	// Launch starts a trial's server and waits until it serves; its log goes to
	// logPath. cold asks for a start without what earlier ones have compiled. A
	// failure is the trial's outcome, an error ends the run.
	Launch func(ctx context.Context, t *Trial, cold bool, logPath string) (Server, *engine.Failure, error)
	// Measure runs one level and hands over each request as it ends. Once each says so,
	// nothing more is sent: the level ends with what is under way.
	Measure func(ctx context.Context, to bench.Target, w bench.Workload, l bench.Level, each func(bench.Outcome) bool) (bench.LevelResult, error)
	// Command is a trial's command line with its secrets hidden.
	Command func(*Trial) []string
	// Identity is a trial's identity, "" if it cannot be known.
	Identity func(*Trial) string
	// Setting is what the results of a trial can be a hint for; nil: no later search is to
	// start from them.
	Setting func(*Trial) string
	Known   map[string]TrialResult // measured before, by identity
	// Ask asks a server for the answers by which configurations are compared, against a
	// reference's where there is one; nil: they are not.
	Ask     func(ctx context.Context, to bench.Target, kind string, reference *quality.Answers) *quality.Answers
	Prior   Prior // what a simulator predicts; nil: there is none
	Journal *Journal
	Folder  *Folder
	RunID   string
	Notify  func(Event)
	Now     func() time.Time
	// Speed is engine seconds in a wall second: 1 but for simulated engines.
	Speed     float64
	Simulated bool
}

// LeftError is a trial whose server could not be removed. The run ends: the
// next trial must not share the card with it.
type LeftError struct {
	Trial string // "": of none
	Err   error
}

func (e *LeftError) Error() string {
	if e.Trial == "" {
		return fmt.Sprintf("remove what is left: %v", e.Err)
	}
	return fmt.Sprintf("remove the server of trial %s: %v", e.Trial, e.Err)
}

func (e *LeftError) Unwrap() error { return e.Err }

// Hint says what to do about it.
func (e *LeftError) Hint() string {
	return "`qtune destroy` tries again; `qtune ps` lists what is left"
}

// Run runs the plan's trials one after the other, then the best of them once more on
// fresh starts if the profile wants a finish, and returns what each start gave. The
// error is why the run could not go on: its context ended, the journal could not be
// written, or something could not be removed. Results up to there are returned.
func (t *Tuner) Run(ctx context.Context, plan *Plan) ([]TrialResult, error) {
	source, err := t.source(plan)
	if err != nil {
		return nil, err
	}
	c := &course{Tuner: t, plan: plan}
	for trial := source.next(c.spent, nil); trial != nil; trial = source.next(c.spent, c.results) {
		j := job{trial: trial, purpose: PurposeSearch, start: 1, workloads: plan.Profile.Workloads, k: len(c.results) + 1, n: plan.Most()}
		if err := c.take(ctx, j); err != nil {
			return c.results, err
		}
		source.tell(trial, &c.results[len(c.results)-1])
	}
	return c.results, c.finish(ctx)
}

// job is one start that is to give a result.
type job struct {
	trial     *Trial
	purpose   string
	start     int // of this purpose, from 1
	workloads []bench.Workload
	k, n      int              // for those who watch
	reference *quality.Answers // what the baseline said; nil before it did
}

// baseline is the search's result of the baseline; nil if there is none.
func (c *course) baseline() *TrialResult {
	for i := range c.results {
		if r := &c.results[i]; r.Baseline && r.Purpose == PurposeSearch {
			return r
		}
	}
	return nil
}

// course is a run on its way.
type course struct {
	*Tuner
	plan    *Plan
	results []TrialResult
	spent   spent
}

// take does a job and adds its result.
func (c *course) take(ctx context.Context, j job) error {
	at := Event{K: j.k, N: j.n, Trial: j.trial, Purpose: j.purpose, Start: j.start, Best: c.best()}
	result, err := c.one(ctx, j, at)
	if err != nil {
		return err
	}
	c.results = append(c.results, result)
	agree(c.plan.Profile, c.results)
	if result.ReusedFrom == "" || result.cutRun == c.plan.Profile.Name { // the run that was cut off had the same budget
		c.spent.add(&result)
	}
	at.Type, at.Result = EventTrialDone, &c.results[len(c.results)-1]
	if result.ReusedFrom != "" {
		at.Type = EventTrialReused
	}
	at.Best = c.best()
	c.Notify(at)
	return nil
}

// best leads the search so far; a finish that is not whole yet does not change it.
func (c *course) best() *Verdict {
	return leader(c.plan.Profile, c.results)
}

// leader is the best of the search's results; nil if none can win.
func leader(p *profiles.Profile, results []TrialResult) *Verdict {
	searched := slices.DeleteFunc(slices.Clone(results), func(r TrialResult) bool { return r.Purpose == PurposeFinish })
	return Decide(p, searched).Winner
}

// one gives the result of a job: an earlier one if there is, else a new one, with a
// second start after a fault of the machine.
func (c *course) one(ctx context.Context, j job, at Event) (TrialResult, error) {
	identity := c.Identity(j.trial)
	if known, ok := standing(c.Known, c.plan.Profile, identity, j.purpose, j.start, at.Best); ok {
		return c.reuse(j.trial, known)
	}
	j.reference = referenceOf(c.results)
	a := attempt{Tuner: c.Tuner, plan: c.plan, base: c.baseline(), job: j, at: at, identity: identity, cards: cards(c.plan.Profile, j.trial)}
	result, err := a.run(ctx)
	if err != nil || !machineFault(&result) {
		return result, err
	}
	at.Type, at.Result = EventTrialRetried, &result
	c.Notify(at)
	a.again = true
	return a.run(ctx)
}

func (t *Tuner) reuse(trial *Trial, known TrialResult) (TrialResult, error) {
	known = known.as(trial)
	err := t.Journal.Append(Record{Type: RecordTrialReused, Trial: trial.ID, Result: &known, Reason: "measured in run " + known.ReusedFrom})
	return known, err
}

func machineFault(r *TrialResult) bool {
	return r.Failure != nil && r.Failure.Fault == engine.FaultMachine
}

// uncertain are the classes that are blamed on the configuration for want of
// better, and may as well have been the machine's: a slow disk, a busy neighbour.
var uncertain = map[engine.Class]bool{
	engine.StartupTimeout: true, engine.Unknown: true, engine.HostOutOfMemory: true, engine.Stalled: true, engine.RequestsFailed: true,
}

// reusable says that a result holds for good: a success, or a failure that the
// configuration itself caused.
func reusable(r *TrialResult) bool {
	if r.Identity == "" {
		return false
	}
	if r.Status == Failed {
		return !machineFault(r) && !uncertain[r.Failure.Class]
	}
	for _, w := range r.Workloads {
		for i := range w.Levels {
			if w.Levels[i].Client.Bound {
				return false
			}
		}
	}
	return true
}
