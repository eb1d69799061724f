package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestPlan(t *testing.T) {
	path, dir := write(t, "small.hcl", small), t.TempDir()
	c := newConsole(t)
	if code := c.run(t, "plan", path, "--json", "--simulate", "--dir", dir); code != exitOK {
		t.Fatalf("exit %d\n%s", code, c.err.String())
	}
	var plan struct {
		Type   string
		Trials []struct {
			ID, Engine, Name, Status, Reason string
			Flags                            json.RawMessage
			Command                          []string
		}
	}
	if err := json.Unmarshal([]byte(c.out.String()), &plan); err != nil {
		t.Fatalf("plan --json is not one object: %v", err)
	}
	var got []string
	for _, trial := range plan.Trials {
		got = append(got, strings.TrimSpace(string(trial.Flags)+" "+trial.Status+" "+trial.Reason))
		if trial.ID == "" || len(trial.Command) == 0 || trial.Engine != "vllm" || trial.Name != "plain" {
			t.Errorf("trial %+v is not whole", trial)
		}
	}
	want := []string{
		`{"max-model-len":4096,"max-num-seqs":2} planned`,
		`{"max-model-len":40000,"max-num-seqs":2} pruned where`,
		`{"max-model-len":4096,"max-num-seqs":8} planned`,
		`{"max-model-len":40000,"max-num-seqs":8} planned`,
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) > 0 {
		t.Errorf("plan left %v in the run folder (%v)", entries, err)
	}
}

// TestExamplePlans holds the example to what the README says of it.
func TestExamplePlans(t *testing.T) {
	c := newConsole(t)
	if code := c.run(t, "plan", "../../examples.hcl", "--json", "--simulate", "--dir", t.TempDir()); code != exitOK {
		t.Fatalf("exit %d\n%s", code, c.err.String())
	}
	var plan planView
	if err := json.Unmarshal([]byte(c.out.String()), &plan); err != nil {
		t.Fatal(err)
	}
	deployed := 0
	for _, trial := range plan.Trials {
		line := strings.Join(trial.Command, " ")
		if trial.Status == "planned" && strings.Contains(line, "--num-continuous-decode-steps 2 ") && strings.Contains(line, "--mem-fraction-static 0.87 ") &&
			strings.Contains(line, "--quantization awq ") && strings.Contains(line, "--disable-cuda-graph") {
			deployed++
		}
	}
	if len(plan.Trials) != 49 || deployed != 1 {
		t.Errorf("%d trials, %d of them Balanced-v2 as deployed; want 49 and 1", len(plan.Trials), deployed)
	}
	if !strings.Contains(c.err.String(), "num-continuous-decode-steps") {
		t.Errorf("no warning of the axis that does nothing:\n%s", c.err.String())
	}
}

func TestCommands(t *testing.T) {
	messy := "model {\nid=\"m\"\n}\n"
	tests := []struct {
		name string
		args func(t *testing.T) []string
		in   string
		code int
		out  string // in stdout
		err  string // in stderr
	}{
		{"no command shows the help", args(), "", exitOK, "qtune apply examples.hcl --simulate", ""},
		{"an unknown command is a usage error", args("aply"), "", exitUsage, "", "unknown command"},
		{"validate without a file is a usage error", args("validate"), "", exitUsage, "", "one profile"},
		{"validate accepts the example", args("validate", "../../examples.hcl"), "", exitOK, "is valid", "num-continuous-decode-steps"},
		{"validate of a folder says what it is", args("validate", "."), "", exitProfile, "", "folder"},
		{"validate as JSON", args("validate", "--json", "../../examples.hcl"), "", exitOK, `"valid":true`, ""},
		{"presets lists them", args("presets"), "", exitOK, "vllm-cpu-offload", ""},
		{"presets shows one", args("presets", "sglang-balanced-v2"), "", exitOK, "schedule-policy", ""},
		{"an unknown preset is a usage error", args("presets", "nope"), "", exitUsage, "", "qtune presets"},
		{"fmt formats standard input", args("fmt", "-"), messy, exitOK, "model {\n  id = \"m\"\n}\n", ""},
		{"fmt -check names the file and fails", messyFile("fmt", "--check"), "", exitError, "messy.hcl", ""},
		{"a long flag may have one dash", messyFile("fmt", "-check"), "", exitError, "messy.hcl", ""},
		{"fmt -diff shows the change", messyFile("fmt", "--diff"), "", exitOK, "+  id = \"m\"", ""},
		{"version", args("version"), "", exitOK, "qtune ", ""},
		{"runs of an empty folder", empty("runs", "--dir"), "", exitOK, "No run is kept", ""},
		{"logs of an empty folder", empty("logs", "--dir"), "", exitError, "", "no run is kept"},
		{"bench of something that is no URL", args("bench", "localhost"), "", exitUsage, "", "http://"},
		{"bench of nobody", args("bench", "http://127.0.0.1:1"), "", exitError, "", "--model"},
		{"a log level that is none", args("--log-level", "loud", "version"), "", exitUsage, "", "debug"},
		{"destroy of a run and of all", args("destroy", "--all", "x"), "", exitUsage, "", "not both"},
		{"the bash completion", args("completion", "bash"), "", exitOK, "qtune", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := newConsole(t)
			c.stdin = strings.NewReader(tt.in)
			if code := c.run(t, tt.args(t)...); code != tt.code {
				t.Errorf("exit %d, want %d\n%s", code, tt.code, c.err.String())
			}
			if !strings.Contains(c.out.String(), tt.out) {
				t.Errorf("stdout lacks %q:\n%s", tt.out, c.out.String())
			}
			if !strings.Contains(c.err.String(), tt.err) {
				t.Errorf("stderr lacks %q:\n%s", tt.err, c.err.String())
			}
		})
	}
}

func args(words ...string) func(*testing.T) []string {
	return func(*testing.T) []string { return words }
}

func messyFile(words ...string) func(*testing.T) []string {
	return func(t *testing.T) []string {
		return append(words, write(t, "messy.hcl", "model {\nid=\"m\"\n}\n"))
	}
}

func empty(words ...string) func(*testing.T) []string {
	return func(t *testing.T) []string { return append(words, t.TempDir()) }
}

func TestFmtWritesInPlaceOnce(t *testing.T) {
	path := write(t, "messy.hcl", "model {\nid=\"m\"\n}\n")
	for i, want := range []string{path + "\n", ""} {
		c := newConsole(t)
		if code := c.run(t, "fmt", path); code != exitOK || c.out.String() != want {
			t.Errorf("round %d: exit %d, printed %q, want %q", i+1, code, c.out.String(), want)
		}
	}
	text, err := os.ReadFile(path)
	if err != nil || string(text) != "model {\n  id = \"m\"\n}\n" {
		t.Errorf("the file is %q (%v)", text, err)
	}
}

func TestRunsAndLogs(t *testing.T) {
	c, dir := applyJSON(t, write(t, "small.hcl", small))
	winner := c.result(t).Winner.Trial
	list := newConsole(t)
	if code := list.run(t, "runs", "--dir", dir); code != exitOK || !strings.Contains(list.out.String(), "vllm plain") || !strings.Contains(list.out.String(), "simulated") {
		t.Errorf("runs: exit %d\n%s%s", code, list.out.String(), list.err.String())
	}
	log := newConsole(t)
	if code := log.run(t, "logs", "--dir", dir, winner[:4]); code != exitOK || !strings.Contains(log.out.String(), "simulated vllm") {
		t.Errorf("logs: exit %d\n%.500s%s", code, log.out.String(), log.err.String())
	}
	if matches, _ := filepath.Glob(filepath.Join(dir, "runs", "*")); len(matches) != 1 {
		t.Errorf("the folder holds %v", matches)
	}
}

// TestREADMEProfile holds the profile that the README shows to what it says.
func TestREADMEProfile(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, after, ok := strings.Cut(string(readme), "```hcl\n")
	text, _, closed := strings.Cut(after, "```")
	if !ok || !closed {
		t.Fatal("the README shows no profile")
	}
	c := newConsole(t)
	if code := c.run(t, "validate", write(t, "readme.hcl", text)); code != exitOK {
		t.Errorf("exit %d\n%s", code, c.err.String())
	}
}
