package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// ollama is Ollama, read in 0.33. It has no flags: its environment sets it, and
// that reaches the llama-server that it starts for a model, whose log is part of
// its own. A model is one of its store, by name.
var ollama = Kind{
	Name: "ollama", Port: 11434, Health: "/",
	image:            []string{"/bin/ollama", "serve"},
	imageRunsProgram: true,
	local:            []string{"ollama", "serve"},
	listenEnv:        "OLLAMA_HOST",
	names:            []string{"model"},
	tag:              "latest",
	// It removes what no model of its store uses when it starts, and unloads a
	// model that nobody has asked for some minutes.
	env:     []string{"OLLAMA_NOPRUNE=1", "OLLAMA_KEEP_ALIVE=-1", "OLLAMA_NO_CLOUD=1", "OLLAMA_MAX_LOADED_MODELS=1"},
	version: endpoint{"/api/version", "version"},
	serves:  ollamaServes,
	signs:   []string{"OLLAMA_KEEP_ALIVE:", "source=routes.go", "source=sched.go", "loading model via llama-server"},
	certain: true,
	rules:   slices.Concat(ollamaRules, llamacppRules),
	facts: append([]factRule{
		{"Listening on ", regexp.MustCompile(`Listening on \S+ \(version ([^)]+)\)`), version},
	}, llamacpp.facts...),
	stages: append([]stageRule{
		{"loading model via llama-server", "loading the model"},
		{"waiting for llama-server", "loading the model"},
		{"llama-server started in", "model loaded"},
	}, llamacpp.stages...),
}

// ollamaFolder is where a container finds the store.
const ollamaFolder = "/root/.ollama/models"

// ollamaRules were read in Ollama 0.33; none has been seen. Its llama-server's own
// lines stand above them and say more.
var ollamaRules = []rule{
	{class: GPUOutOfMemory, rank: general, text: "reported out-of-memory during startup", hint: "lower OLLAMA_CONTEXT_LENGTH or OLLAMA_NUM_PARALLEL, or set OLLAMA_KV_CACHE_TYPE = \"q8_0\""},
	{class: UnsupportedModel, text: "may be incompatible with your version of Ollama", hint: "use a newer image, or pull the model again"},
	{class: ProgramMissing, text: "llama-server binary not found", hint: "the image or this host has no llama-server beside Ollama: use the published image"},
	{class: Unknown, rank: consequence, fatal: fatalAtStart, text: "llama-server process has terminated"},
	{class: Unknown, rank: consequence, fatal: fatalAtStart, text: "llama-server process no longer running"},
	{class: Unknown, rank: consequence, fatal: fatalAtStart, text: "timed out waiting for llama-server to start"},
}

// ollamaServes looks where the model is: without a card that it can use, Ollama
// takes the CPU and says nothing.
func ollamaServes(ctx context.Context, p *prober) error {
	status, body, err := p.ask(ctx, probeLimit, http.MethodGet, "/api/ps", nil)
	if err != nil {
		return err
	}
	var loaded struct {
		Models []struct {
			Name    string
			VRAM    int64 `json:"size_vram"`
			Context int   `json:"context_length"`
		}
	}
	if status != http.StatusOK || json.Unmarshal(body, &loaded) != nil {
		return p.status("GET /api/ps", status, body)
	}
	for _, m := range loaded.Models {
		if m.Name != p.model {
			continue
		}
		if p.gpus && m.VRAM == 0 {
			return refusal{fail(GPUMissing, "GET /api/ps: "+m.Name+" is in the host's memory alone", "Ollama would run on the CPU: "+hintGPU)}
		}
		return nil
	}
	return notYet{"GET /api/ps does not list " + p.model}
}

// OllamaStore is the folder in which this host's Ollama keeps its models: what
// OLLAMA_MODELS says, else that of the user, else that of Linux's service. "" if
// there is none.
func OllamaStore(environ []string) string {
	if dir := getenv(environ, "OLLAMA_MODELS"); dir != "" {
		return dir
	}
	candidates := []string{"/usr/share/ollama/.ollama/models"}
	if home := getenv(environ, "HOME"); home != "" {
		candidates = slices.Insert(candidates, 0, filepath.Join(home, ".ollama", "models"))
	}
	for _, dir := range candidates {
		if isFolder(filepath.Join(dir, "manifests")) {
			return dir
		}
	}
	return ""
}

// inOllamaStore says whether a store has a model, by the file that lists its parts.
// A name is [host/[namespace/]]model:tag.
func inOllamaStore(store, name string) bool {
	base, tag, _ := strings.Cut(name, ":")
	parts := strings.Split(base, "/")
	switch len(parts) {
	case 1:
		parts = append([]string{"registry.ollama.ai", "library"}, parts...)
	case 2:
		parts = append([]string{"registry.ollama.ai"}, parts...)
	}
	file := filepath.Join(append(parts, tag)...)
	return store != "" && filepath.IsLocal(file) && exists(filepath.Join(store, "manifests", file))
}

// PullHint says what to do about a model that Ollama's store does not have.
func PullHint(name string) string {
	return fmt.Sprintf("pull it once (ollama pull %s), or let apply do so with pull_model = true in the engine block; flags = { model = \"…\" } names another, and OLLAMA_MODELS says where the store is", name)
}

// missingOllama refuses a model that Ollama has not pulled: it would be healthy,
// and every request would fail.
func (l *Launcher) missingOllama(st Start) *Failure {
	name := ServedName(st.Engine, st.Candidate, st.Model)
	store := OllamaStore(l.Environ)
	if inOllamaStore(store, name) {
		return nil
	}
	where := "there is no Ollama store on this host"
	if store != "" {
		where = fmt.Sprintf("Ollama's store %s has no model %s", store, name)
	}
	return fail(ModelMissing, where, PullHint(name))
}
