package tuner

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
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
		{"a start that took too long is not", with(TrialResult{Status: Failed, Failure: &engine.Failure{Class: engine.StartupTimeout, Fault: engine.FaultConfiguration}}), false},
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
