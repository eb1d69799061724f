package process

import (
	"os"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// What a look at a process costs, as a share of this machine where one comes every
// two seconds: the goal is 0.5 % at most.
func BenchmarkStats(b *testing.B) {
	p, err := Start(b.Context(), Spec{Argv: []string{"sh", "-c", "for i in 1 2 3 4 5 6 7 8; do sleep 600 & done; wait"}, Env: os.Environ()})
	if err != nil {
		b.Fatal(err)
	}
	time.Sleep(200 * time.Millisecond)
	var before, after unix.Rusage
	_ = unix.Getrusage(unix.RUSAGE_SELF, &before) // of this process: it cannot fail
	for b.Loop() {
		if _, err := p.Stats(); err != nil {
			b.Fatal(err)
		}
	}
	_ = unix.Getrusage(unix.RUSAGE_SELF, &after)
	spent := after.Utime.Nano() + after.Stime.Nano() - before.Utime.Nano() - before.Stime.Nano()
	each := float64(spent) / float64(b.N)
	b.ReportMetric(100*each/2e9/float64(runtime.NumCPU()), "%-of-the-machine")
	if err := p.Stop(b.Context(), 0); err != nil {
		b.Fatal(err)
	}
}
