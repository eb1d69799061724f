// Package export writes a winner down for somebody else's tool: a shell's docker
// run, Docker Compose, Kubernetes, systemd, the engine's arguments, its
// environment. It is pure: a service in, text out.
//
// It owns how each of these formats quotes, where it keeps secrets, and how it
// asks for cards, memory, health checks and a port. It knows no run and no
// journal; what a flag is there for, it is told. The one format that it does not
// write is a profile, which is the language of package profiles.
//
// A secret is never text here: its place in a word is held by Mark, which each
// format turns into its own way of naming something that stands elsewhere.
package export

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/qtune/qtune/docker"
)

// The formats.
const (
	Docker     = "docker"
	Compose    = "compose"
	Kubernetes = "kubernetes"
	Systemd    = "systemd"
	Args       = "args"
	Env        = "env"
)

// Formats lists the formats.
func Formats() []string { return []string{Docker, Compose, Kubernetes, Systemd, Args, Env} }

// Service is a configuration that is to run somewhere.
type Service struct {
	Title   []string // lines for the top: what it is, where it comes from, what to mind
	Name    string   // a container's
	Address string   // of the host, to publish the port on
	Port    int      // of the host
	Restart string   // as Docker's policies are called
	Health  string   // path that answers 200; "" if there is none
	Start   time.Duration
	Process bool              // the engine is a program of the host: Spec has its command and environment alone
	Spec    docker.Spec       // with a Mark in the place of each secret
	Digest  string            // of the image that was measured; "" if not known
	Reasons map[string]string // why a flag is there, by its name without dashes
}

// Mark holds the place of a secret in a word; name is the variable that will hold
// it.
func Mark(name string) string { return mark + name + mark }

// mark cannot stand in an argument or a variable.
const mark = "\x00"

// ProcessError is a format for containers, asked for of an engine that has none.
type ProcessError struct{ Format string }

// Error implements error.
func (e *ProcessError) Error() string {
	return fmt.Sprintf("export to %s: the engine runs as a process, not in a container", e.Format)
}

// Hint says what to do about it.
func (e *ProcessError) Hint() string {
	return "--to systemd, args and env are for processes; or take runtime = \"process\" out of the profile and apply again"
}

// Write is the service in a format. The error is a *ProcessError, or says what the
// format cannot hold.
func (s *Service) Write(format string) (string, error) {
	if s.Process && slices.Contains([]string{Docker, Compose, Kubernetes}, format) {
		return "", &ProcessError{format}
	}
	switch format {
	case Docker:
		return s.docker(), nil
	case Compose:
		return s.compose(), nil
	case Kubernetes:
		return s.kubernetes(), nil
	case Systemd:
		return s.systemd(), nil
	case Args:
		return s.args(), nil
	case Env:
		return s.env()
	}
	return "", fmt.Errorf("export to %q: choose one of %s", format, strings.Join(Formats(), ", "))
}

// secrets are the variables that have to be set where the service runs, each once.
func (s *Service) secrets() []string {
	var all []string
	for _, w := range slices.Concat(s.Spec.Entrypoint, s.Spec.Command, s.Spec.Env) {
		for _, p := range parts(w) {
			if p.secret && !slices.Contains(all, p.text) {
				all = append(all, p.text)
			}
		}
	}
	return all
}

// line is a flag with its values, or another word by itself, and why it is there.
type line struct {
	words []string
	why   string
}

// lines puts each flag of a command with its values.
func (s *Service) lines(words []string) []line {
	var all []line
	for _, w := range words {
		flag := strings.HasPrefix(w, "-") && !isNumber(w)
		if n := len(all); n > 0 && !flag && strings.HasPrefix(all[n-1].words[0], "-") && all[n-1].words[0] != "-m" {
			all[n-1].words = append(all[n-1].words, w)
			continue
		}
		all = append(all, line{words: []string{w}, why: s.reason(w)})
	}
	return all
}

// reason finds why a flag is there: --no-x is there for x.
func (s *Service) reason(word string) string {
	name := strings.TrimLeft(word, "-")
	if name == word {
		return ""
	}
	name, _, _ = strings.Cut(name, "=")
	if why, ok := s.Reasons[name]; ok {
		return why
	}
	return s.Reasons[strings.TrimPrefix(name, "no-")]
}

// header is the top of a file in comments, whose marks and line ends a hostile
// name cannot break.
func (s *Service) header() string {
	var b strings.Builder
	for _, l := range s.Title {
		b.WriteString("# " + comment(l) + "\n")
	}
	if s.Digest != "" && !s.Process {
		b.WriteString("# Measured with the image " + comment(s.Digest) + ".\n")
	}
	return b.String()
}
