package export

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/qtune/qtune/docker"
)

var update = flag.Bool("update", false, "write the golden files anew")

// hostile is a name that every format has to quote.
const hostile = "a'b\"c $HOME `id` ${X} $(Y) %n \\ # {{z}}\nnext: line\u2028é\u0085\x7f"

func services() map[string]*Service {
	health := &docker.Health{Command: []string{"python3", "-c", `import urllib.request; urllib.request.urlopen("http://127.0.0.1:8000/health", timeout=20)`},
		Interval: 30 * time.Second, Timeout: 25 * time.Second, Start: 10 * time.Minute, Retries: 3}
	base := func(title string, spec docker.Spec) *Service {
		return &Service{
			Title: []string{title}, Name: "qwen", Address: "127.0.0.1", Port: 8000, Restart: "unless-stopped", Health: "/health",
			Start: 10 * time.Minute, Spec: spec, Digest: "sha256:0123",
			Reasons: map[string]string{"max-num-seqs": "swept: 64 gave 900 tok/s, 256 gave 1,200", "prefix-caching": "the baseline leaves it on"},
		}
	}
	all := map[string]*Service{
		"vllm": base("The winner of run r1: vllm \"plain\".", docker.Spec{
			Image: "vllm/vllm-openai:v0.32.0", Port: 8000, Health: health, ShmSize: 16 << 30, IPC: "host", GPUs: docker.GPUs{Count: 1},
			Command: []string{"Qwen/Qwen3-8B", "--served-model-name", "Qwen/Qwen3-8B", "--host", "0.0.0.0", "--port", "8000", "--max-num-seqs", "256", "--no-prefix-caching"},
			Env:     []string{"PYTHONUNBUFFERED=1", "HF_HUB_CACHE=/huggingface/hub"},
			Mounts:  []docker.Mount{{Source: "/home/me/.cache/huggingface/hub", Target: "/huggingface/hub"}},
			Ulimits: []docker.Ulimit{{Name: "memlock", Soft: -1, Hard: -1}},
		}),
		"sglang-two-gpus": base("The winner of run r2: sglang \"tuned\".", docker.Spec{
			Image: "lmsysorg/sglang:v0.5.23", Port: 30000, Health: health, Network: "lab", GPUs: docker.GPUs{IDs: []string{"0", "1"}}, CapAdd: []string{"SYS_NICE"},
			Entrypoint: []string{"python3", "-m", "sglang.launch_server"},
			Command:    []string{"--model-path", "/model/Qwen3-32B", "--host", "0.0.0.0", "--port", "30000", "--tp-size", "2", "--mem-fraction-static", "0.87"},
			Mounts:     []docker.Mount{{Source: "/models/Qwen3-32B", Target: "/model/Qwen3-32B"}, {Source: "/scratch", Target: "/scratch", Writable: true}},
			Tmpfs:      []docker.Tmpfs{{Target: "/tmp", Size: 1 << 30, Exec: true}},
		}),
		"llamacpp": base("The winner of run r3: llamacpp \"q4\".", docker.Spec{
			Image: "ghcr.io/ggml-org/llama.cpp:server-cuda", Port: 8080, Network: "host", GPUs: docker.GPUs{Count: -1},
			Health:  &docker.Health{Command: []string{"curl", "-fsS", "-o", "/dev/null", "http://127.0.0.1:8080/health"}, Interval: 30 * time.Second, Timeout: 25 * time.Second, Start: time.Minute, Retries: 3},
			Command: []string{"-m", "/model/q4.gguf", "--alias", "q4", "--host", "127.0.0.1", "--port", "8080", "-ngl", "-1"},
			Mounts:  []docker.Mount{{Source: "/models/q4.gguf", Target: "/model/q4.gguf"}},
		}),
		"secrets": base("The winner of run r4.", docker.Spec{
			Image: "vllm/vllm-openai:v0.32.0", Port: 8000, Health: health,
			Command: []string{"m", "--port", "8000", "--api-key", Mark("API_KEY"), "--header=Bearer " + Mark("API_KEY") + "!"},
			Env:     []string{"HF_TOKEN=" + Mark("HF_TOKEN"), "VLLM_API_KEY=" + Mark("MY_KEY")},
		}),
		"hostile": base("Run "+hostile, docker.Spec{
			Image: "x:1", Port: 8000, Command: []string{hostile, "--served-model-name", hostile, "--empty", ""},
			Env: []string{"NAME=" + strings.ReplaceAll(hostile, "\n", " ")}, Mounts: []docker.Mount{{Source: "/models/a,b \"c\" $d", Target: "/model/m"}},
		}),
		"process": base("The winner of run r5.", docker.Spec{
			Command: []string{"/bin/sh", "-c", "exec sleep 1", "--max-num-seqs", "256", "--api-key", Mark("API_KEY"), "--name", hostile},
			Env:     []string{"HF_TOKEN=" + Mark("HF_TOKEN"), "CUDA_VISIBLE_DEVICES=0", "ODD=50% \"of\" $it", "MADE=x" + Mark("HF_TOKEN")},
		}),
	}
	all["hostile"].Reasons = map[string]string{"served-model-name": hostile}
	all["process"].Process = true
	return all
}

func TestGolden(t *testing.T) {
	for name, s := range services() {
		for _, format := range Formats() {
			text, err := s.Write(format)
			if s.Process && slices.Contains([]string{Docker, Compose, Kubernetes}, format) {
				if !errors.As(err, new(*ProcessError)) {
					t.Errorf("%s to %s: %v, want a ProcessError", name, format, err)
				}
				continue
			}
			if err != nil {
				t.Errorf("%s to %s: %v", name, format, err)
				continue
			}
			compare(t, filepath.Join("testdata", name+"."+format), text)
		}
	}
}

func compare(t *testing.T, golden, text string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(golden, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want, err := os.ReadFile(golden); err != nil || string(want) != text {
		t.Errorf("%s differs (%v), got\n%s", golden, err, text)
	}
}

func TestEnvHoldsNoLineEnd(t *testing.T) {
	s := &Service{Spec: docker.Spec{Env: []string{"A=b\nc"}}}
	if _, err := s.Write(Env); err == nil {
		t.Error("a value of two lines went into a file of variables")
	}
}

// environ is what a test's shell sees: a docker that prints its words, and secrets.
func environ(t *testing.T) []string {
	t.Helper()
	dir := t.TempDir()
	script := "#!/bin/sh\nfor w in \"$@\"; do printf '%s\\0' \"$w\"; done\n"
	for _, name := range []string{"docker", "m"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return []string{"PATH=" + dir + ":/usr/bin:/bin", "HOME=/nowhere", "API_KEY=s3 cr'et$x", "HF_TOKEN=t", "MY_KEY=k"}
}

// TestShellSays: what a shell makes of the script is what the service says, word for
// word, secrets in their places.
func TestShellSays(t *testing.T) {
	for name, s := range services() {
		if s.Process {
			continue
		}
		script, err := s.Write(Docker)
		if err != nil {
			t.Fatal(err)
		}
		c := exec.CommandContext(t.Context(), "/bin/sh", "-c", script)
		c.Env = environ(t)
		out, err := c.Output()
		if err != nil {
			t.Errorf("%s: %v\n%s", name, err, script)
			continue
		}
		want := append([]string{"run", "--detach", "--restart", "unless-stopped"}, slices.Concat(s.dockerLines()...)...)
		for i, w := range want {
			want[i] = strings.NewReplacer(Mark("API_KEY"), "s3 cr'et$x", Mark("HF_TOKEN"), "t", Mark("MY_KEY"), "k").Replace(w)
		}
		if got := strings.Split(strings.TrimSuffix(string(out), mark), mark); !slices.Equal(got, want) {
			t.Errorf("%s: the shell says\n%q, want\n%q", name, got, want)
		}
	}
}

// TestShellWantsSecrets: a script whose secret is not set does nothing.
func TestShellWantsSecrets(t *testing.T) {
	script, err := services()["secrets"].Write(Docker)
	if err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(t.Context(), "/bin/sh", "-c", script)
	c.Env = environ(t)[:3]
	if out, err := c.CombinedOutput(); err == nil || !bytes.Contains(out, []byte("HF_TOKEN")) {
		t.Errorf("%v: %s", err, out)
	}
}

// tool skips a test whose tool is not here.
func tool(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("%s is not here: its check of the exported files is left out", name)
	}
	return path
}

func goldens(t *testing.T, format string) []string {
	t.Helper()
	all, err := filepath.Glob("testdata/*." + format)
	if err != nil || len(all) < 5 {
		t.Fatalf("%d files of %s, %v", len(all), format, err)
	}
	return all
}

func TestShellcheck(t *testing.T) {
	path := tool(t, "shellcheck")
	for _, f := range goldens(t, Docker) {
		if out, err := exec.CommandContext(t.Context(), path, "--shell", "sh", "--exclude", "SC2016", f).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", f, err, out)
		}
	}
}

func TestCompose(t *testing.T) {
	path, before := tool(t, "docker-compose"), []string{}
	if exec.CommandContext(t.Context(), "docker", "compose", "version").Run() == nil {
		path, before = "docker", []string{"compose"}
	}
	for _, f := range goldens(t, Compose) {
		c := exec.CommandContext(t.Context(), path, append(before, "-f", f, "config", "--quiet")...)
		c.Env = append(os.Environ(), "API_KEY=a", "HF_TOKEN=t", "MY_KEY=k")
		if out, err := c.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", f, err, out)
		}
		if !strings.Contains(f, "secrets") {
			continue
		}
		if err := exec.CommandContext(t.Context(), path, append(before, "-f", f, "config", "--quiet")...).Run(); err == nil {
			t.Errorf("%s is taken without its secrets", f)
		}
	}
}

func TestSystemd(t *testing.T) {
	path := tool(t, "systemd-analyze")
	if _, err := os.Stat("/usr/bin/docker"); err != nil {
		t.Skip("a unit's program must be there to be verified, and there is no /usr/bin/docker")
	}
	dir := t.TempDir()
	for _, name := range []string{"docker", "network-online"} { // what the units wait for
		ending := map[string]string{"docker": ".service", "network-online": ".target"}[name]
		text := "[Unit]\nDescription=stand-in\n"
		if name == "docker" {
			text += "[Service]\nExecStart=/bin/true\n"
		}
		if err := os.WriteFile(filepath.Join(dir, name+ending), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, f := range goldens(t, Systemd) {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		unit := filepath.Join(dir, strings.TrimSuffix(filepath.Base(f), ".systemd")+".service")
		if err := os.WriteFile(unit, text, 0o644); err != nil {
			t.Fatal(err)
		}
		c := exec.CommandContext(t.Context(), path, "verify", "--man=no", unit)
		c.Env = append(os.Environ(), "SYSTEMD_UNIT_PATH="+dir+":")
		out, err := c.CombinedOutput()
		if err != nil || bytes.Contains(out, []byte(filepath.Base(unit))) {
			t.Errorf("%s: %v\n%s", f, err, out)
		}
	}
}

// TestNoSecret: a marked secret has no value, so that none can be written; its mark
// is in no file either.
func TestNoSecret(t *testing.T) {
	for name, s := range services() {
		for _, format := range Formats() {
			if text, err := s.Write(format); err == nil && strings.Contains(text, mark) {
				t.Errorf("%s to %s has a mark in it", name, format)
			}
		}
	}
}

func FuzzQuote(f *testing.F) {
	f.Add(hostile)
	f.Add("plain")
	f.Fuzz(func(t *testing.T, word string) {
		if strings.Contains(word, mark) {
			t.Skip("no argument has it")
		}
		s := &Service{Title: []string{word}, Name: "x", Spec: docker.Spec{Image: "x", Command: []string{word}}, Reasons: map[string]string{"a": word}}
		for _, format := range []string{Docker, Compose, Kubernetes, Systemd, Args} {
			text, err := s.Write(format)
			if err != nil {
				t.Fatal(err)
			}
			if first, _, _ := strings.Cut(strings.TrimPrefix(text, "#!/bin/sh\n"), "\n"); !strings.HasPrefix(first, "# ") {
				t.Errorf("%s: the first line is %q", format, first)
			}
		}
	})
}
