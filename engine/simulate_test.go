package engine

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/qtune/qtune/profiles"
)

func TestSimulatedProcess(t *testing.T) {
	there := t.TempDir()
	sim := &Simulation{Binary: "/bin/qtune", Card: "RTX 5090", Speed: 50, Seed: 7}
	l := &Launcher{Simulate: sim, RunID: "r1", Dir: "/d", Environ: []string{"PATH=/bin", "QTUNE_VAR_x=1"}}
	vllm := &profiles.Engine{Kind: "vllm", Runtime: profiles.RuntimeDocker, Image: "i", Command: []string{"my", "vllm"}}
	tests := []struct {
		why   string
		model profiles.Model
		want  string
	}{
		{"a folder that is there", profiles.Model{ID: "org/m", Path: there}, there},
		{"a folder that is on another machine", profiles.Model{ID: "org/m", Path: "/nowhere/m"}, "org/m"},
		{"the hub's name", profiles.Model{ID: "org/m"}, "org/m"},
	}
	for _, test := range tests {
		t.Run(test.why, func(t *testing.T) {
			st := Start{Trial: "t1", Engine: vllm, Candidate: flags("max-num-seqs", num("4")), Model: test.model}
			got := l.localArgv(st, Address{"127.0.0.1", 4711})
			want := []string{"/bin/qtune", "simulate", "vllm", test.want, "--served-model-name", "org/m", "--host", "127.0.0.1", "--port", "4711", "--max-num-seqs", "4"}
			if !slices.Equal(got, want) {
				t.Errorf("got %q", got)
			}
			env := l.localEnv(st, Address{}, "/tmp/x")
			for _, v := range []string{"QTUNE_SIMULATE_CARD=RTX 5090", "QTUNE_SIMULATE_SPEED=50", "QTUNE_SIMULATE_SEED=7", "QTUNE_SIMULATE_MODEL=org/m", "QTUNE_RUN=r1", "QTUNE_TRIAL=t1", "QTUNE_ROLE=trial", "QTUNE_DIR=/d"} {
				if !slices.Contains(env, v) {
					t.Errorf("%s is missing in %q", v, env)
				}
			}
			if strings.Contains(strings.Join(env, " "), "QTUNE_VAR_x") {
				t.Error("a variable of the profile reaches the engine")
			}
		})
	}
}

func TestCheckStatic(t *testing.T) {
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("no Go tool to build a static binary with")
	}
	dir := t.TempDir()
	write(t, filepath.Join(dir, "main.go"), "package main\nfunc main() {}\n")
	build := exec.Command("go", "build", "-o", filepath.Join(dir, "static"), filepath.Join(dir, "main.go"))
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if err := checkStatic(filepath.Join(dir, "static")); err != nil {
		t.Error(err)
	}
	var se *StaticError
	if err := checkStatic("/bin/sh"); !errors.As(err, &se) || se.Hint() == "" {
		t.Errorf("a shell is linked dynamically: %v", err)
	}
	if err := checkStatic(filepath.Join(dir, "main.go")); !errors.As(err, &se) {
		t.Errorf("a text is no binary: %v", err)
	}
}
