//go:build e2e

package engine

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/qtune/qtune/docker"
	"github.com/qtune/qtune/profiles"
)

// The tests of this file start real vLLM and SGLang in real containers so that they
// fail, and a few that do not, one after another, as scripts/e2e.sh sets it up.

// endLimit is how long a trial may go on after its fatal line: the issue's own.
const endLimit = 2 * time.Second

// failingStart is a start that cannot end well.
type failingStart struct {
	name    string
	kind    string
	c       profiles.Candidate
	model   func(t *testing.T, dir string) string // nil: the good one
	noX     bool                                  // /tmp is mounted noexec
	process bool                                  // no container
	wide    bool                                  // only with QTUNE_E2E_WIDE=1: another start shows the like
	class   Class
	line    string // part of the decisive line
	hint    string // part of the hint
	code    int    // of its exit, where that came in time; -1: it had not ended; -2: any
}

var failingStarts = []failingStart{
	{name: "unknown flag, process", kind: "vllm", process: true, c: flags("max-num-seq-s", num("4")), class: BadFlag, line: "--max-num-seq-s", hint: "--max-num-seq-s", code: 2},
	{name: "unknown flag", kind: "vllm", wide: true, c: flags("max-num-seq-s", num("4")), class: BadFlag, line: "--max-num-seq-s", hint: "--max-num-seq-s", code: 2},
	{name: "bad value", kind: "vllm", c: flags("kv-cache-dtype", str("float7")), class: BadValue, line: "float7", hint: "kv-cache-dtype", code: 2},
	{name: "context too long", kind: "vllm", c: flags("max-model-len", num("999999")), class: ContextTooLong, line: "999999", hint: "8192 or less", code: 1},
	{name: "quantization that the checkpoint has not", kind: "vllm", c: flags("quantization", str("awq")), class: UnsupportedQuantization, line: "awq", hint: "quantization", code: 1},
	{name: "quantization that there is not", kind: "vllm", wide: true, c: flags("quantization", str("nosuch")), class: UnsupportedQuantization, line: "nosuch", hint: "nosuch", code: 1},
	{name: "model without weights", kind: "vllm", wide: true, c: flags("enforce-eager", yes()), model: withoutWeights, class: ModelMissing, line: "Cannot find any model weights", hint: "no weights", code: 1},
	{name: "more cache than memory", kind: "vllm", wide: true, c: flags("enforce-eager", yes(), "kv-cache-memory-bytes", num("900000000000")), class: HostOutOfMemory, line: "on kv cache allocation", hint: "lower", code: 1},
	{name: "engine core dies, container lives", kind: "vllm", noX: true, class: NoExec, line: "failed to map segment", hint: "exec = true", code: -1},
	{name: "unknown flag", kind: "sglang", c: flags("no-such-flag", num("1")), class: BadFlag, line: "--no-such-flag", hint: "--no-such-flag", code: 2},
	{name: "context too long", kind: "sglang", wide: true, c: flags("context-length", num("999999")), class: ContextTooLong, line: "999999", hint: "8192 or less", code: -2},
	{name: "no memory for the cache, exit 137", kind: "sglang", c: flags("mem-fraction-static", num("0.01")), class: KVTooSmall, line: "leave no GPU memory", hint: "0.01", code: -2},
	{name: "model without weights", kind: "sglang", model: withoutWeights, class: ModelMissing, line: "Cannot find any model weights", hint: "no weights", code: -2},
}

// withoutWeights is a copy of the model that lacks what is large.
func withoutWeights(t *testing.T, dir string) string {
	t.Helper()
	to := t.TempDir()
	if err := os.Chmod(to, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"config.json", "tokenizer.json", "tokenizer_config.json"} {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(to, name), string(b))
	}
	return to
}

func TestE2EFailures(t *testing.T) {
	dir := realEngines(t)
	client, err := docker.Connect(t.Context(), zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	wide := os.Getenv("QTUNE_E2E_WIDE") == "1"
	for _, test := range failingStarts {
		if test.wide && !wide {
			continue
		}
		t.Run(test.kind+" "+test.name, func(t *testing.T) {
			took := test.run(t, client, dir)
			if load := machineLoad(t); took > endLimit && load > float64(runtime.NumCPU()) {
				t.Logf("once more: it took %v on a machine with more to do than it has processors (load %.1f)", took, load)
				took = test.run(t, client, dir)
			}
			if took > endLimit {
				t.Errorf("it ended %v after its fatal line, want %v at most (load %.1f)", took, endLimit, machineLoad(t))
			}
		})
	}
}

// run starts what cannot end well, checks why it ended, and gives the time from
// its fatal line until nothing of it was left.
func (test *failingStart) run(t *testing.T, client *docker.Client, dir string) time.Duration {
	t.Helper()
	st := realStart(t, client, dir, test)
	l := &Launcher{Dir: t.TempDir(), Environ: os.Environ(), Log: zerolog.Nop(), Docker: func(context.Context) (*docker.Client, error) { return client, nil }}
	st.LogPath = filepath.Join(l.Dir, "engine.log")
	began := time.Now()
	seen := followLog(t, st.LogPath)
	_, failure, err := l.Launch(t.Context(), st)
	ended := time.Now()
	lines := seen()
	checkReal(t, test.class, test.line, failure, err, st.LogPath)
	if failure == nil {
		return 0
	}
	last := lines[failure.LineNumber]
	if failure.LineNumber == 0 || last.IsZero() {
		t.Errorf("nobody saw line %d of its log", failure.LineNumber)
		return 0
	}
	t.Logf("%s after %v, %v after its line %d: %s; hint: %s", failure.Class, ended.Sub(began).Round(time.Second),
		ended.Sub(last).Round(10*time.Millisecond), failure.LineNumber, failure.Line, failure.Hint)
	if !strings.Contains(failure.Hint, test.hint) {
		t.Errorf("hint %q, want %q in it", failure.Hint, test.hint)
	}
	checkExit(t, test.code, failure.ExitCode)
	checkGone(t, testTrial)
	if left, err := client.List(t.Context(), LabelTrial+"="+testTrial); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
	return ended.Sub(last)
}

// machineLoad is how many processes ran or wanted to, on average of the last minute.
func machineLoad(t *testing.T) float64 {
	t.Helper()
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		t.Fatal(err)
	}
	first, _, _ := strings.Cut(string(text), " ")
	load, err := strconv.ParseFloat(first, 64)
	if err != nil {
		t.Fatal(err)
	}
	return load
}

func checkExit(t *testing.T, want int, got *int) {
	t.Helper()
	switch {
	case want == -2:
	case want == -1 && got != nil:
		t.Errorf("exit code %d of what had not ended", *got)
	case want >= 0 && got != nil && *got != want: // nil: it was still at its end
		t.Errorf("exit code %v, want %d", got, want)
	}
}

// realStart is a start of a real engine, in a container unless test says otherwise.
func realStart(t *testing.T, client *docker.Client, dir string, test *failingStart) Start {
	t.Helper()
	kind, c := test.kind, test.c
	venv := filepath.Join(dir, kind)
	e := profiles.Engine{Kind: kind, Name: "real", StartupTimeout: 9 * time.Minute}
	env := map[string]string{"HOME": "/tmp", "PATH": venv + "/bin:/usr/local/bin:/usr/bin:/bin"}
	if kind == "vllm" {
		e.Command = []string{filepath.Join(venv, "bin", "vllm"), "serve"}
		c.Flags = overlay(flags("max-model-len", num("2048"), "dtype", str("bfloat16"), "kv-cache-memory-bytes", num("1073741824")).Flags, c.Flags)
	} else {
		e.Command = []string{filepath.Join(venv, "bin", "python"), "-m", "sglang.launch_server"}
		c.Flags = overlay(flags("device", str("cpu"), "attention-backend", str("torch_native"), "disable-overlap-schedule", yes()).Flags, c.Flags)
		env["SGLANG_USE_CPU_ENGINE"], env["CUDA_VISIBLE_DEVICES"], env["TOKENIZERS_PARALLELISM"] = "1", "", "false"
	}
	for name, value := range env {
		c.Env = append(c.Env, profiles.EnvVar{Name: name, Value: str(value)})
	}
	st := Start{Trial: testTrial, Engine: &e, Candidate: c, Model: profiles.Model{ID: "smol", Path: filepath.Join(dir, "model")}, GPU: profiles.GPU{Devices: []string{}}}
	if test.model != nil {
		st.Model.Path = test.model(t, st.Model.Path)
	}
	if test.process {
		e.Runtime = profiles.RuntimeProcess
		return st
	}
	e = userland(t, client, e, venv)
	e.Tmpfs[0].Exec = !test.noX
	return st
}

// overlay is base with the flags of top in place of those of the same name.
func overlay(base, top []profiles.Flag) []profiles.Flag {
	all := append([]profiles.Flag(nil), top...)
	for _, f := range base {
		if _, there := flagValue(profiles.Candidate{Flags: top}, f.Name); !there {
			all = append(all, f)
		}
	}
	return all
}

// followLog notes when each line of a log turns up, until the function that it
// gives is called.
func followLog(t *testing.T, path string) func() map[int]time.Time {
	ctx, cancel := context.WithCancel(t.Context())
	seen := map[int]time.Time{}
	var reader sync.WaitGroup
	reader.Go(func() {
		n := 0
		for done := false; !done; {
			done = ctx.Err() != nil // once more after the end
			n = note(path, n, seen)
			time.Sleep(20 * time.Millisecond)
		}
	})
	return func() map[int]time.Time {
		cancel()
		reader.Wait()
		return seen
	}
}

// note takes down the lines of a file after the first n, and counts all.
func note(path string, n int, seen map[int]time.Time) int {
	f, err := os.Open(path)
	if err != nil {
		return n
	}
	defer f.Close()
	in := bufio.NewScanner(f)
	in.Buffer(nil, maxLine*4)
	lines := 0
	for in.Scan() {
		if lines++; lines > n {
			seen[lines] = time.Now()
		}
	}
	return lines
}

// TestE2EWarmStart starts the same compiled vLLM twice: the second start finds what
// the first has compiled, under the same name. Whether it takes that is vLLM's own
// choice, and only logged here: 0.32 on a CPU compiles once more, see docs/starts.md.
func TestE2EWarmStart(t *testing.T) {
	dir := realEngines(t)
	client, err := docker.Connect(t.Context(), zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	l := &Launcher{RunID: "r" + testTrial, Dir: t.TempDir(), Version: "e2e", Environ: os.Environ(), Log: zerolog.Nop(), Progress: func(s string) { t.Log(s) },
		Docker: func(context.Context) (*docker.Client, error) { return client, nil }}
	var facts []Facts
	for i := range 2 {
		st := realStart(t, client, dir, &failingStart{kind: "vllm"})
		st.Engine.KeepCaches = true
		st.LogPath = filepath.Join(l.Dir, fmt.Sprintf("engine-%d.log", i))
		facts = append(facts, cachesOf(t, l, st))
		t.Logf("start %d: %.1f s, caches %q, compiled code reused: %v, saved %.1f s, compiled again because %q", i+1, facts[i].StartupS, facts[i].Caches, facts[i].Reused, facts[i].SavedS, facts[i].Recompiled)
	}
	if first := facts[0]; first.Caches != "new" || first.Reused {
		t.Errorf("the first start: %+v", first)
	}
	if second := facts[1]; second.Caches != "kept" || second.compiled == "" || second.compiled != facts[0].compiled {
		t.Errorf("the second start: %+v", second)
	}
	if err := l.RemoveCaches(t.Context()); err != nil {
		t.Error(err)
	}
	if left, err := client.Volumes(t.Context(), LabelRun+"="+l.RunID); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}
