package engine

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"github.com/qtune/qtune/docker"
	"github.com/qtune/qtune/profiles"
)

func TestCachesAreKeptApart(t *testing.T) {
	image := docker.Image{Digest: "sha256:1"}
	vllm := &profiles.Engine{Kind: "vllm", Runtime: profiles.RuntimeDocker, KeepCaches: true}
	first := Start{Engine: vllm}
	l := &Launcher{RunID: "r1", Dir: t.TempDir(), GPUs: []string{"0"}, Log: zerolog.Nop()}
	name := l.keep(first, image).name
	planned := func(share string) Start {
		c := flags("gpu-memory-utilization", num(share))
		c.Env = []profiles.EnvVar{{Name: startupPlan, Value: num("1")}}
		return Start{Engine: vllm, Candidate: c}
	}
	tests := []struct {
		why  string
		st   Start
		im   docker.Image
		same bool // the first start's
		none bool
	}{
		{"the same again", first, image, true, false},
		{"other flags", Start{Engine: vllm, Candidate: flags("max-num-seqs", num("4"))}, image, true, false},
		{"another command that plans its memory: a plan is not for other flags", planned("0.95"), image, false, false},
		{"another image", first, docker.Image{Digest: "sha256:2"}, false, false},
		{"another card", Start{Engine: vllm, GPU: profiles.GPU{Devices: []string{"1"}}}, image, false, false},
		{"another kind in the same image", Start{Engine: &profiles.Engine{Kind: "sglang", Runtime: profiles.RuntimeDocker, KeepCaches: true}}, image, false, false},
		{"a start that must be cold", Start{Engine: vllm, ColdCaches: true}, image, false, true},
		{"a profile that keeps none", Start{Engine: &profiles.Engine{Kind: "vllm", Runtime: profiles.RuntimeDocker}}, image, false, true},
		{"an engine that compiles nothing", Start{Engine: &profiles.Engine{Kind: "ollama", Runtime: profiles.RuntimeDocker, KeepCaches: true}}, image, false, true},
		{"an image whose user could not write", first, docker.Image{Digest: "sha256:1", User: "2000"}, false, true},
	}
	for _, test := range tests {
		c := l.keep(test.st, test.im)
		if (c == nil) != test.none || c != nil && (c.name == name) != test.same {
			t.Errorf("%s: %+v", test.why, c)
		}
	}
	plan := l.keep(planned("0.95"), image).name
	if again, other := l.keep(planned("0.95"), image).name, l.keep(planned("0.85"), image).name; again != plan || other == plan {
		t.Errorf("plans are not kept by command: %s, again %s, for other flags %s", plan, again, other)
	}
	if c := (&Launcher{}).keep(first, image); c != nil {
		t.Errorf("kept without a run that would remove it: %+v", c)
	}
}

// compiles is a start of the stand-in, which compiles and keeps the code.
func compiles(t *testing.T, binary, code string, cold bool) Start {
	st := testStart(t, "")
	st.Engine.KeepCaches, st.ColdCaches = true, cold
	st.Engine.Command = []string{binary}
	st.Candidate.Env = append(st.Candidate.Env, profiles.EnvVar{Name: "QTUNE_TEST_CODE", Value: str(code)})
	return st
}

func cachesOf(t *testing.T, l *Launcher, st Start) Facts {
	t.Helper()
	server, failure, err := l.Launch(t.Context(), st)
	if failure != nil || err != nil {
		t.Fatal(failure, err)
	}
	if err := server.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	return server.Facts()
}

// TestWarmStart goes through a run: the first start compiles, the second takes
// that, a cold one compiles again, and nothing is left at the end.
func TestWarmStart(t *testing.T) {
	binary := buildEngine(t)
	for _, runtime := range []string{"process", "docker"} {
		t.Run(runtime, func(t *testing.T) {
			l := &Launcher{RunID: "r" + testTrial, Dir: t.TempDir(), Environ: os.Environ(), Version: "v", Log: zerolog.Nop()}
			start := compiles
			if runtime == "docker" {
				start = inDocker(t, l, binary)
			}
			if f := cachesOf(t, l, start(t, binary, "good", false)); f.Caches != "new" || f.Reused || f.SavedS != 0 {
				t.Errorf("the first start: %+v", f)
			}
			if f := cachesOf(t, l, start(t, binary, "good", false)); f.Caches != "kept" || !f.Reused {
				t.Errorf("the second start: %+v", f)
			}
			if f := cachesOf(t, l, start(t, binary, "good", true)); f.Caches != "" || f.Reused {
				t.Errorf("a cold start: %+v", f)
			}
			if err := l.RemoveCaches(t.Context()); err != nil {
				t.Fatal(err)
			}
			if left, _ := filepath.Glob(filepath.Join(l.Dir, "*")); len(left) > 0 {
				t.Errorf("left: %q", left)
			}
		})
	}
}

// inDocker has starts run the stand-in in a container.
func inDocker(t *testing.T, l *Launcher, binary string) func(*testing.T, string, string, bool) Start {
	client, err := docker.Connect(t.Context(), zerolog.Nop())
	if err != nil {
		t.Skipf("no Docker daemon here: %v", err)
	}
	const image = "qtune-test-warm:1"
	if _, err := client.ImportImage(t.Context(), image, map[string]string{"/engine": binary, "/tmp/": ""}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		left, err := client.Volumes(context.Background(), LabelRun+"="+l.RunID)
		if err != nil || len(left) > 0 {
			t.Errorf("left: %v, %v", left, err)
		}
		_ = client.Close()
	})
	l.Docker = func(context.Context) (*docker.Client, error) { return client, nil }
	return func(t *testing.T, _, code string, cold bool) Start {
		st := compiles(t, "/engine", code, cold)
		st.Engine.Runtime, st.Engine.Image, st.Engine.Pull = profiles.RuntimeDocker, image, "never"
		st.Engine.Entrypoint, st.Engine.Command = st.Engine.Command, nil
		return st
	}
}

// TestRubbishInTheCachesPoisonsNobody: what a start cannot explain and an earlier
// one may have caused is tried once more without what that has left.
func TestRubbishInTheCachesPoisonsNobody(t *testing.T) {
	binary := buildEngine(t)
	l := &Launcher{RunID: "r" + testTrial, Dir: t.TempDir(), Environ: os.Environ(), Log: zerolog.Nop()}
	cachesOf(t, l, compiles(t, binary, "rubbish", false))
	if f := cachesOf(t, l, compiles(t, binary, "good", false)); f.Caches != "new" || f.Reused {
		t.Errorf("the second start: %+v", f)
	}
	if f := cachesOf(t, l, compiles(t, binary, "good", false)); f.Caches != "kept" {
		t.Errorf("the third start: %+v", f)
	}
	if err := l.RemoveCaches(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestWhatAKeptCacheSaved(t *testing.T) {
	l, c := &Launcher{}, &kept{compiled: map[string]float64{}}
	tests := []struct {
		why   string
		facts Facts
		want  float64
	}{
		{"the first compiles", Facts{StartupS: 90, compiled: "/c/a"}, 0},
		{"the second takes that", Facts{StartupS: 40, Reused: true, compiled: "/c/a"}, 50},
		{"one takes what nobody here has compiled", Facts{StartupS: 40, Reused: true, compiled: "/c/b"}, 0},
		{"one that took longer has saved nothing", Facts{StartupS: 95, Reused: true, compiled: "/c/a"}, 0},
		{"one compiles the same again", Facts{StartupS: 80, compiled: "/c/a"}, 0},
		{"and is then what the next is compared with", Facts{StartupS: 40, Reused: true, compiled: "/c/a"}, 40},
		{"an engine that says nothing of it", Facts{StartupS: 10}, 0},
	}
	for _, test := range tests {
		if l.note(c, &test.facts); test.facts.SavedS != test.want {
			t.Errorf("%s: saved %v s, want %v", test.why, test.facts.SavedS, test.want)
		}
	}
}

// What vLLM says where it finds compiled code: it takes it, or says why not.
func TestWhatBecameOfCompiledCode(t *testing.T) {
	tests := []struct{ why, log, compiled, again string }{
		{"it takes it", "INFO 11-24 00:10:24 [decorators.py:319] Directly load AOT compilation from path /c/model\n", "/c/model", ""},
		{"a real one on a CPU", "(Worker pid=15818) WARNING 11-24 13:39:35 [decorators.py:333] [backbone] Compiling model again due to a load failure from /c/model, reason: 'function' object has no attribute 'finalize_loading'\n(Worker pid=7710) INFO 11-24 13:31:53 [decorators.py:743] [backbone] saved AOT compiled function to /c/model\n", "/c/model", "'function' object has no attribute 'finalize_loading'"},
		{"it compiles again, and says why", "WARNING 11-24 00:10:24 [decorators.py:333] [backbone] Compiling model again due to a load failure from /c/model, reason: Source code has changed since the last compilation. Recompiling the model.\nINFO 11-24 00:11:24 [decorators.py:743] [backbone] saved AOT compiled function to /c/model\n", "/c/model", "Source code has changed since the last compilation. Recompiling the model."},
	}
	for _, test := range tests {
		r := newFactReader("vllm")
		for line := range strings.Lines(test.log) {
			r.add([]byte(line))
		}
		if f := r.facts; f.compiled != test.compiled || f.Recompiled != test.again || f.Reused != (test.again == "") {
			t.Errorf("%s: %+v", test.why, f)
		}
	}
}

func TestReadModel(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"model.safetensors", "config.json"} {
		write(t, filepath.Join(dir, name), "x")
	}
	var stages []string
	l := &Launcher{RunID: "r1", Progress: func(s string) { stages = append(stages, s) }}
	for range 2 {
		if err := l.readModel(t.Context(), profiles.Model{Path: dir}); err != nil {
			t.Fatal(err)
		}
	}
	if availableMemory() == 0 {
		t.Skip("this system does not say how much memory is available")
	}
	if len(stages) != 1 || stages[0] != "reading the model into memory: model.safetensors, 1 B in all" {
		t.Errorf("stages %q", stages)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("interrupted")
	cancel(cause)
	if err := l.readModel(ctx, profiles.Model{Path: filepath.Join(dir, "model.safetensors")}); !errors.Is(err, cause) {
		t.Errorf("got %v", err)
	}
}
