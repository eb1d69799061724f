package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/qtune/qtune/catalog"
	"github.com/qtune/qtune/profiles"
	"github.com/qtune/qtune/tuner"
)

func TestHelpStore(t *testing.T) {
	s := helpStore{filepath.Join(t.TempDir(), "helps")}
	for i := range maxHelps + 5 {
		id := fmt.Sprintf("sha256:%d", i)
		if err := s.put(id, catalog.NewHelp([]string{"--port", "--host"}, map[string]catalog.Said{"--port": {NoEffect: true, Words: "w"}})); err != nil {
			t.Fatal(err)
		}
		old := time.Unix(int64(1000+i), 0)
		if err := os.Chtimes(s.path(id), old, old); err != nil {
			t.Fatal(err)
		}
	}
	left, err := os.ReadDir(s.dir)
	if err != nil || len(left) != maxHelps {
		t.Errorf("%d files are kept (%v), want %d", len(left), err, maxHelps)
	}
	if s.get("sha256:0") != nil {
		t.Error("the oldest is still there")
	}
	last := fmt.Sprintf("sha256:%d", maxHelps+4)
	if h := s.get(last); h == nil || !h.Has("--port") || h.Has("--nothing") || !h.Says("--port").NoEffect {
		t.Errorf("the newest comes back as %+v", h)
	}
	if err := os.WriteFile(s.path(last), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if s.get(last) != nil || (helpStore{}).get(last) != nil || (helpStore{}).put(last, catalog.NewHelp(nil, nil)) != nil {
		t.Error("a damaged file, or a store without a place, is not as if nothing were there")
	}
}

func TestAsks(t *testing.T) {
	for _, test := range []struct {
		why string
		e   profiles.Engine
		ask bool
	}{
		{"an image", profiles.Engine{Kind: "vllm", Runtime: profiles.RuntimeDocker}, true},
		{"the engine's own program", profiles.Engine{Kind: "vllm", Runtime: profiles.RuntimeProcess, Command: []string{"/opt/bin/vllm", "serve"}}, true},
		{"a module of Python", profiles.Engine{Kind: "sglang", Runtime: profiles.RuntimeProcess, Command: []string{"python3", "-m", "sglang.launch_server"}}, true},
		{"a script that may serve whatever it is told", profiles.Engine{Kind: "vllm", Runtime: profiles.RuntimeProcess, Command: []string{"/bin/sh", "serve.sh"}}, false},
		{"a server that is up", profiles.Engine{Kind: "openai", Runtime: profiles.RuntimeExternal}, false},
	} {
		if got := asks(&test.e); got != test.ask {
			t.Errorf("%s: %v", test.why, got)
		}
	}
}

// A candidate with a flag that its own engine does not list is not started.
func TestFlagsThatAnEngineLacks(t *testing.T) {
	e := &profiles.Engine{Kind: "vllm", Name: "a", Runtime: profiles.RuntimeDocker, Image: "x:1"}
	s := &surroundings{helps: map[*profiles.Engine]*catalog.Help{e: catalog.NewHelp([]string{"--host", "--port", "--served-model-name", "--max-num-seqs"}, nil)}}
	candidate := func(name string, v profiles.Value) *tuner.Trial {
		return &tuner.Trial{Engine: e, Candidate: profiles.Candidate{Flags: []profiles.Flag{{Name: name, Value: v}}}}
	}
	if why := s.flagless(candidate("max-num-seqs", profiles.Number("4"))); why != "" {
		t.Errorf("a flag that it has: %q", why)
	}
	if why := s.flagless(candidate("max-num-seqz", profiles.Value{})); why != "" {
		t.Errorf("a flag that is left off: %q", why)
	}
	why := s.flagless(candidate("max-num-seqz", profiles.Number("4")))
	if !strings.HasPrefix(why, tuner.ReasonNoFlag+": ") || !strings.Contains(why, "`--max-num-seqz`. Did you mean `max-num-seqs`?") {
		t.Errorf("a flag that it lacks: %q", why)
	}
	if why := (&surroundings{}).flagless(candidate("max-num-seqz", profiles.Number("4"))); why != "" {
		t.Errorf("an engine that was not asked: %q", why)
	}
}

// TestApplyAsksTheEngineOnce runs a program that prints a help and cannot serve.
func TestApplyAsksTheEngineOnce(t *testing.T) {
	dir, cache := t.TempDir(), t.TempDir()
	program := filepath.Join(dir, "vllm")
	script := "#!/bin/sh\necho \"$@\" >> '" + dir + "/asked'\ncase \"$*\" in *--help=all*)\necho usage: vllm\nfor o in host port served-model-name max-model-len a b c d e f g; do echo \"  --$o X\"; done; exit 0;; esac\nexit 3\n"
	if err := os.WriteFile(program, []byte(script), 0o700); err != nil { //nolint:gosec // it is run
		t.Fatal(err)
	}
	text := strings.NewReplacer(`image = "vllm/vllm-openai:v0.32.0"`, fmt.Sprintf("runtime = \"process\"\ncommand = [%q, \"serve\"]", program),
		`id = "Qwen/Qwen3-8B"`, fmt.Sprintf("path = %q", t.TempDir()), `simulate = "RTX 4090"`, "devices = []",
		"max-num-seqs = 2 }", "}", "max-num-seqs = [2, 8]", "frobnicate = [null, 1]", "where = flags.max-num-seqs == 8 || flags.max-model-len == 4096", "").Replace(small)
	for _, flags := range []string{"max-model-len = 4096", "max-model-len = 4096, frobnicate = 1"} {
		c := newConsole(t)
		c.environ = append(c.environ, "XDG_CACHE_HOME="+cache)
		path := write(t, "p.hcl", strings.Replace(text, "max-model-len = 4096", flags, 1))
		code := c.run(t, "apply", path, "--dir", filepath.Join(dir, "runs"), "--offline")
		said := c.out.String() + c.err.String()
		if baseline := strings.Contains(flags, "frobnicate"); baseline && (code != exitError || !strings.Contains(said, "the baseline cannot start")) {
			t.Errorf("a baseline with a flag that the engine lacks: exit %d\n%s", code, said)
		} else if !baseline && (code != exitNoWinner || !strings.Contains(said, "no such flag")) {
			t.Errorf("a candidate with a flag that the engine lacks: exit %d\n%s", code, said)
		}
	}
	c := newConsole(t)
	c.environ = append(c.environ, "XDG_CACHE_HOME="+cache, "HF_HUB_CACHE="+t.TempDir(), "HF_ENDPOINT=http://127.0.0.1:9")
	elsewhere := write(t, "hub.hcl", regexp.MustCompile(`path = ".*"`).ReplaceAllString(strings.Replace(text, "max-model-len = 4096", "frobnicate = 1", 1), `id = "a/b"`))
	c.run(t, "apply", elsewhere, "--dir", filepath.Join(dir, "runs"))
	if said := c.out.String() + c.err.String(); !strings.Contains(said, "the baseline cannot start") || strings.Contains(said, "fetching") {
		t.Errorf("a model is fetched before its engine has refused the flags:\n%s", said)
	}
	asked, err := os.ReadFile(filepath.Join(dir, "asked"))
	if n := strings.Count(string(asked), "--help=all"); err != nil || n != 1 || strings.Contains(string(asked), "frobnicate") {
		t.Errorf("asked %d times for its help, want once, and never started with the flag (%v):\n%s", n, err, asked)
	}
}

// TestHelpID: one image may hold several engines, or get them by its mounts, and the
// help of one is not that of another.
func TestHelpID(t *testing.T) {
	program := filepath.Join(t.TempDir(), "serve")
	if err := os.WriteFile(program, []byte("1"), 0o600); err != nil {
		t.Fatal(err)
	}
	engine := func(kind, command string) *profiles.Engine {
		return &profiles.Engine{Kind: kind, Runtime: profiles.RuntimeDocker, Command: []string{command}, Mounts: []profiles.Mount{{Source: filepath.Dir(program), Target: "/opt"}}}
	}
	vllm, sglang, process := engine("vllm", "/opt/serve"), engine("sglang", "/opt/serve"), &profiles.Engine{Kind: "vllm", Runtime: profiles.RuntimeProcess}
	s := &surroundings{engines: map[*profiles.Engine]string{vllm: "sha256:1", sglang: "sha256:1", process: "vllm 1 2"}}
	before := s.helpID(vllm)
	if before == s.helpID(sglang) || before == "sha256:1" || s.helpID(process) != "vllm 1 2" || s.helpID(engine("vllm", "x")) != "" {
		t.Errorf("%q, %q, %q", before, s.helpID(sglang), s.helpID(process))
	}
	if err := os.WriteFile(program, []byte("22"), 0o600); err != nil {
		t.Fatal(err)
	}
	if s.helpID(vllm) == before {
		t.Error("another program at the same place has the same help")
	}
}
