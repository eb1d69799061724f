package engine

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"github.com/qtune/qtune/docker"
	"github.com/qtune/qtune/profiles"
)

// wholeHub answers all that the hub's own library asks for one model.
func wholeHub(t *testing.T) *httptest.Server {
	t.Helper()
	const commit = "0123456789abcdef0123456789abcdef01234567"
	files := map[string]string{"config.json": `{"model_type":"llama"}`, "model.safetensors": strings.Repeat("w", 3000), "pytorch_model.bin": "a copy"}
	var siblings, tree []string
	for name, content := range files {
		siblings = append(siblings, fmt.Sprintf(`{"rfilename":%q,"size":%d}`, name, len(content)))
		tree = append(tree, fmt.Sprintf(`{"type":"file","path":%q,"size":%d,"oid":"%040x"}`, name, len(content), len(name)))
	}
	info := fmt.Sprintf(`{"id":"org/m","sha":%q,"siblings":[%s]}`, commit, strings.Join(siblings, ","))
	mux := http.NewServeMux()
	mux.HandleFunc("/api/models/org/m/revision/main", answer(200, info))
	mux.HandleFunc("/api/models/org/m/tree/"+commit, answer(200, "["+strings.Join(tree, ",")+"]"))
	mux.HandleFunc("/org/m/resolve/"+commit+"/", func(w http.ResponseWriter, r *http.Request) {
		content, ok := files[filepath.Base(r.URL.Path)]
		if !ok {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("ETag", fmt.Sprintf(`"%040x"`, len(filepath.Base(r.URL.Path))))
		w.Header().Set("X-Repo-Commit", commit)
		w.Header().Set("Content-Length", fmt.Sprint(len(content)))
		if r.Method != http.MethodHead {
			_, _ = fmt.Fprint(w, content)
		}
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		t.Logf("the hub is asked %s %s", r.Method, r.URL)
		http.NotFound(w, r)
	})
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

// TestRealFetch has the hub's real library fetch a model from a hub on this
// host's loopback, in a process and in a container, and find it again offline.
func TestRealFetch(t *testing.T) {
	dir := realEngines(t)
	venv := filepath.Join(dir, "vllm")
	e := profiles.Engine{Kind: "vllm", Name: "fetch", Runtime: profiles.RuntimeProcess, Command: []string{filepath.Join(venv, "bin", "vllm"), "serve"}}
	t.Run("process", func(t *testing.T) { fetched(t, &Launcher{}, e) })
	t.Run("container", func(t *testing.T) {
		client, err := docker.Connect(t.Context(), zerolog.Nop())
		if err != nil {
			t.Skipf("no Docker daemon here: %v", err)
		}
		defer client.Close()
		e := userland(t, client, e, venv)
		fetched(t, &Launcher{RunID: testTrial, Docker: func(context.Context) (*docker.Client, error) { return client, nil }}, e)
	})
}

func fetched(t *testing.T, l *Launcher, e profiles.Engine) {
	cache := filepath.Join(t.TempDir(), "new", "hub")
	l.Dir, l.Log = t.TempDir(), zerolog.Nop()
	l.Environ = append(os.Environ(), "HF_HUB_CACHE="+cache, "HF_ENDPOINT="+wholeHub(t).URL, "HF_TOKEN=hf_secret", "HF_HUB_DISABLE_XET=1")
	f := Fetch{Engine: &e, Model: profiles.Model{ID: "org/m"}, LogPath: filepath.Join(l.Dir, "fetch.log")}
	if err := l.Fetch(t.Context(), f); err != nil {
		log, _ := os.ReadFile(f.LogPath)
		t.Fatalf("%v\n%s", err, log)
	}
	state := CacheState(cache, f.Model)
	if !state.Complete() || exists(filepath.Join(state.Snapshot, "pytorch_model.bin")) {
		t.Errorf("got %+v", state)
	}
	if trees, _ := filepath.Glob(filepath.Join(cache, "*", "trees", "*")); len(trees) > 0 {
		t.Errorf("the library would call the snapshot incomplete: %q", trees)
	}
}
