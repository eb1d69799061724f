package main

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"strings"

	"github.com/qtune/qtune/docker"
)

// programOf names a process of this machine as its own command line does.
func programOf(pid int) string {
	words, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(strings.ReplaceAll(string(words[:min(len(words), 120)]), "\x00", " "))
}

// inContainer is a container's ID in the path of a control group, as Docker and
// Podman write it with either of their drivers.
var inContainer = regexp.MustCompile(`(?:docker[-/]|libpod-)([0-9a-f]{64})`)

// containerID is the container that a control group's path belongs to; "" for none.
func containerID(cgroup string) string {
	if m := inContainer.FindStringSubmatch(cgroup); m != nil {
		return m[1]
	}
	return ""
}

// nameProcess names a process with its program, and the container that it is in.
func nameProcess(ctx context.Context, d *docker.Client, pid int) string {
	name := fmt.Sprintf("process %d", pid)
	if program := programOf(pid); program != "" {
		name += " (" + program + ")"
	}
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
	id := containerID(string(text))
	if err != nil || id == "" {
		return name
	}
	if d != nil {
		if c, ok, err := d.Lookup(ctx, id); err == nil && ok {
			return name + " of container " + c.Name
		}
	}
	return name + " of container " + id[:12]
}
