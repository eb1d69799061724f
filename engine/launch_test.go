package engine

import (
	"context"
	"crypto/rand"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/qtune/qtune/docker"
	"github.com/qtune/qtune/process"
	"github.com/qtune/qtune/profiles"
)

// buildEngine builds the stand-in for an engine as a static binary.
func buildEngine(t *testing.T) string {
	t.Helper()
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("no Go tool to build the stand-in engine with")
	}
	binary := filepath.Join(t.TempDir(), "engine")
	build := exec.Command("go", "build", "-o", binary, filepath.Join("testdata", "engine", "main.go"))
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return binary
}

// testTrial is part of the names of all trials of this test process. Their
// launchers have no run, or another test's sweep of dead runs would take them.
var testTrial = strings.ToLower(rand.Text())

func testStart(t *testing.T, behaviour string) Start {
	return Start{
		Trial: testTrial, LogPath: filepath.Join(t.TempDir(), "engine.log"), Model: profiles.Model{ID: "org/m"},
		Engine:    &profiles.Engine{Kind: "vllm", Name: "x", Runtime: profiles.RuntimeProcess, StartupTimeout: 20 * time.Second},
		Candidate: profiles.Candidate{Env: []profiles.EnvVar{{Name: "QTUNE_TEST", Value: str(behaviour)}}},
	}
}

// launched goes through an engine's life: it serves, it dies under load, it is gone.
func launched(t *testing.T, l *Launcher, binary string) {
	t.Run("serves and is removed", func(t *testing.T) {
		server := mustLaunch(t, l, testStart(t, ""), binary)
		if f := server.Facts(); f.KVTokens != 1024 || f.ModelName != "org/m" {
			t.Errorf("facts %+v", f)
		}
		if err := server.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		if res, err := http.Get(server.Target().URL + "/health"); err == nil {
			_ = res.Body.Close()
			t.Error("it still serves")
		}
	})
	t.Run("dies under load", func(t *testing.T) {
		server := mustLaunch(t, l, testStart(t, ""), binary)
		if res, err := http.Get(server.Target().URL + "/die"); err == nil {
			_ = res.Body.Close()
		}
		select {
		case <-server.Died():
		case <-time.After(5 * time.Second):
			t.Fatal("its death was not seen")
		}
		if f := server.Failure(); f.Class != DiedUnderLoad || f.ExitCode == nil || *f.ExitCode != 3 {
			t.Errorf("got %+v", f)
		}
		if err := server.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
	for behaviour, class := range map[string]Class{"exit": BadFlag, "fatal": KVTooSmall} {
		t.Run("does not start: "+behaviour, func(t *testing.T) {
			st := prepared(l, testStart(t, behaviour), binary)
			_, failure, err := l.Launch(t.Context(), st)
			if err != nil || failure == nil || failure.Class != class {
				t.Fatal(failure, err)
			}
			info, err := os.Stat(st.LogPath)
			if err != nil || info.Mode().Perm() != 0o600 || info.Size() == 0 {
				t.Errorf("log: %v, %v", info, err)
			}
		})
	}
}

// prepared has a start run the stand-in, by name or as the simulator.
func prepared(l *Launcher, st Start, binary string) Start {
	if l.Simulate == nil {
		st.Engine.Command = []string{binary}
	}
	return st
}

func mustLaunch(t *testing.T, l *Launcher, st Start, binary string) *Server {
	t.Helper()
	server, failure, err := l.Launch(t.Context(), prepared(l, st, binary))
	if failure != nil || err != nil {
		t.Fatal(failure, err)
	}
	return server
}

func TestLaunchProcess(t *testing.T) {
	temp := t.TempDir()
	l := &Launcher{Dir: temp, Environ: append(os.Environ(), "TMPDIR="+temp), Log: zerolog.Nop()}
	launched(t, l, buildEngine(t))
	checkGone(t, testTrial)
	if left, _ := filepath.Glob(filepath.Join(temp, "qtune-*")); len(left) > 0 {
		t.Errorf("left: %q", left)
	}
	t.Run("a model that is not there", func(t *testing.T) {
		st := prepared(l, testStart(t, ""), "/nowhere/vllm")
		st.Model.Path = "/nowhere/model"
		_, failure, err := l.Launch(t.Context(), st)
		if err != nil || failure == nil || failure.Class != ModelMissing || exists(st.LogPath) {
			t.Fatal(failure, err)
		}
	})
	t.Run("a program that is not there", func(t *testing.T) {
		_, failure, err := l.Launch(t.Context(), prepared(l, testStart(t, ""), "/nowhere/vllm"))
		if err != nil || failure == nil || failure.Class != ProgramMissing {
			t.Fatal(failure, err)
		}
	})
}

// checkGone looks for processes of a trial that are left.
func checkGone(t *testing.T, trial string) {
	t.Helper()
	found, err := process.Find(EnvTrial)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range found {
		if f.Env[EnvTrial] == trial {
			t.Errorf("left: %v", f.Argv)
		}
	}
}

func TestLaunchSimulatedInDocker(t *testing.T) {
	client, err := docker.Connect(t.Context(), zerolog.Nop())
	if err != nil {
		t.Skipf("no Docker daemon here: %v", err)
	}
	defer client.Close()
	binary := buildEngine(t)
	l := &Launcher{
		Dir: t.TempDir(), Log: zerolog.Nop(), Simulate: &Simulation{Binary: binary, InDocker: true, Speed: 10},
		Docker: func(context.Context) (*docker.Client, error) { return client, nil },
	}
	launched(t, l, binary)
	left, err := client.List(t.Context(), LabelTrial+"="+testTrial)
	if err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}
