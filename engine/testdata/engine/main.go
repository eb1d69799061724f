// Command engine stands for qtune's simulator in the tests of package engine: it
// takes an engine's command line and serves, or does what QTUNE_TEST says.
package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
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
	go serve()
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)
	<-stop
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
