package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/qtune/qtune/profiles"
)

// cachedModel lays a model out as the hub's library does: blobs, and snapshots
// that are links to them.
func cachedModel(t *testing.T, cache, id string, files ...string) string {
	t.Helper()
	repo := filepath.Join(cache, repoFolder(id))
	snapshot := filepath.Join(repo, "snapshots", "abc123")
	for _, dir := range []string{filepath.Join(repo, "blobs"), filepath.Join(repo, "refs"), snapshot} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	write(t, filepath.Join(repo, "refs", "main"), "abc123")
	for i, name := range files {
		blob := filepath.Join(repo, "blobs", fmt.Sprintf("b%d", i))
		content := "content"
		if strings.HasSuffix(name, ".index.json") {
			content = `{"weight_map":{"a":"model-00001-of-00002.safetensors","b":"model-00002-of-00002.safetensors","c":"model-00001-of-00002.safetensors"}}`
		}
		write(t, blob, content)
		if err := os.Symlink(filepath.Join("..", "..", "blobs", fmt.Sprintf("b%d", i)), filepath.Join(snapshot, name)); err != nil {
			t.Fatal(err)
		}
	}
	return repo
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestCacheState(t *testing.T) {
	const index, one, two = "model.safetensors.index.json", "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"
	tests := []struct {
		why      string
		files    []string
		model    profiles.Model
		complete bool
		missing  []string
	}{
		{"one file of weights", []string{"config.json", "model.safetensors"}, profiles.Model{}, true, nil},
		{"all that the index names", []string{"config.json", index, one, two}, profiles.Model{}, true, nil},
		{"a part that the index names is not there", []string{"config.json", index, one}, profiles.Model{}, false, []string{two}},
		{"a part of a split file without an index", []string{"config.json", one}, profiles.Model{}, false, []string{two}},
		{"no weights", []string{"config.json"}, profiles.Model{}, false, []string{"model.safetensors"}},
		{"no configuration", []string{"model.safetensors"}, profiles.Model{}, false, []string{"config.json"}},
		{"a revision by its commit", []string{"config.json", "model.safetensors"}, profiles.Model{Revision: "abc123"}, true, nil},
		{"a revision that is not there", []string{"config.json", "model.safetensors"}, profiles.Model{Revision: "v9"}, false, nil},
		{"a revision that leads out of the cache", []string{"config.json", "model.safetensors"}, profiles.Model{Revision: "../../../etc"}, false, nil},
	}
	for _, test := range tests {
		t.Run(test.why, func(t *testing.T) {
			cache := t.TempDir()
			cachedModel(t, cache, "org/m", test.files...)
			test.model.ID = "org/m"
			got := CacheState(cache, test.model)
			if got.Complete() != test.complete || !slices.Equal(got.Missing, test.missing) {
				t.Errorf("got %+v", got)
			}
		})
	}
	t.Run("a link that leads nowhere was never fetched to its end", func(t *testing.T) {
		cache := t.TempDir()
		repo := cachedModel(t, cache, "org/m", "config.json", "model.safetensors")
		if err := os.Remove(filepath.Join(repo, "blobs", "b1")); err != nil {
			t.Fatal(err)
		}
		if got := CacheState(cache, profiles.Model{ID: "org/m"}); got.Complete() || !slices.Equal(got.Missing, []string{"model.safetensors"}) {
			t.Errorf("got %+v", got)
		}
	})
	t.Run("an empty cache", func(t *testing.T) {
		if got := CacheState(t.TempDir(), profiles.Model{ID: "org/m"}); got.Complete() || got.Bytes != 0 {
			t.Errorf("got %+v", got)
		}
	})
}

func TestCacheDir(t *testing.T) {
	tests := []struct {
		environ []string
		want    string
	}{
		{[]string{"HOME=/h"}, "/h/.cache/huggingface/hub"},
		{[]string{"HOME=/h", "XDG_CACHE_HOME=/x"}, "/x/huggingface/hub"},
		{[]string{"HOME=/h", "HF_HOME=/f"}, "/f/hub"},
		{[]string{"HF_HOME=/f", "HF_HUB_CACHE=/c"}, "/c"},
		{nil, ""},
	}
	for _, test := range tests {
		if got := CacheDir(test.environ); got != test.want {
			t.Errorf("%q: got %s, want %s", test.environ, got, test.want)
		}
	}
}

// fakeHub answers what the hub answers for the models of a test.
func fakeHub(t *testing.T) *httptest.Server {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("/api/models/org/m/revision/main", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("blobs") != "true" {
			http.Error(w, "no sizes were asked for", http.StatusBadRequest)
			return
		}
		_, _ = fmt.Fprint(w, `{"sha":"abc123","siblings":[{"rfilename":"config.json","size":700},{"rfilename":"model.safetensors","size":3000,"lfs":{}},
			{"rfilename":"pytorch_model.bin","size":9000},{"rfilename":"original/consolidated.00.pth","size":9000}]}`)
	})
	mux.HandleFunc("/api/models/org/gated/revision/main", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer hf_token" {
			http.Error(w, "gated", http.StatusUnauthorized)
			return
		}
		_, _ = fmt.Fprint(w, `{"sha":"d","siblings":[{"rfilename":"m.bin","size":5}]}`)
	})
	mux.HandleFunc("/api/models/org/rubbish/revision/main", answer(200, "<html>"))
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

func TestHubSize(t *testing.T) {
	hub := fakeHub(t)
	m, err := HubSize(t.Context(), hub.URL, "org/m", "", "")
	if err != nil || m.Commit != "abc123" || m.Bytes != 3700 || m.Whole || len(m.Files) != 2 {
		t.Errorf("got %+v, %v", m, err)
	}
	if m, err := HubSize(t.Context(), hub.URL, "org/gated", "main", "hf_token"); err != nil || m.Bytes != 5 || !m.Whole {
		t.Errorf("with a token: %+v, %v", m, err)
	}
	failures := []struct{ why, endpoint, id, hint string }{
		{"gated", hub.URL, "org/gated", "HF_TOKEN"},
		{"not there", hub.URL, "org/none", "model.id"},
		{"rubbish", hub.URL, "org/rubbish", "again later"},
		{"offline", "http://" + refused(), "org/m", "online"},
	}
	for _, f := range failures {
		_, err := HubSize(t.Context(), f.endpoint, f.id, "", "")
		var he *HubError
		if !errors.As(err, &he) || !strings.Contains(he.Hint(), f.hint) {
			t.Errorf("%s: %v", f.why, err)
		}
	}
}

// fakePython stands for the engine's Python with the hub's library: a script in
// its folder that lays the model out, or does what a test says.
func fakePython(t *testing.T, script string) string {
	t.Helper()
	if _, err := exec.LookPath("sh"); err != nil {
		t.Skip("no sh here, which the fake Python is written in")
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "python3"), []byte("#!/bin/sh\n"+script), 0o755); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "vllm")
}

const layOut = `echo "$3" > "$HF_HUB_CACHE/asked"; env > "$HF_HUB_CACHE/environment"
r="$HF_HUB_CACHE/models--org--m"; mkdir -p "$r/refs" "$r/blobs" "$r/snapshots/abc123"; echo abc123 > "$r/refs/main"
for f in config.json model.safetensors; do echo x > "$r/snapshots/abc123/$f"; done; sleep 0.1; echo "token is hf_secret"
`

func newFetch(t *testing.T, hub, script string) (*Launcher, Fetch, string) {
	cache := t.TempDir()
	l := &Launcher{RunID: "r1", Dir: "/run", Environ: []string{"PATH=" + os.Getenv("PATH"), "HF_HUB_CACHE=" + cache, "HF_ENDPOINT=" + hub, "HF_TOKEN=hf_secret", "QTUNE_VAR_token=x"}}
	e := &profiles.Engine{Kind: "vllm", Runtime: profiles.RuntimeProcess, Command: []string{fakePython(t, script), "serve"}}
	f := Fetch{Engine: e, Model: profiles.Model{ID: "org/m"}, LogPath: filepath.Join(t.TempDir(), "fetch.log"), every: 10 * time.Millisecond}
	return l, f, cache
}

func TestFetch(t *testing.T) {
	l, f, cache := newFetch(t, fakeHub(t).URL, layOut)
	var total int64
	f.Progress = func(_, of int64) { total = of }
	if err := l.Fetch(t.Context(), f); err != nil {
		t.Fatal(err)
	}
	if total != 3700 {
		t.Errorf("progress towards %d bytes", total)
	}
	asked, _ := os.ReadFile(filepath.Join(cache, "asked"))
	var want struct {
		Repo, Revision string
		Files          []string
		Whole          bool
	}
	if json.Unmarshal(asked, &want) != nil || want.Repo != "org/m" || want.Revision != "main" || want.Whole || !slices.Equal(want.Files, []string{"config.json", "model.safetensors"}) {
		t.Errorf("the script was told %s", asked)
	}
	env, _ := os.ReadFile(filepath.Join(cache, "environment"))
	if !strings.Contains(string(env), "QTUNE_ROLE=fetch") || strings.Contains(string(env), "QTUNE_VAR_token") {
		t.Errorf("environment:\n%s", env)
	}
	if log, _ := os.ReadFile(f.LogPath); string(log) != "token is (env.HF_TOKEN)\n" {
		t.Errorf("log %q", log)
	}
	if l.NeedsFetch(f.Engine, f.Model) {
		t.Error("it is there, and would be fetched again")
	}
}

func TestFetchFails(t *testing.T) {
	hub := fakeHub(t).URL
	tests := []struct {
		why, script, hint string
		change            func(*Launcher, *Fetch)
	}{
		{"the disk is too small", layOut, "HF_HUB_CACHE", func(_ *Launcher, f *Fetch) {
			f.free = func(string) (int64, error) { return 1000, nil }
		}},
		{"the library fails", "echo 'OSError: [Errno 28] No space left on device' >&2; exit 1", "free space", nil},
		{"it ends well and nothing is there", "exit 0", "model", nil},
		{"there is no such Python", layOut, "", func(_ *Launcher, f *Fetch) { f.Engine.Command = []string{"/nowhere/vllm"} }},
		{"the hub is not reachable", layOut, "online", func(l *Launcher, _ *Fetch) { l.Environ = append(l.Environ, "HF_ENDPOINT=http://"+refused()) }},
		{"llama.cpp reads files", layOut, "GGUF", func(_ *Launcher, f *Fetch) { f.Engine.Kind = "llamacpp" }},
	}
	for _, test := range tests {
		t.Run(test.why, func(t *testing.T) {
			l, f, _ := newFetch(t, hub, test.script)
			if test.change != nil {
				test.change(l, &f)
			}
			err := l.Fetch(t.Context(), f)
			var fe *FetchError
			if !errors.As(err, &fe) || !strings.Contains(fe.Hint(), test.hint) {
				t.Errorf("got %v (hint %q)", err, fe.Hint())
			}
		})
	}
	t.Run("cancelled", func(t *testing.T) {
		l, f, _ := newFetch(t, hub, "sleep 60")
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(50*time.Millisecond, cancel)
		if err := l.Fetch(ctx, f); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
}

func TestFetchContainer(t *testing.T) {
	cache := t.TempDir()
	l := &Launcher{RunID: "r1", Dir: "/runs/r1", Version: "v0", Environ: []string{"HF_HUB_CACHE=" + cache, "HF_ENDPOINT=http://127.0.0.1:9999", "HF_TOKEN=hf_secret"}}
	e := &profiles.Engine{Kind: "vllm", Runtime: profiles.RuntimeDocker, Image: "vllm/vllm-openai:v0.11.0"}
	spec := l.fetchSpec(Fetch{Engine: e}, cache, []string{"python3", "-c", "script", "{}"})
	if spec.Network != "host" || len(spec.Mounts) != 1 || !spec.Mounts[0].Writable || spec.Labels[LabelRole] != RoleFetch || spec.GPUs.Count != 0 {
		t.Errorf("got %+v", spec)
	}
	if want := fmt.Sprintf("%d:%d", os.Getuid(), os.Getgid()); spec.User != want {
		t.Errorf("it runs as %s, not as the cache's owner %s", spec.User, want)
	}
}
