// Guest is the only file of the image that the tests run: its first argument
// says how it behaves.
package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"
)

func main() {
	switch os.Args[1] {
	case "exit": // CODE
		code, _ := strconv.Atoi(os.Args[2])
		fmt.Println("first line")
		fmt.Fprintln(os.Stderr, "last line")
		os.Exit(code)
	case "spam": // LINES of 100 bytes, then exit 0
		n, _ := strconv.Atoi(os.Args[2])
		for i := range n {
			fmt.Printf("%08d %s\n", i, strings.Repeat("x", 90))
		}
	case "sleep":
		fmt.Println("asleep")
		time.Sleep(time.Hour)
	case "stubborn": // to SIGTERM
		signal.Ignore(syscall.SIGTERM)
		fmt.Println("stubborn")
		time.Sleep(time.Hour)
	case "polite": // exits 7 on SIGTERM, half a second later
		c := make(chan os.Signal, 1)
		signal.Notify(c, syscall.SIGTERM)
		fmt.Println("polite")
		<-c
		fmt.Println("bye")
		os.Exit(7)
	case "serve": // a page on PORT; GET /die ends it with 3
		serve(os.Args[2])
	case "facts": // what the container lets it do
		facts(os.Args[2:])
	}
}

func serve(port string) {
	http.HandleFunc("GET /", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "hello") })
	http.HandleFunc("GET /die", func(http.ResponseWriter, *http.Request) {
		fmt.Println("dying")
		os.Exit(3)
	})
	l, err := net.Listen("tcp", ":"+port)
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("serving")
	fmt.Println(http.Serve(l, nil))
}

// facts prints, for each argument: the content of a file for "cat:PATH", the
// outcome of creating one for "write:PATH", a variable for "env:NAME", lines for "grep:PATH:WORDS".
func facts(args []string) {
	for _, a := range args {
		what, arg, _ := strings.Cut(a, ":")
		switch what {
		case "cat":
			b, err := os.ReadFile(arg)
			fmt.Println(a, "=", strings.TrimSpace(string(b)), err)
		case "write":
			err := os.WriteFile(arg, []byte("x"), 0o600)
			fmt.Println(a, "=", err)
		case "grep": // FILE:WORDS
			file, words, _ := strings.Cut(arg, ":")
			b, err := os.ReadFile(file)
			for line := range strings.Lines(string(b)) {
				if strings.Contains(line, words) {
					fmt.Print(line)
				}
			}
			if err != nil {
				fmt.Println(err)
			}
		case "env":
			fmt.Println(a, "=", os.Getenv(arg))
		}
	}
}
