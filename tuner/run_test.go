package tuner

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/qtune/qtune/bench"
	"github.com/qtune/qtune/engine"
	"github.com/qtune/qtune/profiles"
)

// fakeServer is a server of a test; its behaviour is its trial's flag "act".
type fakeServer struct {
	died    chan struct{}
	failure *engine.Failure
	close   func() error
}

func (s *fakeServer) Target() bench.Target        { return bench.Target{} }
func (s *fakeServer) Facts() engine.Facts         { return engine.Facts{KVTokens: 7} }
func (s *fakeServer) Died() <-chan struct{}       { return s.died }
func (s *fakeServer) Failure() *engine.Failure    { return s.failure }
func (s *fakeServer) Close(context.Context) error { return s.close() }

// stage is a tuner over fakes, with what it did written down.
type stage struct {
	*Tuner
	plan   *Plan
	did    []string
	cancel context.CancelFunc
	ctx    context.Context
	late   *fakeServer // that dies once it was asked
}

func act(t *Trial) string {
	for _, f := range t.Candidate.Flags {
		if f.Name == "act" {
			return f.Value.Text
		}
	}
	return "serve"
}

func newStage(t *testing.T, acts ...string) *stage {
	t.Helper()
	p := oneLevel("output_throughput", false)
	var values []profiles.Value
	for _, a := range acts {
		values = append(values, profiles.String(a))
	}
	p.Engines[0].Axes = []profiles.Axis{{Name: "act", Values: values}}
	folder, err := OpenFolder(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if err := folder.Lock(Holder{Run: "r"}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = folder.Unlock() })
	s := &stage{plan: NewPlan(p)}
	s.ctx, s.cancel = context.WithCancel(t.Context())
	s.Tuner = &Tuner{
		Launch: s.launch, Measure: s.measure, Folder: folder, RunID: "r", Now: fixedTime, Speed: 1,
		Command:  func(*Trial) []string { return []string{"serve"} },
		Identity: func(t *Trial) string { return "id-" + t.ID },
		Notify:   func(e Event) { s.did = append(s.did, e.Type) },
	}
	if s.Journal, err = s.openJournal(t); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *stage) openJournal(t *testing.T) (*Journal, error) {
	j, err := CreateJournal(t.TempDir()+"/journal.jsonl", fixedTime)
	if err == nil {
		t.Cleanup(func() { _ = j.Close() })
	}
	return j, err
}

func (s *stage) launch(ctx context.Context, t *Trial, _ bool, logPath string) (Server, *engine.Failure, error) {
	s.did = append(s.did, "launch "+act(t))
	switch act(t) {
	case "refuse":
		return nil, &engine.Failure{Class: "bad_flag", Fault: engine.FaultConfiguration, Line: "unrecognized"}, nil
	case "busy":
		return nil, &engine.Failure{Class: "gpu_busy", Fault: engine.FaultMachine}, nil
	case "cancel":
		s.cancel()
		return nil, nil, ctx.Err()
	}
	server := &fakeServer{died: make(chan struct{})}
	server.close = func() error {
		s.did = append(s.did, "close "+act(t))
		if act(t) == "stick" {
			return errors.New("still there")
		}
		return nil
	}
	if act(t) == "late" || act(t) == "half" {
		s.late = server
	}
	if fault, dies := map[string]engine.Fault{"die": engine.FaultConfiguration, "lose": engine.FaultMachine}[act(t)]; dies {
		server.failure = &engine.Failure{Class: "died_under_load", Fault: fault}
		close(server.died)
	}
	return server, nil, nil
}

func (s *stage) measure(ctx context.Context, _ bench.Target, _ bench.Workload, l bench.Level, each func(bench.Outcome) bool) (bench.LevelResult, error) {
	each(bench.Outcome{Seq: 1})
	r := bench.LevelResult{Kind: l.Kind, Users: l.Users, OutputThroughput: 10, Requests: bench.RequestCount{Total: 1, Completed: 1}}
	trial := s.did[len(s.did)-1]
	_ = trial
	for _, d := range s.did {
		switch {
		case strings.HasSuffix(d, "launch interrupt"):
			s.cancel()
			return r, ctx.Err()
		case strings.HasSuffix(d, "launch late"), strings.HasSuffix(d, "launch half"):
			r.Requests = bench.RequestCount{Total: 3, Failed: 3}
			if strings.HasSuffix(d, "half") {
				r.Requests = bench.RequestCount{Total: 3, Completed: 1, Failed: 2}
			}
			go func(dead *fakeServer) {
				dead.failure = &engine.Failure{Class: "died_under_load", Fault: engine.FaultConfiguration}
				close(dead.died)
			}(s.late)
		case strings.HasSuffix(d, "launch silent"):
			r.Requests = bench.RequestCount{Total: 3, Failed: 3}
			r.Failures = []bench.FailureCount{{Reason: "empty stream", Count: 3}}
		}
	}
	if ctx.Err() != nil {
		return r, ctx.Err()
	}
	return r, nil
}

func statuses(rs []TrialResult) string {
	var out []string
	for _, r := range rs {
		s := string(r.Status)
		if r.Failure != nil {
			s += ":" + string(r.Failure.Class)
		}
		out = append(out, s)
	}
	return strings.Join(out, " ")
}

func TestRun(t *testing.T) {
	tests := []struct {
		name  string
		acts  []string
		want  string // how the trials ended, the baseline first
		fails string // in the error; "" none
	}{
		{"a failed start is data, and the next trial runs", []string{"refuse", "serve2"}, "ok failed:bad_flag ok", ""},
		{"a server that dies under load is a failed trial", []string{"die"}, "ok failed:died_under_load", ""},
		{"a server whose log says why a moment after its requests failed", []string{"late"}, "ok failed:died_under_load", ""},
		{"a server whose death is seen a moment after some requests failed of it", []string{"half"}, "ok failed:died_under_load", ""},
		{"a server that answers nothing is a failed trial", []string{"silent"}, "ok failed:requests_failed", ""},
		{"a fault of the machine is tried twice", []string{"busy"}, "ok failed:gpu_busy", ""},
		{"what cannot be removed ends the run", []string{"stick", "serve2"}, "ok", "still there"},
		{"a cancelled start ends the run", []string{"cancel", "serve2"}, "ok", "context canceled"},
		{"a cancelled measurement ends the run", []string{"interrupt", "serve2"}, "ok", "context canceled"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newStage(t, tt.acts...)
			results, err := s.Run(s.ctx, s.plan)
			if got := statuses(results); got != tt.want {
				t.Errorf("trials ended %q, want %q", got, tt.want)
			}
			if (err == nil) != (tt.fails == "") || err != nil && !strings.Contains(err.Error(), tt.fails) {
				t.Errorf("error %v, want %q", err, tt.fails)
			}
			s.everyServerWasClosed(t)
		})
	}
}

// everyServerWasClosed checks that each started server was also removed.
func (s *stage) everyServerWasClosed(t *testing.T) {
	t.Helper()
	open := map[string]int{}
	for _, d := range s.did {
		if a, ok := strings.CutPrefix(d, "launch "); ok && a != "refuse" && a != "busy" && a != "cancel" {
			open[a]++
		}
		if a, ok := strings.CutPrefix(d, "close "); ok {
			open[a]--
		}
	}
	for a, n := range open {
		if n != 0 {
			t.Errorf("server %s: %d not closed", a, n)
		}
	}
}

func TestMachineFaultsAreRetriedOnce(t *testing.T) {
	s := newStage(t, "busy")
	if _, err := s.Run(s.ctx, s.plan); err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, d := range s.did {
		if d == "launch busy" {
			n++
		}
	}
	if n != 2 {
		t.Errorf("started %d times, want 2", n)
	}
}

func TestEachStartKeepsItsRequests(t *testing.T) {
	s := newStage(t, "lose")
	if _, err := s.Run(s.ctx, s.plan); err != nil {
		t.Fatal(err)
	}
	for i, names := range [][]string{{Requests}, {Requests, RequestsAgain}} { // the baseline's, and the one's that was lost twice
		for _, name := range names {
			path := filepath.Join(s.Folder.TrialPath(s.RunID, s.plan.Trials[i].ID), name)
			if text, err := os.ReadFile(path); err != nil || !strings.Contains(string(text), `"level":`) {
				t.Errorf("%v: %.200s", err, text)
			}
		}
	}
}

func TestKnownTrialsAreNotStarted(t *testing.T) {
	s := newStage(t, "serve2")
	known := measured("", 99, 1)
	known.ReusedFrom = "earlier"
	s.Known = map[string]TrialResult{}
	for i := range s.plan.Trials {
		s.Known["id-"+s.plan.Trials[i].ID] = known
	}
	results, err := s.Run(s.ctx, s.plan)
	if err != nil || len(results) != 2 || results[1].ReusedFrom != "earlier" {
		t.Fatalf("got %d results, %v; want two reused ones", len(results), err)
	}
	for _, d := range s.did {
		if strings.HasPrefix(d, "launch") {
			t.Errorf("%s, although it was measured before", d)
		}
	}
}

func TestBudgetOfTimePrunesTheRest(t *testing.T) {
	s := newStage(t, "a", "b", "c")
	clock := fixedTime()
	s.Now = func() time.Time { clock = clock.Add(time.Minute); return clock }
	s.plan.Profile.Search.Budget.Time = time.Minute
	results, err := s.Run(s.ctx, s.plan)
	if err != nil {
		t.Fatal(err)
	}
	if len(results) != 1 || s.plan.Trials[3].Reason != ReasonBudgetTime {
		t.Errorf("%d trials ran, the last is %q (%s); want 1 and the rest pruned", len(results), s.plan.Trials[3].Status, s.plan.Trials[3].Reason)
	}
}

func TestPlan(t *testing.T) {
	e := &profiles.Engine{Kind: "vllm", Name: "a", Flags: []profiles.Flag{{Name: "n", Value: profiles.Number("1")}},
		Axes: []profiles.Axis{{Name: "n", Values: []profiles.Value{profiles.Number("1"), profiles.Number("2"), profiles.Number("3")}}}}
	tests := []struct {
		name   string
		budget int
		want   string
	}{
		{"the grid point that equals the baseline is that trial, once", 0, "b planned; n=2 planned; n=3 planned"},
		{"a budget of trials prunes the rest of the grid", 2, "b planned; n=2 planned; n=3 pruned budget: trials"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := oneLevel("output_throughput", false)
			p.Engines = []*profiles.Engine{e}
			p.Search.Budget.Trials = tt.budget
			var got []string
			for _, trial := range NewPlan(p).Trials {
				name := trial.Varies()
				if trial.Baseline {
					name = "b"
				}
				got = append(got, strings.TrimSpace(fmt.Sprintf("%s %s %s", name, trial.Status, trial.Reason)))
			}
			if s := strings.Join(got, "; "); s != tt.want {
				t.Errorf("got  %s\nwant %s", s, tt.want)
			}
		})
	}
}
