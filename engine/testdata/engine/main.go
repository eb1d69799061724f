// Command engine stands for qtune's simulator in the tests of package engine: it
// takes an engine's command line and serves, or does what QTUNE_TEST says.
package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

func main() {
	fmt.Println("GPU KV cache size: 1,024 tokens")
	switch os.Getenv("QTUNE_TEST") {
	case "exit":
		fmt.Println("engine: error: unrecognized arguments: --bogus")
		os.Exit(2)
	case "fatal":
		fmt.Println("ValueError: No available memory for the cache blocks.")
		fmt.Println("EngineCore failed to start.")
		time.Sleep(time.Hour)
	}
	compile()
	go serve()
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)
	<-stop
}

// compile takes what it "compiled" before from its cache, if it has one. Rubbish in
// there kills it.
func compile() {
	root := os.Getenv("VLLM_CACHE_ROOT")
	if root == "" {
		return
	}
	code := filepath.Join(root, "code")
	text, err := os.ReadFile(code)
	switch {
	case err == nil && string(text) != "good":
		fmt.Println("RuntimeError: the cache is broken")
		os.Exit(1)
	case err == nil:
		fmt.Println("INFO Directly load AOT compilation from path " + code)
		return
	}
	time.Sleep(300 * time.Millisecond)
	_ = os.MkdirAll(root, 0o755)
	if err := os.WriteFile(code, []byte(os.Getenv("QTUNE_TEST_CODE")), 0o644); err != nil {
		fmt.Println(err)
	}
	fmt.Println("INFO saved AOT compiled function to " + code)
}

func serve() {
	mux := http.NewServeMux()
	mux.HandleFunc("/health", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("/v1/models", text(`{"data":[{"id":"`+after("--served-model-name")+`"}]}`))
	mux.HandleFunc("/v1/completions", text(`{"choices":[{"text":"a"}],"usage":{"completion_tokens":1}}`))
	mux.HandleFunc("/simulator", text(`{"simulated":true,"lag_p99_ms":1}`))
	mux.HandleFunc("/die", func(http.ResponseWriter, *http.Request) { os.Exit(3) })
	fmt.Println(http.ListenAndServe(net.JoinHostPort(after("--host"), after("--port")), mux))
}

func text(s string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, s) }
}

// after is the word that follows a flag.
func after(flag string) string {
	for i, word := range os.Args[:len(os.Args)-1] {
		if word == flag {
			return os.Args[i+1]
		}
	}
	return ""
}
