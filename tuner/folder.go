package tuner

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"time"

	"github.com/gofrs/flock"
)

// Folder is where runs are kept: lock, and runs/ID/{profile.hcl, plan.json,
// journal.jsonl, result.json, report.txt, trials/ID/{server.log, requests.jsonl,
// finish-N/{server.log, requests.jsonl}}}.
type Folder struct {
	Path string // absolute
	lock *flock.Flock
}

// Holder is who has a folder locked.
type Holder struct {
	PID   int       `json:"pid"`
	Host  string    `json:"host"`
	Run   string    `json:"run"`
	Since time.Time `json:"since"`
}

// LockedError is a folder in which another apply is at work.
type LockedError struct {
	Path   string
	Holder Holder
}

func (e *LockedError) Error() string {
	return fmt.Sprintf("run %s of process %d on %s has held %s since %s",
		e.Holder.Run, e.Holder.PID, e.Holder.Host, e.Path, e.Holder.Since.Local().Format("15:04:05"))
}

// Hint says what to do about it.
func (e *LockedError) Hint() string {
	return "wait for it, stop it with Ctrl-C, or keep this run elsewhere with --dir"
}

// OpenFolder makes the folder if need be. Its runs can be read without a lock.
func OpenFolder(path string) (*Folder, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("find the run folder %s: %w", path, err)
	}
	return &Folder{Path: abs}, nil
}

// Lock takes the folder for one run, or fails with *LockedError.
func (f *Folder) Lock(h Holder) error {
	if err := os.MkdirAll(filepath.Join(f.Path, "runs"), 0o755); err != nil {
		return fmt.Errorf("make the run folder (choose another with --dir): %w", err)
	}
	l := flock.New(f.lockPath())
	ok, err := tryLock(l)
	if err != nil {
		return fmt.Errorf("lock the run folder %s (choose another with --dir): %w", f.Path, err)
	}
	if !ok {
		return &LockedError{Path: f.Path, Holder: f.holder()}
	}
	text, err := json.Marshal(h)
	if err != nil {
		return err
	}
	if err := os.WriteFile(f.lockPath(), text, 0o644); err != nil {
		return errors.Join(fmt.Errorf("write who holds the run folder (choose another with --dir): %w", err), l.Unlock())
	}
	f.lock = l
	return nil
}

// glance is longer than Live holds a lock to see whether it is free.
const glance = 50 * time.Millisecond

// tryLock tries twice: somebody may have had a look just now.
func tryLock(l *flock.Flock) (bool, error) {
	ok, err := l.TryLock()
	if ok || err != nil {
		return ok, err
	}
	time.Sleep(glance)
	return l.TryLock()
}

// Unlock gives the folder back.
func (f *Folder) Unlock() error {
	if f.lock == nil {
		return nil
	}
	l := f.lock
	f.lock = nil
	return l.Unlock()
}

// Live is the run that holds the folder now; "" if none does.
func (f *Folder) Live() string {
	if f.lock != nil {
		return f.holder().Run
	}
	if _, err := os.Stat(f.lockPath()); err != nil {
		return ""
	}
	l := flock.New(f.lockPath())
	if ok, err := l.TryRLock(); err != nil || !ok {
		return f.holder().Run
	}
	_ = l.Unlock()
	return ""
}

func (f *Folder) lockPath() string { return filepath.Join(f.Path, "lock") }

func (f *Folder) holder() Holder {
	var h Holder
	text, err := os.ReadFile(f.lockPath())
	if err != nil || json.Unmarshal(text, &h) != nil {
		return Holder{Run: "(unknown)", Host: "(unknown)"}
	}
	return h
}

// RunPath is the folder of a run.
func (f *Folder) RunPath(run string) string { return filepath.Join(f.Path, "runs", run) }

// TrialPath is the folder of a trial of a run.
func (f *Folder) TrialPath(run, trial string) string {
	return filepath.Join(f.RunPath(run), "trials", trial)
}

// Runs lists the runs, oldest first.
func (f *Folder) Runs() ([]string, error) {
	entries, err := os.ReadDir(filepath.Join(f.Path, "runs"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list the runs in %s: %w", f.Path, err)
	}
	var runs []string
	for _, e := range entries {
		if e.IsDir() {
			runs = append(runs, e.Name())
		}
	}
	sort.Strings(runs)
	return runs, nil
}

// Journal reads the journal of a run.
func (f *Folder) Journal(run string) ([]Record, error) {
	file, err := os.Open(filepath.Join(f.RunPath(run), "journal.jsonl"))
	if err != nil {
		return nil, fmt.Errorf("open the journal of run %s: %w", run, err)
	}
	records, err := ReadJournal(file)
	if err = errors.Join(err, file.Close()); err != nil {
		return records, fmt.Errorf("read the journal of run %s: %w", run, err)
	}
	return records, nil
}

// NewRunID makes a name that sorts by time.
func NewRunID(now time.Time) string { return now.UTC().Format("20060102-150405.000") }

// Known is every measurement in the folder by identity and purpose: what
// succeeded, and what failed by the configuration's own fault; and what else the
// runs can tell a search. A journal that cannot be read is reported through warn
// and passed over.
func (f *Folder) Known(warn func(error)) (map[string]TrialResult, *Earlier) {
	known, earlier := map[string]TrialResult{}, &Earlier{given: map[string]Hints{}}
	runs, err := f.Runs()
	if err != nil {
		warn(err)
	}
	for _, run := range runs {
		records, err := f.Journal(run)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			warn(err)
		}
		profile, ended := gist(records)
		remember(known, run, profile, ended, records)
		earlier.note(run, profile, ended, records)
		earlier.watch(records)
	}
	return known, earlier
}

// remember adds what a run has measured.
func remember(known map[string]TrialResult, run, profile string, ended bool, records []Record) {
	if ended {
		settle(known, profile)
	}
	for _, r := range records {
		if r.Type != RecordTrialDone || r.Result == nil || !reusable(r.Result) {
			continue
		}
		done := *r.Result
		done.ReusedFrom = run
		if !ended {
			done.cutRun = profile
		}
		key := knownAs(done.Identity, done.Purpose, done.Start)
		if done.Screened != "" {
			key += screenedAs
		}
		known[key] = done
	}
}

// gist is the profile of a run and whether it decided.
func gist(records []Record) (profile string, decided bool) {
	for i := range records {
		if records[i].Header != nil {
			profile = records[i].Header.Profile
		}
		decided = decided || records[i].Type == RecordResult
	}
	return profile, decided
}

// settle closes the account of the runs of a profile that were cut off: a later run
// has gone on from them to its end.
func settle(known map[string]TrialResult, profile string) {
	for k, r := range known {
		if r.cutRun == profile {
			r.cutRun = ""
			known[k] = r
		}
	}
}
