//go:build !man

// Command qtune finds the fastest configuration of an LLM inference server that
// still meets its service levels. This package owns words and wiring: one file a
// command, flags, output, signals and exit codes. What the commands do lives in
// the packages that it wires together.
package main

import (
	"context"
	"os"

	"golang.org/x/term"
)

func main() {
	os.Exit(run(context.Background(), os.Args[1:], processWorld()))
}

// processWorld is the world of the real process.
func processWorld() *world {
	return &world{
		stdout:   os.Stdout,
		stderr:   os.Stderr,
		stdin:    os.Stdin,
		environ:  os.Environ(),
		terminal: term.IsTerminal(int(os.Stderr.Fd())),
		asks:     term.IsTerminal(int(os.Stdin.Fd())),
		width: func() int {
			w, _, err := term.GetSize(int(os.Stderr.Fd()))
			if err != nil {
				return 80
			}
			return w
		},
		rows: func() int {
			_, h, err := term.GetSize(int(os.Stderr.Fd()))
			if err != nil || h == 0 {
				return 24
			}
			return h
		},
		signals: true,
	}
}
