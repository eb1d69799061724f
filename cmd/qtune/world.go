package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/rs/zerolog"
)

// world is all that commands see of what lies outside them. Results go to
// stdout, everything else to stderr.
type world struct {
	stdout, stderr io.Writer
	stdin          io.Reader
	environ        []string
	terminal       bool       // stderr is one
	asks           bool       // stdin is one: somebody can be asked
	width          func() int // of the terminal, in columns
	rows           func() int // of the terminal; nil: nobody knows
	signals        bool       // Ctrl-C and its like are to be caught
	log            zerolog.Logger
}

// lookup finds a variable of the environment.
func (w *world) lookup(name string) (string, bool) {
	for i := len(w.environ) - 1; i >= 0; i-- {
		if k, v, ok := strings.Cut(w.environ[i], "="); ok && k == name {
			return v, true
		}
	}
	return "", false
}

// cache is a folder of this user's cache; "" if there is no place for one.
func (w *world) cache(name string) string {
	if dir := w.getenv("XDG_CACHE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "qtune", name)
	}
	if home := w.getenv("HOME"); home != "" {
		return filepath.Join(home, ".cache", "qtune", name)
	}
	return ""
}

func (w *world) getenv(name string) string {
	v, _ := w.lookup(name)
	return v
}

// color says whether stderr may be coloured.
func (w *world) color() bool {
	_, off := w.lookup("NO_COLOR")
	return w.terminal && !off && w.getenv("TERM") != "dumb"
}

// logger writes what went on behind the results, for people on a terminal, as JSON lines elsewhere.
func (w *world) logger(level string) (zerolog.Logger, error) {
	l, err := zerolog.ParseLevel(level)
	if err != nil {
		return zerolog.Nop(), &usageError{fmt.Errorf("--log-level %q: choose trace, debug, info, warn, error or disabled", level)}
	}
	out := w.stderr
	if w.terminal {
		out = zerolog.ConsoleWriter{Out: w.stderr, NoColor: !w.color(), TimeFormat: time.TimeOnly}
	}
	return zerolog.New(out).Level(l).With().Timestamp().Logger(), nil
}

// runFolder is where runs are kept: --dir, else QTUNE_DIR, else .qtune.
func (w *world) runFolder(flag string) string {
	if flag != "" {
		return flag
	}
	if dir := w.getenv("QTUNE_DIR"); dir != "" {
		return dir
	}
	return ".qtune"
}

// relative shortens a path to one below the working folder where it lies there.
func relative(path string) string {
	wd, err := os.Getwd()
	if err != nil {
		return path
	}
	rel, err := filepath.Rel(wd, path)
	if err != nil || strings.HasPrefix(rel, "..") {
		return path
	}
	return rel
}
