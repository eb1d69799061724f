package tuner

import (
	"context"
	"fmt"
	"time"

	"github.com/qtune/qtune/bench"
	"github.com/qtune/qtune/engine"
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
	// logPath. A failure is the trial's outcome, an error ends the run.
	Launch func(ctx context.Context, t *Trial, logPath string) (Server, *engine.Failure, error)
	// Measure runs one level and hands over each request as it ends.
	Measure func(ctx context.Context, to bench.Target, w bench.Workload, l bench.Level, each func(bench.Outcome)) (bench.LevelResult, error)
	// Command is a trial's command line with its secrets hidden.
	Command func(*Trial) []string
	// Identity is a trial's identity, "" if it cannot be known.
	Identity func(*Trial) string
	Known    map[string]TrialResult // measured before, by identity
	Prior    Prior                  // what a simulator predicts; nil: there is none
	Journal  *Journal
	Folder   *Folder
	RunID    string
	Notify   func(Event)
	Now      func() time.Time
	// Speed is engine seconds in a wall second: 1 but for simulated engines.
	Speed     float64
	Simulated bool
}

// LeftError is a trial whose server could not be removed. The run ends: the
// next trial must not share the card with it.
type LeftError struct {
	Trial string
	Err   error
}

func (e *LeftError) Error() string {
	return fmt.Sprintf("remove the server of trial %s: %v", e.Trial, e.Err)
}

func (e *LeftError) Unwrap() error { return e.Err }

// Hint says what to do about it.
func (e *LeftError) Hint() string {
	return "`qtune destroy` tries again; `qtune ps` lists what is left"
}

// Run runs the plan's trials one after the other and returns what each gave. The
// error is why the run could not go on: its context ended, the journal could not be
// written, or something could not be removed. Results up to there are returned.
func (t *Tuner) Run(ctx context.Context, plan *Plan) ([]TrialResult, error) {
	var results []TrialResult
	source, err := t.source(plan)
	if err != nil {
		return nil, err
	}
	spent := time.Duration(0)
	for trial := source.next(spent); trial != nil; trial = source.next(spent) {
		at := Event{K: len(results) + 1, N: plan.Most(), Trial: trial, Best: Decide(plan.Profile, results).Winner}
		result, err := t.one(ctx, plan, trial, at)
		if err != nil {
			return results, err
		}
		source.tell(trial, &result)
		results = append(results, result)
		if result.ReusedFrom == "" {
			spent += time.Duration(result.EngineS() * float64(time.Second))
		}
		t.report(plan, at, results)
	}
	return results, nil
}

func (t *Tuner) report(plan *Plan, at Event, results []TrialResult) {
	at.Type, at.Result = EventTrialDone, &results[len(results)-1]
	if at.Result.ReusedFrom != "" {
		at.Type = EventTrialReused
	}
	at.Best = Decide(plan.Profile, results).Winner
	t.Notify(at)
}

// one gives the result of a trial: an earlier one if there is, else a new one,
// with a second start after a fault of the machine.
func (t *Tuner) one(ctx context.Context, plan *Plan, trial *Trial, at Event) (TrialResult, error) {
	identity := t.Identity(trial)
	if known, ok := t.Known[identity]; ok && identity != "" {
		return t.reuse(trial, known)
	}
	a := attempt{Tuner: t, plan: plan, trial: trial, at: at, identity: identity, number: 1}
	result, err := a.run(ctx)
	if err != nil || !machineFault(&result) {
		return result, err
	}
	at.Type, at.Result = EventTrialRetried, &result
	t.Notify(at)
	a.number = 2
	return a.run(ctx)
}

func (t *Tuner) reuse(trial *Trial, known TrialResult) (TrialResult, error) {
	known.Trial, known.Name, known.Baseline, known.Why = trial.ID, trial.Engine.Name, trial.Baseline, trial.Why
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
	if r.Identity == "" || r.Purpose != PurposeSearch {
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
