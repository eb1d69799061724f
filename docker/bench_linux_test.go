package docker

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
)

// What a look at a container costs the daemon, its containerd and this process
// together, as a share of this machine where one comes every two seconds: the goal
// is 0.5 % at most. What others ask of the daemon meanwhile counts as well.
func BenchmarkStats(b *testing.B) {
	c := realClient(b)
	guestImage(b, c)
	ctr, err := c.Run(b.Context(), Spec{Image: guestTag, Entrypoint: []string{"/guest"}, Command: []string{"polite"}, Labels: map[string]string{testLabel: b.Name()}})
	if err != nil {
		b.Fatal(err)
	}
	before := ticks()
	for b.Loop() {
		if _, err := ctr.Stats(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	const ticksPerSecond = 100
	each := float64(ticks()-before) / ticksPerSecond / float64(b.N)
	b.ReportMetric(100*each/2/float64(runtime.NumCPU()), "%-of-the-machine")
	if err := ctr.Stop(b.Context(), 0); err != nil {
		b.Fatal(err)
	}
}

// ticks is the processor time of this process and of all that make up a daemon, in
// hundredths of a second.
func ticks() int {
	total := 0
	paths, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range append(paths, "/proc/self/stat") {
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
