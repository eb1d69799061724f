//go:build e2e

package main

import (
	"bufio"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/qtune/qtune/bench"
	"github.com/qtune/qtune/tuner"
)

// The tests of this file tune real vLLM against real SGLang, as scripts/e2e.sh
// sets it up. They use the built program, as a user does.

type realThing struct{ bin, engines, python string }

func findRealThing(t *testing.T) realThing {
	t.Helper()
	r := realThing{os.Getenv("QTUNE_E2E_BIN"), os.Getenv("QTUNE_E2E_ENGINES"), os.Getenv("QTUNE_E2E_PYTHON")}
	if r.bin == "" || r.engines == "" || r.python == "" {
		t.Fatal("QTUNE_E2E_BIN, QTUNE_E2E_ENGINES and QTUNE_E2E_PYTHON are not set: run `make e2e`")
	}
	return r
}

func (r realThing) apply(t *testing.T, dir string, more ...string) *exec.Cmd {
	t.Helper()
	profile, err := filepath.Abs("../../examples/cpu.hcl")
	if err != nil {
		t.Fatal(err)
	}
	args := append([]string{"apply", profile, "--json", "--dir", dir, "--var", "engines=" + r.engines, "--var", "python=" + r.python}, more...)
	c := exec.CommandContext(t.Context(), r.bin, args...)
	c.Env = append(os.Environ(), "XDG_CACHE_HOME="+filepath.Join(dir, "cache")) // the user's own is not for tests
	c.Stderr = os.Stderr
	return c
}

// follow runs a command to its end, prints what happens and gives its lines.
func follow(t *testing.T, c *exec.Cmd) []jsonLine {
	t.Helper()
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	lines := readLines(t, out, func(jsonLine) bool { return true })
	if err := c.Wait(); err != nil {
		t.Errorf("apply ended with %v", err)
	}
	return lines
}

// jsonLine is what these tests read of a line of `apply --json`.
type jsonLine struct {
	Type   string
	Trial  string
	Engine string
	Result *tuner.TrialResult
	raw    []byte
}

func readLines(t *testing.T, out io.Reader, goOn func(jsonLine) bool) []jsonLine {
	t.Helper()
	var lines []jsonLine
	in := bufio.NewScanner(out)
	in.Buffer(nil, 16<<20)
	for in.Scan() {
		line := jsonLine{raw: append([]byte(nil), in.Bytes()...)}
		if err := json.Unmarshal(line.raw, &line); err != nil {
			t.Fatalf("%v in %.200s", err, line.raw)
		}
		logLine(t, line)
		lines = append(lines, line)
		if !goOn(line) {
			break
		}
	}
	return lines
}

func logLine(t *testing.T, line jsonLine) {
	switch {
	case line.Result != nil && line.Result.Failure != nil:
		t.Logf("%s %s %s: %s: %s", line.Type, line.Engine, line.Trial, line.Result.Failure.Class, line.Result.Failure.Line)
	case line.Result != nil:
		t.Logf("%s %s %s: start %.1f s, %s", line.Type, line.Engine, line.Trial, line.Result.StartS, figures(line.Result, false))
	case line.Type == "trial_started" || line.Type == "trial_ready" || line.Type == "message":
		t.Logf("%s %s %s", line.Type, line.Engine, line.Trial)
	}
}

func summaryOf(t *testing.T, lines []jsonLine) tuner.Summary {
	t.Helper()
	var s tuner.Summary
	last := lines[len(lines)-1]
	if last.Type != "result" {
		t.Fatalf("the last line is %q, want the result", last.Type)
	}
	if err := json.Unmarshal(last.raw, &s); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestE2E(t *testing.T) {
	r := findRealThing(t)
	wide, ok, pruned := "false", 3, 1 // pruned by its context
	if os.Getenv("QTUNE_E2E_WIDE") == "1" {
		wide, ok, pruned = "true", 5, 2 // and by where
	}
	for _, runtime := range []string{"docker", "process"} {
		t.Run(runtime, func(t *testing.T) {
			dir := t.TempDir()
			vars := []string{"--var", "runtime=" + runtime, "--var", "wide=" + wide}
			lines := follow(t, r.apply(t, dir, vars...))
			checkComparison(t, lines, ok, pruned)
			nothingOfOurs(t, r)
			checkReuse(t, r, dir, vars, believed(lines))
		})
	}
	t.Run("kill", func(t *testing.T) { killInTheMiddle(t, r) })
}

// checkComparison checks the known answer: vLLM beats SGLang on its fallback
// kernels, and what cannot start is not started: a context longer than the model's is
// seen beforehand.
func checkComparison(t *testing.T, lines []jsonLine, ok, pruned int) {
	t.Helper()
	s := summaryOf(t, lines)
	if s.Exit != 0 || s.Simulated || s.Winner == nil || s.Winner.Engine != "vllm" || s.Gain == nil {
		t.Errorf("exit %d, simulated %v, winner %+v, gain %v; want a real winner of vllm with a gain", s.Exit, s.Simulated, s.Winner, s.Gain)
	}
	if s.Trials.Failed != 0 || s.Trials.OK != ok || s.Trials.Pruned != pruned {
		t.Errorf("%+v, want none failed, %d measured and %d pruned", s.Trials, ok, pruned)
	}
	best := map[string]float64{}
	for _, l := range lines {
		if l.Type != tuner.EventTrialDone {
			continue
		}
		if f := l.Result.Failure; f != nil {
			t.Errorf("trial %s failed as %s (%s)", l.Trial, f.Class, f.Line)
			continue
		}
		levels := l.Result.Workloads[0].Levels
		best[l.Engine] = max(best[l.Engine], levels[len(levels)-1].OutputThroughput)
		if l.Result.Facts.KVTokens == 0 {
			t.Errorf("trial %s has no KV cache size from its log", l.Trial)
		}
	}
	t.Logf("best at 16 users: %v tok/s", best)
	if best["vllm"] <= best["sglang"] {
		t.Errorf("best at 16 users: %v; vLLM is known to win against SGLang's fallback kernels", best)
	}
}

// believed counts the trials whose load client was not starved: on two cores an
// engine can take both, and such a measurement is rightly made again.
func believed(lines []jsonLine) int {
	n := 0
	for _, l := range lines {
		if l.Type != tuner.EventTrialDone {
			continue
		}
		n++
		for _, w := range l.Result.Workloads {
			if slices.ContainsFunc(w.Levels, func(b bench.LevelResult) bool { return b.Client.Bound }) {
				n--
				break
			}
		}
	}
	return n
}

// checkReuse applies the same again: what was believed may not be started.
func checkReuse(t *testing.T, r realThing, dir string, vars []string, believed int) {
	t.Helper()
	began := time.Now()
	s := summaryOf(t, follow(t, r.apply(t, dir, vars...)))
	if s.Trials.Reused != believed || believed < 2 {
		t.Errorf("again: %+v, want the %d trials reused that were believed", s.Trials, believed)
	}
	t.Logf("again, %d reused: %s", s.Trials.Reused, time.Since(began).Round(time.Millisecond))
}

// reaperLimit is how long a reaper may take to remove a real engine.
const reaperLimit = 30 * time.Second

// killInTheMiddle kills qtune while an engine starts: its reaper removes that.
func killInTheMiddle(t *testing.T, r realThing) {
	c := r.apply(t, t.TempDir(), "--var", "runtime=docker")
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	readLines(t, out, func(l jsonLine) bool { return l.Type != "trial_ready" })
	if err := c.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, out)
	_ = c.Wait() // killed
	for until := time.Now().Add(reaperLimit); ourThings(t, r) != "" && time.Now().Before(until); {
		time.Sleep(200 * time.Millisecond)
	}
	if left := ourThings(t, r); left != "" {
		t.Errorf("the reaper has left %s", left)
	}
	gone, err := exec.CommandContext(t.Context(), r.bin, "destroy").CombinedOutput()
	if err != nil {
		t.Fatalf("destroy: %v\n%s", err, gone)
	}
	t.Logf("destroy: %s", gone)
	nothingOfOurs(t, r)
}

func ourThings(t *testing.T, r realThing) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), r.bin, "ps", "--json").Output()
	if err != nil {
		t.Fatalf("ps: %v", err)
	}
	return string(out)
}

func nothingOfOurs(t *testing.T, r realThing) {
	t.Helper()
	if left := ourThings(t, r); left != "" {
		t.Errorf("left behind: %s", left)
	}
}
