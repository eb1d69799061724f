package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/qtune/qtune/docker"
)

// A reaper is a second life of this program that outlasts a run which is killed:
// it removes what belongs to the run and ends. It learns of the end in two ways,
// by its standard input, of which the run holds the other end, and by its
// parent's number. It holds nothing of the run: no lock, no file, no terminal.

// The waits of a reaper.
const (
	// ownerPoll is how often it looks whether its parent is still there.
	ownerPoll = time.Second
	// ownerGone is how long a run that is gone may still seem to hold its lock.
	ownerGone = 3 * time.Second
	// reapLimit bounds its work: after that the next command has to do it.
	reapLimit = 5 * time.Minute
	// lateContainers and lateProcesses are how long after the end of a run it looks
	// for what may yet turn up: a daemon may still be at a create call of a run that
	// is gone.
	lateContainers = 5 * time.Second
	lateProcesses  = time.Second
	// quiet is how long nothing must have turned up then.
	quiet = time.Second
)

// orderly is what a run tells its reaper when it ends by itself.
const orderly = "done\n"

// reapFlags say whose end a reaper waits for.
type reapFlags struct {
	run, dir   string
	owner      int
	containers bool
}

func reaperCmd(w *world) *cobra.Command {
	var f reapFlags
	c := &cobra.Command{
		Use:    "reaper",
		Short:  "Remove what a run leaves if it is killed (apply starts this)",
		Hidden: true,
		Args:   exactly(0, "no argument"),
		RunE: func(c *cobra.Command, _ []string) error {
			if f.run == "" || !filepath.IsAbs(f.dir) || f.owner <= 0 {
				return &usageError{errors.New("reaper is started by apply, with --run, --dir and --owner")}
			}
			return reap(c.Context(), w, f)
		},
	}
	c.Flags().StringVar(&f.run, "run", "", "the `RUN`")
	c.Flags().StringVar(&f.dir, "dir", "", "its `FOLDER`, absolute")
	c.Flags().IntVar(&f.owner, "owner", 0, "its `PROCESS`")
	c.Flags().BoolVar(&f.containers, "containers", false, "look for containers, too")
	return c
}

// reap waits for the end of a run, and cleans up after it unless it said that it
// has done so itself.
func reap(ctx context.Context, w *world, f reapFlags) error {
	if !orphaned(ctx, w.stdin, f.owner) {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, reapLimit)
	defer cancel()
	log := newReapLog(f.dir)
	log("process %d of run %s is gone without a word", f.owner, f.run)
	if err := awaitDeath(ctx, f); err != nil {
		log("%v", err)
		return err
	}
	r := &reaping{w: w, f: f, log: log}
	defer r.close()
	if err := r.clean(ctx); err != nil {
		log("gave up: %v; the next command tries again", err)
		return err
	}
	log("nothing of the run is left")
	return nil
}

// orphaned waits until the run ends, and tells whether it was killed.
func orphaned(ctx context.Context, in io.Reader, owner int) bool {
	said := make(chan string, 1)
	go func() { // ends with this process at the latest
		text, _ := io.ReadAll(io.LimitReader(in, int64(len(orderly))))
		said <- string(text)
	}()
	tick := time.NewTicker(ownerPoll)
	defer tick.Stop()
	for {
		select {
		case text := <-said:
			return text != orderly
		case <-tick.C:
			if os.Getppid() != owner {
				return unsaid(said)
			}
		case <-ctx.Done():
			return false
		}
	}
}

// unsaid looks for a last word of a run that has just ended.
func unsaid(said <-chan string) bool {
	select {
	case text := <-said:
		return text != orderly
	case <-time.After(ownerPoll):
		return true
	}
}

// awaitDeath makes sure that nobody holds the run's folder for it any more.
func awaitDeath(ctx context.Context, f reapFlags) error {
	for until := time.Now().Add(ownerGone); isLive(f.dir, f.run); {
		if time.Now().After(until) || !pause(ctx, 50*time.Millisecond) {
			return fmt.Errorf("run %s is still at work: nothing was touched", f.run)
		}
	}
	return nil
}

func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}

// reaping is the cleaning up after one run.
type reaping struct {
	w      *world
	f      reapFlags
	log    func(format string, args ...any)
	docker *docker.Client // nil until it answers
}

// lull tells when nothing more of a run will turn up. That counts from the end of
// the run, which asks for nothing after it, however long a busy daemon takes for a
// removal; and anew from the moment when a daemon that could not be asked answers.
type lull struct {
	late  time.Duration
	ended time.Time // the run
	found time.Time // the last thing was removed
}

// after says whether a round of looking, which began and ended then, was the last.
func (l *lull) after(began, ended time.Time, found int, err error) bool {
	switch {
	case err != nil:
		l.ended, l.found = ended, ended
		return false
	case found > 0:
		l.found = ended
		return false
	}
	return began.Sub(l.ended) >= l.late && began.Sub(l.found) >= quiet
}

// clean removes what belongs to the run, for as long as more may turn up.
func (r *reaping) clean(ctx context.Context) error {
	l := lull{late: lateProcesses, ended: time.Now()}
	if r.f.containers {
		l.late = lateContainers
	}
	told := ""
	for {
		began := time.Now()
		n, err := r.round(ctx)
		if err != nil && err.Error() != told {
			told = err.Error()
			r.log("%v", err)
		}
		if l.after(began, time.Now(), n, err) {
			return nil
		}
		if !pause(ctx, 200*time.Millisecond) {
			return errors.Join(context.Cause(ctx), err)
		}
	}
}

// round removes what is there now, and tells how much that was.
func (r *reaping) round(ctx context.Context) (int, error) {
	connectErr := r.connect(ctx)
	mendErr := mend(ctx, r.docker, func(line string) { r.log("%s", line) })
	found, err := findOurs(ctx, r.docker)
	mine := ofRun(found, r.f.run, r.f.dir)
	return len(mine), errors.Join(connectErr, mendErr, err, removeAll(ctx, mine, func(line string) { r.log("%s", line) }))
}

func (r *reaping) connect(ctx context.Context) error {
	if !r.f.containers || r.docker != nil {
		return nil
	}
	d, err := docker.Connect(ctx, r.w.log)
	if err != nil {
		return err
	}
	r.docker = d
	return nil
}

func (r *reaping) close() {
	if r.docker != nil {
		_ = r.docker.Close() // only idle connections
	}
}

// newReapLog writes lines into the run's folder, which is opened for each: it
// may have gone, or be about to.
func newReapLog(dir string) func(string, ...any) {
	return func(format string, args ...any) {
		f, err := os.OpenFile(filepath.Join(dir, "reaper.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
		if err != nil {
			return // cleaning up matters more
		}
		fmt.Fprintf(f, "%s %s\n", time.Now().UTC().Format(time.RFC3339Nano), fmt.Sprintf(format, args...))
		_ = f.Close() // nobody is left to be told
	}
}
