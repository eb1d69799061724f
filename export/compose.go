package export

import (
	"fmt"
	"net"
	"strconv"
	"strings"
)

// sheet writes YAML with comments.
type sheet struct{ b strings.Builder }

func (y *sheet) line(depth int, format string, args ...any) {
	y.b.WriteString(strings.Repeat("  ", depth) + fmt.Sprintf(format, args...) + "\n")
}

// commands writes a command as a list, a flag's reason above it.
func (y *sheet) commands(depth int, key string, lines []line, word func(string) string) {
	if len(lines) == 0 {
		return
	}
	y.line(depth, "%s:", key)
	for _, l := range lines {
		if l.why != "" {
			y.line(depth+1, "# %s", comment(l.why))
		}
		for _, w := range l.words {
			y.line(depth+1, "- %s", word(w))
		}
	}
}

func (y *sheet) list(depth int, key string, items []string) {
	if len(items) == 0 {
		return
	}
	y.line(depth, "%s:", key)
	for _, i := range items {
		y.line(depth+1, "- %s", composeWord(i))
	}
}

// compose is a file for Docker Compose.
func (s *Service) compose() string {
	y, c := &sheet{}, &s.Spec
	y.b.WriteString(s.header())
	for _, name := range s.secrets() {
		y.line(0, "# %s is a secret: set it in the environment of docker compose, or in a file .env beside this one.", name)
	}
	y.line(0, "services:")
	y.line(1, "%s:", yaml(s.Name))
	y.line(2, "container_name: %s", composeWord(s.Name))
	y.line(2, "image: %s", composeWord(c.Image))
	y.line(2, "restart: %s", composeWord(s.Restart))
	y.commands(2, "entrypoint", s.lines(c.Entrypoint), composeWord)
	y.commands(2, "command", s.lines(c.Command), composeWord)
	s.composeNetwork(y)
	if len(c.Env) > 0 {
		y.line(2, "environment:")
		for _, v := range c.Env {
			name, value := variable(v)
			y.line(3, "%s: %s", yaml(name), composeWord(value))
		}
	}
	s.composeMemory(y)
	y.list(2, "cap_add", c.CapAdd)
	y.list(2, "cap_drop", []string{"ALL"})
	y.list(2, "security_opt", []string{"no-new-privileges:true"})
	s.composeHealth(y)
	s.composeGPUs(y)
	if n := c.Network; n != "" && n != "host" {
		y.line(0, "networks:")
		y.line(1, "%s:", yaml(n))
		y.line(2, "external: true")
	}
	return y.b.String()
}

func (s *Service) composeNetwork(y *sheet) {
	if s.Spec.Network == "host" {
		y.line(2, `network_mode: "host"`)
		return
	}
	if s.Spec.Network != "" {
		y.list(2, "networks", []string{s.Spec.Network})
	}
	y.list(2, "ports", []string{net.JoinHostPort(s.Address, strconv.Itoa(s.Port)) + ":" + strconv.Itoa(s.Spec.Port)})
}

func (s *Service) composeMemory(y *sheet) {
	c := &s.Spec
	if len(c.Mounts) > 0 {
		y.line(2, "volumes:")
	}
	for _, m := range c.Mounts {
		y.line(3, `- type: "bind"`)
		y.line(3, "  source: %s", composeWord(m.Source))
		y.line(3, "  target: %s", composeWord(m.Target))
		y.line(3, "  read_only: %t", !m.Writable)
	}
	var tmpfs []string
	for _, t := range c.Tmpfs {
		tmpfs = append(tmpfs, t.Target+":"+strings.Join(tmpfsOptions(t), ","))
	}
	y.list(2, "tmpfs", tmpfs)
	if c.ShmSize > 0 {
		y.line(2, "shm_size: %s", yaml(strconv.FormatInt(c.ShmSize, 10)))
	}
	if c.IPC != "" {
		y.line(2, "ipc: %s", composeWord(c.IPC))
	}
	if len(c.Ulimits) > 0 {
		y.line(2, "ulimits:")
	}
	for _, u := range c.Ulimits {
		y.line(3, "%s:", yaml(u.Name))
		y.line(4, "soft: %d", u.Soft)
		y.line(4, "hard: %d", u.Hard)
	}
}

func (s *Service) composeHealth(y *sheet) {
	h := s.Spec.Health
	if h == nil {
		return
	}
	y.line(2, "healthcheck:")
	y.list(3, "test", append([]string{"CMD"}, h.Command...))
	y.line(3, "interval: %s", yaml(h.Interval.String()))
	y.line(3, "timeout: %s", yaml(h.Timeout.String()))
	y.line(3, "start_period: %s", yaml(h.Start.String()))
	y.line(3, "retries: %d", h.Retries)
}

func (s *Service) composeGPUs(y *sheet) {
	g := s.Spec.GPUs
	if g.Count == 0 && len(g.IDs) == 0 {
		return
	}
	y.line(2, "deploy:")
	y.line(3, "resources:")
	y.line(4, "reservations:")
	y.line(5, "devices:")
	y.line(6, `- driver: "nvidia"`)
	if len(g.IDs) > 0 {
		y.list(7, "device_ids", g.IDs)
	} else {
		y.line(7, "count: %s", map[bool]string{true: "all", false: strconv.Itoa(g.Count)}[g.Count < 0])
	}
	y.line(7, `capabilities: ["gpu"]`)
}
