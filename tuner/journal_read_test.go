package tuner

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

// old are two lines of a journal of version 1.
const (
	oldHeader = `{"type":"run","time":"2026-01-02T03:04:05Z","header":{"run":"r","journal_version":1}}` + "\n"
	oldStart  = `{"type":"trial_started","time":"2026-01-02T03:04:06Z","trial":"x"}` + "\n"
)

// written is a journal of three records, by its lines with their newlines.
func written(t testing.TB) []string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "journal.jsonl")
	j, err := CreateJournal(path, fixedTime)
	if err != nil {
		t.Fatal(err)
	}
	done := measured("x", 150, 10)
	for _, r := range []Record{
		{Type: RecordRun, Header: &RunHeader{Run: "r", Version: JournalVersion}},
		{Type: RecordTrialStarted, Trial: "x"},
		{Type: RecordTrialDone, Trial: "x", Result: &done},
	} {
		if err := j.Append(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return strings.SplitAfter(strings.TrimSuffix(string(text), "\n")+"\n", "\n")[:3]
}

func TestReadJournal(t *testing.T) {
	w := written(t)
	whole := strings.Join(w, "")
	tests := []struct {
		name    string
		text    string
		records int
		problem string // in the error; "" none
	}{
		{"an empty journal has no records", "", 0, ""},
		{"a whole one has all", whole, 3, ""},
		{"blank lines are nothing", "\n" + w[0] + "\n" + w[1] + "\n" + w[2] + "\n", 3, ""},
		{"a torn last line is left out", w[0] + w[1] + w[2][:20], 2, ""},
		{"of a last line only the newline may be missing", strings.TrimSuffix(whole, "\n"), 3, ""},
		{"zeros that a power cut left at the end are a torn line", whole + strings.Repeat("\x00", 40), 3, ""},
		{"a bad line in the middle is named and the rest is used", w[0] + "rubbish\n" + w[2], 2, "line 2: is no record"},
		{"a changed value is named", w[0] + strings.Replace(w[1], `"x"`, `"y"`, 1) + w[2], 2, "line 2: its checksum is wrong"},
		{"a changed last line is no torn one", w[0] + w[1] + strings.Replace(w[2], "150", "950", 1), 2, "line 3: its checksum is wrong"},
		{"a line without its checksum is not trusted", w[0] + oldStart + w[2], 2, "line 2: has no checksum"},
		{"a changed header leaves the records", strings.Replace(w[0], `"run":"r"`, `"run":"s"`, 1) + w[1] + w[2], 2, "line 1: its checksum is wrong"},
		{"a repeated line counts once", w[0] + w[1] + w[1] + w[2], 3, "line 3: repeats the record before it"},
		{"a line that comes again later counts once", w[0] + w[1] + w[2] + w[1], 3, "line 4: repeats record 2"},
		{"a line that was cut out is missed", w[0] + w[2], 2, "line 2: 1 records before it are missing"},
		{"a lost newline is missed", w[0] + strings.TrimSuffix(w[1], "\n") + " " + w[2], 1, "line 2: its checksum is wrong"},
		{"version 1 is read", oldHeader + oldStart, 2, ""},
		{"a bad line of version 1 is named and the rest is used", oldHeader + "rubbish\n" + oldStart, 2, "line 2: is no record"},
		{"a repeated line of version 1 counts once", oldHeader + oldStart + oldStart, 2, "line 3: repeats"},
		{"a torn last line of version 1 is left out", oldHeader + oldStart[:20], 1, ""},
		{"a newer journal is refused with the remedy", strings.Replace(oldHeader, `_version":1`, `_version":99`, 1) + oldStart, 0, "newer qtune"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			records, err := ReadJournal(strings.NewReader(tt.text))
			if len(records) != tt.records {
				t.Errorf("%d records, want %d", len(records), tt.records)
			}
			if (err == nil) != (tt.problem == "") || err != nil && !strings.Contains(err.Error(), tt.problem) {
				t.Errorf("error %v, want one with %q", err, tt.problem)
			}
		})
	}
}

// TestFlippedBits changes each bit of a journal: what is read must be what was
// written, and only the lines that were touched may be missing.
func TestFlippedBits(t *testing.T) {
	lines := written(t)
	whole := []byte(strings.Join(lines, ""))
	want, err := ReadJournal(bytes.NewReader(whole))
	if err != nil {
		t.Fatal(err)
	}
	for i := range whole {
		for bit := range 8 {
			text := bytes.Clone(whole)
			text[i] ^= 1 << bit
			got, err := ReadJournal(bytes.NewReader(text))
			if len(got) < len(want)-2 || len(got) < len(want)-1 && whole[i] != '\n' {
				t.Fatalf("bit %d of byte %d (%q): %d of %d records read, %v", bit, i, whole[i], len(got), len(want), err)
			}
			if len(got) == len(want) && err == nil && i < len(whole)-1 {
				t.Fatalf("bit %d of byte %d (%q): nobody noticed", bit, i, whole[i])
			}
			for _, r := range got {
				if r.Seq < 1 || r.Seq > len(want) || !reflect.DeepEqual(r, want[r.Seq-1]) {
					t.Fatalf("bit %d of byte %d (%q): a record that nobody wrote: %+v", bit, i, whole[i], r)
				}
			}
		}
	}
}

// TestTornAnywhere cuts a journal at each byte: all that was acknowledged before is read.
func TestTornAnywhere(t *testing.T) {
	lines := written(t)
	whole := strings.Join(lines, "")
	for cut := range len(whole) {
		acknowledged, ends := 0, 0
		for _, l := range lines {
			if ends += len(l); ends <= cut {
				acknowledged++
			}
		}
		records, err := ReadJournal(strings.NewReader(whole[:cut]))
		if err != nil || len(records) < acknowledged {
			t.Fatalf("cut after %d bytes: %d records, %v; %d were acknowledged", cut, len(records), err, acknowledged)
		}
	}
}

func TestNewerJournalAndDamageAreTold(t *testing.T) {
	_, err := ReadJournal(strings.NewReader(strings.Replace(oldHeader, `_version":1`, `_version":3`, 1)))
	var newer *NewerJournalError
	if !errors.As(err, &newer) || newer.Version != 3 {
		t.Errorf("a journal of version 3 gave %v", err)
	}
	_, err = ReadJournal(strings.NewReader(oldHeader + strings.Repeat("rubbish\n", 9)))
	var damaged *DamagedError
	if !errors.As(err, &damaged) || len(damaged.Faults) != 9 || !strings.Contains(err.Error(), "and 6 more") || damaged.Hint() == "" {
		t.Errorf("nine bad lines gave %v", err)
	}
}

func TestJournalTimesNeverGoBack(t *testing.T) {
	clock := []time.Duration{0, time.Second, -time.Hour, 2 * time.Second}
	at := -1
	path := filepath.Join(t.TempDir(), "j")
	j, err := CreateJournal(path, func() time.Time {
		at = min(at+1, len(clock)-1)
		return fixedTime().Add(clock[at])
	})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := j.Append(Record{Type: RecordTrialStarted}); err != nil {
			t.Fatal(err)
		}
	}
	records := readBack(t, j, path)
	for i, want := range []time.Duration{time.Second, time.Second, 2 * time.Second} {
		if got := records[i].Time.Sub(fixedTime()); got != want {
			t.Errorf("record %d is at %v, want %v", i+1, got, want)
		}
	}
}

func readBack(t *testing.T, j *Journal, path string) []Record {
	t.Helper()
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	records, err := ReadJournal(f)
	if err != nil {
		t.Fatal(err)
	}
	return records
}

func TestKnownDoesNotTrustWhatWasChanged(t *testing.T) {
	f, err := OpenFolder(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(f.RunPath("r1"), 0o755); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(f.RunPath("r1"), "journal.jsonl")
	j, err := CreateJournal(path, fixedTime)
	if err != nil {
		t.Fatal(err)
	}
	for i, name := range []string{"a", "b"} {
		done := measured(name, 150, 10)
		done.Identity, done.Purpose = fmt.Sprint("id", i), PurposeSearch
		if err := j.Append(Record{Type: RecordTrialDone, Result: &done}); err != nil {
			t.Fatal(err)
		}
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, bytes.Replace(text, []byte("150"), []byte("950"), 1), 0o644); err != nil {
		t.Fatal(err)
	}
	var warned []error
	known, _ := f.Known(func(err error) { warned = append(warned, err) })
	if _, there := known["id0"]; there || len(known) != 1 {
		t.Errorf("known after a change in line 1: %v, want id1 alone", known)
	}
	if len(warned) != 1 || !strings.Contains(warned[0].Error(), "line 1") || !strings.Contains(warned[0].Error(), "r1") {
		t.Errorf("warned of %v, want line 1 of r1", warned)
	}
}

func FuzzReadJournal(f *testing.F) {
	f.Add([]byte(`{"type":"trial_done","result":{"flags":{"a":[1,null,{"b":1}]}}}` + "\n"))
	f.Add([]byte("{\"type\":\"run\"}\n{"))
	f.Add([]byte(oldHeader + oldStart))
	f.Add([]byte(strings.Join(written(f), "")))
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := CheckJournal(bytes.NewReader(text))
		if err != nil {
			return
		}
		// A journal of which every record is written again is whole.
		var again []byte
		for i := range c.Records {
			r := c.Records[i]
			r.Seq = i + 1
			line, err := encode(&r)
			if err != nil {
				t.Fatalf("a record that was read cannot be written: %v", err)
			}
			again = append(again, line...)
		}
		second, err := CheckJournal(bytes.NewReader(again))
		if err != nil || len(second.Records) != len(c.Records) || second.Err() != nil || second.Torn != 0 {
			t.Fatalf("%d records written again: %v, %+v", len(c.Records), err, second)
		}
	})
}
