//go:build e2e && linux

package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/qtune/qtune/bench"
	"github.com/qtune/qtune/engine"
	"github.com/qtune/qtune/process"
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

func (r realThing) apply(t *testing.T, dir string, vars ...string) *exec.Cmd {
	t.Helper()
	return r.qtune(t, "apply", dir, vars...)
}

// qtune is one of its commands on examples/cpu.hcl.
func (r realThing) qtune(t *testing.T, command, dir string, vars ...string) *exec.Cmd {
	t.Helper()
	profile, err := filepath.Abs("../../examples/cpu.hcl")
	if err != nil {
		t.Fatal(err)
	}
	args := append([]string{command, profile, "--json", "--dir", dir, "--var", "engines=" + r.engines, "--var", "python=" + r.python}, vars...)
	c := exec.CommandContext(t.Context(), r.bin, args...)
	c.Env = append(os.Environ(), "XDG_CACHE_HOME="+filepath.Join(dir, "cache")) // the user's own is not for tests
	c.Stderr = os.Stderr
	return c
}

// follow runs an apply to its end, prints what happens and gives its lines. Whether
// the run ended well is for the caller to say.
func follow(t *testing.T, c *exec.Cmd, seen func(jsonLine)) []jsonLine {
	t.Helper()
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	lines := readLines(t, out, func(l jsonLine) bool { seen(l); return true })
	_ = c.Wait() // its code is compared with the result's
	if exit := summaryOf(t, lines).Exit; c.ProcessState.ExitCode() != exit {
		t.Errorf("apply ended with %v, and its result says %d", c.ProcessState, exit)
	}
	return lines
}

func nobody(jsonLine) {}

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
	t.Run("docker", func(t *testing.T) { inContainers(t, r) })
	t.Run("process", func(t *testing.T) { asProcesses(t, r) })
}

// inContainers compares the two engines, in a run that is killed on its way and
// applied again.
func inContainers(t *testing.T, r realThing) {
	grid, ok, pruned := "short", 3, 1 // pruned by its context
	if os.Getenv("QTUNE_E2E_WIDE") == "1" {
		grid, ok, pruned = "wide", 5, 2 // and by where
	}
	dir, vars := t.TempDir(), []string{"--var", "runtime=docker", "--var", "grid=" + grid}
	killInTheMiddle(t, r, dir, vars)
	lines := follow(t, r.apply(t, dir, vars...), nobody)
	s := summaryOf(t, lines)
	if s.Trials.Failed != 0 || s.Trials.OK != ok || s.Trials.Pruned != pruned {
		t.Errorf("%+v, want none failed, %d measured and %d pruned", s.Trials, ok, pruned)
	}
	checkComparison(t, s, results(lines))
	nothingOf(t, r, dir)
	checkReuse(t, r, dir, vars, results(lines))
}

// results are those of the trials that were measured or taken over.
func results(lines []jsonLine) []*tuner.TrialResult {
	var all []*tuner.TrialResult
	for _, l := range lines {
		if l.Type == tuner.EventTrialDone || l.Type == tuner.EventTrialReused {
			all = append(all, l.Result)
		}
	}
	return all
}

// starved says that the load client was short of processor time in a trial: on two
// cores an engine can take both. Such a trial cannot win and is rightly measured
// again by the next apply, so nothing here fails for it. One that failed is not: its
// failure is believed, whatever the client had while the server died.
func starved(r *tuner.TrialResult) bool {
	return r.Failure == nil && slices.ContainsFunc(r.Workloads, func(w tuner.WorkloadResult) bool {
		return slices.ContainsFunc(w.Levels, func(b bench.LevelResult) bool { return b.Client.Bound })
	})
}

// checkComparison checks the known answer: vLLM beats SGLang on its fallback
// kernels. A starved client makes an engine look slower, never faster.
func checkComparison(t *testing.T, s tuner.Summary, measured []*tuner.TrialResult) {
	t.Helper()
	best, doubtful := map[string]float64{}, map[string]int{}
	for _, r := range measured {
		if r.Failure != nil {
			t.Errorf("trial %s failed as %s (%s)", r.Trial, r.Failure.Class, r.Failure.Line)
			continue
		}
		if starved(r) {
			doubtful[r.Engine]++
		}
		levels := r.Workloads[0].Levels
		best[r.Engine] = max(best[r.Engine], levels[len(levels)-1].OutputThroughput)
		if r.Facts.KVTokens == 0 {
			t.Errorf("trial %s has no KV cache size from its log", r.Trial)
		}
	}
	t.Logf("best at 16 users: %v tok/s; trials whose load client was starved: %v", best, doubtful)
	if best["vllm"] <= best["sglang"] && doubtful["vllm"] == 0 {
		t.Errorf("best at 16 users: %v; vLLM is known to win against SGLang's fallback kernels", best)
	}
	if len(doubtful) > 0 {
		t.Logf("exit %d, winner %+v: not checked, since a client was starved", s.Exit, s.Winner)
		return
	}
	if s.Exit != 0 || s.Simulated || s.Winner == nil || s.Winner.Engine != "vllm" || s.Gain == nil {
		t.Errorf("exit %d, simulated %v, winner %+v, gain %v; want a real winner of vllm with a gain", s.Exit, s.Simulated, s.Winner, s.Gain)
	}
}

// checkReuse plans the same again, where all that was believed counts as measured,
// and applies it again, which may start nothing, if that is all.
func checkReuse(t *testing.T, r realThing, dir string, vars []string, known []*tuner.TrialResult) {
	t.Helper()
	believed := len(known)
	for _, k := range known {
		if starved(k) {
			believed--
		}
	}
	if measured := plannedAs(t, r, dir, vars, "measured"); measured != believed {
		t.Errorf("the next plan has %d trials as measured, want the %d that were believed", measured, believed)
	}
	if believed < len(known) {
		t.Logf("not applied again: of %d trials %d would be measured again, since their client was starved", len(known), len(known)-believed)
		return
	}
	began := time.Now()
	s := summaryOf(t, follow(t, r.apply(t, dir, vars...), func(l jsonLine) {
		if l.Type == tuner.EventTrialStarted {
			t.Errorf("trial %s was started again", l.Trial)
		}
	}))
	if s.Trials.Reused != believed {
		t.Errorf("again: %+v, want %d trials reused", s.Trials, believed)
	}
	t.Logf("again, %d reused: %s", s.Trials.Reused, time.Since(began).Round(time.Millisecond))
}

// plannedAs counts the trials that plan gives a status.
func plannedAs(t *testing.T, r realThing, dir string, vars []string, status string) int {
	t.Helper()
	c := r.qtune(t, "plan", dir, vars...)
	out, err := c.Output()
	if err != nil {
		t.Fatalf("plan: %v", err)
	}
	var plan struct{ Trials []struct{ Status string } }
	if err := json.Unmarshal(out, &plan); err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, trial := range plan.Trials {
		if trial.Status == status {
			n++
		}
	}
	return n
}

const (
	reaperLimit = time.Minute // for a reaper to remove a real engine
	birthLimit  = time.Minute // for a trial's container to be there
)

// killInTheMiddle kills qtune while its second engine starts: the reaper removes
// that, and what the first has given is kept.
func killInTheMiddle(t *testing.T, r realThing, dir string, vars []string) {
	t.Helper()
	c := r.apply(t, dir, vars...)
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	done := false
	lines := readLines(t, out, func(l jsonLine) bool {
		done = done || l.Type == tuner.EventTrialDone
		return !done || l.Type != tuner.EventTrialStarted
	})
	if n := len(lines); n == 0 || lines[n-1].Type != tuner.EventTrialStarted {
		t.Fatalf("apply ended before its second trial: %v", c.Wait())
	}
	if !eventually(birthLimit, func() bool { return oursIn(t, r.bin, dir) != "" }) {
		t.Error("no container of the second trial")
	}
	if err := c.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, out)
	_ = c.Wait() // killed
	if !eventually(reaperLimit, func() bool { return oursIn(t, r.bin, dir) == "" }) {
		t.Errorf("the reaper has left %s", oursIn(t, r.bin, dir))
	}
	t.Logf("killed; destroy: %s", output(t, r.bin, "destroy"))
	nothingOf(t, r, dir)
}

func eventually(limit time.Duration, is func() bool) bool {
	for until := time.Now().Add(limit); time.Now().Before(until); time.Sleep(200 * time.Millisecond) {
		if is() {
			return true
		}
	}
	return is()
}

func nothingOf(t *testing.T, r realThing, dir string) {
	t.Helper()
	if left := oursIn(t, r.bin, dir); left != "" {
		t.Errorf("left behind: %s", left)
	}
}

// deathLimit is for the death of an engine under load to be seen, and all of it gone.
const deathLimit = time.Minute

// asProcesses kills the process in which vLLM computes when the load begins, while its
// HTTP server lives on. That is data: SGLang is measured, and wins.
func asProcesses(t *testing.T, r realThing) {
	dir, vars := t.TempDir(), []string{"--var", "runtime=process", "--var", "grid=single"}
	var killed time.Time
	lines := follow(t, r.apply(t, dir, vars...), func(l jsonLine) {
		switch {
		case l.Engine != "vllm":
		case l.Type == "trial_ready":
			killed = killEngineCore(t, l.Trial)
		case l.Type == tuner.EventTrialDone:
			took := time.Since(killed)
			t.Logf("seen and gone %v after the kill", took.Round(10*time.Millisecond))
			if took > deathLimit {
				t.Errorf("that took more than %v", deathLimit)
			}
		}
	})
	nothingOf(t, r, dir)
	s, measured := summaryOf(t, lines), results(lines)
	if len(measured) != 2 || s.Trials.OK != 1 || s.Trials.Failed != 1 || s.Trials.Pruned != 1 {
		t.Fatalf("%d results, %+v, want one measured, one failed and one pruned", len(measured), s.Trials)
	}
	if f := measured[0].Failure; f == nil || f.Class != engine.DiedUnderLoad {
		t.Errorf("vLLM gave %+v, want its death under load", f)
	}
	sglang := measured[1]
	if sglang.Failure != nil || sglang.Facts.KVTokens == 0 {
		t.Errorf("SGLang gave %+v, %v", sglang.Facts, sglang.Failure)
	}
	if won := s.Exit == 0 && s.Winner != nil && s.Winner.Engine == "sglang" && s.Gain == nil; !won && !starved(sglang) {
		t.Errorf("exit %d, winner %+v, gain %v; want SGLang, and no gain without a baseline", s.Exit, s.Winner, s.Gain)
	}
	checkReuse(t, r, dir, vars, measured)
}

// killEngineCore kills the process in which a trial's vLLM computes.
func killEngineCore(t *testing.T, trial string) time.Time {
	t.Helper()
	all, err := process.Find(engine.EnvTrial)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range all {
		title, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", p.PID))
		if p.Env[engine.EnvTrial] == trial && strings.Contains(string(title)+strings.Join(p.Argv, " "), "EngineCor") {
			if err := syscall.Kill(p.PID, syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			return time.Now()
		}
	}
	t.Fatalf("no engine core among %d processes", len(all))
	return time.Time{}
}
