package tuner

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/qtune/qtune/bench"
	"github.com/qtune/qtune/engine"
)

// JournalVersion is the version of the journal's form that this qtune writes
// and the newest that it reads. Version 1 has neither numbers nor checksums.
const JournalVersion = 2

// The types of journal records, in the order in which a trial writes them.
const (
	RecordRun          = "run"           // the header: once, first
	RecordHints        = "hints"         // what earlier runs have told a search: once, before its trials
	RecordTrialStarted = "trial_started" // before anything is created
	RecordTrialReady   = "trial_ready"   // the server serves
	RecordLevel        = "level"         // one level measured
	RecordTrialStopped = "trial_stopped" // nothing of the trial is left
	RecordTrialDone    = "trial_done"    // the trial's result
	RecordTrialReused  = "trial_reused"  // the result of an earlier run stands
	RecordResult       = "result"        // the choice: once, last
	RecordEnded        = "ended"         // the run ended without a choice
)

// RunHeader says what a journal is about.
type RunHeader struct {
	Run        string  `json:"run"`
	Profile    string  `json:"profile"`
	Version    int     `json:"journal_version"`
	Qtune      string  `json:"qtune"`
	Bench      string  `json:"bench_version,omitempty"` // bench.Version; "" in a journal of before
	Simulated  bool    `json:"simulated"`
	Card       string  `json:"card,omitempty"`
	Speed      float64 `json:"speed,omitempty"`       // engine seconds in a wall second
	ProfileDir string  `json:"profile_dir,omitempty"` // absolute folder of the profile: where its relative paths start
	// Vars are the values of variables that were given from outside, but for secrets.
	Vars map[string]string `json:"vars,omitempty"`
	Host string            `json:"host"`
	PID  int               `json:"pid"`
}

// Record is one line of a journal.
type Record struct {
	Type     string             `json:"type"`
	Time     time.Time          `json:"time"`          // never before that of the record above, whatever the clock does
	Seq      int                `json:"seq,omitempty"` // from 1; 0 in version 1
	Header   *RunHeader         `json:"header,omitempty"`
	Trial    string             `json:"trial,omitempty"`
	Facts    *engine.Facts      `json:"facts,omitempty"`
	Workload string             `json:"workload,omitempty"`
	Level    *bench.LevelResult `json:"level,omitempty"`
	Result   *TrialResult       `json:"result,omitempty"`
	Hints    *Hints             `json:"hints,omitempty"`
	Summary  *Summary           `json:"summary,omitempty"`
	Reason   string             `json:"reason,omitempty"`
}

// Journal appends records to a file and syncs each, so that what Append
// acknowledged survives a crash. A file has one writer: CreateJournal takes only
// a new one, in a folder that its run has locked. Append is for one goroutine.
type Journal struct {
	file   *os.File
	now    func() time.Time
	began  time.Time // by now, which may jump
	last   time.Time // of the record above
	seq    int
	size   int64 // of all that was acknowledged
	broken error // why nothing can be written any more
}

// CreateJournal starts a journal in a new file, whose name survives a crash too.
func CreateJournal(path string, now func() time.Time) (*Journal, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return nil, &JournalError{Path: path, Err: err}
	}
	if err := syncFolder(filepath.Dir(path)); err != nil {
		return nil, &JournalError{Path: path, Err: errors.Join(err, f.Close())}
	}
	return &Journal{file: f, now: now, began: now()}, nil
}

func syncFolder(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	err = d.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOTSUP) {
		err = nil // a file system that has no such thing
	}
	return errors.Join(err, d.Close())
}

// Append writes one record and waits until the disk has it. Where that fails,
// what there was of the record is taken back, so that a shorter one may still
// fit; where the disk does not tell what it holds, nothing is written any more.
func (j *Journal) Append(r Record) error {
	r.Time, r.Seq = j.time(), j.seq+1
	line, err := encode(&r)
	if err != nil {
		return fmt.Errorf("encode a %s record: %w", r.Type, err)
	}
	if err := j.write(line); err != nil {
		return &JournalError{Path: j.file.Name(), Need: len(line), Err: err}
	}
	j.seq, j.last, j.size = r.Seq, r.Time, j.size+int64(len(line))
	return nil
}

// time is the beginning plus what has passed since, which is measured by a
// clock that nobody can set.
func (j *Journal) time() time.Time {
	t := j.began.Add(j.now().Sub(j.began)).UTC()
	if t.Before(j.last) {
		return j.last
	}
	return t
}

func (j *Journal) write(line []byte) error {
	if j.broken != nil {
		return j.broken
	}
	if _, err := j.file.Write(line); err != nil {
		if undo := j.file.Truncate(j.size); undo != nil {
			j.broken = errors.Join(err, undo)
		}
		return err
	}
	if err := j.file.Sync(); err != nil {
		j.broken = err
		_ = j.file.Truncate(j.size) // if it fails the line may be read later, though nobody was told that it is there
		return err
	}
	return nil
}

// Close closes the file.
func (j *Journal) Close() error { return j.file.Close() }

// A line ends in the CRC-32C (Castagnoli) of all that stands before it, as the
// last field of its object: {…,"crc":"0123abcd"}.
const (
	crcField = `,"crc":"`
	crcTail  = len(crcField) + 8 + len(`"}`)
)

func checksum(b []byte) string {
	return fmt.Sprintf("%08x", crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)))
}

// encode gives a record's line with its newline.
func encode(r *Record) ([]byte, error) {
	text, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	text = text[:len(text)-1] // the closing brace
	return append(text, crcField+checksum(text)+"\"}\n"...), nil
}

// JournalError is a record that could not be written: the run cannot go on.
type JournalError struct {
	Path string
	Need int // bytes of the record; 0: the file could not be created
	Err  error
}

func (e *JournalError) Error() string {
	if e.Need == 0 {
		return fmt.Sprintf("create %s: %v", e.Path, e.Err)
	}
	return fmt.Sprintf("write %d bytes to %s: %v", e.Need, e.Path, e.Err)
}

func (e *JournalError) Unwrap() error { return e.Err }

// spaceForTrial is what a trial needs at the very least besides its record: its
// log and its requests.
const spaceForTrial = 1 << 20

// Hint says what to do about it.
func (e *JournalError) Hint() string {
	const again = "; what is recorded is safe, and `qtune apply` again goes on where this run stopped"
	switch {
	case errors.Is(e.Err, syscall.ENOSPC), errors.Is(e.Err, syscall.EDQUOT):
		need := (e.Need + spaceForTrial + 1<<20 - 1) >> 20
		return fmt.Sprintf("free at least %d MiB there, or give another folder with --dir%s", need, again)
	case errors.Is(e.Err, syscall.EROFS), errors.Is(e.Err, os.ErrPermission):
		return "the folder can only be read: give another one with --dir"
	}
	return "check the folder's rights and disk" + again
}
