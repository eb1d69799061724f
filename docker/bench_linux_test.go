package docker

import (
	"bytes"
	"context"
	"crypto/sha256"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// statsEvery is the time between two looks of a measurement.
const statsEvery = 2 * time.Second

// What a look at a container costs the daemon, its containerd and this process
// together, as a share of this machine where one comes every two seconds: the goal
// is 0.5 % at most. What others ask of the daemon meanwhile counts as well.
func BenchmarkStats(b *testing.B) {
	ctr := watched(b)
	before := ticks()
	for b.Loop() {
		if _, err := ctr.Stats(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	const ticksPerSecond = 100
	each := float64(ticks()-before) / ticksPerSecond / float64(b.N)
	b.ReportMetric(100*each/statsEvery.Seconds()/float64(runtime.NumCPU()), "%-of-the-machine")
}

// watched is a container that lives as long as the benchmark.
func watched(b *testing.B) *Container {
	b.Helper()
	c := realClient(b)
	guestImage(b, c)
	ctr, err := c.Run(b.Context(), Spec{Image: guestTag, Entrypoint: []string{"/guest"}, Command: []string{"polite"}, Labels: map[string]string{testLabel: b.Name()}})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := ctr.Stop(context.WithoutCancel(b.Context()), 0); err != nil {
			b.Error(err)
		}
	})
	return ctr
}

// What looks at a container take from others who compute on all processors: work is
// counted in windows with and without looks, by turns, and what is lost is told with
// its interval of 95 %, which a busy machine makes wide. The goal is 0.5 % at most.
func BenchmarkSampling(b *testing.B) {
	ctr := watched(b)
	var lost []float64
	for b.Loop() {
		with, without := 0.0, 0.0
		for _, looks := range [][2]bool{{true, false}, {false, true}}[len(lost)%2] {
			if looks {
				with = worked(b, ctr)
			} else {
				without = worked(b, nil)
			}
		}
		lost = append(lost, 100*(1-with/without))
	}
	mean, squares := 0.0, 0.0
	for _, l := range lost {
		mean += l / float64(len(lost))
	}
	for _, l := range lost {
		squares += (l - mean) * (l - mean)
	}
	b.ReportMetric(mean, "%-lost")
	b.ReportMetric(1.96*math.Sqrt(squares/float64(len(lost)*max(1, len(lost)-1))), "±%")
}

// worked is how much is computed in two periods of looks; ctr is looked at, unless it
// is nil.
func worked(b *testing.B, ctr *Container) float64 {
	ctx, cancel := context.WithTimeout(b.Context(), 2*statsEvery)
	defer cancel()
	var done atomic.Int64
	var all sync.WaitGroup
	for range runtime.NumCPU() {
		all.Go(func() {
			for block := make([]byte, 64<<10); ctx.Err() == nil; done.Add(1) {
				sum := sha256.Sum256(block)
				block[0] = sum[0]
			}
		})
	}
	for tick := time.NewTicker(statsEvery); ctx.Err() == nil; {
		if ctr != nil {
			if _, err := ctr.Stats(b.Context()); err != nil {
				b.Error(err)
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			tick.Stop()
		}
	}
	all.Wait()
	return float64(done.Load())
}

// ticks is the processor time of this process and of all that make up a daemon in its
// network, in hundredths of a second: scripts/sampling.sh gives it one of its own.
func ticks() int {
	total := 0
	mine, _ := os.Readlink("/proc/self/ns/net") // it exists
	paths, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range append(paths, "/proc/self/stat") {
		if theirs, _ := os.Readlink(filepath.Join(filepath.Dir(path), "ns", "net")); theirs != mine {
			continue
		}
		stat, err := os.ReadFile(path)
		at := bytes.LastIndexByte(stat, ')')
		if err != nil || at < 0 || path != "/proc/self/stat" && !bytes.Contains(stat[:at], []byte("(dockerd")) && !bytes.Contains(stat[:at], []byte("(containerd")) {
			continue
		}
		fields := strings.Fields(string(stat[at+1:]))
		user, _ := strconv.Atoi(fields[11])
		system, _ := strconv.Atoi(fields[12])
		total += user + system
	}
	return total
}
