package process

import (
	"os"
	"testing"
	"time"
)

func TestStats(t *testing.T) {
	// A shell with a child that has ended after some work, and one that still works.
	p, err := Start(t.Context(), Spec{Argv: []string{"sh", "-c", "sh -c 'i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done'; while :; do :; done"}, Env: os.Environ()})
	if err != nil {
		t.Fatal(err)
	}
	var first, last Stats
	for began := time.Now(); last.CPU < first.CPU+200*time.Millisecond || first.CPU == 0; time.Sleep(50 * time.Millisecond) {
		if last, err = p.Stats(); err != nil {
			t.Fatal(err)
		}
		if first.CPU == 0 {
			first = last
		}
		if time.Since(began) > 30*time.Second {
			t.Fatalf("first %+v, last %+v", first, last)
		}
	}
	if last.MemoryBytes < 100<<10 || last.MemoryBytes > 1<<30 {
		t.Errorf("a shell has %d bytes", last.MemoryBytes)
	}
	if err := p.Stop(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	if s, err := p.Stats(); err != nil || s.CPU != 0 || s.MemoryBytes != 0 {
		t.Errorf("when it is gone: %+v, %v", s, err)
	}
}

func TestParseUsage(t *testing.T) {
	cpu, err := cpuOf([]byte("4711 (a ) b) S 1 4711 4711 0 -1 4194560 1 2 3 4 150 50 30 20 20 0 1 0 99 0 0"))
	if err != nil || cpu != 2500*time.Millisecond {
		t.Errorf("processor time %v, %v", cpu, err)
	}
	own, shared, err := memoryOf([]byte("900 300 100 5 0 6 0\n"))
	page := uint64(os.Getpagesize())
	if err != nil || own != 200*page || shared != 100*page {
		t.Errorf("memory %d and %d, %v", own, shared, err)
	}
	if got := throttledIn("usage_usec 5\nnr_throttled 3\nthrottled_usec 1500000\n"); got != 1500*time.Millisecond {
		t.Errorf("throttled %v", got)
	}
	for _, bad := range []string{"", "1 (x", "1 (x) S 1 2", "1 (x) S a b c d e f g h i j k l m n o p q r s t"} {
		if _, err := cpuOf([]byte(bad)); err == nil {
			t.Errorf("%q has a processor time", bad)
		}
	}
}
