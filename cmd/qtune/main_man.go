//go:build man

package main

import (
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra/doc"
)

// main, built with the tag man, writes a man page for each command into the folder
// that it is given. It is a program of its own, so that the writer of man pages
// need not be in qtune.
func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: go run -tags man ./cmd/qtune FOLDER DATE")
		os.Exit(exitUsage)
	}
	if err := writeManPages(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "qtune:", err)
		os.Exit(exitError)
	}
}

// writeManPages dates the pages (a day such as 2026-01-31), so that the same
// commit gives the same bytes.
func writeManPages(folder, date string) error {
	day, err := time.Parse(time.DateOnly, date)
	if err != nil {
		return fmt.Errorf("reading the date of the man pages: %w", err)
	}
	root := rootCmd(&world{})
	root.DisableAutoGenTag = true
	header := &doc.GenManHeader{Section: "1", Date: &day, Source: "qtune " + qtuneVersion(), Manual: "qtune"}
	if err := doc.GenManTree(root, header, folder); err != nil {
		return fmt.Errorf("writing the man pages into %s: %w", folder, err)
	}
	return nil
}
