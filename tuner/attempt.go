package tuner

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/qtune/qtune/bench"
	"github.com/qtune/qtune/engine"
	"github.com/qtune/qtune/profiles"
)

// LagLimit is the share of a level's TTFT or TPOT above which a simulated
// server's lag makes the level doubtful.
const LagLimit = 0.05

// attempt is one start of one trial, from nothing made to nothing left.
type attempt struct {
	*Tuner
	job
	plan     *Plan
	base     *TrialResult // of the baseline; nil before there is one
	at       Event
	identity string
	cards    int
	again    bool // after a fault of the machine
}

func (a *attempt) run(ctx context.Context) (TrialResult, error) {
	if ctx.Err() != nil {
		return TrialResult{}, context.Cause(ctx)
	}
	began := a.Now()
	r := a.blank()
	dir := a.folder()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return r, fmt.Errorf("make the trial's folder: %w", err)
	}
	if err := a.Journal.Append(Record{Type: RecordTrialStarted, Trial: a.trial.ID}); err != nil {
		return r, err
	}
	a.notify(EventTrialStarted)
	if err := a.serve(ctx, &r, dir); err != nil {
		return r, err
	}
	r.WallS = a.Now().Sub(began).Seconds()
	r.Finished = a.Now().UTC()
	return r, a.Journal.Append(Record{Type: RecordTrialDone, Trial: a.trial.ID, Result: &r})
}

func (a *attempt) blank() TrialResult {
	e, c := a.trial.Engine, a.trial.Candidate
	return TrialResult{
		Trial: a.trial.ID, Identity: a.identity, Setting: a.setting(), Purpose: a.purpose, Start: a.start,
		Engine: e.Kind, Name: e.Name, Baseline: a.trial.Baseline, Flags: c.Flags, Env: c.Env,
		Command: a.Command(a.trial), Status: OK, Simulated: a.Simulated, Why: a.trial.Why, Cards: a.cards,
	}
}

func (a *attempt) setting() string {
	if a.Setting == nil {
		return ""
	}
	return a.Setting(a.trial)
}

// folder is the trial's, and for a start of the finish one in it.
func (a *attempt) folder() string {
	dir := a.Folder.TrialPath(a.RunID, a.trial.ID)
	if a.purpose == PurposeSearch {
		return dir
	}
	return filepath.Join(dir, fmt.Sprintf("%s-%d", a.purpose, a.start))
}

func (a *attempt) notify(kind string) {
	a.at.Type = kind
	a.Notify(a.at)
}

// serve starts the server, measures it and removes it again.
func (a *attempt) serve(ctx context.Context, r *TrialResult, dir string) error {
	began := a.Now()
	server, failure, err := a.Launch(ctx, a.trial, a.cold(), filepath.Join(dir, a.logName()))
	r.StartS = a.engineS(a.Now().Sub(began))
	if err != nil {
		return err
	}
	if failure != nil {
		r.Status, r.Failure = Failed, failure
		return nil
	}
	r.Facts = server.Facts()
	if err = a.measure(ctx, server, r, dir); err == nil {
		a.answers(ctx, server, r)
	}
	stopping := a.Now()
	closed := server.Close(ctx)
	r.StopS = a.Now().Sub(stopping).Seconds()
	if closed != nil {
		return &LeftError{Trial: a.trial.ID, Err: closed}
	}
	if err != nil {
		return err
	}
	return a.Journal.Append(Record{Type: RecordTrialStopped, Trial: a.trial.ID})
}

func (a *attempt) logName() string {
	if a.again {
		return "server-2.log"
	}
	return "server.log"
}

// requestsName is the file of a start's requests: those of a start that a fault of the
// machine ended stay beside it.
func (a *attempt) requestsName() string {
	if a.again {
		return RequestsAgain
	}
	return Requests
}

// cold says that nothing of earlier starts may help, or harm, this one: the first of
// the finish verifies what the search has measured.
func (a *attempt) cold() bool { return a.purpose == PurposeFinish && a.start == 1 }

func (a *attempt) engineS(wall time.Duration) float64 { return wall.Seconds() * a.Speed }

// measure runs every level against one start.
func (a *attempt) measure(ctx context.Context, s Server, r *TrialResult, dir string) error {
	if err := a.Journal.Append(Record{Type: RecordTrialReady, Trial: a.trial.ID, Facts: &r.Facts}); err != nil {
		return err
	}
	a.notify(EventTrialReady)
	requests, err := createRequestFile(filepath.Join(dir, a.requestsName()))
	if err != nil {
		return err
	}
	began := a.Now()
	err = a.levels(ctx, s, r, requests)
	r.MeasureS = a.engineS(a.Now().Sub(began))
	if closed := requests.close(); err == nil {
		err = closed
	}
	return err
}

func (a *attempt) levels(ctx context.Context, s Server, r *TrialResult, requests *requestFile) error {
	for _, w := range a.workloads {
		r.Workloads = append(r.Workloads, WorkloadResult{Workload: w.Name})
	}
	order, decisive := a.order()
	for i, at := range order {
		if i >= decisive && r.Screened == "" {
			r.Screened = a.hopeless(r)
		}
		if r.Screened != "" {
			r.SavedS += a.takes(order[i:])
			break
		}
		if err := a.measureAt(ctx, s, at, r, requests); err != nil || r.Failure != nil {
			return err
		}
	}
	if r.Screened != "" {
		r.ScreenedFor = goals(a.plan.Profile)
		return nil
	}
	for i := range r.Workloads {
		r.Workloads[i].Of = nil // all are there, in order
	}
	return nil
}

func (a *attempt) measureAt(ctx context.Context, s Server, at profiles.At, r *TrialResult, requests *requestFile) error {
	w := a.workloads[at.Workload]
	l := w.Levels[at.Level]
	a.at.Stage = l.String()
	a.notify(EventTrialStage)
	end := a.ending(at, l)
	level, err := a.level(ctx, s, w, l, end.follow(requests.each(w.Name, l)))
	if err != nil {
		return err
	}
	level.HourCost = a.plan.Profile.Search.Budget.GPUHourPrice * float64(a.cards)
	end.enter(r, &level)
	r.Workloads[at.Workload].put(at.Level, level)
	a.notifyLevel(&level)
	if r.Failure = failureOf(s, &level); r.Failure != nil {
		r.Status = Failed
		return nil
	}
	return a.Journal.Append(Record{Type: RecordLevel, Trial: a.trial.ID, Workload: w.Name, Level: &level})
}

func (a *attempt) notifyLevel(l *bench.LevelResult) {
	a.at.Level = l
	a.notify(EventLevelDone)
	a.at.Level = nil
}

// level measures one level, cut short when the server dies.
func (a *attempt) level(ctx context.Context, s Server, w bench.Workload, l bench.Level, each func(bench.Outcome) bool) (bench.LevelResult, error) {
	alive, cancel := context.WithCancel(ctx)
	var watch sync.WaitGroup
	watch.Go(func() {
		select {
		case <-s.Died():
			cancel()
		case <-alive.Done():
		}
	})
	occupy(s, l, true)
	result, err := a.Measure(alive, s.Target(), w, l, each)
	occupy(s, l, false)
	cancel()
	watch.Wait()
	if ctx.Err() != nil {
		return result, context.Cause(ctx)
	}
	if err != nil && s.Failure() == nil {
		return result, fmt.Errorf("measure %s of trial %s: %w", l, a.trial.ID, err)
	}
	if result.Requests.Completed == 0 || result.Requests.Failed > 0 {
		hear(ctx, s)
	}
	a.checkLag(ctx, s, &result)
	return result, nil
}

// lastWords is how long a server of which requests failed is given to say why, or to be
// seen dead: its log is read and its end is told some moments later, and requests fail
// at once.
const lastWords = time.Second

func hear(ctx context.Context, s Server) {
	wait := time.NewTimer(lastWords)
	defer wait.Stop()
	select {
	case <-s.Died():
	case <-wait.C:
	case <-ctx.Done():
	}
}

// occupy tells a server that watches itself for a hang whether it has requests all
// the time. Where they arrive by the clock, it may rightly have none.
func occupy(s Server, l bench.Level, yes bool) {
	if b, ok := s.(interface{ Busy(bool) }); ok && (l.Kind == bench.KindSingle || l.Kind == bench.KindClosed) {
		b.Busy(yes)
	}
}

// failureOf is why a level ends its trial: the server died, or answered nothing.
func failureOf(s Server, l *bench.LevelResult) *engine.Failure {
	if f := s.Failure(); f != nil {
		return f
	}
	if l.Requests.Completed > 0 {
		return nil
	}
	line := "no request was completed"
	if len(l.Failures) > 0 {
		line = l.Failures[0].Reason
	}
	if strings.HasPrefix(line, "time-out") { // no answer came, not even a bad one
		return &engine.Failure{
			Class: engine.Stalled, Fault: engine.FaultConfiguration, Line: line,
			Hint: "the server lives and gives no token: it hangs, or the load is far beyond what it can bear",
		}
	}
	return &engine.Failure{
		Class: engine.RequestsFailed, Fault: engine.FaultConfiguration, Line: line,
		Hint: "the server runs but answered none of the requests of this level: see its log and requests.jsonl",
	}
}

// checkLag flags a level during which a simulated server ran late: its clock
// runs Speed times faster, so its lag counts as much more.
func (a *attempt) checkLag(ctx context.Context, s Server, l *bench.LevelResult) {
	lagging, ok := s.(lagger)
	if !ok {
		return
	}
	lag, ok := lagging.Lag(ctx)
	if !ok {
		return
	}
	step, write := a.engineS(lag.Step)*1000, a.engineS(lag.Write)*1000
	l.SimulatorLagMS = &step
	for _, m := range []struct {
		name  string
		mean  *float64
		lagMS float64
	}{{"TTFT", l.TTFT.Mean, write}, {"TPOT", l.TPOT.Mean, step}} {
		if m.mean != nil && m.lagMS > LagLimit**m.mean {
			l.Notes = append(l.Notes, fmt.Sprintf(
				"the simulated server was late by more than %.0f %% of %s on this machine: lower --simulate-speed for truer figures", 100*LagLimit, m.name))
		}
	}
}
