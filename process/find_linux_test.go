package process

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// none checks that nothing of the tree runs: by its variable and by its group.
func none(t *testing.T, p *Process, mark string) {
	t.Helper()
	if left, err := Find(mark); err != nil || len(left) > 0 {
		t.Errorf("left: %+v, %v", left, err)
	}
	all, err := processes()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range all {
		if r.group == p.PID() {
			t.Errorf("left in its group: %v", r)
		}
	}
}

// unique is a variable that only this test sets.
func unique(t *testing.T, name string) string {
	return fmt.Sprintf("%s=%s-%d", name, t.Name(), os.Getpid())
}

func TestFind(t *testing.T) {
	noLeaks(t)
	key := unique(t, "QTUNE_TEST_FIND")
	name, value, _ := strings.Cut(key, "=")
	p := start(t, script(nil, "exec sleep 600", key, "SECRET=x", "QTUNE_TRIAL=7"))
	start(t, script(nil, "exec sleep 601", "QTUNE_TEST_FIND_OTHER=1"))
	eventually(t, "the shell has become sleep", func() bool { return slices.Equal(argv(p.PID()), []string{"sleep", "600"}) })
	for _, by := range []string{key, name} {
		found, err := Find(by)
		if err != nil || len(found) != 1 {
			t.Fatalf("%s: got %+v, %v, want one", by, found, err)
		}
		f := found[0]
		if f.PID != p.PID() || f.PGID != p.PID() || f.Env[name] != value || f.Env["QTUNE_TRIAL"] != "7" || len(f.Env) != 3 || f.Env["QTUNE_PROCESS"] == "" {
			t.Errorf("%s: got %+v", by, f)
		}
		if !slices.Equal(f.Argv, []string{"sleep", "600"}) || time.Since(f.Started).Abs() > 30*time.Second {
			t.Errorf("%s: got %+v", by, f)
		}
	}
	if found, err := Find(key + "1"); err != nil || len(found) != 0 {
		t.Errorf("a longer value: got %+v, %v", found, err)
	}
}

func TestFindLeavesThisProgramAndItsParentsOut(t *testing.T) {
	if os.Getenv("QTUNE_TEST_SELF") == "" {
		again := exec.Command("/bin/sh", "-c", `"$@"; exit $?`, "sh", os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
		again.Env = append(os.Environ(), unique(t, "QTUNE_TEST_SELF"))
		if out, err := again.CombinedOutput(); err != nil || !strings.Contains(string(out), "PASS") {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	if found, err := Find("QTUNE_TEST_SELF"); err != nil || len(found) != 0 {
		t.Errorf("got %+v, %v", found, err)
	}
}

// A crash's orphans are ended; who does not carry the very same variable is not,
// though in the same process group.
func TestKill(t *testing.T) {
	noLeaks(t)
	key := unique(t, "QTUNE_TEST_KILL")
	s := script(nil, `
		env -i /bin/sleep 600 & echo $! >stranger
		env QTUNE_TEST_KILL=other sleep 600 & echo $! >other
		(trap "" TERM; sleep 600 & while :; do sleep 1; done) &
		sleep 0.2; echo >ready; exit 0`, key)
	s.Dir = t.TempDir()
	start(t, s)
	eventually(t, "the tree is up", func() bool { return exists(s.Dir, "ready") })
	found, err := Find(key)
	if err != nil || len(found) < 2 {
		t.Fatalf("got %+v, %v, want at least the stubborn shell and its child", found, err)
	}
	for _, f := range found {
		if err := Kill(t.Context(), f); err != nil {
			t.Error(err)
		}
	}
	if left, err := Find(key); err != nil || len(left) != 0 {
		t.Errorf("left: %+v, %v", left, err)
	}
	for _, name := range []string{"stranger", "other"} {
		b, err := os.ReadFile(filepath.Join(s.Dir, name))
		if err != nil {
			t.Fatal(err)
		}
		pid, _ := strconv.Atoi(strings.TrimSpace(string(b)))
		if _, err := lookAt(pid); err != nil {
			t.Errorf("%s, process %d, was ended too: %v", name, pid, err)
		}
	}
}

func TestKillRefusesWhatFindHasNotFound(t *testing.T) {
	if err := Kill(t.Context(), Found{PID: os.Getpid(), PGID: syscall.Getpgrp()}); !errors.Is(err, ErrNoKey) {
		t.Errorf("got %v", err)
	}
}

// TestParent is no test: it is the program that TestParentIsKilled kills.
func TestParent(t *testing.T) {
	dir := os.Getenv("QTUNE_TEST_PARENT")
	if dir == "" {
		t.Skip("only as a child of TestParentIsKilled")
	}
	s := script(nil, `trap 'echo >terminated; kill $child; exit 0' TERM; sleep 600 & child=$!; echo >ready; wait; wait`, os.Getenv("QTUNE_TEST_MARK"))
	s.Dir = dir
	if _, err := Start(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	select {}
}

func TestParentIsKilled(t *testing.T) {
	dir := t.TempDir()
	mark := unique(t, "QTUNE_TEST_ORPHAN")
	parent := exec.Command(os.Args[0], "-test.run=^TestParent$")
	parent.Env = append(os.Environ(), "QTUNE_TEST_PARENT="+dir, "QTUNE_TEST_MARK="+mark)
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the command is up", func() bool { return exists(dir, "ready") })
	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = parent.Wait() // killed
	eventually(t, "the command got a SIGTERM", func() bool { return exists(dir, "terminated") })
	eventually(t, "its tree is gone", func() bool {
		left, err := Find(mark)
		return err == nil && len(left) == 0
	})
}

func exists(dir, name string) bool {
	_, err := os.Stat(filepath.Join(dir, name))
	return err == nil
}

// The parent-death signal follows the thread: a command must outlive the thread
// of whoever asked for it.
func TestTheCallersThreadMayEnd(t *testing.T) {
	noLeaks(t)
	var p *Process
	ended := make(chan struct{})
	go func() {
		runtime.LockOSThread() // and never unlocked, so that the thread ends
		defer close(ended)
		var err error
		if p, err = Start(t.Context(), script(nil, "exec sleep 600")); err != nil {
			t.Error(err)
		}
	}()
	<-ended
	if p == nil {
		return
	}
	defer p.Stop(t.Context(), 0) //nolint:errcheck // checked elsewhere
	select {
	case <-p.Done():
		t.Errorf("it died with the thread: %+v", p.Exit())
	case <-time.After(300 * time.Millisecond):
	}
}

func TestParseStat(t *testing.T) {
	tail := " 10 20 20 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 5000 1 1 1\n"
	for _, row := range []struct {
		why, line string
		want      status
		fails     bool
	}{
		{"a plain name", "7 (sleep) S" + tail, status{running: running{pid: 7, parent: 10, group: 20, started: 5000, name: "sleep"}}, false},
		{"a name with blanks and brackets", "7 (a) Z (b c) S" + tail, status{running: running{pid: 7, parent: 10, group: 20, started: 5000, name: "a) Z (b c"}}, false},
		{"a zombie", "7 (x) Z" + tail, status{running: running{pid: 7, parent: 10, group: 20, started: 5000, name: "x"}, dead: true}, false},
		{"cut short", "7 (x) S 1 2", status{}, true},
		{"no name", "7 x S" + tail, status{}, true},
		{"nothing", "", status{}, true},
	} {
		t.Run(row.why, func(t *testing.T) {
			got, err := parseStat([]byte(row.line))
			if (err != nil) != row.fails || !row.fails && got != row.want {
				t.Errorf("got %+v, %v, want %+v", got, err, row.want)
			}
		})
	}
}

func FuzzParseStat(f *testing.F) {
	own, _ := os.ReadFile("/proc/self/stat")
	f.Add(own)
	f.Add([]byte("1 (()) S"))
	f.Add([]byte(")("))
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := parseStat(b)
		if err == nil && !strings.Contains(string(b), strconv.Itoa(got.pid)) {
			t.Errorf("%q gave process %d", b, got.pid)
		}
	})
}
