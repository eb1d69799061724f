//go:build chaos

package main

import (
	"bytes"
	"cmp"
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/qtune/qtune/tuner"
)

var chaosDaemons = flag.Int("chaos.daemons", 1, "runs in whose middle their Docker daemon ends")

// island is a network of its own in which a Docker daemon of the test's own and the
// runs that use it live: the daemon may be killed, and nobody else's is touched.
type island struct {
	dir    string
	holder *exec.Cmd // keeps the network alive
	daemon *exec.Cmd
}

// newIsland starts one, or skips the test where none can be.
func newIsland(t *testing.T) *island {
	t.Helper()
	for _, program := range []string{"dockerd", "nsenter", "ip"} {
		if _, err := exec.LookPath(program); err != nil || os.Geteuid() != 0 {
			t.Skipf("a Docker daemon of the test's own needs root and %s: uid %d, %v", program, os.Geteuid(), err)
		}
	}
	dir, err := os.MkdirTemp("", "qi") //nolint:usetesting // a socket's path has at most 107 bytes
	if err != nil {
		t.Fatal(err)
	}
	i := &island{dir: dir, holder: exec.Command("sleep", "infinity")}
	i.holder.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	if err := i.holder.Start(); err != nil {
		t.Skipf("a network of the test's own cannot be made: %v", err)
	}
	t.Cleanup(func() { i.clean(t) })
	if out, err := i.inside(t.Context(), "ip", "link", "set", "lo", "up").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	i.begin(t)
	return i
}

// inside is a command within the network.
func (i *island) inside(ctx context.Context, argv ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "nsenter", append([]string{fmt.Sprintf("--net=/proc/%d/ns/net", i.holder.Process.Pid), "--"}, argv...)...)
	cmd.Env = append(os.Environ(), "DOCKER_HOST=unix://"+i.path("sock"))
	return cmd
}

func (i *island) path(name string) string { return filepath.Join(i.dir, name) }

// begin starts the daemon and returns once it answers.
func (i *island) begin(t *testing.T) {
	t.Helper()
	_ = os.Remove(i.path("pid")) // of one that was killed
	_ = os.Remove(i.path("exec/containerd/containerd.pid"))
	out, err := os.Create(i.path("log"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	i.daemon = i.inside(t.Context(), "dockerd", "--host", "unix://"+i.path("sock"), "--data-root", i.path("data"), "--exec-root", i.path("exec"),
		"--pidfile", i.path("pid"), "--bridge=none", "--iptables=false", "--ip-forward=false", "--storage-driver=vfs", "--shutdown-timeout=3")
	i.daemon.Stdout, i.daemon.Stderr = out, out
	i.daemon.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := i.daemon.Start(); err != nil {
		t.Fatal(err)
	}
	for range 300 {
		if said, _ := os.ReadFile(i.path("log")); strings.Contains(string(said), "API listen on") {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	said, _ := os.ReadFile(i.path("log"))
	t.Fatalf("dockerd did not start:\n%s", said)
}

// end signals the daemon, whose number nsenter has left to it, and waits for it.
func (i *island) end(s syscall.Signal) {
	if i.daemon != nil {
		_ = i.daemon.Process.Signal(s)
		_ = i.daemon.Wait() // killed on purpose
		i.daemon = nil
	}
}

// clean ends the daemon and what a killed one left, which carries the folder's name
// in its command line, and unmounts what it mounted.
func (i *island) clean(t *testing.T) {
	i.end(syscall.SIGTERM)
	lines, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, line := range lines {
		if words, _ := os.ReadFile(line); bytes.Contains(words, []byte(i.dir+"/")) {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(line)))
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
	_ = i.holder.Process.Kill()
	_ = i.holder.Wait()
	mounts, _ := os.ReadFile("/proc/mounts")
	for line := range strings.Lines(string(mounts)) {
		if at := strings.Fields(line)[1]; strings.HasPrefix(at, i.dir+"/") {
			_ = syscall.Unmount(at, syscall.MNT_DETACH)
		}
	}
	if err := os.RemoveAll(i.dir); err != nil {
		t.Error(err)
	}
}

// containers counts those that the daemon has.
func (i *island) containers(t *testing.T) int {
	t.Helper()
	out, err := i.inside(t.Context(), "docker", "ps", "-aq").Output()
	if err != nil {
		t.Fatal(err)
	}
	return len(strings.Fields(string(out)))
}

// A run whose daemon is shut down, killed or stopped for a while, at a random
// moment, and comes back: it ends, with the decision of an undisturbed one, and
// leaves nothing.
func TestDaemonEndsInTheMiddle(t *testing.T) {
	seed := *chaosSeed
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 7))
	bin, i := program(t), newIsland(t)
	alone := strings.Replace(chaotic, `image = "vllm`, "network = \"host\"\n  image = \"vllm", 1)
	path := write(t, "daemon.hcl", alone)
	args := []string{bin, "apply", path, "--simulate", "--simulate-in", "docker", "--simulate-speed", "40", "--json", "--dir"}
	want, took := undisturbed(t, func() *exec.Cmd { return i.inside(t.Context(), append(args, t.TempDir())...) })
	d := &daemonToll{}
	for n := range *chaosDaemons {
		how := []string{"shut down", "killed", "stopped"}[n%3]
		after := time.Second + time.Duration(random.Float64()*float64(took))
		away := time.Duration(1+random.IntN(4)) * time.Second
		dir := t.TempDir()
		ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
		cmd := i.inside(ctx, append(args, dir)...)
		var stdout, stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(after)
		i.disturb(t, how, away)
		_ = cmd.Wait() // its code is looked at
		code := cmd.ProcessState.ExitCode()
		if ctx.Err() != nil {
			code = -1
		}
		cancel()
		left := i.containers(t)
		if wrong := d.count(t, dir, code, left, stdout.String(), stderr.String(), want); wrong != "" {
			t.Errorf("%s for %v: %s; %d containers are left\n%s", how, away, wrong, left, strings.Join(failuresIn(stdout.String()), "\n"))
		}
	}
	t.Logf("daemons: %d runs disturbed, %d trials retried, %d ended before the first trial with an error that says so, %d wrong results or hangs (%d more decisions on measurements that a busy machine spoilt)",
		*chaosDaemons, d.retried, d.early, d.wrong, d.spoilt)
}

// daemonToll is what came of the runs.
type daemonToll struct{ retried, early, wrong, spoilt int }

// count sorts a run by how it ended, -1 being that it did not, and says what is wrong
// with it.
func (d *daemonToll) count(t *testing.T, dir string, code, left int, stdout, stderr string, want tuner.Summary) (wrong string) {
	t.Helper()
	d.retried += strings.Count(stdout, `"trial_retried"`)
	defer func() {
		if wrong != "" || left > 0 {
			d.wrong++
			wrong = cmp.Or(wrong, "it ended well")
		}
	}()
	if code == exitError && !strings.Contains(stdout, `"trial_started"`) && strings.Contains(stderr, "Docker daemon") {
		d.early++ // it was at the image, and nothing was measured yet
		return ""
	}
	if code != exitOK && code != exitNoWinner {
		return fmt.Sprintf("exit %d\n%.1500s", code, stderr)
	}
	got := lastResult(t, stdout)
	records := (&round{t: t, dir: dir}).journal(got.Run)
	switch judge(got, want, func() []tuner.Record { return records }) {
	case excused:
		d.spoilt++
	case differs:
		return fmt.Sprintf("winner %q, want %q; trials %+v, want %+v%s", trialThatWon(got), trialThatWon(want), got.Trials, want.Trials, measurements(records))
	case same:
	}
	return ""
}

// disturb takes the daemon away for a while.
func (i *island) disturb(t *testing.T, how string, away time.Duration) {
	t.Helper()
	switch how {
	case "stopped":
		_ = i.daemon.Process.Signal(syscall.SIGSTOP)
		time.Sleep(away)
		_ = i.daemon.Process.Signal(syscall.SIGCONT)
		return
	case "killed":
		i.end(syscall.SIGKILL)
	default:
		i.end(syscall.SIGTERM)
	}
	time.Sleep(away)
	i.begin(t)
}

// failuresIn are the failures that JSON lines tell of.
func failuresIn(out string) []string {
	var all []string
	for line := range strings.Lines(out) {
		if at := strings.Index(line, `"failure":{`); at >= 0 && !strings.Contains(line, `"type":"result"`) {
			all = append(all, line[at:min(len(line), at+600)])
		}
	}
	return all
}
