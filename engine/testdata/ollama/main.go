// Command ollama stands for Ollama in the tests of package engine: it listens where
// OLLAMA_HOST says, and pulls into the store that OLLAMA_MODELS names as QTUNE_TEST
// wants it. The stream is that of Ollama's API.
package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

func main() {
	fmt.Printf("time=2026-08-21T18:00:00.000Z level=INFO source=routes.go:1 msg=\"Listening on %s (version 0.33.0)\"\n", os.Getenv("OLLAMA_HOST"))
	if os.Getenv("QTUNE_TEST") == "dies" {
		fmt.Println("Error: mkdir /qtune/models/blobs: permission denied")
		os.Exit(1)
	}
	http.HandleFunc("GET /api/version", func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, `{"version":"0.33.0"}`) })
	http.HandleFunc("POST /api/pull", pull)
	fmt.Println(http.ListenAndServe(os.Getenv("OLLAMA_HOST"), nil))
	os.Exit(1)
}

func pull(w http.ResponseWriter, r *http.Request) {
	var asked struct{ Model string }
	if json.NewDecoder(r.Body).Decode(&asked) != nil || asked.Model == "" {
		w.WriteHeader(http.StatusBadRequest)
		say(w, `{"error":"invalid model name"}`)
		return
	}
	say(w, `{"status":"pulling manifest"}`)
	switch os.Getenv("QTUNE_TEST") {
	case "unknown":
		say(w, `{"error":"pull model manifest: file does not exist"}`)
		return
	case "broken":
		return
	case "slow":
		time.Sleep(time.Hour)
	}
	for _, file := range []string{"sha256:aa", "sha256:bb"} {
		say(w, `{"status":"pulling `+file+`","digest":"`+file+`","total":1000}`)
		say(w, `{"status":"pulling `+file+`","digest":"`+file+`","total":1000,"completed":400}`)
		say(w, `{"status":"pulling `+file+`","digest":"`+file+`","total":1000,"completed":1000}`)
	}
	say(w, `{"status":"verifying sha256 digest"}`)
	if os.Getenv("QTUNE_TEST") != "elsewhere" {
		name, tag, _ := strings.Cut(asked.Model, ":")
		folder := filepath.Join(os.Getenv("OLLAMA_MODELS"), "manifests", "registry.ollama.ai", "library", name)
		if err := os.MkdirAll(folder, 0o755); err != nil {
			say(w, `{"error":"`+err.Error()+`"}`)
			return
		}
		if err := os.WriteFile(filepath.Join(folder, tag), []byte("{}"), 0o644); err != nil {
			say(w, `{"error":"`+err.Error()+`"}`)
			return
		}
	}
	say(w, `{"status":"success"}`)
}

// say sends one object at once.
func say(w http.ResponseWriter, line string) {
	_, _ = fmt.Fprintln(w, line)
	if f, ok := w.(http.Flusher); ok {
		f.Flush()
	}
}
