//go:build chaos

package main

import (
	"flag"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

var (
	leakTime   = flag.Duration("chaos.leak", 10*time.Second, "how long trials follow one another in one process")
	leakTrials = flag.Int("chaos.trials", 0, "how many trials follow one another, however long they take; 0: as many as there is time for")
)

// footprint is what a process holds.
type footprint struct {
	goroutines, files, children int
	heap                        uint64 // bytes in use after a collection
}

func holds(t *testing.T) footprint {
	t.Helper()
	runtime.GC()
	runtime.GC() // what finalizers have freed
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	files, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	threads, err := filepath.Glob("/proc/self/task/*/children")
	if err != nil {
		t.Fatal(err)
	}
	children := 0
	for _, path := range threads {
		text, _ := os.ReadFile(path) // the thread may have gone
		children += len(strings.Fields(string(text)))
	}
	return footprint{goroutines: runtime.NumGoroutine(), files: len(files), children: children, heap: m.HeapAlloc}
}

// settled is what is held once nothing more is given back.
func settled(t *testing.T) footprint {
	t.Helper()
	least := holds(t)
	for range 20 {
		time.Sleep(50 * time.Millisecond)
		now := holds(t)
		least.goroutines, least.files = min(least.goroutines, now.goroutines), min(least.files, now.files)
		least.children, least.heap = min(least.children, now.children), min(least.heap, now.heap)
	}
	return least
}

// enough tells whether a part of the trials is done, which began when n were.
func enough(n, began int, part float64, since time.Time) bool {
	if *leakTrials > 0 {
		return float64(n-began) >= part*float64(*leakTrials)
	}
	return n > began && time.Since(since) >= time.Duration(part*float64(*leakTime))
}

// TestLeaks runs trial after trial in one process: nothing may be left of them,
// and the memory may grow by 5 % at most.
func TestLeaks(t *testing.T) {
	quick := strings.NewReplacer("requests      = 16", "requests      = 8", "output_tokens = 20", "output_tokens = 4").Replace(small)
	path, dir := write(t, "quick.hcl", quick), t.TempDir()
	first := newConsole(t)
	trials := func() int {
		c := &console{world: first.world}
		c.stdout, c.stderr = &c.out, &c.err
		run := filepath.Join(dir, "run")
		if code := c.run(t, "apply", path, "--simulate", "--simulate-speed", "1000", "--dir", run, "--json"); !decided(code) {
			t.Fatalf("exit %d\n%s", code, c.err.String())
		}
		if err := os.RemoveAll(run); err != nil {
			t.Fatal(err)
		}
		s := c.result(t)
		return s.Trials.OK + s.Trials.Failed
	}
	n := 0
	const warmUp = 0.2
	for since := time.Now(); !enough(n, 0, warmUp, since); {
		n += trials()
	}
	before, warm := settled(t), n
	for since := time.Now(); !enough(n, warm, 1-warmUp, since); {
		n += trials()
	}
	after := settled(t)
	growth := float64(after.heap)/float64(before.heap) - 1
	t.Logf("%d trials, %d of them after the warm-up: goroutines %d, then %d; files and sockets %d, then %d; children %d, then %d; heap %.2f MB, then %.2f MB (%+.1f %%)",
		n, n-warm, before.goroutines, after.goroutines, before.files, after.files, before.children, after.children,
		float64(before.heap)/1e6, float64(after.heap)/1e6, 100*growth)
	if after.goroutines > before.goroutines || after.files > before.files || after.children > before.children || growth > 0.05 {
		buf := make([]byte, 1<<20)
		t.Errorf("something is left of each trial; goroutines:\n%s", buf[:runtime.Stack(buf, true)])
	}
}
