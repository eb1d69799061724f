package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/qtune/qtune/report"
)

// aRun applies a small profile on simulated engines, and returns the run folder
// and the run's name.
func aRun(t *testing.T) (dir, run string) {
	t.Helper()
	c, dir := applyJSON(t, write(t, "small.hcl", small))
	return dir, c.result(t).Run
}

// shown is what the report command prints.
func shown(t *testing.T, code int, args ...string) string {
	t.Helper()
	c := newConsole(t)
	if got := c.run(t, append([]string{"report"}, args...)...); got != code {
		t.Fatalf("report %q: exit %d, want %d\n%s", args, got, code, c.err.String())
	}
	return c.out.String() + c.err.String()
}

func TestReport(t *testing.T) {
	dir, run := aRun(t)
	folder := filepath.Join(dir, "runs", run)
	t.Run("apply leaves the reports in the run's folder", func(t *testing.T) {
		for name, want := range map[string]string{"report.html": "<!DOCTYPE html>", "report.md": "# qtune report: small (simulated)"} {
			text, err := os.ReadFile(filepath.Join(folder, name))
			if err != nil || !bytes.HasPrefix(text, []byte(want)) {
				t.Errorf("%s: %v, %.80s", name, err, text)
			}
		}
	})
	t.Run("the text is the one that apply printed", func(t *testing.T) {
		kept, err := os.ReadFile(filepath.Join(folder, "report.txt"))
		if err != nil || shown(t, exitOK, "--dir", dir) != string(kept) {
			t.Errorf("%v: %s", err, shown(t, exitOK, "--dir", dir))
		}
	})
	t.Run("every form of a named run", func(t *testing.T) {
		for form, want := range map[string]string{
			"md": "## All trials", "csv": "configuration,kind of test,quantity,value,unit,detail", "csv-full": "run,simulated,trial", "json": `"schema": "qtune.report"`, "html": "Where the minutes went",
		} {
			text := shown(t, exitOK, run, "--dir", dir, "--format", form)
			if !strings.Contains(text, want) {
				t.Errorf("%s: %.300s", form, text)
			}
			if !strings.Contains(text, "simulated") {
				t.Errorf("%s has no word of simulation", form)
			}
		}
	})
	t.Run("Korean by flag and by locale", func(t *testing.T) {
		if text := shown(t, exitOK, "--dir", dir, "--format", "md", "--lang", "ko"); !strings.Contains(text, "qtune 보고서") {
			t.Errorf("%.200s", text)
		}
		c := newConsole(t)
		c.environ = append(c.environ, "LANG=ko_KR.UTF-8")
		if code := c.run(t, "report", "--dir", dir, "--format", "html"); code != exitOK || !strings.Contains(c.out.String(), `<html lang="ko">`) {
			t.Errorf("exit %d: %.200s", code, c.out.String())
		}
	})
	t.Run("Korean text", func(t *testing.T) {
		if text := shown(t, exitOK, "--dir", dir, "--lang", "ko"); !strings.Contains(text, "전체 시험") || !strings.Contains(text, "시뮬레이션") {
			t.Errorf("%.400s", text)
		}
	})
	t.Run("pictures go to a folder", func(t *testing.T) {
		pictures := filepath.Join(t.TempDir(), "pictures")
		shown(t, exitOK, "--dir", dir, "--format", "svg", "-o", pictures)
		if files, err := filepath.Glob(filepath.Join(pictures, "*.svg")); err != nil || len(files) < 2 {
			t.Errorf("%v %q", err, files)
		}
	})
	t.Run("a file", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "r.json")
		shown(t, exitOK, "--dir", dir, "--format", "json", "-o", file)
		text, err := os.ReadFile(file)
		var d report.Data
		if err != nil || json.Unmarshal(text, &d) != nil || d.Outcome.Summary.Winner == nil || len(d.Results) != 3 {
			t.Errorf("%v: %.200s", err, text)
		}
	})
	crashedReport(t, dir, run)
}

// crashedReport takes from a run what a crash would not have written.
func crashedReport(t *testing.T, dir, run string) {
	folder := filepath.Join(dir, "runs", run)
	path := filepath.Join(folder, "journal.jsonl")
	journal, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"result.json", "report.txt", "report.html", "report.md"} {
		if err := os.Remove(filepath.Join(folder, name)); err != nil {
			t.Fatal(err)
		}
	}
	lines := bytes.SplitAfter(journal, []byte("\n"))
	for keep := 1; keep < len(lines); keep++ {
		torn := append(bytes.Join(lines[:keep], nil), lines[keep][:len(lines[keep])/2]...)
		if err := os.WriteFile(path, torn, 0o644); err != nil {
			t.Fatal(err)
		}
		for _, form := range []string{"text", "md", "html", "json"} {
			if text := shown(t, exitOK, run, "--dir", dir, "--format", form); !strings.Contains(text, "cut short") {
				t.Fatalf("%s after %d records does not say that the run was cut short: %.300s", form, keep, text)
			}
		}
	}
}

// TestCrashedRunKeepsItsVariables: what a run was given is in its journal, but for
// secrets, so that its report needs nothing again.
func TestCrashedRunKeepsItsVariables(t *testing.T) {
	text := strings.Replace(small, `"Qwen/Qwen3-8B"`, "var.model", 1)
	text = strings.Replace(text, "sweep {", "env = { TOKEN = var.token }\n  sweep {", 1) +
		"variable \"model\" {}\nvariable \"token\" {\n  sensitive = true\n  default = \"none\"\n}\n"
	path, dir := write(t, "given.hcl", text), t.TempDir()
	c := newConsole(t)
	if code := c.run(t, simulated(path, dir, "--json", "--var", "model=Qwen/Qwen3-8B", "--var", "token=hush-hush-hush")...); !decided(code) {
		t.Fatalf("exit %d\n%s", code, c.err.String())
	}
	folder := filepath.Join(dir, "runs", c.result(t).Run)
	journal, err := os.ReadFile(filepath.Join(folder, "journal.jsonl"))
	if err != nil || !bytes.Contains(journal, []byte(`"vars":{"model":"Qwen/Qwen3-8B"}`)) || bytes.Contains(journal, []byte("hush-hush-hush")) {
		t.Fatalf("%v: %.600s", err, journal)
	}
	if err := os.Remove(filepath.Join(folder, "result.json")); err != nil {
		t.Fatal(err)
	}
	if text := shown(t, exitOK, "--dir", dir, "--format", "markdown"); !strings.Contains(text, "vllm plain") || strings.Contains(text, "give them with --var") {
		t.Errorf("%s", text)
	}
}

func TestReportRefuses(t *testing.T) {
	dir := t.TempDir()
	for _, tt := range []struct {
		name string
		args []string
		code int
		want string
	}{
		{"a form that there is not", []string{"--dir", dir, "--format", "pdf"}, exitUsage, "choose one of text, md"},
		{"a language that there is not", []string{"--dir", dir, "--lang", "xx"}, exitUsage, "choose one of en, ko"},
		{"a language for programs", []string{"--dir", dir, "--format", "csv", "--lang", "ko"}, exitUsage, "no language"},
		{"pictures without a folder", []string{"--dir", dir, "--format", "svg"}, exitUsage, "name a folder"},
		{"two runs", []string{"a", "b"}, exitUsage, "at most one run"},
		{"a folder without runs", []string{"--dir", dir}, exitError, "no run is kept"},
		{"a run that there is not", []string{"x", "--dir", dir}, exitError, "run x"},
	} {
		if text := shown(t, tt.code, tt.args...); !strings.Contains(text, tt.want) {
			t.Errorf("%s: %s", tt.name, text)
		}
	}
}
