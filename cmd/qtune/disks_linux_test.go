//go:build chaos

package main

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

var chaosDisks = flag.Int("chaos.disks", 4, "runs on a disk that gets full")

// fillDisks runs on file systems that are too small by chance, then on larger ones.
func (c *chaos) fillDisks(t *testing.T) {
	smallMount(t, "64k") // skips where nothing can be mounted
	sum := &toll{name: "full disks"}
	t.Run("rounds", func(t *testing.T) {
		for i := range *chaosDisks {
			t.Run(fmt.Sprint(i), func(t *testing.T) {
				t.Parallel()
				r := &round{chaos: c, t: t, sum: sum, done: map[string]bool{}, logs: map[string]bool{}, rand: rand.New(rand.NewPCG(c.seed, 1<<32+uint64(i)))}
				r.fill(4 * (4 + r.rand.IntN(40)))
			})
		}
	})
	t.Log(sum)
	if sum.leftAfter+sum.lost+sum.other+sum.panics > 0 {
		t.Errorf("none of left, lost, differing and panics may be more than 0: %v", sum)
	}
}

func smallMount(t *testing.T, size string) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size="+size); err != nil {
		t.Skipf("a small file system cannot be mounted here: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// fill applies on a disk of so many KiB, then on one with room.
func (r *round) fill(kib int) {
	r.dir = smallMount(r.t, fmt.Sprintf("%dk", kib))
	cmd := exec.CommandContext(r.t.Context(), r.bin, r.apply(r.dir)...)
	var complaint strings.Builder
	cmd.Stderr = &complaint
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		r.t.Fatal(err)
	}
	r.listen(out)
	_ = cmd.Wait() // its code is looked at
	code := cmd.ProcessState.ExitCode()
	told := strings.Contains(complaint.String(), "no space left") && strings.Contains(complaint.String(), "--dir") && strings.Contains(complaint.String(), "free at least")
	r.sum.count(func(s *toll) {
		s.kills++
		switch {
		case code == exitOK:
			s.late++
		case code == exitNoWinner: // it came to its end, on a busy machine
			s.late++
		case strings.Contains(complaint.String(), "goroutine "), code != exitError:
			s.panics++
			r.t.Errorf("%d KiB: exit %d\n%s", kib, code, complaint.String())
		case !told:
			r.t.Errorf("%d KiB: nothing says what is the matter: %s", kib, complaint.String())
		}
	})
	if left := leftOf(r.t, nil, r.dir); len(left) > 0 {
		r.sum.count(func(s *toll) { s.leftAfter += len(left) })
		r.t.Errorf("%d KiB: left %v", kib, left)
	}
	r.checkJournals()
	if err := syscall.Mount("", r.dir, "", syscall.MS_REMOUNT, "size=64m"); err != nil {
		r.t.Fatal(err)
	}
	r.goOn(r.apply(r.dir))
}
