package engine

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/qtune/qtune/docker"
	"github.com/qtune/qtune/profiles"
)

// realEngines is the folder into which `make engines` installs the real ones.
// Each start takes half a minute, so they run only where that is asked for: `make
// e2e` names the folder.
func realEngines(t *testing.T) string {
	t.Helper()
	if dir := os.Getenv("QTUNE_E2E_ENGINES"); dir != "" {
		return dir
	}
	if os.Getenv("QTUNE_REAL") == "" {
		t.Skip("real engines are started only with QTUNE_REAL=1")
	}
	dir, err := filepath.Abs(filepath.Join("..", ".engines"))
	if err != nil || !exists(filepath.Join(dir, "model")) {
		t.Skipf("no real engines in %s: run `make engines`", dir)
	}
	return dir
}

func TestRealEngines(t *testing.T) {
	dir := realEngines(t)
	vllm := func(c profiles.Candidate) (*profiles.Engine, profiles.Candidate) {
		c.Flags = append(flags("max-model-len", num("2048"), "dtype", str("bfloat16"), "enforce-eager", yes()).Flags, c.Flags...)
		c.Env = append([]profiles.EnvVar{{Name: "VLLM_CPU_KVCACHE_SPACE", Value: num("1")}}, c.Env...)
		return &profiles.Engine{Kind: "vllm", Name: "real", Runtime: profiles.RuntimeProcess, StartupTimeout: 9 * time.Minute, Command: []string{filepath.Join(dir, "vllm", "bin", "vllm"), "serve"}}, c
	}
	sglang := func(c profiles.Candidate) (*profiles.Engine, profiles.Candidate) {
		c.Flags = append(flags("device", str("cpu"), "attention-backend", str("torch_native"), "disable-overlap-schedule", yes()).Flags, c.Flags...)
		c.Env = append(c.Env, profiles.EnvVar{Name: "SGLANG_USE_CPU_ENGINE", Value: num("1")})
		return &profiles.Engine{Kind: "sglang", Name: "real", Runtime: profiles.RuntimeProcess, StartupTimeout: 9 * time.Minute, Command: []string{filepath.Join(dir, "sglang", "bin", "python"), "-m", "sglang.launch_server"}}, c
	}
	tests := []struct {
		name   string
		engine func(profiles.Candidate) (*profiles.Engine, profiles.Candidate)
		c      profiles.Candidate
	}{
		{"vllm serves", vllm, flags()},
		{"sglang serves", sglang, flags("max-total-tokens", num("32768"))},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			e, c := test.engine(test.c)
			l := &Launcher{Dir: t.TempDir(), Environ: os.Environ(), Log: zerolog.Nop(), Progress: func(s string) { t.Log(s) }}
			st := Start{Trial: testTrial, Engine: e, Candidate: c, LogPath: filepath.Join(l.Dir, "engine.log"),
				Model: profiles.Model{ID: "smol", Path: filepath.Join(dir, "model")}, GPU: profiles.GPU{Devices: []string{}}}
			began := time.Now()
			server, failure, err := l.Launch(t.Context(), st)
			t.Logf("after %v: %v", time.Since(began).Round(time.Second), failure)
			if server != nil {
				t.Logf("%+v", server.Facts())
				if err := server.Close(t.Context()); err != nil {
					t.Error(err)
				}
			}
			checkReal(t, "", "", failure, err, st.LogPath)
			checkGone(t, testTrial)
		})
	}
}

// userland puts an engine that is installed on this machine into a container:
// an image of empty folders, and the machine's own programs mounted into it.
func userland(t *testing.T, client *docker.Client, e profiles.Engine, venv string) profiles.Engine {
	t.Helper()
	const image = "qtune-userland:1"
	if _, there, err := client.InspectImage(t.Context(), image); err != nil || !there {
		if os.Getenv("QTUNE_E2E_ENGINES") != "" {
			t.Fatalf("no image %s, which scripts/e2e.sh makes (%v)", image, err)
		}
		t.Skipf("no image %s: run scripts/userland-image.sh (%v)", image, err)
	}
	python, err := filepath.EvalSymlinks(filepath.Join(venv, "bin", "python"))
	if err != nil {
		t.Fatal(err)
	}
	e.Runtime, e.Image, e.Pull, e.ShmSize = profiles.RuntimeDocker, image, "never", 1<<30
	e.Tmpfs = []profiles.Tmpfs{{Target: "/tmp", Exec: true}}
	for _, folder := range []string{"/usr", "/lib", "/lib64", "/bin", "/etc", venv, filepath.Dir(filepath.Dir(python))} {
		e.Mounts = append(e.Mounts, profiles.Mount{Source: folder, Target: folder})
	}
	return e
}

func checkReal(t *testing.T, class Class, line string, failure *Failure, err error, log string) {
	t.Helper()
	got := Class("")
	if failure != nil {
		got = failure.Class
	}
	if err == nil && got == class && (failure == nil || strings.Contains(failure.Line, line)) {
		return
	}
	t.Errorf("got %+v, %v", failure, err)
	if b, err := os.ReadFile(log); err == nil {
		t.Logf("the log ends:\n%s", b[max(0, len(b)-3000):])
	}
}
