package process

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Stats are what a command and all that it started have used up to a moment.
type Stats struct {
	CPU         time.Duration // processor time, of children that have ended and were waited for too
	MemoryBytes uint64        // resident: what each has for itself, and the most that one shares with others
	Throttled   time.Duration // for which the CPU quota of its control group kept it from running; 0 where there is none
}

// Stats looks at the running processes once.
func (p *Process) Stats() (Stats, error) {
	members, err := p.whole().members()
	if err != nil {
		return Stats{}, fmt.Errorf("reading what process %d uses: %w", p.PID(), err)
	}
	var s Stats
	shared := uint64(0)
	for _, m := range members {
		cpu, own, common, err := usedBy(m.pid)
		if err != nil {
			continue // it has just ended
		}
		s.CPU += cpu
		s.MemoryBytes += own
		shared = max(shared, common)
	}
	s.MemoryBytes += shared
	s.Throttled = throttled(p.PID())
	return s, nil
}

// usedBy is the processor time and the memory, its own and what it shares, of one
// process, by proc_pid_stat(5) and proc_pid_statm(5).
func usedBy(pid int) (cpu time.Duration, own, shared uint64, err error) {
	stat, err1 := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	statm, err2 := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err := errors.Join(err1, err2); err != nil {
		return 0, 0, 0, err
	}
	cpu, err1 = cpuOf(stat)
	own, shared, err2 = memoryOf(statm)
	return cpu, own, shared, errors.Join(err1, err2)
}

// cpuOf adds utime, stime, cutime and cstime, fields 14 to 17.
func cpuOf(stat []byte) (time.Duration, error) {
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:])) // from field 3 on
	if len(fields) < 15 {
		return 0, fmt.Errorf("%d fields behind the name of a process", len(fields))
	}
	ticks := uint64(0)
	for _, f := range fields[11:15] {
		n, err := strconv.ParseUint(f, 10, 64)
		if err != nil {
			return 0, err
		}
		ticks += n
	}
	return time.Duration(ticks) * time.Second / ticksPerSecond, nil
}

// memoryOf reads the fields "resident" and "shared", in pages.
func memoryOf(statm []byte) (own, shared uint64, err error) {
	fields := strings.Fields(string(statm))
	if len(fields) < 3 {
		return 0, 0, fmt.Errorf("%d fields of a process's memory", len(fields))
	}
	resident, err1 := strconv.ParseUint(fields[1], 10, 64)
	common, err2 := strconv.ParseUint(fields[2], 10, 64)
	page := uint64(os.Getpagesize())
	return page * (resident - min(common, resident)), page * common, errors.Join(err1, err2)
}

// throttled reads a process's control group of the second version; 0 where there is
// none, or no quota.
func throttled(pid int) time.Duration {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
	path, ok := strings.CutPrefix(strings.TrimSpace(string(text)), "0::/")
	if err != nil || !ok {
		return 0
	}
	stat, err := os.ReadFile(filepath.Join("/sys/fs/cgroup", path, "cpu.stat"))
	if err != nil {
		return 0
	}
	return throttledIn(string(stat))
}

func throttledIn(stat string) time.Duration {
	for line := range strings.Lines(stat) {
		if us, ok := strings.CutPrefix(strings.TrimSpace(line), "throttled_usec "); ok {
			n, _ := strconv.ParseInt(us, 10, 64) // no number is no throttling
			return time.Duration(n) * time.Microsecond
		}
	}
	return 0
}
