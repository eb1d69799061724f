package export

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// systemd is a unit: of a program of the host, or of docker run, whose container
// is removed when the unit stops.
func (s *Service) systemd() string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	b.WriteString(s.header())
	if secrets := s.secrets(); len(secrets) > 0 {
		line("# Put %s into %s, one NAME=value a line, readable by root alone.", strings.Join(secrets, " and "), s.secretFile())
	}
	line("[Unit]\nDescription=%s", systemdText(comment(s.Name))+": an inference server, found by qtune")
	if s.Process {
		line("After=network-online.target\nWants=network-online.target")
	} else {
		line("After=docker.service\nRequires=docker.service")
	}
	line("\n[Service]\nRestart=%s\nRestartSec=5\nTimeoutStartSec=%d", systemdRestart(s.Restart), int((s.Start + time.Minute).Seconds()))
	if len(s.secrets()) > 0 {
		line("EnvironmentFile=%s", s.secretFile())
	}
	if s.Process {
		s.systemdProcess(line)
	} else {
		s.systemdContainer(line)
	}
	line("\n[Install]\nWantedBy=multi-user.target")
	return b.String()
}

func (s *Service) secretFile() string { return "/etc/" + kubernetesName(s.Name) + ".env" }

// systemdRestart is Docker's policy in systemd's words.
func systemdRestart(policy string) string {
	switch word, _, _ := strings.Cut(policy, ":"); word {
	case "no":
		return "no"
	case "on-failure":
		return "on-failure"
	}
	return "always"
}

func (s *Service) systemdProcess(line func(string, ...any)) {
	for _, v := range s.Spec.Env {
		name, value := variable(v)
		if alone(value) == name {
			continue // it stands in the file
		}
		if strings.Contains(value, mark) {
			line("# %s is made of %s: set it in %s, too.", name, strings.Join(names(value), " and "), s.secretFile())
			continue
		}
		line(`Environment="%s"`, systemdText(v))
	}
	s.execStart(line, nil, s.Spec.Command)
}

func (s *Service) systemdContainer(line func(string, ...any)) {
	line("ExecStartPre=-/usr/bin/docker rm --force %s", systemdWord(s.Name))
	line("ExecStop=/usr/bin/docker stop %s", systemdWord(s.Name))
	head := [][]string{{"/usr/bin/docker", "run", "--rm"}}
	words := slices.Concat(s.Spec.Entrypoint[min(1, len(s.Spec.Entrypoint)):], s.Spec.Command)
	lines := s.dockerLines()
	head = append(head, lines[:len(lines)-len(s.lines(words))]...)
	s.execStart(line, head, words)
}

// execStart writes a command over several lines. systemd leaves out a comment that
// stands between them.
func (s *Service) execStart(line func(string, ...any), head [][]string, words []string) {
	var all []string
	for _, h := range head {
		all = append(all, systemdLine(h))
	}
	for _, l := range s.lines(words) {
		text := systemdLine(l.words)
		if l.why != "" {
			text = "# " + comment(l.why) + "\n  " + text
		}
		all = append(all, text)
	}
	var b strings.Builder
	for i, l := range all {
		why, text, has := strings.Cut(l, "\n  ")
		if !has {
			text, why = why, ""
		}
		if i > 0 {
			b.WriteString(" \\\n")
			if why != "" {
				b.WriteString(why + "\n")
			}
			b.WriteString("  ")
		}
		b.WriteString(text)
	}
	line("ExecStart=%s", b.String())
}

func systemdLine(words []string) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = systemdWord(w)
	}
	return strings.Join(quoted, " ")
}
