package main

import (
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
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
	"default":         "pl4nted-default-9ab0",
	"env.HF_TOKEN":    "hf_pl4ntedTokenOfTheHub",
}

const secretive = `
variable "token" {
  sensitive = true
}
variable "preset" {
  sensitive = true
  default   = "pl4nted-default-9ab0"
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

// secretsIn are the planted secrets that a text holds, in one of the forms in
// which a program writes a value.
func secretsIn(text string) []string {
	var found []string
	for name, value := range planted {
		for _, form := range []string{value, strings.ReplaceAll(value, `"`, `\"`), url.QueryEscape(value), url.PathEscape(value), strings.ReplaceAll(value, `"`, "&#34;"), strings.ReplaceAll(value, "&", "&amp;"), strings.ReplaceAll(value, "&", `\u0026`)} {
			if strings.Contains(text, form) {
				found = append(found, name)
				break
			}
		}
	}
	return found
}

// watchCommandLines looks at the command lines of all processes until stop, and
// gives those that held a secret. That of a flag without a twin in the
// environment is the engine's own to protect.
func watchCommandLines(t *testing.T) (stop func() []string) {
	t.Helper()
	found := map[string]bool{}
	done := make(chan struct{})
	var watch sync.WaitGroup
	watch.Go(func() {
		for {
			lines, _ := filepath.Glob("/proc/[0-9]*/cmdline")
			for _, l := range lines {
				text, _ := os.ReadFile(l)
				for _, name := range secretsIn(string(text)) {
					if name != "env.PLANT_PRINT" {
						found[name+": "+strings.ReplaceAll(string(text), "\x00", " ")] = true
					}
				}
			}
			select {
			case <-done:
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
	})
	return func() []string {
		close(done)
		watch.Wait()
		var all []string
		for line := range found {
			all = append(all, line)
		}
		return all
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
	for _, args := range [][]string{
		{"plan", path, "--simulate"}, {"plan", path, "--simulate", "--json"}, {"validate", path}, {"validate", path, "--json"},
		{"runs", "--dir", dir, "--json"}, {"runs", "--dir", dir, "--check"}, {"ps", "--json"}, {"logs", "--dir", dir, s.Winner.Trial},
		{"report", "--dir", dir}, {"report", "--dir", dir, "--format", "json"}, {"report", "--dir", dir, "--format", "html"},
		{"report", "--dir", dir, "--format", "md"}, {"report", "--dir", dir, "--format", "csv-full"}, {"report", "--dir", dir, "--format", "svg", "-o", out},
		simulated(path, dir), {"plan", path + ".not"},
	} {
		c := secretConsole(t)
		if code := c.run(t, args...); code != exitOK && args[1] != path+".not" {
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
	for _, pid := range reapersOf(t, dir) {
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
	noSecretFiles(t, dir)
}
