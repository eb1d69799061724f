package main

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/qtune/qtune/docker"
)

// The tests of this file run the built program and kill it.

// reapersOf are the processes that watch over a run in a folder.
func reapersOf(t *testing.T, dir string) []int {
	t.Helper()
	folders, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	var pids []int
	for _, f := range folders {
		text, err := os.ReadFile(f)
		words := strings.Split(string(text), "\x00")
		if err != nil || len(words) < 2 || words[1] != "reaper" || !strings.Contains(string(text), dir) {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(f))); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

// applied is an apply in a process of its own, at work on its first trial.
type applied struct {
	cmd *exec.Cmd
	out io.Reader
	dir string
	run string
}

func startApply(t *testing.T, bin, dir string, more ...string) *applied {
	t.Helper()
	a := &applied{dir: dir}
	args := []string{"apply", write(t, "small.hcl", small), "--simulate", "--simulate-speed", "10", "--dir", dir, "--json"}
	a.cmd = exec.CommandContext(t.Context(), bin, append(args, more...)...)
	a.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return a
}

func (a *applied) start(t *testing.T) *applied {
	t.Helper()
	out, err := a.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := a.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.cmd.Process.Kill() }) // it has ended, if all went well
	until(t, out, `"type":"trial_ready"`)
	a.out = out
	runs, err := os.ReadDir(filepath.Join(a.dir, "runs"))
	if err != nil || len(runs) == 0 {
		t.Fatalf("no run in %s: %v", a.dir, err)
	}
	a.run = runs[len(runs)-1].Name()
	return a
}

// kill is kill -9 of the apply alone.
func (a *applied) kill(t *testing.T) {
	t.Helper()
	if err := a.cmd.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, a.out)
	_ = a.cmd.Wait() // it was killed
}

func (a *applied) log(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(a.dir, "runs", a.run, "reaper.log"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return string(text)
}

// leftOf is what there is of a run folder's runs, reapers included.
func leftOf(t *testing.T, d *docker.Client, dir string) []string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	found, err := findOurs(ctx, d)
	if err != nil {
		t.Fatal(err)
	}
	var left []string
	for _, o := range found {
		if strings.HasPrefix(o.Dir, dir+"/") {
			left = append(left, o.Kind+" "+o.ID)
		}
	}
	for _, pid := range reapersOf(t, dir) {
		left = append(left, "reaper "+strconv.Itoa(pid))
	}
	return left
}

// reapTime is the limit that qtune promises.
const reapTime = 10 * time.Second

// goneInTime waits for the time that is promised: 10 s after a kill nothing
// is left. The reaper itself, which waits for what may yet turn up, goes last: on a
// starved machine it may be later here, and chaos counts it.
func goneInTime(t *testing.T, left func() []string) {
	t.Helper()
	var now []string
	for began := time.Now(); time.Since(began) < 4*reapTime; time.Sleep(50 * time.Millisecond) {
		if now = left(); len(now) == 0 {
			return
		}
		reaperOnly := !slices.ContainsFunc(now, func(l string) bool { return !strings.HasPrefix(l, "reaper ") })
		if !reaperOnly && time.Since(began) > reapTime {
			break
		}
	}
	t.Errorf("left after %v: %v", reapTime, now)
}

func TestReaper(t *testing.T) {
	bin := program(t)
	t.Run("removes containers and no look-alikes", func(t *testing.T) { reaperInDocker(t, bin) }) // alone: it calls destroy
	for _, tt := range []struct {
		name string
		test func(*testing.T, string)
	}{
		{"removes what a killed run leaves", reaperAfterKill},
		{"holds nothing of the run or its caller", reaperHoldsNothing},
		{"is not needed after a signal", signalsEndInOrder},
		{"is not needed where a signal is ignored", ignoredHangupGoesOn},
		{"leaves a live run alone", reaperLeavesALiveRunAlone},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel() // each waits for runs of its own
			tt.test(t, bin)
		})
	}
}

func reaperAfterKill(t *testing.T, bin string) {
	dir := t.TempDir()
	a := startApply(t, bin, dir).start(t)
	if n := len(reapersOf(t, dir)); n != 1 {
		t.Fatalf("%d reapers watch over a run, want 1", n)
	}
	a.kill(t)
	goneInTime(t, func() []string { return leftOf(t, nil, dir) })
	if log := a.log(t); !strings.Contains(log, "is gone without a word") || !strings.Contains(log, "nothing of the run is left") {
		t.Errorf("the reaper wrote %q", log)
	}
}

func reaperHoldsNothing(t *testing.T, bin string) {
	dir := t.TempDir()
	a := startApply(t, bin, dir)
	read, lent, err := os.Pipe() // as a caller's lock or pipe that is passed on
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	a.cmd.ExtraFiles = []*os.File{lent}
	a.start(t)
	pipe, err := os.Readlink("/proc/self/fd/" + strconv.Itoa(int(lent.Fd())))
	if err != nil {
		t.Fatal(err)
	}
	lent.Close()
	for _, pid := range reapersOf(t, dir) {
		entries, err := os.ReadDir("/proc/" + strconv.Itoa(pid) + "/fd")
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			target, _ := os.Readlink("/proc/" + strconv.Itoa(pid) + "/fd/" + e.Name())
			if target == pipe || strings.HasPrefix(target, dir) {
				t.Errorf("the reaper holds %s", target)
			}
		}
		if session, err := syscall.Getpgid(pid); err != nil || session != pid {
			t.Errorf("the reaper is in the process group %d (%v), want one of its own", session, err)
		}
		if cwd, err := os.Readlink("/proc/" + strconv.Itoa(pid) + "/cwd"); err != nil || cwd != "/" {
			t.Errorf("the reaper works in %s (%v)", cwd, err)
		}
	}
	a.kill(t)
	goneInTime(t, func() []string { return leftOf(t, nil, dir) })
}

func signalsEndInOrder(t *testing.T, bin string) {
	for _, s := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		t.Run(s.String(), func(t *testing.T) {
			t.Parallel()
			if signal.Ignored(s) {
				t.Skipf("%v is ignored by who runs the tests, as nohup does, and then qtune ignores it too", s)
			}
			dir := t.TempDir()
			a := startApply(t, bin, dir).start(t)
			if err := syscall.Kill(-a.cmd.Process.Pid, s); err != nil { // the whole group, as a terminal does
				t.Fatal(err)
			}
			out, err := io.ReadAll(a.out)
			if err != nil {
				t.Fatal(err)
			}
			_ = a.cmd.Wait() // its code is looked at below
			if code := a.cmd.ProcessState.ExitCode(); code != exitInterrupted {
				t.Errorf("exit %d, want %d", code, exitInterrupted)
			}
			if sum := lastResult(t, string(out)); sum.Exit != exitInterrupted {
				t.Errorf("the result says exit %d", sum.Exit)
			}
			if left := leftOf(t, nil, dir); len(left) > 0 {
				t.Errorf("left: %v", left)
			}
			if log := a.log(t); log != "" {
				t.Errorf("a reaper that nobody needed wrote %q", log)
			}
		})
	}
}

func ignoredHangupGoesOn(t *testing.T, bin string) {
	dir := t.TempDir()
	a := startApply(t, bin, dir, "--simulate-speed", "40")
	a.cmd.Path, a.cmd.Args = "/bin/sh", append([]string{"sh", "-c", `trap "" HUP; exec "$@"`, "sh"}, a.cmd.Args...)
	a.start(t)
	if err := a.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	out, err := io.ReadAll(a.out)
	if err != nil {
		t.Fatal(err)
	}
	_ = a.cmd.Wait() // its code is looked at
	if code := a.cmd.ProcessState.ExitCode(); !decided(code) {
		t.Errorf("a run under nohup ended with %d\n%.500s", code, out)
	}
}

func reaperLeavesALiveRunAlone(t *testing.T, bin string) {
	dir := t.TempDir()
	a := startApply(t, bin, dir).start(t)
	second := exec.CommandContext(t.Context(), bin, "reaper", "--run", a.run, "--dir", filepath.Join(dir, "runs", a.run), "--owner", "1")
	if out, err := second.CombinedOutput(); err == nil || !strings.Contains(string(out), "still at work") {
		t.Errorf("a reaper of a live run ended with %v: %s", err, out)
	}
	out, err := io.ReadAll(a.out)
	if err != nil {
		t.Fatal(err)
	}
	_ = a.cmd.Wait() // its code is looked at
	if code := a.cmd.ProcessState.ExitCode(); !decided(code) {
		t.Errorf("the run ended with %d", code)
	}
	if sum := lastResult(t, string(out)); sum.Trials.OK != 2 {
		t.Errorf("the run ended with %+v", sum)
	}
}

// lookAlikes starts containers and processes that are not the run's, and gives a
// function that tells which of them are gone.
func lookAlikes(t *testing.T, d *docker.Client, image string, a *applied) func() []string {
	t.Helper()
	dir := filepath.Join(a.dir, "runs", a.run)
	all := func(run, dir string) map[string]string {
		return map[string]string{labelRun: run, labelTrial: "t", labelRole: "trial", labelDir: dir, labelVersion: "x"}
	}
	elsewhere := filepath.Join(t.TempDir(), "runs", a.run)
	specs := []docker.Spec{
		{Name: "qtune-" + a.run + "-alike"},
		{Name: "qtune-" + a.run + "-part", Labels: map[string]string{labelRun: a.run, labelDir: dir}},
		{Name: "somebody-" + a.run, Labels: all(a.run, dir)}, // made from an image that was made from one of ours
		{Name: "qtune-" + a.run + "-other", Labels: all(a.run, elsewhere)},
	}
	for i := range specs {
		specs[i].Image, specs[i].Entrypoint = image, []string{"/qtune", "simulate", "vllm"}
		specs[i].Command = []string{"Qwen/Qwen3-8B", "--port", "8000"}
		ctr, err := d.Run(t.Context(), specs[i])
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := ctr.Stop(context.WithoutCancel(t.Context()), 0); err != nil {
				t.Error(err)
			}
		})
		specs[i].User = ctr.ID()
	}
	sleeper := exec.CommandContext(t.Context(), "sleep", "600")
	sleeper.Env = []string{envRun + "=" + a.run, envDir + "=" + dir}
	if err := sleeper.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sleeper.Process.Kill(); _ = sleeper.Wait() })
	return func() []string {
		var gone []string
		for _, s := range specs {
			list, err := d.List(t.Context(), docker.CallLabel)
			if err != nil {
				t.Fatal(err)
			}
			there := false
			for _, c := range list {
				there = there || c.ID == s.User && c.State == "running"
			}
			if !there {
				gone = append(gone, s.Name)
			}
		}
		if err := sleeper.Process.Signal(syscall.Signal(0)); err != nil {
			gone = append(gone, "sleep")
		}
		return gone
	}
}

func reaperInDocker(t *testing.T, bin string) {
	realDocker(t)
	d, err := docker.Connect(t.Context(), zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	dir := t.TempDir()
	a := startApply(t, bin, dir, "--simulate-in", "docker").start(t)
	mine, err := d.List(t.Context(), labelDir+"="+filepath.Join(dir, "runs", a.run))
	if err != nil || len(mine) != 1 {
		t.Fatalf("%d containers of the run, %v", len(mine), err)
	}
	gone := lookAlikes(t, d, mine[0].Image, a)
	a.kill(t)
	goneInTime(t, func() []string { return leftOf(t, d, dir) })
	if g := gone(); len(g) > 0 {
		t.Errorf("the reaper harmed %v", g)
	}
	if log := a.log(t); !strings.Contains(log, "removed container") {
		t.Errorf("the reaper wrote %q", log)
	}

	b := startApply(t, bin, dir, "--simulate-in", "docker").start(t)
	for _, pid := range reapersOf(t, dir) {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
	}
	b.kill(t)
	output(t, bin, "destroy")
	if left := leftOf(t, d, dir); len(left) > 0 {
		t.Errorf("left after reaper and run were killed and destroy ran: %v", left)
	}
	if g := gone(); len(g) > 0 {
		t.Errorf("destroy harmed %v", g)
	}
}
