//go:build linux

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// The CI examples are run as their systems would run them: each shell step but the one
// that installs the published program, with the built one on the path, in one folder, by the shell that the system takes.

func ciExample(t *testing.T, name string, into any) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "examples", "ci", name))
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(text, into); err != nil {
		t.Fatal(err)
	}
}

// ciWorkspace is a folder with a small profile, and an environment in which qtune is
// the built program.
func ciWorkspace(t *testing.T, variables map[string]string) (dir string, env []string) {
	t.Helper()
	dir, bin := t.TempDir(), filepath.Dir(program(t))
	fast := strings.Replace(small, "requests      = 16", "requests      = 64", 1)
	if err := os.WriteFile(filepath.Join(dir, "examples.hcl"), []byte(fast), 0o644); err != nil {
		t.Fatal(err)
	}
	env = append(os.Environ(), "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"), "DOCKER_HOST=unix:///nowhere/docker.sock", "GITHUB_STEP_SUMMARY="+filepath.Join(dir, "summary.md"))
	for name, value := range variables {
		env = append(env, name+"="+value)
	}
	return dir, env
}

// runStep runs one step as GitHub does, and gives its exit code and its output.
func runStep(t *testing.T, dir string, env []string, script string) (int, string) {
	t.Helper()
	c := exec.CommandContext(t.Context(), "bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script)
	c.Dir, c.Env = dir, env
	out, err := c.CombinedOutput()
	if err != nil && c.ProcessState == nil {
		t.Fatal(err)
	}
	return c.ProcessState.ExitCode(), string(out)
}

func TestGitHubExample(t *testing.T) {
	var flow struct {
		Env  map[string]string
		Jobs map[string]struct {
			Steps []struct{ Name, If, Run string }
		}
	}
	ciExample(t, "github-actions.yml", &flow)
	dir, env := ciWorkspace(t, flow.Env)
	event := func(name string, without ...string) {
		t.Helper()
		ran := 0
		for _, s := range flow.Jobs["speed"].Steps {
			if s.Run == "" || s.Name == "Install qtune" || strings.Contains(s.If, "event_name") && !strings.Contains(s.If, "'"+name+"'") {
				continue
			}
			ran++
			if slices.Contains(without, s.Name) {
				continue
			}
			code, out := runStep(t, dir, env, strings.Replace(s.Run, "--simulate}", "--simulate --simulate-speed 20}", 1))
			if code == exitNoWinner || strings.Contains(out, "the load client was the bottleneck") || code == exitSlower {
				t.Skipf("this machine is too busy: %s ended with %d", s.Name, code)
			}
			if code != 0 {
				t.Fatalf("%s, %s: exit %d\n%s", name, s.Name, code, out)
			}
		}
		if ran < 3 {
			t.Errorf("%s: only %d steps", name, ran)
		}
	}
	event("pull_request", "Measure") // before main has measured anything; the push measures the same
	event("push")
	event("pull_request")
	summary, err := os.ReadFile(filepath.Join(dir, "summary.md"))
	if err != nil || !strings.Contains(string(summary), "lower than allowed: output\\_throughput, w, 8 users") && !strings.Contains(string(summary), "Cannot tell") {
		t.Errorf("%v: %s", err, summary)
	}
	if xml, err := os.ReadFile(filepath.Join(dir, "compare.xml")); err != nil || !strings.Contains(string(xml), `tests="1"`) {
		t.Errorf("%v: %s", err, xml)
	}
}

func TestGitHubExampleIsAWorkflow(t *testing.T) {
	path, err := exec.LookPath("actionlint")
	if err != nil {
		t.Skip("actionlint is not installed (go install github.com/rhysd/actionlint/cmd/actionlint@v1.7.12)")
	}
	if out, err := exec.CommandContext(t.Context(), path, filepath.Join("..", "..", "examples", "ci", "github-actions.yml")).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestGitLabExample(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("the example waits for its servers with curl, which is not installed")
	}
	var pipeline struct {
		Variables map[string]string
		Job       struct{ Script []string } `yaml:"compare with main"`
	}
	ciExample(t, "gitlab-ci.yml", &pipeline)
	pipeline.Variables["QTUNE_SIMULATE_SPEED"] = "25"
	text := strings.ReplaceAll(strings.Join(pipeline.Job.Script, "\n"), "--requests 200", "--requests 60") // GitLab runs all lines in one shell
	code, out := exitSlower, ""
	for range 3 { // on a busy machine one of two equal servers may be slower, but not each time
		if code == exitSlower {
			dir, env := ciWorkspace(t, pipeline.Variables)
			code, out = runStep(t, dir, env, text)
		}
	}
	if code != 0 && !strings.Contains(out, "bottleneck") { // a busy machine may hold the client back, which bench says
		t.Fatalf("exit %d\n%s", code, out)
	}
	if code == 0 && (!strings.Contains(out, "simulated") || !strings.Contains(out, "compared in pairs") && !strings.Contains(out, "one start each")) {
		t.Errorf("%s", out)
	}
}
