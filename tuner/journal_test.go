package tuner

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/qtune/qtune/engine"
	"github.com/qtune/qtune/profiles"
)

func fixedTime() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) }

func TestJournalRoundTrip(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.jsonl")
	j, err := CreateJournal(path, fixedTime)
	if err != nil {
		t.Fatal(err)
	}
	done := measured("x", 150, 10)
	for _, r := range []Record{
		{Type: RecordRun, Header: &RunHeader{Run: "r", Version: JournalVersion}},
		{Type: RecordTrialDone, Trial: "x", Result: &done},
	} {
		if err := j.Append(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	records, err := ReadJournal(f)
	if err != nil || len(records) != 2 {
		t.Fatalf("read %d records, %v; want 2", len(records), err)
	}
	if got := records[1].Result.Workloads[0].Levels[0].OutputThroughput; got != 150 {
		t.Errorf("throughput %v after the round trip, want 150", got)
	}
	if _, err := CreateJournal(path, fixedTime); err == nil {
		t.Error("a journal was created over an existing one")
	}
}

func TestReadJournal(t *testing.T) {
	whole := `{"type":"run","time":"2026-01-02T03:04:05Z","header":{"run":"r","journal_version":1}}` + "\n"
	tests := []struct {
		name    string
		text    string
		records int
		problem string // in the error; "" none
	}{
		{"an empty journal has no records", "", 0, ""},
		{"a torn last line is left out", whole + `{"type":"trial_st`, 1, ""},
		{"a bad line in the middle is named", whole + "rubbish\n" + whole, 1, "line 2"},
		{"a newer journal is refused with the remedy", strings.Replace(whole, `_version":1`, `_version":99`, 1), 0, "newer qtune"},
		{"blank lines are nothing", "\n" + whole + "\n", 1, ""},
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

func FuzzReadJournal(f *testing.F) {
	f.Add([]byte(`{"type":"trial_done","result":{"flags":{"a":[1,null,{"b":1}]}}}` + "\n"))
	f.Add([]byte("{\"type\":\"run\"}\n{"))
	f.Fuzz(func(t *testing.T, text []byte) {
		records, err := ReadJournal(strings.NewReader(string(text)))
		if records == nil && err == nil && strings.TrimSpace(string(text)) == `{"type":"run"}` {
			t.Error("a whole record was lost without a word")
		}
	})
}

func TestJournalErrorSaysWhatToDo(t *testing.T) {
	j, err := CreateJournal(filepath.Join(t.TempDir(), "j"), fixedTime)
	if err != nil {
		t.Fatal(err)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	err = j.Append(Record{Type: RecordRun})
	var je *JournalError
	if !errors.As(err, &je) || je.Hint() == "" {
		t.Errorf("writing to a closed journal gave %v, want a *JournalError with a hint", err)
	}
}

func TestFlagsKeepTheirOrder(t *testing.T) {
	flags := Flags{
		{Name: "z", Value: profiles.Number("0.870")},
		{Name: "a", Value: profiles.Bool(true)},
		{Name: "m", Value: profiles.List(profiles.Number("1"), profiles.String("x y"))},
		{Name: "j", Value: profiles.Object(`{"b":1,"a":2}`)},
		{Name: "n", Value: profiles.Value{}},
		{Name: "s", Value: profiles.Value{Kind: profiles.KindString, Text: "hunter2", Secret: "env.KEY"}},
	}
	text, err := json.Marshal(flags)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"z":0.870,"a":true,"m":[1,"x y"],"j":{"b":1,"a":2},"n":null,"s":{"secret":"env.KEY"}}`
	if string(text) != want {
		t.Errorf("got  %s\nwant %s", text, want)
	}
	var back Flags
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	again, err := json.Marshal(back)
	if err != nil || string(again) != want {
		t.Errorf("after a round trip %s, %v", again, err)
	}
}

func TestReusable(t *testing.T) {
	with := func(r TrialResult) TrialResult { r.Identity, r.Purpose = "i", PurposeSearch; return r }
	tests := []struct {
		name   string
		result TrialResult
		want   bool
	}{
		{"a success is", with(measured("x", 1, 1)), true},
		{"a failure by the configuration's fault is", with(failed("x")), true},
		{"a fault of the machine is not", with(TrialResult{Status: Failed, Failure: &engine.Failure{Fault: engine.FaultMachine}}), false},
		{"a client-bound measurement is not", with(measured("x", 1, 1, func(r *TrialResult) { level(r).Client.Bound = true })), false},
		{"one without an identity is not", measured("x", 1, 1), false},
	}
	for _, tt := range tests {
		if got := reusable(&tt.result); got != tt.want {
			t.Errorf("%s: got %v", tt.name, got)
		}
	}
}

func TestLockNamesItsHolder(t *testing.T) {
	dir := t.TempDir()
	first, err := OpenFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := first.Lock(Holder{PID: 42, Host: "h", Run: "r1", Since: fixedTime()}); err != nil {
		t.Fatal(err)
	}
	second, err := OpenFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	err = second.Lock(Holder{PID: 43, Run: "r2"})
	var locked *LockedError
	if !errors.As(err, &locked) || locked.Holder.PID != 42 || locked.Hint() == "" {
		t.Fatalf("a second lock gave %v, want who holds the first", err)
	}
	if got := second.Live(); got != "r1" {
		t.Errorf("live run %q, want r1", got)
	}
	if err := first.Unlock(); err != nil {
		t.Fatal(err)
	}
	if got := second.Live(); got != "" {
		t.Errorf("live run %q after the unlock, want none", got)
	}
}
