package engine

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/qtune/qtune/docker"
	"github.com/qtune/qtune/profiles"
)

// buildOllama builds the stand-in for Ollama as a static binary.
func buildOllama(t *testing.T) string {
	t.Helper()
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("no Go tool to build the stand-in with")
	}
	binary := filepath.Join(t.TempDir(), "ollama")
	build := exec.Command("go", "build", "-o", binary, filepath.Join("testdata", "ollama", "main.go"))
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return binary
}

func TestPullOllama(t *testing.T) {
	binary := buildOllama(t)
	lots := func(string) (int64, error) { return 1 << 50, nil }
	tests := []struct {
		why, behaviour string
		free           func(string) (int64, error)
		says, hint     string // of the error; "": it is pulled
	}{
		{"it is pulled", "", lots, "", ""},
		{"the registry has no such model", "unknown", lots, "pull model manifest: file does not exist", "ollama.com/library"},
		{"the stream breaks off", "broken", lots, "without saying why", ""},
		{"Ollama ends at once", "dies", lots, "permission", ""},
		{"it pulls into another store", "elsewhere", lots, "does not have it", "OLLAMA_MODELS"},
		{"the disk is full", "", func(string) (int64, error) { return 1 << 30, nil }, "are free in", "larger disk"},
	}
	for _, test := range tests {
		t.Run(test.why, func(t *testing.T) {
			l := &Launcher{Environ: append(store(t), "QTUNE_TEST=x", "QTEST=1"), Dir: t.TempDir(), Log: zerolog.Nop()}
			e := &profiles.Engine{Kind: "ollama", Name: "x", Runtime: profiles.RuntimeProcess, Command: []string{"/usr/bin/env", "QTUNE_TEST=" + test.behaviour, binary, "serve"}}
			m := profiles.Model{ID: "smol"}
			missing := l.MissingOllama(e, m)
			if !slices.Equal(missing, []string{"smol:latest"}) {
				t.Fatalf("missing: %v", missing)
			}
			var done, total int64
			f := Fetch{Engine: e, LogPath: filepath.Join(t.TempDir(), "fetch.log"), Progress: func(now, all int64) { done, total = now, all }, free: test.free}
			err := l.PullOllama(t.Context(), f, missing)
			checkPull(t, err, test.says, test.hint)
			if left := l.MissingOllama(e, m); test.says == "" && len(left) > 0 {
				t.Errorf("missing after it: %v", left)
			}
			if test.says == "" && (done != 2000 || total != 2000) {
				t.Errorf("progress ended at %d of %d", done, total)
			}
		})
	}
}

func checkPull(t *testing.T, err error, says, hint string) {
	t.Helper()
	if says == "" {
		if err != nil {
			t.Error(err)
		}
		return
	}
	var fe *FetchError
	if !errors.As(err, &fe) || !strings.Contains(err.Error(), says) || !strings.Contains(fe.Hint(), hint) {
		t.Errorf("error %v, want a *FetchError with %q and the hint %q", err, says, hint)
	}
}

func TestPullOllamaIsBrokenOff(t *testing.T) {
	l := &Launcher{Environ: store(t), Dir: t.TempDir(), Log: zerolog.Nop()}
	e := &profiles.Engine{Kind: "ollama", Name: "x", Runtime: profiles.RuntimeProcess, Command: []string{"/usr/bin/env", "QTUNE_TEST=slow", buildOllama(t), "serve"}}
	cause := errors.New("ctrl-c")
	ctx, cancel := context.WithCancelCause(t.Context())
	time.AfterFunc(500*time.Millisecond, func() { cancel(cause) })
	err := l.PullOllama(ctx, Fetch{Engine: e, LogPath: filepath.Join(t.TempDir(), "fetch.log")}, []string{"smol:latest"})
	if !errors.Is(err, cause) {
		t.Errorf("ended with %v, want the cause", err)
	}
}

func TestOllamaModels(t *testing.T) {
	e := &profiles.Engine{Kind: "ollama", Name: "x", Axes: []profiles.Axis{{Name: "model", Values: []profiles.Value{str("a:q4"), str("b"), {}}}, {Name: "model", Env: true, Values: []profiles.Value{str("c")}}}}
	if got, want := OllamaModels(e, profiles.Model{ID: "b"}), []string{"b:latest", "a:q4"}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	l := &Launcher{}
	if got := l.MissingOllama(&profiles.Engine{Kind: "vllm"}, profiles.Model{ID: "b"}); got != nil {
		t.Errorf("vLLM misses %v in Ollama's store", got)
	}
}

// TestPullOllamaInAContainer: the container's user can write into the store, and
// nothing of it is left.
func TestPullOllamaInAContainer(t *testing.T) {
	client, err := docker.Connect(t.Context(), zerolog.Nop())
	if err != nil {
		t.Skipf("no Docker daemon here: %v", err)
	}
	t.Cleanup(func() { _ = client.Close() })
	const image = "qtune-test-ollama:1"
	t.Cleanup(func() { removeImage(t, image) })
	if _, err := client.ImportImage(t.Context(), image, map[string]string{"/bin/ollama": buildOllama(t), "/tmp/": ""}); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	environ := store(t)
	if err := os.Chown(OllamaStore(environ), 1234, 1234); err != nil {
		t.Logf("the store stays this user's: %v", err)
	}
	l := &Launcher{Environ: environ, Dir: dir, Log: zerolog.Nop(), Docker: func(context.Context) (*docker.Client, error) { return client, nil }}
	e := &profiles.Engine{Kind: "ollama", Name: "x", Runtime: profiles.RuntimeDocker, Image: image, Pull: "never"}
	if err := os.Chmod(filepath.Join(OllamaStore(environ), "manifests"), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := l.PullOllama(t.Context(), Fetch{Engine: e, LogPath: filepath.Join(dir, "fetch.log")}, []string{"smol:latest"}); err != nil {
		t.Fatal(err)
	}
	if left, err := client.List(t.Context(), LabelDir+"="+dir); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}
