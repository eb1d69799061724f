package process

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// ticksPerSecond is USER_HZ, in which /proc counts; it is 100 on every
// architecture that Go runs on.
const ticksPerSecond = 100

// Find gives the running processes whose environment has key, "NAME" or
// "NAME=value", but for this program itself and those that it descends from.
// Processes of other users, whose environment cannot be read, are left out.
func Find(key string) ([]Found, error) {
	all, err := processes()
	if err != nil {
		return nil, fmt.Errorf("finding processes with %s: %w", key, err)
	}
	boot, err := bootTime()
	if err != nil {
		return nil, fmt.Errorf("finding processes with %s: %w", key, err)
	}
	var found []Found
	own := ancestry(all)
	for _, r := range all {
		env := environ(r.pid)
		variable, ok := lookup(env, key)
		if !ok || own[r.pid] {
			continue
		}
		found = append(found, Found{
			PID: r.pid, PGID: r.group, Env: ours(env), Argv: argv(r.pid),
			Started: boot.Add(time.Duration(r.started) * time.Second / ticksPerSecond),
			key:     variable, ticks: r.started,
		})
	}
	return found, nil
}

// members gives the tree's running processes.
func (t tree) members() ([]running, error) {
	all, err := processes()
	if err != nil {
		return nil, err
	}
	self := os.Getpid()
	var in []running
	for _, r := range all {
		if r.pid != self && t.belongs(r) {
			in = append(in, r)
		}
	}
	return in, nil
}

// whole is the tree of a process that Start has started.
func (p *Process) whole() tree {
	first, _ := lookAtAny(p.PID()) // unreaped, so it is there; else every process counts
	key := MarkVariable + "=" + p.mark
	return tree{group: p.PID(), belongs: func(r running) bool {
		return r.group == p.PID() || r.started >= first.started && carries(r.pid, key)
	}}
}

// processes lists what runs, zombies left out: nothing can end them but their
// parent, and they hold no memory.
func processes() ([]running, error) {
	folders, err := filepath.Glob("/proc/[0-9]*")
	if err != nil || len(folders) == 0 {
		return nil, errors.Join(errors.New("/proc cannot be read"), err)
	}
	var all []running
	for _, f := range folders {
		pid, err := strconv.Atoi(filepath.Base(f))
		if err != nil {
			continue
		}
		if r, err := lookAt(pid); err == nil {
			all = append(all, r)
		}
	}
	return all, nil
}

// lookAt reads one process; a zombie is an error.
func lookAt(pid int) (running, error) {
	r, err := lookAtAny(pid)
	if err == nil && r.dead {
		err = os.ErrProcessDone
	}
	return r.running, err
}

func lookAtAny(pid int) (status, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return status{}, err
	}
	return parseStat(b)
}

// status is what one line of /proc/PID/stat says.
type status struct {
	running
	dead bool // a zombie, or about to vanish
}

// parseStat reads proc_pid_stat(5). The name, in brackets, may itself contain
// blanks and brackets.
func parseStat(b []byte) (status, error) {
	open, shut := bytes.IndexByte(b, '('), bytes.LastIndexByte(b, ')')
	if open < 0 || shut < open {
		return status{}, fmt.Errorf("no process name in %q", b)
	}
	rest := strings.Fields(string(b[shut+1:])) // from field 3 on
	if len(rest) < 20 {
		return status{}, fmt.Errorf("%d fields after the process name, at least 20 expected", len(rest))
	}
	pid, err1 := strconv.Atoi(strings.TrimSpace(string(b[:open])))
	parent, err2 := strconv.Atoi(rest[1])
	group, err3 := strconv.Atoi(rest[2])
	started, err4 := strconv.ParseUint(rest[19], 10, 64)
	return status{
		running: running{pid: pid, parent: parent, group: group, started: started, name: string(b[open+1 : shut])},
		dead:    rest[0] == "Z" || rest[0] == "X" || rest[0] == "x",
	}, errors.Join(err1, err2, err3, err4)
}

// ancestry is this program and those that it descends from.
func ancestry(all []running) map[int]bool {
	parents := map[int]int{}
	for _, r := range all {
		parents[r.pid] = r.parent
	}
	own := map[int]bool{}
	for pid := os.Getpid(); pid > 0 && !own[pid]; pid = parents[pid] {
		own[pid] = true
	}
	return own
}

// environ is the environment that a process was started with; nil where it may
// not be read.
func environ(pid int) []string { return words(pid, "environ") }

func argv(pid int) []string { return words(pid, "cmdline") }

func words(pid int, file string) []string {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, file))
	if err != nil || len(b) == 0 {
		return nil
	}
	return strings.Split(strings.TrimRight(string(b), "\x00"), "\x00")
}

// lookup finds the variable "NAME=value" for "NAME" or "NAME=value".
func lookup(env []string, key string) (string, bool) {
	for _, v := range env {
		if v == key || !strings.Contains(key, "=") && strings.HasPrefix(v, key+"=") {
			return v, strings.Contains(v, "=")
		}
	}
	return "", false
}

func carries(pid int, variable string) bool {
	_, ok := lookup(environ(pid), variable)
	return ok
}

func ours(env []string) map[string]string {
	all := map[string]string{}
	for _, v := range env {
		if name, value, ok := strings.Cut(v, "="); ok && strings.HasPrefix(name, "QTUNE_") {
			all[name] = value
		}
	}
	return all
}

// bootTime is the moment from which the kernel counts.
func bootTime() (time.Time, error) {
	b, err := os.ReadFile("/proc/stat")
	if err != nil {
		return time.Time{}, err
	}
	for line := range strings.Lines(string(b)) {
		if s, ok := strings.CutPrefix(line, "btime "); ok {
			seconds, err := strconv.ParseInt(strings.TrimSpace(s), 10, 64)
			return time.Unix(seconds, 0), err
		}
	}
	return time.Time{}, fmt.Errorf("/proc/stat has no btime: %w", syscall.ENOENT)
}
