package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/qtune/qtune/tuner"
)

// keptRun writes a small journal into a run folder and gives its path.
func keptRun(t *testing.T, dir, run string) string {
	t.Helper()
	folder := filepath.Join(dir, "runs", run)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(folder, "journal.jsonl")
	j, err := tuner.CreateJournal(path, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range []tuner.Record{
		{Type: tuner.RecordRun, Header: &tuner.RunHeader{Run: run, Version: tuner.JournalVersion}},
		{Type: tuner.RecordTrialStarted, Trial: "abc"},
		{Type: tuner.RecordTrialStopped, Trial: "abc"},
	} {
		if err := j.Append(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestRunsCheck(t *testing.T) {
	change := func(from, to string) func([]byte) []byte {
		return func(b []byte) []byte { return bytes.Replace(b, []byte(from), []byte(to), 1) }
	}
	tests := []struct {
		name string
		to   func([]byte) []byte // what happened to the second of two journals
		args []string
		code int
		says []string
	}{
		{"two whole journals", nil, nil, exitOK, []string{"r1: whole, 3 records", "r2: whole, 3 records"}},
		{"a changed byte is named by its line", change(`"abc"`, `"abd"`), nil, exitError, []string{"r1: whole", "r2: damaged, 2 records whole", "  line 2: its checksum is wrong"}},
		{"a torn last line is told and is no damage", func(b []byte) []byte { return b[:len(b)-9] }, nil, exitOK, []string{"r2: whole, 2 records; line 3 was being written"}},
		{"one run alone", change(`"abc"`, `"abd"`), []string{"r1"}, exitOK, []string{"r1: whole"}},
		{"a run that there is not", nil, []string{"r3"}, exitError, []string{"qtune runs"}},
		{"a newer version", func([]byte) []byte { return []byte(`{"type":"run","header":{"journal_version":9}}` + "\n") }, []string{"r2"}, exitError, []string{"newer qtune"}},
		{"as JSON", change(`"abc"`, `"abd"`), []string{"--json", "r2"}, exitError, []string{`"faults":[{"line":2,"what":"its checksum is wrong`}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			keptRun(t, dir, "r1")
			path := keptRun(t, dir, "r2")
			if tt.to != nil {
				text, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, tt.to(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			c := newConsole(t)
			if code := c.run(t, append([]string{"runs", "--dir", dir, "--check"}, tt.args...)...); code != tt.code {
				t.Errorf("exit %d, want %d\n%s%s", code, tt.code, c.out.String(), c.err.String())
			}
			for _, want := range tt.says {
				if !strings.Contains(c.out.String()+c.err.String(), want) {
					t.Errorf("nothing says %q:\n%s%s", want, c.out.String(), c.err.String())
				}
			}
		})
	}
	c := newConsole(t)
	if code := c.run(t, "runs", "r1"); code != exitUsage {
		t.Errorf("runs RUN without --check: exit %d, want %d", code, exitUsage)
	}
}
