//go:build chaos

package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/qtune/qtune/docker"
	"github.com/qtune/qtune/tuner"
)

// The tests of this file kill runs at random moments, as scripts/chaos.sh asks for,
// and count what is left, lost and harmed.

var (
	chaosKills = flag.Int("chaos.kills", 2, "kills of each kind: of runs in processes and in containers, with and without their reapers")
	chaosSeed  = flag.Uint64("chaos.seed", 0, "seed of all that is random; 0: by the clock")
)

// killsInARow is how often a run is killed before it may go on to its end.
const killsInARow = 2

var chaotic = strings.NewReplacer("max-num-seqs = [2, 8]", "max-num-seqs = [1, 2, 16]", "users         = 8", "users         = 16",
	"flags.max-num-seqs == 8 ||", "flags.max-num-seqs == 1 ||", "requests      = 16", "requests      = 32", "output_tokens = 20", "output_tokens = 60").Replace(small)

// toll is what chaos has done.
type toll struct {
	name                                                  string
	mu                                                    sync.Mutex
	kills, early, late, leftLater, leftAfter, lost, other int
	acknowledged, reused, again, panics, removed, spoilt  int
	none                                                  int           // of the spoilt: no winner
	slowest                                               time.Duration // until nothing was left
}

func (c *toll) String() string {
	return fmt.Sprintf("%s: %d kills (%d before the first trial, %d came after the end): left 10 s later %d, after the next command %d; "+
		"of %d acknowledged results lost %d (%d reused, %d of doubtful quality measured again); decisions that differ %d (%d more on measurements that a busy machine spoilt, %d of them for no winner); panics %d; slowest clean-up %.1f s; removed by reapers %d",
		c.name, c.kills, c.early, c.late, c.leftLater, c.leftAfter, c.acknowledged, c.lost, c.reused, c.again, c.other, c.spoilt, c.none, c.panics, c.slowest.Seconds(), c.removed)
}

func (c *toll) count(f func(*toll)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f(c)
}

// chaos is what all rounds share.
type chaos struct {
	bin, path string
	docker    *docker.Client // nil: there is none
	want      tuner.Summary  // what an undisturbed run decides
	took      time.Duration  // and how long it takes
	seed      uint64
}

func TestChaos(t *testing.T) {
	c := &chaos{bin: program(t), path: write(t, "chaos.hcl", chaotic), seed: *chaosSeed}
	if c.seed == 0 {
		c.seed = uint64(time.Now().UnixNano())
	}
	t.Logf("seed %d", c.seed)
	c.want, c.took = undisturbed(t, func() *exec.Cmd { return exec.CommandContext(t.Context(), c.bin, c.apply(t.TempDir())...) })
	if d, err := docker.Connect(t.Context(), zerolog.Nop()); err == nil {
		c.docker = d
		t.Cleanup(func() { _ = d.Close() })
	}
	standing := bystanders(t, c)
	t.Run("kinds", func(t *testing.T) {
		for _, kind := range []struct {
			name             string
			inDocker, reaper bool
		}{{"processes", false, false}, {"processes, reaper killed too", false, true}, {"containers", true, false}, {"containers, reaper killed too", true, true}} {
			t.Run(kind.name, func(t *testing.T) {
				t.Parallel()
				if kind.inDocker {
					realDocker(t)
				}
				c.killAll(t, kind.name, kind.inDocker, kind.reaper)
			})
		}
		t.Run("full disks", func(t *testing.T) {
			t.Parallel()
			c.fillDisks(t)
		})
	})
	if harmed := standing(); len(harmed) > 0 {
		t.Errorf("harmed: %v", harmed)
	}
	noFolders(t)
}

// undisturbed is what a run decides that nobody disturbs: for 16 at a time, which are
// several times faster than 2. A busy machine may spoil that, so it has several tries.
func undisturbed(t *testing.T, run func() *exec.Cmd) (want tuner.Summary, took time.Duration) {
	t.Helper()
	for range 10 {
		began := time.Now()
		out, err := run().Output()
		want, took = lastResult(t, string(out)), time.Since(began)
		if err == nil && want.Winner != nil && want.Trials.OK == 3 && slices.Contains(want.Winner.Command, "16") {
			t.Logf("undisturbed it takes %.1f s", took.Seconds())
			return want, took
		}
	}
	t.Fatalf("undisturbed, ten times over: %+v", want)
	return want, took
}

func (c *chaos) apply(dir string, more ...string) []string {
	return append([]string{"apply", c.path, "--simulate", "--simulate-speed", "40", "--dir", dir, "--json"}, more...)
}

// killAll kills runs of one kind, several at a time.
func (c *chaos) killAll(t *testing.T, name string, inDocker, reaperToo bool) {
	sum := &toll{name: name}
	t.Run("rounds", func(t *testing.T) {
		for i := range (*chaosKills + killsInARow - 1) / killsInARow {
			t.Run(fmt.Sprint(i), func(t *testing.T) {
				t.Parallel()
				r := &round{chaos: c, t: t, dir: t.TempDir(), sum: sum, inDocker: inDocker, reaperToo: reaperToo, done: map[string]bool{}, logs: map[string]bool{}}
				r.rand = rand.New(rand.NewPCG(c.seed, uint64(i)))
				for range killsInARow {
					r.kill()
				}
				r.goOn(c.apply(r.dir, r.where()...))
			})
		}
	})
	t.Log(sum)
	if sum.leftLater+sum.leftAfter+sum.lost+sum.other+sum.panics > 0 {
		t.Errorf("none of left, lost, differing and panics may be more than 0: %v", sum)
	}
}

// round is one run folder with all that happens in it.
type round struct {
	*chaos
	t                   *testing.T
	dir                 string
	sum                 *toll
	rand                *rand.Rand
	inDocker, reaperToo bool
	done                map[string]bool // trials whose end was acknowledged
	logs                map[string]bool // of reapers, that were counted
}

func (r *round) where() []string {
	if r.inDocker {
		return []string{"--simulate-in", "docker"}
	}
	return nil
}

// listen notes each result that the program told of, until the stream ends.
func (r *round) listen(out io.Reader) (trials int) {
	in := bufio.NewScanner(out)
	in.Buffer(nil, 16<<20)
	for in.Scan() {
		var line struct{ Type, Trial string }
		if json.Unmarshal(in.Bytes(), &line) != nil {
			continue // torn by the kill
		}
		switch line.Type {
		case tuner.EventTrialStarted:
			trials++
		case tuner.EventTrialDone, tuner.EventTrialReused:
			r.done[line.Trial] = true
		}
	}
	return trials
}

// kill starts the run and kills it, and its reaper if so told, at a random moment.
func (r *round) kill() {
	cmd := exec.CommandContext(r.t.Context(), r.bin, r.apply(r.dir, r.where()...)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		r.t.Fatal(err)
	}
	span := r.took
	if r.inDocker {
		span += 3 * time.Second // containers are slower to come and go
	}
	timer := time.AfterFunc(time.Duration(r.rand.Float64()*float64(span)), func() {
		if r.reaperToo {
			for _, pid := range reapersOf(r.t, r.dir) {
				_ = syscall.Kill(pid, syscall.SIGKILL)
			}
		}
		_ = cmd.Process.Kill()
	})
	trials := r.listen(out)
	err = cmd.Wait()
	timer.Stop()
	r.sum.count(func(s *toll) {
		s.kills++
		if err == nil {
			s.late++
		} else if trials == 0 {
			s.early++
		}
	})
	r.after()
	r.checkJournals()
}

// after counts what is left 10 s after the kill, if the reaper lives, and after
// the next command.
func (r *round) after() {
	began := time.Now()
	left := leftOf(r.t, r.docker, r.dir)
	for len(left) > 0 && !r.reaperToo && time.Since(began) < reapTime {
		time.Sleep(100 * time.Millisecond)
		left = leftOf(r.t, r.docker, r.dir)
	}
	if took := time.Since(began); !r.reaperToo {
		r.sum.count(func(s *toll) { s.leftLater += len(left); s.slowest = max(s.slowest, took) })
		if len(left) > 0 {
			r.t.Errorf("left 10 s after a kill: %v\n%s", left, r.whatReapersSay())
		}
	}
	runs, _ := os.ReadDir(filepath.Join(r.dir, "runs")) // none: it was killed before it began
	if len(runs) == 0 {
		return
	}
	// Of this run alone: other rounds wait for their reapers.
	if out, err := exec.CommandContext(r.t.Context(), r.bin, "destroy", runs[len(runs)-1].Name()).CombinedOutput(); err != nil {
		r.t.Errorf("destroy: %v: %s", err, out)
	}
	left = leftOf(r.t, r.docker, r.dir)
	if r.reaperToo { // one that was born just before the kill is at its work
		left = slices.DeleteFunc(left, func(l string) bool { return strings.HasPrefix(l, "reaper ") })
	}
	if len(left) > 0 {
		r.sum.count(func(s *toll) { s.leftAfter += len(left) })
		r.t.Errorf("left after destroy: %v", left)
	}
}

// whatReapersSay is what they have written, the time now, and how busy the machine is.
func (r *round) whatReapersSay() string {
	logs, _ := filepath.Glob(filepath.Join(r.dir, "runs", "*", "reaper.log"))
	said := ""
	for _, path := range append(logs, "/proc/loadavg") {
		text, _ := os.ReadFile(path)
		said += string(text)
	}
	return time.Now().UTC().Format(time.RFC3339Nano) + "\n" + said
}

// countReaped counts what the reaper of the last run says that it has removed.
func (r *round) countReaped() {
	logs, _ := filepath.Glob(filepath.Join(r.dir, "runs", "*", "reaper.log"))
	for _, path := range logs {
		if r.logs[path] {
			continue
		}
		text, _ := os.ReadFile(path)
		r.logs[path] = true
		r.sum.count(func(s *toll) { s.removed += strings.Count(string(text), " removed ") })
	}
}

// checkJournals looks whether all that was acknowledged is recorded.
func (r *round) checkJournals() {
	f, err := tuner.OpenFolder(r.dir)
	if err != nil {
		r.t.Fatal(err)
	}
	recorded := map[string]bool{}
	r.countReaped()
	runs, err := f.Runs()
	if err != nil {
		r.t.Fatal(err)
	}
	for _, run := range runs {
		records, err := f.Journal(run)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			r.t.Errorf("a journal is damaged: %v", err)
		}
		for i := range records {
			if records[i].Result != nil {
				recorded[records[i].Trial] = true
			}
		}
	}
	for trial := range r.done {
		if !recorded[trial] {
			r.sum.count(func(s *toll) { s.lost++ })
			r.t.Errorf("the result of trial %s was acknowledged and is lost", trial)
		}
	}
}

// known are the acknowledged results that may be reused: one that the load
// client spoilt, on a busy machine, is measured again.
func (r *round) known() map[string]bool {
	f, err := tuner.OpenFolder(r.dir)
	if err != nil {
		r.t.Fatal(err)
	}
	known := map[string]bool{}
	measured, _ := f.Known(func(err error) { r.t.Error(err) })
	for _, k := range measured {
		if r.done[k.Trial] {
			known[k.Trial] = true
		}
	}
	return known
}

// journal is that of a run, as far as it can be read.
func (r *round) journal(run string) []tuner.Record {
	f, err := tuner.OpenFolder(r.dir)
	if err != nil {
		r.t.Fatal(err)
	}
	records, err := f.Journal(run)
	if err != nil {
		r.t.Error(err)
	}
	return records
}

// goOn lets the run come to its end, and compares its decision.
func (r *round) goOn(args []string) {
	known := r.known()
	cmd := exec.CommandContext(r.t.Context(), r.bin, args...)
	out, err := cmd.Output()
	if code := cmd.ProcessState.ExitCode(); code != exitOK && code != exitNoWinner {
		r.t.Errorf("the run that goes on: %v\n%.2000s", err, out)
		r.sum.count(func(s *toll) { s.other++ })
		return
	}
	got := lastResult(r.t, string(out))
	said := judge(got, r.want, func() []tuner.Record { return r.journal(got.Run) })
	lost := notReused(known, string(out))
	r.sum.count(func(s *toll) {
		s.acknowledged += len(r.done)
		s.reused += got.Trials.Reused
		s.again += len(r.done) - len(known)
		s.lost += len(lost)
		switch said {
		case excused:
			s.spoilt++
			if got.Winner == nil {
				s.none++
			}
		case differs:
			s.other++
		case same:
		}
	})
	if said == differs {
		r.t.Errorf("decided for %q of %+v, undisturbed for %q of %+v%s", trialThatWon(got), got.Trials, trialThatWon(r.want), r.want.Trials, measurements(r.journal(got.Run)))
	}
	if len(lost) > 0 {
		r.t.Errorf("acknowledged, recorded, and measured again: %v", lost)
	}
	if left := leftOf(r.t, r.docker, r.dir); len(left) > 0 {
		r.t.Errorf("left after the end: %v", left)
	}
}
