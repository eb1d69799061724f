package export

import (
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/qtune/qtune/docker"
)

// joined writes lines of words as one command of a shell.
func joined(all [][]string) string {
	var b strings.Builder
	for i, words := range all {
		if i > 0 {
			b.WriteString(" \\\n  ")
		}
		for j, w := range words {
			if j > 0 {
				b.WriteByte(' ')
			}
			b.WriteString(shell(w))
		}
	}
	return b.String() + "\n"
}

// why lists the reasons of the flags as comments: none can stand within a command
// that goes over several lines.
func (s *Service) why(words []string) string {
	var b strings.Builder
	for _, l := range s.lines(words) {
		if l.why != "" {
			b.WriteString("#   " + comment(rewrite(l.words[0], self, self)) + ": " + comment(l.why) + "\n")
		}
	}
	if b.Len() == 0 {
		return ""
	}
	return "#\n# Why each flag is there:\n" + b.String()
}

func self(s string) string { return s }

// needs says which variables must be set.
func (s *Service) needs() string {
	var b strings.Builder
	for _, name := range s.secrets() {
		fmt.Fprintf(&b, ": \"${%s:?set it to the secret of that name}\"\n", name)
	}
	return b.String()
}

// args is the engine's command line alone.
func (s *Service) args() string {
	words := slices.Concat(s.Spec.Entrypoint, s.Spec.Command)
	var all [][]string
	for _, l := range s.lines(words) {
		all = append(all, l.words)
	}
	return s.header() + s.why(words) + "\n" + joined(all)
}

// env is the engine's environment, one variable a line, as docker run --env-file
// takes it: a name alone is taken from the caller's environment.
func (s *Service) env() (string, error) {
	var b strings.Builder
	b.WriteString(s.header())
	for _, v := range s.Spec.Env {
		name, value := variable(v)
		switch secret := alone(value); {
		case secret == name:
			fmt.Fprintf(&b, "# a secret: from the environment of whoever reads this file\n%s\n", name)
		case strings.Contains(value, mark):
			fmt.Fprintf(&b, "# a secret, kept as %s: a file of variables cannot refer to it; set %s yourself\n%s\n", strings.Join(names(value), " and "), name, name)
		case strings.ContainsAny(value, "\n\r"):
			return "", fmt.Errorf("export to env: the value of %s has several lines, which a file of variables cannot hold", name)
		default:
			b.WriteString(name + "=" + value + "\n")
		}
	}
	return b.String(), nil
}

func names(value string) []string {
	var all []string
	for _, p := range parts(value) {
		if p.secret {
			all = append(all, p.text)
		}
	}
	return all
}

// docker is a script for a POSIX shell.
func (s *Service) docker() string {
	command := append([]string{"--detach"}, "--restart", s.Restart)
	lines := slices.Concat([][]string{{"docker", "run", command[0]}, command[1:]}, s.dockerLines())
	return "#!/bin/sh\n" + s.header() + s.why(s.Spec.Command) + "set -eu\n" + s.needs() + joined(lines)
}

// dockerLines are what follows "docker run", but for how it is kept running.
func (s *Service) dockerLines() [][]string {
	c := &s.Spec
	all := [][]string{{"--name", s.Name}}
	add := func(words ...string) { all = append(all, words) }
	switch {
	case c.Network == "host":
		add("--network", "host")
	default:
		if c.Network != "" {
			add("--network", c.Network)
		}
		add("--publish", net.JoinHostPort(s.Address, strconv.Itoa(s.Port))+":"+strconv.Itoa(c.Port))
	}
	if g := gpuFlag(c.GPUs); g != "" {
		add("--gpus", g)
	}
	for _, m := range c.Mounts {
		words := "type=bind,source=" + csv(m.Source) + ",target=" + csv(m.Target)
		if !m.Writable {
			words += ",readonly"
		}
		add("--mount", words)
	}
	for _, t := range c.Tmpfs {
		add("--tmpfs", t.Target+":"+strings.Join(tmpfsOptions(t), ","))
	}
	if c.ShmSize > 0 {
		add("--shm-size", strconv.FormatInt(c.ShmSize, 10))
	}
	for _, u := range c.Ulimits {
		add("--ulimit", fmt.Sprintf("%s=%d:%d", u.Name, u.Soft, u.Hard))
	}
	if c.IPC != "" {
		add("--ipc", c.IPC)
	}
	for _, name := range c.CapAdd {
		add("--cap-add", name)
	}
	add("--cap-drop", "ALL", "--security-opt", "no-new-privileges")
	all = append(all, s.healthFlags()...)
	for _, v := range c.Env {
		if name, value := variable(v); alone(value) == name {
			add("--env", name)
			continue
		}
		add("--env", v)
	}
	return append(all, s.imageLines()...)
}

// imageLines are the image and what runs in it. The command takes one word of an
// entrypoint; the others go before the arguments.
func (s *Service) imageLines() [][]string {
	var all [][]string
	words := s.Spec.Command
	if e := s.Spec.Entrypoint; len(e) > 0 {
		all = append(all, []string{"--entrypoint", e[0]})
		words = slices.Concat(e[1:], words)
	}
	all = append(all, []string{s.Spec.Image})
	for _, l := range s.lines(words) {
		all = append(all, l.words)
	}
	return all
}

func (s *Service) healthFlags() [][]string {
	h := s.Spec.Health
	if h == nil {
		return nil
	}
	var words []string
	for _, w := range h.Command {
		words = append(words, shell(w))
	}
	return [][]string{
		{"--health-cmd", strings.Join(words, " ")},
		{"--health-interval", h.Interval.String(), "--health-timeout", h.Timeout.String()},
		{"--health-start-period", h.Start.String(), "--health-retries", strconv.Itoa(h.Retries)},
	}
}

// gpuFlag is the value of --gpus, a list in itself, so that it has quotes of its own.
func gpuFlag(g docker.GPUs) string {
	switch {
	case len(g.IDs) > 0:
		return `"device=` + strings.Join(g.IDs, ",") + `"`
	case g.Count < 0:
		return "all"
	case g.Count > 0:
		return strconv.Itoa(g.Count)
	}
	return ""
}

// csv is a field of a list that is separated by commas.
func csv(s string) string {
	if !strings.ContainsAny(s, "\",\n\r") {
		return s
	}
	return `"` + strings.ReplaceAll(s, `"`, `""`) + `"`
}

func tmpfsOptions(t docker.Tmpfs) []string {
	options := []string{"rw", "nosuid", "nodev", "mode=1777", "noexec"}
	if t.Exec {
		options[4] = "exec"
	}
	if t.Size > 0 {
		options = append(options, fmt.Sprintf("size=%d", t.Size))
	}
	return options
}
