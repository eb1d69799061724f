package main

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/qtune/qtune/process"
	"github.com/qtune/qtune/tuner"
)

// simulated applies a profile on simulated engines that live fast.
func simulated(path, dir string, more ...string) []string {
	return append([]string{"apply", path, "--simulate", "--simulate-speed", "25", "--dir", dir}, more...)
}

// noProcessLeft checks that no simulated engine of a run folder is alive.
func noProcessLeft(t *testing.T, dir string) {
	t.Helper()
	found, err := process.Find(envRun)
	if errors.Is(err, errors.ErrUnsupported) {
		t.Log("processes cannot be listed on this system: not checked")
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range found {
		if strings.HasPrefix(p.Env[envDir], dir) {
			t.Errorf("process %d of run %s is left: %v", p.PID, p.Env[envRun], p.Argv)
		}
	}
}

// unstarved runs an apply in a new folder until it leaves as many results as are
// wanted that are worth reusing, three times at most. On a busy machine the load
// client can be starved, and then a trial is rightly held to be client-bound.
func unstarved(t *testing.T, want int, apply func(dir string) (code int, said string)) (dir string) {
	t.Helper()
	for range 3 {
		dir = t.TempDir()
		code, said := apply(dir)
		whole := len(knownIn(t, dir)) == want
		if code == exitOK && whole {
			return dir
		}
		if whole || !decided(code) {
			t.Fatalf("exit %d\n%s", code, said)
		}
	}
	t.Skip("this machine starved the load client in each of three runs")
	return ""
}

// decided says that an apply came to its end: with a winner, or with none, as on a
// machine that starved the load client.
func decided(code int) bool { return code == exitOK || code == exitNoWinner }

// knownIn are the results of a folder that are worth reusing.
func knownIn(t *testing.T, dir string) map[string]tuner.TrialResult {
	t.Helper()
	folder, err := tuner.OpenFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	measured, _ := folder.Known(func(err error) { t.Error(err) })
	return measured
}

// applyJSON is unstarved with a profile of three trials that run.
func applyJSON(t *testing.T, path string) (c *console, dir string) {
	t.Helper()
	dir = unstarved(t, 3, func(dir string) (int, string) {
		c = newConsole(t)
		return c.run(t, simulated(path, dir, "--json")...), c.err.String()
	})
	return c, dir
}

func TestApplySimulated(t *testing.T) {
	path := write(t, "small.hcl", small)
	c, dir := applyJSON(t, path)
	s := c.result(t)
	if !s.Simulated || s.Card != "RTX 4090" || s.Exit != 0 || s.Error != "" {
		t.Errorf("simulated %v on %q, exit %d, error %q", s.Simulated, s.Card, s.Exit, s.Error)
	}
	if s.Trials.OK != 2 || s.Trials.Failed != 1 || s.Trials.Pruned != 1 || s.Trials.Reused != 0 {
		t.Errorf("trials %+v, want 2 ok, 1 failed (context longer than the cache), 1 pruned by where", s.Trials)
	}
	if s.Winner == nil || s.Winner.Engine != "vllm" || s.Winner.Name != "plain" || s.Gain == nil || *s.Gain < 0.2 {
		t.Fatalf("winner %+v, gain %v: eight sequences at once must beat two for eight users", s.Winner, s.Gain)
	}
	flags, err := json.Marshal(s.Winner.Flags)
	if err != nil || string(flags) != `{"max-model-len":4096,"max-num-seqs":8}` {
		t.Errorf("the winner's flags are %s", flags)
	}
	if got := strings.Join(s.Winner.Command, " "); !strings.HasPrefix(got, "vllm serve Qwen/Qwen3-8B ") || !strings.Contains(got, "--max-num-seqs 8") {
		t.Errorf("the winner's command is %q", got)
	}
	noProcessLeft(t, dir)
	for _, name := range []string{"profile.hcl", "journal.jsonl", "result.json", "report.txt", "trials/" + s.Winner.Trial + "/server.log", "trials/" + s.Winner.Trial + "/requests.jsonl"} {
		if info, err := os.Stat(filepath.Join(dir, "runs", s.Run, name)); err != nil || info.Size() == 0 {
			t.Errorf("%s of the run: %v", name, err)
		}
	}
	reuseEverything(t, path, dir)
}

// reuseEverything applies again, and once more as text.
func reuseEverything(t *testing.T, path, dir string) {
	t.Helper()
	c := newConsole(t)
	if code := c.run(t, simulated(path, dir, "--json")...); code != exitOK {
		t.Fatalf("again: exit %d\n%s", code, c.err.String())
	}
	if s := c.result(t); s.Trials.Reused != 3 || s.Trials.OK != 2 || s.Trials.Failed != 1 {
		t.Errorf("again: trials %+v, want 3 reused", s.Trials)
	}
	text := newConsole(t)
	if code := text.run(t, simulated(path, dir)...); code != exitOK {
		t.Fatalf("as text: exit %d\n%s", code, text.err.String())
	}
	for _, want := range []string{"Winner: vllm \"plain\"", "(simulated)", "measured in run", "kv_too_small", "hint:", "Every figure above is simulated on RTX 4090"} {
		if !strings.Contains(text.out.String(), want) {
			t.Errorf("the report lacks %q:\n%s", want, text.out.String())
		}
	}
}

func TestApplyEnds(t *testing.T) {
	impossible := small + "constraint \"ttft_mean\" {\n  max = \"1ms\"\n}\n"
	tests := []struct {
		name   string
		text   string
		flags  []string
		code   int
		result bool     // the last line on stdout is a result
		says   []string // in the output, all streams
	}{
		{"no trial that keeps the constraints", impossible, []string{"--simulate", "--simulate-speed", "200"}, exitNoWinner, true, []string{`"winner":null`, `"exit":4`}},
		{"no Docker Engine", small, nil, exitError, true, []string{"--simulate", `runtime = \"process\"`, `"exit":1`}},
		{"an invalid profile", strings.Replace(small, "output_throughput", "output_througput", 1), nil, exitProfile, false, []string{"output_throughput"}},
		{"a speed that is none", small, []string{"--simulate", "--simulate-speed", "0"}, exitUsage, false, []string{"--simulate-speed"}},
		{"an unknown place to simulate in", small, []string{"--simulate", "--simulate-in", "vm"}, exitUsage, false, []string{"docker"}},
		{"a flag that does not exist", small, []string{"--no-such"}, exitUsage, false, []string{"no-such"}},
		{"a card that is not known", strings.Replace(small, "RTX 4090", "RTX 4091", 1), []string{"--simulate"}, exitProfile, false, []string{"RTX 4090"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := newConsole(t)
			args := append([]string{"apply", write(t, "p.hcl", tt.text), "--json", "--dir", t.TempDir()}, tt.flags...)
			if code := c.run(t, args...); code != tt.code {
				t.Errorf("exit %d, want %d\n%s\n%s", code, tt.code, c.out.String(), c.err.String())
			}
			if tt.result {
				c.result(t)
			}
			for _, want := range tt.says {
				if !strings.Contains(c.out.String()+c.err.String(), want) {
					t.Errorf("nothing says %q:\n%s\n%s", want, c.out.String(), c.err.String())
				}
			}
		})
	}
}

func TestInterruptedApply(t *testing.T) {
	path, dir := write(t, "small.hcl", small), t.TempDir()
	c := newConsole(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan int)
	go func() { done <- run(ctx, simulated(path, dir, "--json"), &c.world) }()
	waitFor(t, func() bool { return strings.Contains(c.out.String(), `"type":"trial_ready"`) })
	cancel()
	select {
	case code := <-done:
		if code != exitInterrupted {
			t.Errorf("exit %d, want %d", code, exitInterrupted)
		}
	case <-time.After(time.Minute):
		t.Fatal("still running a minute after the interrupt")
	}
	if s := c.result(t); s.Exit != exitInterrupted || s.Error == "" {
		t.Errorf("the result says exit %d, error %q", s.Exit, s.Error)
	}
	noProcessLeft(t, dir)
	again := newConsole(t)
	if code := again.run(t, simulated(path, dir, "--json")...); !decided(code) {
		t.Errorf("apply after an interrupt: exit %d\n%s", code, again.err.String())
	}
}

func waitFor(t *testing.T, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !ok(); {
		if time.Now().After(deadline) {
			t.Fatal("waited a minute in vain")
		}
		select {
		case <-t.Context().Done():
			t.Fatal("the test was ended")
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func TestTwoAppliesInOneFolder(t *testing.T) {
	path, dir := write(t, "small.hcl", small), t.TempDir()
	first := newConsole(t)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan int)
	go func() { done <- run(ctx, simulated(path, dir, "--json"), &first.world) }()
	waitFor(t, func() bool { return strings.Contains(first.out.String(), `"type":"trial_started"`) })
	second := newConsole(t)
	if code := second.run(t, simulated(path, dir)...); code != exitError {
		t.Errorf("a second apply ended with %d, want %d", code, exitError)
	}
	for _, want := range []string{"process", "has held", "--dir"} {
		if !strings.Contains(second.err.String(), want) {
			t.Errorf("the second apply does not say %q: %s", want, second.err.String())
		}
	}
	cancel()
	<-done
}

func TestRunFolderThatCannotBeUsed(t *testing.T) {
	file := write(t, "file", "no folder")
	c := newConsole(t)
	if code := c.run(t, simulated(write(t, "small.hcl", small), file)...); code != exitError || !strings.Contains(c.err.String(), "--dir") {
		t.Errorf("exit %d: %s", code, c.err.String())
	}
}
