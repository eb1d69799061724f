package tuner

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// maxRecord bounds one line, so that a damaged file cannot take all memory.
const maxRecord = 64 << 20

// Fault is what is wrong with one line of a journal.
type Fault struct {
	Line int    `json:"line"` // from 1
	What string `json:"what"`
}

func (f Fault) String() string { return fmt.Sprintf("line %d: %s", f.Line, f.What) }

// DamagedError is a journal of which not every line could be used.
type DamagedError struct{ Faults []Fault }

// shownFaults bounds the faults that an error names.
const shownFaults = 3

func (e *DamagedError) Error() string {
	var words []string
	for _, f := range e.Faults[:min(len(e.Faults), shownFaults)] {
		words = append(words, f.String())
	}
	text := strings.Join(words, "; ")
	if more := len(e.Faults) - shownFaults; more > 0 {
		text += fmt.Sprintf("; and %d more", more)
	}
	return text
}

// Hint says what to do about it.
func (e *DamagedError) Hint() string {
	return "the other lines are used; what a damaged one held is measured again. `qtune runs --check` lists all"
}

// NewerJournalError is a journal that a newer qtune wrote.
type NewerJournalError struct{ Version int }

func (e *NewerJournalError) Error() string {
	return fmt.Sprintf("the journal has version %d, this qtune reads up to %d: use a newer qtune", e.Version, JournalVersion)
}

// NoRunError is a run that a folder does not hold. It is fs.ErrNotExist to errors.Is.
type NoRunError struct {
	Run, Folder string
	Err         error
}

func (e *NoRunError) Error() string { return fmt.Sprintf("there is no run %s in %s", e.Run, e.Folder) }

func (e *NoRunError) Unwrap() error { return e.Err }

// Hint says where runs are listed.
func (e *NoRunError) Hint() string {
	return "`qtune runs` lists the runs; --dir names the folder that keeps them"
}

// CheckedJournal is a journal with what is to be said about it.
type CheckedJournal struct {
	Records []Record // the whole ones, in order, each once
	Version int      // 0 where no header could be read
	Faults  []Fault  // lines that should not be as they are; none of them is in Records
	Torn    int      // the line, from 1, that a crash has cut short; 0: none. It was never acknowledged
}

// Err is the faults as a *DamagedError, or nil.
func (c *CheckedJournal) Err() error {
	if len(c.Faults) == 0 {
		return nil
	}
	return &DamagedError{c.Faults}
}

// ReadJournal reads every whole record. A torn last line, which a crash leaves,
// is normal and left out. The other records of a journal with faults come with
// a *DamagedError. One of a newer version is refused with *NewerJournalError.
func ReadJournal(r io.Reader) ([]Record, error) {
	c, err := CheckJournal(r)
	if err != nil {
		return nil, err
	}
	return c.Records, c.Err()
}

// CheckJournal reads a journal and says of every line that cannot be used why.
// The error is one of reading, or *NewerJournalError.
func CheckJournal(r io.Reader) (*CheckedJournal, error) {
	c := &checker{next: 1}
	in := bufio.NewScanner(r)
	in.Buffer(make([]byte, 64<<10), maxRecord)
	in.Split(wholeLines)
	for in.Scan() {
		if err := c.line(in.Bytes()); err != nil {
			return nil, err
		}
	}
	if errors.Is(in.Err(), bufio.ErrTooLong) {
		c.fault("longer than %d MiB; what follows is not read", maxRecord>>20)
		return &c.CheckedJournal, nil
	}
	return &c.CheckedJournal, in.Err()
}

// Check reads the journal of a run and says what is wrong with it. The error is
// a journal that cannot be read at all.
func (f *Folder) Check(run string) (*CheckedJournal, error) {
	file, err := os.Open(filepath.Join(f.RunPath(run), "journal.jsonl"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &NoRunError{run, f.Path, err}
	}
	if err != nil {
		return nil, fmt.Errorf("open the journal of run %s: %w", run, err)
	}
	c, err := CheckJournal(file)
	if err = errors.Join(err, file.Close()); err != nil {
		return nil, fmt.Errorf("read the journal of run %s: %w", run, err)
	}
	return c, nil
}

// wholeLines splits into lines with their newline: without one a line is torn.
func wholeLines(data []byte, atEOF bool) (int, []byte, error) {
	if i := bytes.IndexByte(data, '\n'); i >= 0 {
		return i + 1, data[:i+1], nil
	}
	if atEOF && len(data) > 0 {
		return len(data), data, nil
	}
	return 0, nil, nil
}

// checker reads a journal line by line.
type checker struct {
	CheckedJournal
	n    int    // the line, from 1
	next int    // the number that the next record has
	last []byte // the line of the last record
	bad  int    // lines since then that are no records
}

func (c *checker) fault(format string, args ...any) {
	c.Faults = append(c.Faults, Fault{Line: max(c.n, 1), What: fmt.Sprintf(format, args...)})
	c.bad++
}

func (c *checker) line(raw []byte) error {
	c.n++
	text := bytes.TrimSpace(raw)
	if len(text) == 0 {
		return nil
	}
	var rec Record
	sum := sumOf(text)
	invalid := json.Unmarshal(text, &rec)
	switch {
	case invalid == nil && sum != sumWrong && rec.Header != nil && rec.Header.Version > JournalVersion:
		return &NewerJournalError{rec.Header.Version}
	case raw[len(raw)-1] != '\n' && (invalid != nil || sum == sumWrong || sum == sumNone && c.Version > 1):
		c.Torn = c.n // nothing follows
	case sum == sumWrong:
		c.fault("its checksum is wrong: the line was changed after it was written")
	case invalid != nil:
		c.fault("is no record: %v", invalid)
	case sum == sumNone && !c.old(&rec):
		c.fault("has no checksum: the line was changed after it was written")
	default:
		c.add(rec, text)
	}
	return nil
}

// What a line's checksum tells.
const (
	sumNone = iota
	sumRight
	sumWrong
)

func sumOf(text []byte) int {
	at := len(text) - crcTail
	if at < 1 || !bytes.HasPrefix(text[at:], []byte(crcField)) || !bytes.HasSuffix(text, []byte(`"}`)) {
		return sumNone
	}
	if string(text[at+len(crcField):len(text)-2]) != checksum(text[:at]) {
		return sumWrong
	}
	return sumRight
}

// old says whether a record without a checksum belongs to a journal of version
// 1, which had none: its header says so, or is this record.
func (c *checker) old(r *Record) bool {
	if r.Header != nil && c.Version == 0 && len(c.Records) == 0 && c.bad == 0 {
		return r.Header.Version <= 1
	}
	return c.Version == 1
}

// add takes a whole record, if it is the next one.
func (c *checker) add(r Record, text []byte) {
	if c.repeats(&r, text) {
		return
	}
	if missing := r.Seq - c.next; r.Seq > 0 && missing > 0 && missing > c.bad {
		c.Faults = append(c.Faults, Fault{c.n, fmt.Sprintf("%d records before it are missing", missing-c.bad)})
	}
	if r.Header != nil && c.Version == 0 {
		c.Version = max(r.Header.Version, 1)
	}
	c.Records = append(c.Records, r)
	c.next, c.bad, c.last = r.Seq+1, 0, append(c.last[:0], text...)
}

func (c *checker) repeats(r *Record, text []byte) bool {
	switch {
	case bytes.Equal(text, c.last):
		c.fault("repeats the record before it")
	case r.Seq > 0 && r.Seq < c.next:
		c.fault("repeats record %d", r.Seq)
	default:
		return false
	}
	c.bad-- // it stands for no record of its own
	return true
}
