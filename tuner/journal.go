package tuner

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"

	"github.com/qtune/qtune/bench"
	"github.com/qtune/qtune/engine"
)

// JournalVersion is the version of the journal's form that this qtune writes
// and the newest that it reads.
const JournalVersion = 1

// The types of journal records, in the order in which a trial writes them.
const (
	RecordRun          = "run"           // the header: once, first
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
	Run       string  `json:"run"`
	Profile   string  `json:"profile"`
	Version   int     `json:"journal_version"`
	Qtune     string  `json:"qtune"`
	Simulated bool    `json:"simulated"`
	Card      string  `json:"card,omitempty"`
	Speed     float64 `json:"speed,omitempty"` // engine seconds in a wall second
	Host      string  `json:"host"`
	PID       int     `json:"pid"`
}

// Record is one line of a journal.
type Record struct {
	Type     string             `json:"type"`
	Time     time.Time          `json:"time"`
	Header   *RunHeader         `json:"header,omitempty"`
	Trial    string             `json:"trial,omitempty"`
	Facts    *engine.Facts      `json:"facts,omitempty"`
	Workload string             `json:"workload,omitempty"`
	Level    *bench.LevelResult `json:"level,omitempty"`
	Result   *TrialResult       `json:"result,omitempty"`
	Summary  *Summary           `json:"summary,omitempty"`
	Reason   string             `json:"reason,omitempty"`
}

// Journal appends records to a file and syncs each, so that what Append
// acknowledged survives a crash.
type Journal struct {
	file *os.File
	now  func() time.Time
}

// CreateJournal starts a journal in a new file.
func CreateJournal(path string, now func() time.Time) (*Journal, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return nil, fmt.Errorf("create the journal: %w", err)
	}
	return &Journal{file: f, now: now}, nil
}

// Append writes one record and waits until the disk has it.
func (j *Journal) Append(r Record) error {
	r.Time = j.now().UTC()
	line, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("encode a %s record: %w", r.Type, err)
	}
	if _, err := j.file.Write(append(line, '\n')); err != nil {
		return &JournalError{Path: j.file.Name(), Need: len(line) + 1, Err: err}
	}
	if err := j.file.Sync(); err != nil {
		return &JournalError{Path: j.file.Name(), Need: len(line) + 1, Err: err}
	}
	return nil
}

// Close closes the file.
func (j *Journal) Close() error { return j.file.Close() }

// JournalError is a record that could not be written: the run cannot go on.
type JournalError struct {
	Path string
	Need int // bytes of the record
	Err  error
}

func (e *JournalError) Error() string {
	return fmt.Sprintf("write %d bytes to the journal %s: %v", e.Need, e.Path, e.Err)
}

func (e *JournalError) Unwrap() error { return e.Err }

// Hint says what to do about it.
func (e *JournalError) Hint() string {
	if errors.Is(e.Err, syscall.ENOSPC) || errors.Is(e.Err, syscall.EDQUOT) {
		return "free at least 1 MiB there, or give another folder with --dir; `qtune apply` again goes on where this run stopped"
	}
	return "check the folder's rights and disk; `qtune apply` again goes on where this run stopped"
}

// maxRecord bounds one line, so that a damaged file cannot take all memory.
const maxRecord = 64 << 20

// ReadJournal reads every whole record. A torn last line, which a crash
// leaves, is normal and left out; any other bad line is an error with its number.
func ReadJournal(r io.Reader) ([]Record, error) {
	var records []Record
	in := bufio.NewScanner(r)
	in.Buffer(make([]byte, 64<<10), maxRecord)
	var bad error
	for n := 1; in.Scan(); n++ {
		if bad != nil {
			return records, bad
		}
		line := bytes.TrimSpace(in.Bytes())
		if len(line) == 0 {
			continue
		}
		var rec Record
		if err := json.Unmarshal(line, &rec); err != nil {
			bad = fmt.Errorf("line %d is no record: %w", n, err) // forgiven if it is the last
			continue
		}
		if rec.Header != nil && rec.Header.Version > JournalVersion {
			return nil, fmt.Errorf("the journal has version %d, this qtune reads up to %d: use a newer qtune", rec.Header.Version, JournalVersion)
		}
		records = append(records, rec)
	}
	return records, in.Err()
}
