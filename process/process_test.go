package process

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// noLeaks fails the test if goroutines of this package outlive it.
func noLeaks(t *testing.T) {
	t.Helper()
	t.Cleanup(func() {
		buf := make([]byte, 1<<20)
		var all string
		for range 100 {
			all = string(buf[:runtime.Stack(buf, true)])
			if !strings.Contains(all, "qtune/process.(*") {
				return
			}
			time.Sleep(30 * time.Millisecond)
		}
		t.Errorf("goroutines left:\n%s", all)
	})
}

// syncBuffer is a log that a test may read while it is written.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// script is a command of the shell's.
func script(log *syncBuffer, text string, env ...string) Spec {
	s := Spec{Argv: []string{"/bin/sh", "-c", text}, Env: append([]string{"PATH=" + os.Getenv("PATH")}, env...)}
	if log != nil {
		s.Log = log
	}
	return s
}

// start starts a command that is stopped with the test.
func start(t *testing.T, s Spec) *Process {
	t.Helper()
	p, err := Start(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Stop(t.Context(), 0); err != nil {
			t.Error(err)
		}
	})
	return p
}

func waitDone(t *testing.T, p *Process) Exit {
	t.Helper()
	select {
	case <-p.Done():
	case <-time.After(20 * time.Second):
		t.Fatal("the command did not end")
	}
	return p.Exit()
}

// eventually waits until what holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for range 500 {
		if holds() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("never: %s", what)
}

func TestExit(t *testing.T) {
	for _, row := range []struct {
		why, text string
		want      Exit
		log       string
	}{
		{"success", "echo out; echo err >&2", Exit{}, "out\nerr\n"},
		{"failure", "echo bad flag; exit 2", Exit{Code: 2}, "bad flag\n"},
		{"a code above 128 is no signal", "exit 137", Exit{Code: 137}, ""},
		{"killed", "echo last; kill -KILL $$", Exit{Code: 137, Signal: "SIGKILL"}, "last\n"},
		{"a crash", "kill -SEGV $$", Exit{Code: 139, Signal: "SIGSEGV"}, ""},
	} {
		t.Run(row.why, func(t *testing.T) {
			noLeaks(t)
			var log syncBuffer
			p := start(t, script(&log, row.text))
			if got := waitDone(t, p); got != row.want || log.String() != row.log {
				t.Errorf("got %+v and %q, want %+v and %q", got, log.String(), row.want, row.log)
			}
		})
	}
}

func TestStartGivesWhatTheSpecSays(t *testing.T) {
	noLeaks(t)
	dir := t.TempDir()
	file, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	s := script(nil, `pwd; echo "$COLOUR" "$HOME"; cat`, "COLOUR=blue")
	s.Dir, s.Log = dir, file
	p := start(t, s)
	if exit := waitDone(t, p); exit != (Exit{}) {
		t.Errorf("got %+v", exit)
	}
	got, _ := os.ReadFile(file.Name())
	if want := dir + "\nblue \n"; string(got) != want {
		t.Errorf("got %q, want %q: the folder, the whole environment, an empty standard input", got, want)
	}
}

func TestStartFails(t *testing.T) {
	noLeaks(t)
	plain := filepath.Join(t.TempDir(), "plain")
	if err := os.WriteFile(plain, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	for _, row := range []struct {
		why  string
		ctx  context.Context
		spec Spec
		says string
		hint bool
	}{
		{"no command", t.Context(), Spec{}, "no command", false},
		{"not in PATH", t.Context(), Spec{Argv: []string{"no-such-engine", "serve"}, Log: &syncBuffer{}}, "no-such-engine", true},
		{"not there", t.Context(), Spec{Argv: []string{"/no/such/engine"}, Log: &syncBuffer{}}, "no such file", true},
		{"not executable", t.Context(), Spec{Argv: []string{plain}, Log: &syncBuffer{}}, "permission denied", true},
		{"no such folder", t.Context(), Spec{Argv: []string{"/bin/true"}, Dir: "/no/such/folder"}, "no such file", true},
		{"too long a command line", t.Context(), Spec{Argv: []string{"/bin/true", strings.Repeat("x", 1<<23)}}, "too long", true},
		{"cancelled before", cancelled, Spec{Argv: []string{"/bin/true"}}, "canceled", false},
	} {
		t.Run(row.why, func(t *testing.T) {
			p, err := Start(row.ctx, row.spec)
			if err == nil {
				_ = p.Stop(t.Context(), 0)
				t.Fatal("it started")
			}
			var hinted interface{ Hint() string }
			if !strings.Contains(err.Error(), row.says) || row.hint != (errors.As(err, &hinted) && hinted.Hint() != "") {
				t.Errorf("got %q, want %q and a hint: %v", err, row.says, row.hint)
			}
		})
	}
}

func TestDoneDoesNotWaitForTheLog(t *testing.T) {
	for _, row := range []struct {
		why, text string
		log       func() (w interface{ Write([]byte) (int, error) }, release func())
	}{
		{"a child holds the log open", "sleep 60 & exit 4", func() (interface{ Write([]byte) (int, error) }, func()) {
			return &syncBuffer{}, func() {}
		}},
		{"the writer hangs", "echo x; exit 4", func() (interface{ Write([]byte) (int, error) }, func()) {
			h := make(hanging)
			return h, func() { close(h) }
		}},
	} {
		t.Run(row.why, func(t *testing.T) {
			noLeaks(t)
			s := script(nil, "echo $(date +%s.%N) >ended; "+row.text)
			s.Dir = t.TempDir()
			var release func()
			s.Log, release = row.log()
			p := start(t, s)
			defer release()
			if exit := waitDone(t, p); exit != (Exit{Code: 4}) {
				t.Errorf("got %+v", exit)
			}
			seen := time.Now()
			stamp, err := os.Stat(filepath.Join(s.Dir, "ended"))
			if err != nil {
				t.Fatal(err)
			}
			if took := seen.Sub(stamp.ModTime()); took > 300*time.Millisecond {
				t.Errorf("done %v after the exit, want within 0.3 s", took)
			}
		})
	}
}

type hanging chan struct{}

func (h hanging) Write(p []byte) (int, error) {
	<-h
	return len(p), nil
}

func TestLogGoesOnWhileChildrenLive(t *testing.T) {
	noLeaks(t)
	var log syncBuffer
	p := start(t, script(&log, "(sleep 0.5; echo a late word) & echo first"))
	if exit := waitDone(t, p); exit != (Exit{}) || log.String() != "first\n" {
		t.Errorf("got %+v and %q", exit, log.String())
	}
	eventually(t, "the child's line", func() bool { return strings.Contains(log.String(), "a late word") })
}

func TestLogThatCannotBeWrittenIsTold(t *testing.T) {
	noLeaks(t)
	full := errors.New("no space left on device")
	s := script(nil, "for i in 1 2 3 4 5 6 7 8; do head -c 100000 /dev/zero; done; exit 6")
	s.Log = failing{full}
	p := start(t, s)
	if exit := waitDone(t, p); exit.Code != 6 || !errors.Is(exit.LogErr, full) {
		t.Errorf("got %+v, want code 6 and the writer's error", exit)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

// Trees that a SIGTERM to the command alone would leave half alive.
func TestStopEndsTheWholeTree(t *testing.T) {
	const stubborn = `trap "" TERM; `
	for _, row := range []struct {
		why, text string
		grace     time.Duration
	}{
		{"one that listens", "echo ready; exec sleep 600", 5 * time.Second},
		{"one that does not", stubborn + "echo ready; while :; do sleep 1; done", 200 * time.Millisecond},
		{"without grace", "echo ready; exec sleep 600", 0},
		{"children that outlive the command", "sleep 600 & sleep 600 & echo ready; exit 0", 5 * time.Second},
		{"stubborn children of one that listens", "(" + stubborn + "while :; do sleep 1; done) & echo ready; exec sleep 600", 200 * time.Millisecond},
		{"grandchildren without the environment", "env -i /bin/sh -c '" + stubborn + "sleep 600 & sleep 600' & echo ready; exit 1", 200 * time.Millisecond},
		{"a child that is stopped", "sleep 600 & kill -STOP $!; echo ready; exec sleep 600", 200 * time.Millisecond},
		{"a child with a session of its own", "setsid sh -c 'echo ready; exec sleep 600' & exec sleep 600", 5 * time.Second},
		{"a stubborn one with a session of its own, its parent gone", "setsid sh -c '" + stubborn + "sleep 600 & echo ready; while :; do sleep 1; done' & exit 0", 200 * time.Millisecond},
		{"children that are born all the time", "echo ready; while :; do (sleep 600 &) ; sleep 0.01; done", 100 * time.Millisecond},
	} {
		t.Run(row.why, func(t *testing.T) {
			if strings.Contains(row.text, "setsid") && runtime.GOOS != "linux" {
				t.Skip("only Linux shows the environment of a process")
			}
			noLeaks(t)
			var log syncBuffer
			mark := fmt.Sprintf("QTUNE_TEST=%s-%d", t.Name(), os.Getpid())
			p := start(t, script(&log, row.text, mark))
			eventually(t, "the tree is up", func() bool { return strings.Contains(log.String(), "ready") })
			ctx, cancel := context.WithCancel(t.Context())
			cancel() // what a teardown must not care about
			began := time.Now()
			if err := p.Stop(ctx, row.grace); err != nil {
				t.Error(err)
			}
			t.Logf("stopped in %v", time.Since(began))
			none(t, p, mark)
			if err := p.Stop(ctx, row.grace); err != nil {
				t.Errorf("a second time: %v", err)
			}
		})
	}
}

func TestStopFromTwoSides(t *testing.T) {
	noLeaks(t)
	p := start(t, script(nil, "exec sleep 600"))
	var both sync.WaitGroup
	for range 2 {
		both.Go(func() {
			if err := p.Stop(t.Context(), time.Second); err != nil {
				t.Error(err)
			}
		})
	}
	both.Wait()
}

func TestFreePort(t *testing.T) {
	port, err := FreePort()
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp4", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
}
