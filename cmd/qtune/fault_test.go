package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/qtune/qtune/bench"
	"github.com/qtune/qtune/engine"
	"github.com/qtune/qtune/profiles"
	"github.com/qtune/qtune/simulator"
)

// Every failure of an engine can be rehearsed, in about a second, and is taken for what
// it is: by a start that does not come up, or under a load of a few requests.
func TestFailuresCanBeRehearsed(t *testing.T) {
	under := map[string]engine.Class{ // those whose class has another name
		"hang": engine.RequestsFailed, "oom-under-load": engine.GPUOutOfMemory, "engine-dead": engine.DiedUnderLoad,
	}
	rehearsed := map[engine.Class]bool{}
	for _, name := range simulator.Faults("") {
		want, ok := under[name]
		if !ok {
			want = engine.Class(strings.NewReplacer("gpu-oom", "gpu_oom", "-", "_").Replace(name))
		}
		rehearsed[want] = true
		for _, kind := range []string{"vllm", "sglang"} {
			if !hasFault(kind, name) {
				continue
			}
			t.Run(kind+" "+name, func(t *testing.T) {
				t.Parallel()
				if got := rehearse(t, kind, name); got == nil || got.Class != want {
					t.Errorf("%v, want %s", got, want)
				}
			})
		}
	}
	for _, class := range failureClasses(t) {
		// A runtime that goes away is none of an engine's failures: no engine can show it.
		if !rehearsed[class] && class != engine.RuntimeLost {
			t.Errorf("no fault leads to %s", class)
		}
	}
}

func TestAFaultThatNoEngineCanShowIsRefused(t *testing.T) {
	c := newConsole(t)
	code := c.run(t, "apply", write(t, "small.hcl", small), "--simulate", "--simulate-fault", "stalled@2", "--dir", t.TempDir())
	if code != exitUsage || !strings.Contains(c.err.String(), "a simulated vllm cannot show this one: a step takes so long that its watchdog ends it (sglang)") {
		t.Error(code, c.err.String())
	}
}

// failureClasses are all that engine knows, read from where they are declared.
func failureClasses(t *testing.T) []engine.Class {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join("..", "..", "engine", "failure.go"), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var classes []engine.Class
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || len(spec.Values) != 1 {
			return true
		}
		kind, named := spec.Type.(*ast.Ident)
		text, literal := spec.Values[0].(*ast.BasicLit)
		if named && literal && kind.Name == "Class" {
			classes = append(classes, engine.Class(strings.Trim(text.Value, `"`)))
		}
		return true
	})
	if len(classes) < 20 {
		t.Fatalf("%d classes were found", len(classes))
	}
	return classes
}

func hasFault(kind, name string) bool {
	for _, n := range simulator.Faults(kind) {
		if n == name {
			return true
		}
	}
	return false
}

// rehearse starts a simulated engine that fails, loads it if it serves, and gives the
// failure that a trial would have.
func rehearse(t *testing.T, kind, name string) *engine.Failure {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	e := &profiles.Engine{Kind: kind, Name: "e", Runtime: profiles.RuntimeProcess}
	l := &engine.Launcher{
		Simulate: &engine.Simulation{Binary: self, Card: "RTX 5090", Speed: 1000, Seed: 1, Fault: name},
		Dir:      t.TempDir(), Log: zerolog.Nop(), Environ: os.Environ(),
	}
	server, failure, err := l.Launch(t.Context(), engine.Start{
		Trial: "t", Engine: e, Candidate: e.BaselineCandidate(), Model: profiles.Model{ID: "Qwen/Qwen3-0.6B"}, LogPath: filepath.Join(t.TempDir(), "log"),
	})
	if err != nil {
		t.Fatal(err)
	}
	if failure != nil {
		return failure
	}
	defer func() {
		if err := server.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}()
	w := bench.Workload{Name: "w", API: bench.APICompletions, Prompts: bench.Prompts{InputTokens: 64}, Timeouts: bench.Timeouts{FirstToken: 300 * time.Second, BetweenTokens: 300 * time.Second}}
	client := &bench.Client{Speed: 1000}
	r, err := client.Run(t.Context(), server.Target(), w, bench.Level{Kind: bench.KindClosed, Users: 4, OutputTokens: 400, Requests: 4})
	if err != nil {
		t.Fatal(err)
	}
	select {
	case <-server.Died():
		return server.Failure()
	case <-time.After(1500 * time.Millisecond): // a process that lives on is given time to say more
	}
	if r.Requests.Completed == 0 {
		return &engine.Failure{Class: engine.RequestsFailed}
	}
	return nil
}
