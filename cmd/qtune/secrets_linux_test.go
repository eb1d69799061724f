package main

import (
	"encoding/json"
	"fmt"
	"html"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/qtune/qtune/docker"
)

// planted are the secrets of the profile below, by where they come from.
var planted = map[string]string{
	"env.PLANT_KEY":   `pl4nted-k"ey-7c1e`,
	"env.PLANT_ENV":   "pl4nted&env/b93d",
	"env.PLANT_PRINT": "pl4nted-print-550a",
	"var.token":       "pl4nted-var-e21f",
	"default":         `pl4nted-default\"9&${b0}`,
	"env.HF_TOKEN":    "hf_pl4ntedTokenOfTheHub",
	onCommandLine:     "pl4nted-shown-d00f",
}

const secretive = `
variable "token" {
  sensitive = true
}
variable "preset" {
  sensitive = true
  default   = "pl4nted-default\\\"9&$${b0}"
}
model {
  id = "Qwen/Qwen3-8B"
}
gpu {
  simulate = "RTX 4090"
}
engine "vllm" "keys" {
  image = "vllm/vllm-openai:v0.32.0"
  flags = { max-model-len = 4096, api-key = env("PLANT_KEY") }
  env   = { PLANT_ENV = env("PLANT_ENV"), OTHER = "x${var.token}y", PRESET = var.preset, HF_TOKEN = env("HF_TOKEN") }
}
engine "llamacpp" "keys" {
  image = "ghcr.io/ggml-org/llama.cpp:server"
  flags = { ctx-size = 8192, api-key = env("PLANT_KEY") }
}
engine "vllm" "printed" {
  image = "vllm/vllm-openai:v0.32.0"
  flags = { max-model-len = 4096, kv-cache-dtype = env("PLANT_PRINT") }
}
workload "w" {
  prompts {
    input_tokens = 32
  }
  closed {
    users         = 4
    output_tokens = 8
    requests      = 8
    warmup        = 1
  }
}
objective {
  maximize = output_throughput
}
`

// onCommandLine is a secret that the test itself shows on one, to see that it looks.
const onCommandLine = "env.PLANT_SHOWN"

// secretsIn are the planted secrets that a text holds, in one of the forms in
// which a program writes a value.
func secretsIn(text string) []string {
	var found []string
	for name, value := range planted {
		if slices.ContainsFunc(formsOf(value), func(form string) bool { return strings.Contains(text, form) }) {
			found = append(found, name)
		}
	}
	return found
}

// formsOf are the forms in which a value may be written.
func formsOf(value string) []string {
	loose := strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(value)
	marshalled, _ := json.Marshal(value) // a string always has that form
	return []string{
		value, loose, strings.NewReplacer("${", "$${", "%{", "%%{").Replace(loose), string(marshalled[1 : len(marshalled)-1]),
		url.QueryEscape(value), url.PathEscape(value), html.EscapeString(value), strings.ReplaceAll(value, `"`, `""`), fmt.Sprintf("%q", value),
	}
}

func TestSecretsAreSeen(t *testing.T) {
	for name, value := range planted {
		for _, form := range formsOf(value) {
			if got := secretsIn("x=" + form + ";"); len(got) != 1 || got[0] != name {
				t.Errorf("%s, written %s: seen are %v", name, form, got)
			}
		}
	}
	if got := secretsIn("pl4nted-"); len(got) > 0 {
		t.Errorf("seen where there is none: %v", got)
	}
}

// watchCommandLines looks at the command lines of all processes until stop, and
// gives those that held a secret. That of a flag without a twin in the environment
// is the engine's own to protect. It fails where it does not see its own.
func watchCommandLines(t *testing.T) (stop func() []string) {
	t.Helper()
	shown := exec.Command("sh", "-c", "read x", "sh", planted[onCommandLine]) // until its input ends
	input, err := shown.StdinPipe()
	if err == nil {
		err = shown.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]map[string]bool{} // by secret
	done := make(chan struct{})
	var watch sync.WaitGroup
	watch.Go(func() {
		for {
			lookAtCommandLines(found)
			select {
			case <-done:
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
	})
	return func() []string {
		t.Helper()
		close(done)
		watch.Wait()
		_, _ = input.Close(), shown.Wait() // it ends with an error: it read nothing
		if found[onCommandLine] == nil {
			t.Error("a secret that stood on a command line all the time was not seen")
		}
		delete(found, onCommandLine)
		delete(found, "env.PLANT_PRINT")
		var all []string
		for name, lines := range found {
			all = append(all, fmt.Sprint(name, ": ", slices.Sorted(maps.Keys(lines))))
		}
		return all
	}
}

func lookAtCommandLines(found map[string]map[string]bool) {
	paths, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, path := range paths {
		text, _ := os.ReadFile(path) // its process may have ended
		for _, name := range secretsIn(string(text)) {
			if found[name] == nil {
				found[name] = map[string]bool{}
			}
			found[name][strings.ReplaceAll(string(text), "\x00", " ")] = true
		}
	}
}

func secretConsole(t *testing.T) *console {
	t.Helper()
	c := newConsole(t)
	for name, value := range planted {
		if variable, ok := strings.CutPrefix(name, "env."); ok {
			c.environ = append(c.environ, variable+"="+value)
		}
	}
	c.environ = append(c.environ, "QTUNE_VAR_token="+planted["var.token"])
	return c
}

// keepsSecrets fails where an output holds a secret.
func (c *console) keepsSecrets(t *testing.T, what string) {
	t.Helper()
	for _, name := range secretsIn(c.out.String()) {
		t.Errorf("%s shows %s on stdout", what, name)
	}
	for _, name := range secretsIn(c.err.String()) {
		t.Errorf("%s shows %s on stderr", what, name)
	}
}

func TestSecretsStayOut(t *testing.T) {
	path, dir := write(t, "secretive.hcl", secretive), t.TempDir()
	commandLines := watchCommandLines(t)
	apply := secretConsole(t)
	code := apply.run(t, simulated(path, dir, "--json", "--log-level", "trace")...)
	for _, line := range commandLines() {
		t.Errorf("a command line shows %s", line)
	}
	s := apply.result(t)
	if code != exitOK || s.Trials.OK != 2 || s.Trials.Failed != 1 {
		t.Fatalf("exit %d, %+v: the secrets did not reach the engines\n%s", code, s.Trials, apply.err.String())
	}
	apply.keepsSecrets(t, "apply")
	out := filepath.Join(t.TempDir(), "out")
	commands := [][]string{
		{"plan", path, "--simulate"}, {"plan", path, "--simulate", "--json"}, {"validate", path}, {"validate", path, "--json"},
		{"runs", "--dir", dir, "--json"}, {"runs", "--dir", dir, "--check"}, {"ps", "--json"}, {"logs", "--dir", dir, s.Winner.Trial},
		{"report", "--dir", dir}, {"report", "--dir", dir, "--format", "json"}, {"report", "--dir", dir, "--format", "html"},
		{"report", "--dir", dir, "--format", "md"}, {"report", "--dir", dir, "--format", "csv-full"}, {"report", "--dir", dir, "--format", "svg", "-o", out},
		{"compare", "--dir", dir, s.Run, s.Run}, {"compare", "--dir", dir, s.Run, s.Run, "--json"}, {"calibrate", "--dir", dir, s.Run}, {"doctor", path}, {"fmt", "-diff", path},
		simulated(path, dir), {"plan", path + ".not"},
	}
	for _, format := range exportFormats() {
		commands = append(commands, []string{"export", "--to", format, "--dir", dir})
	}
	for _, args := range commands {
		c := secretConsole(t)
		if code := c.run(t, args...); code != exitOK && args[0] != "doctor" && args[1] != path+".not" {
			t.Errorf("%v: exit %d: %s", args, code, c.err.String())
		}
		c.keepsSecrets(t, strings.Join(args, " "))
	}
	n := noSecretFiles(t, dir) + noSecretFiles(t, out)
	if n < 10 {
		t.Errorf("only %d files were looked at", n)
	}
	log, err := os.ReadFile(glob(t, filepath.Join(dir, "runs", s.Run, "trials", "*", "server.log"), "(env.PLANT_PRINT)"))
	if err != nil || len(log) == 0 {
		t.Errorf("no log tells that a secret was hidden: %v", err)
	}
}

// glob finds the first file that has the text.
func glob(t *testing.T, pattern, text string) string {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if b, err := os.ReadFile(f); err == nil && strings.Contains(string(b), text) {
			return f
		}
	}
	return ""
}

func noSecretFiles(t *testing.T, dir string) int {
	t.Helper()
	n := 0
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		n++
		for _, name := range secretsIn(path + "\n" + string(text)) {
			t.Errorf("%s holds %s", path, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestSecretsStayOutOfLabels(t *testing.T) {
	realDocker(t)
	bin, dir := program(t), t.TempDir()
	d, err := docker.Connect(t.Context(), zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	a := startApply(t, bin, dir, "--simulate-in", "docker")
	a.cmd.Args[2] = write(t, "secretive.hcl", secretive)
	a.cmd.Env = append(os.Environ(), secretConsole(t).environ...)
	commandLines := watchCommandLines(t)
	a.start(t)
	found, err := d.List(t.Context(), labelDir+"="+filepath.Join(dir, "runs", a.run))
	if err != nil || len(found) == 0 {
		t.Fatalf("%d containers, %v", len(found), err)
	}
	for _, c := range found {
		for key, value := range c.Labels {
			for _, name := range secretsIn(c.Name + key + "=" + value) {
				t.Errorf("the label %s holds %s", key, name)
			}
		}
	}
	reapers := reapersOf(t, dir)
	if len(reapers) != 1 {
		t.Errorf("%d reapers", len(reapers))
	}
	for _, pid := range reapers {
		text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "environ"))
		for _, name := range secretsIn(string(text)) {
			t.Errorf("the reaper's environment holds %s", name)
		}
		if err != nil {
			t.Error(err)
		}
	}
	a.kill(t)
	for _, line := range commandLines() {
		t.Errorf("a command line shows %s", line)
	}
	goneInTime(t, func() []string { return leftOf(t, d, dir) })
	if n := noSecretFiles(t, dir); n < 3 {
		t.Errorf("only %d files were looked at", n)
	}
}
