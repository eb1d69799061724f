package engine

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"github.com/qtune/qtune/catalog"
	"github.com/qtune/qtune/docker"
	"github.com/qtune/qtune/profiles"
)

func axis(name string) profiles.Axis { return profiles.Axis{Name: name} }

// recordedHelp is a program that prints a real engine's help.
func recordedHelp(t *testing.T, file string) []string {
	t.Helper()
	script := filepath.Join(t.TempDir(), "engine.sh")
	text := filepath.Join(dataFolder(t), file)
	absolute, err := filepath.Abs(text)
	if err != nil {
		t.Fatal(err)
	}
	write(t, script, "cat '"+absolute+"'; exit 0\n")
	return []string{"/bin/sh", script}
}

func TestHelpOfALocalEngine(t *testing.T) {
	tests := []struct {
		why, kind, file string
		flags           profiles.Candidate
		axes            []profiles.Axis
		want            []string // one part of each notice
	}{
		{"vLLM knows all of these, aliases and other spellings too", "vllm", "vllm-startup/cpu-0.32-serve-help-all.txt",
			flags("max-num-seqs", num("4"), "max_model_len", num("5"), "enable-prefix-caching", no(), "tp", num("2"), "compilation-config.mode", num("3")),
			[]profiles.Axis{axis("kv-cache-dtype")}, nil},
		{"vLLM has dropped one and never had the other", "vllm", "vllm-startup/cpu-0.32-serve-help-all.txt",
			flags("swap-space", num("4"), "max-num-seqz", num("4")), []profiles.Axis{axis("no-such-axis"), {Name: "VLLM_X", Env: true}},
			[]string{"preempted requests are computed again", "`max-num-seqs`", "`--no-such-axis`"}},
		{"vLLM has it under another name", "vllm", "vllm-startup/cpu-0.32-serve-help-all.txt",
			flags("disable-async-output-proc", yes(), "guided-decoding-backend", str("xgrammar")), nil, []string{"`async-scheduling = false`", "structured-outputs-config"}},
		{"vLLM takes these, and says what is against them", "vllm", "vllm-startup/cpu-0.32-serve-help-all.txt",
			flags("log-config-file", str("x"), "max-num-seqs", num("4")), []profiles.Axis{{Name: "disable-cascade-attn", Values: []profiles.Value{{}, yes()}}},
			[]string{"logging-config.pylogging_config_file", "its 2 values give the same trials"}},
		{"SGLang's new name for an old one", "sglang", "sglang-startup/cpu-0.5.23-unknown-flag.log",
			flags("cuda-graph-max-bs", num("64")), nil, []string{"there it is `cuda-graph-max-bs-decode`"}},
		{"a flag that is left off is not asked for", "vllm", "vllm-startup/cpu-0.32-serve-help-all.txt", flags("swap-space", profiles.Value{}), nil, nil},
		{"SGLang prints its usage", "sglang", "sglang-startup/cpu-0.5.23-unknown-flag.log",
			flags("mem-fraction-static", num("0.8"), "disable-flashinfer", yes()), nil, []string{"`--disable-flashinfer`"}},
	}
	for _, test := range tests {
		t.Run(test.why, func(t *testing.T) {
			e := &profiles.Engine{Kind: test.kind, Name: "x", Runtime: profiles.RuntimeProcess, Command: recordedHelp(t, test.file), Flags: test.flags.Flags, Axes: test.axes}
			l := &Launcher{Environ: os.Environ(), Log: zerolog.Nop()}
			help, err := l.Help(t.Context(), e, profiles.GPU{})
			if err != nil {
				t.Fatal(err)
			}
			checkNotices(t, CheckFlags(e, help), test.want)
		})
	}
}

func checkNotices(t *testing.T, got []catalog.Notice, want []string) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d notices %+v, want %d", len(got), got, len(want))
	}
	for i, n := range got {
		if !strings.Contains(n.Summary+n.Detail, want[i]) {
			t.Errorf("notice %+v, want one of %s", n, want[i])
		}
	}
}

// A flag that the parser of this very version has may be hidden from its help.
func TestCheckFlagsTrustsTheParserItself(t *testing.T) {
	text := "  --option-"
	for c := 'a'; c <= 'z'; c++ {
		text += string(c) + "\n  --option-"
	}
	help, err := catalog.ParseHelp(text + "\n  --host\n  --port\n  --served-model-name\n")
	if err != nil {
		t.Fatal(err)
	}
	known, _ := catalog.EngineFlags("vllm")
	e := &profiles.Engine{Kind: "vllm", Name: "x", Runtime: profiles.RuntimeDocker, Image: "vllm/vllm-openai:v" + known.Version, Flags: flags("max-num-seqs", num("4")).Flags}
	checkNotices(t, CheckFlags(e, help), nil)
	e.Image = "vllm/vllm-openai:v9.9.9"
	checkNotices(t, CheckFlags(e, help), []string{"max-num-seqs"})
}

// What the catalog has warned of when the profile was read is not said again.
func TestHelpWarningsAreNews(t *testing.T) {
	said := catalog.Said{NoEffect: true, Words: "no effect"}
	help := catalog.NewHelp([]string{"--host", "--port", "--served-model-name", "--num-continuous-decode-steps", "--max-running-requests"},
		map[string]catalog.Said{"--num-continuous-decode-steps": said, "--max-running-requests": said})
	e := &profiles.Engine{Kind: "sglang", Name: "x", Runtime: profiles.RuntimeDocker, Image: "lmsysorg/sglang:v0.5.23", Flags: flags("num-continuous-decode-steps", num("4"), "max-running-requests", num("4")).Flags}
	checkNotices(t, CheckFlags(e, help), []string{"num-continuous-decode-steps", "max-running-requests"})
	checkNotices(t, HelpWarnings(e, help), []string{"max-running-requests"})
}

func TestHelpThatIsNone(t *testing.T) {
	tests := []struct {
		why     string
		command []string
		says    string
	}{
		{"it prints an error", []string{"/bin/sh", "-c", "echo ImportError: libcuda.so.1 >&2; exit 1"}, "ImportError: libcuda.so.1"},
		{"it prints nothing", []string{"/bin/true"}, "printed nothing"},
	}
	for _, test := range tests {
		t.Run(test.why, func(t *testing.T) {
			e := &profiles.Engine{Kind: "vllm", Name: "x", Runtime: profiles.RuntimeProcess, Command: test.command}
			_, err := (&Launcher{Environ: os.Environ()}).Help(t.Context(), e, profiles.GPU{})
			var he *HelpError
			if !errors.As(err, &he) || !strings.Contains(he.Hint(), test.says) {
				t.Errorf("error %v, want a *HelpError with %q", err, test.says)
			}
		})
	}
	e := &profiles.Engine{Kind: "openai", Name: "up", Runtime: profiles.RuntimeExternal}
	if _, err := (&Launcher{}).Help(t.Context(), e, profiles.GPU{}); err == nil {
		t.Error("a server that is already up was asked for its help")
	}
}

// TestHelpOfAnImage asks a real container, whose engine is a program that prints
// a recorded help.
func TestHelpOfAnImage(t *testing.T) {
	client, err := docker.Connect(t.Context(), zerolog.Nop())
	if err != nil {
		t.Skipf("no Docker daemon here: %v", err)
	}
	t.Cleanup(func() { _ = client.Close() })
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("no Go tool to build a static program with")
	}
	dir := t.TempDir()
	write(t, filepath.Join(dir, "main.go"), `package main
import "os"
func main() {
	if len(os.Args) != 2 || os.Args[1] != "--help=all" { os.Exit(9) }
	text, err := os.ReadFile("/help.txt")
	if err != nil { os.Exit(8) }
	os.Stdout.Write(text)
}
`)
	build := exec.CommandContext(t.Context(), "go", "build", "-o", filepath.Join(dir, "engine"), filepath.Join(dir, "main.go"))
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	const image = "qtune-test-help:1"
	t.Cleanup(func() { removeImage(t, image) })
	files := map[string]string{"/engine": filepath.Join(dir, "engine"), "/help.txt": filepath.Join(dataFolder(t), "vllm-startup/cpu-0.32-serve-help-all.txt"), "/tmp/": ""}
	if _, err := client.ImportImage(t.Context(), image, files); err != nil {
		t.Fatal(err)
	}
	e := &profiles.Engine{Kind: "vllm", Name: "x", Runtime: profiles.RuntimeDocker, Image: image, Command: []string{"/engine"}, Flags: flags("swap-space", num("4")).Flags}
	e.Entrypoint, e.Command = e.Command, nil
	l := &Launcher{Environ: os.Environ(), Dir: dir, Log: zerolog.Nop(), Docker: func(context.Context) (*docker.Client, error) { return client, nil }}
	help, err := l.Help(t.Context(), e, profiles.GPU{Devices: []string{}})
	if err != nil {
		t.Fatal(err)
	}
	checkNotices(t, CheckFlags(e, help), []string{"`--swap-space`"})
	if left, err := client.List(t.Context(), LabelDir+"="+dir); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

// removeImage removes an image that a test has made.
func removeImage(t *testing.T, image string) {
	t.Helper()
	if out, err := exec.Command("docker", "rmi", "--force", image).CombinedOutput(); err != nil {
		t.Logf("image %s stays: %v %s", image, err, out)
	}
}
