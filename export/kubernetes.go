package export

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// kubernetesName makes a name of RFC 1123 of a container's: small letters, digits
// and dashes, a letter first, at most 50, so that an ending has room.
func kubernetesName(s string) string {
	name := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, strings.ToLower(s))
	name = strings.Trim(name[:min(len(name), 50)], "-")
	if name == "" || name[0] <= '9' {
		name = "llm-" + name
	}
	return strings.TrimRight(name, "-")
}

// kubernetes is a Deployment and its Service.
func (s *Service) kubernetes() string {
	y, name := &sheet{}, kubernetesName(s.Name)
	y.b.WriteString(s.header())
	s.kubernetesNotes(y, name)
	y.line(0, "apiVersion: apps/v1")
	y.line(0, "kind: Deployment")
	y.line(0, "metadata:")
	y.line(1, "name: %s", name)
	y.line(1, "labels:")
	y.line(2, "app.kubernetes.io/name: %s", name)
	y.line(0, "spec:")
	y.line(1, "replicas: 1")
	y.line(1, "# A second pod would find no card: the old one ends first.")
	y.line(1, "strategy:")
	y.line(2, "type: Recreate")
	y.line(1, "selector:")
	y.line(2, "matchLabels:")
	y.line(3, "app.kubernetes.io/name: %s", name)
	y.line(1, "template:")
	y.line(2, "metadata:")
	y.line(3, "labels:")
	y.line(4, "app.kubernetes.io/name: %s", name)
	y.line(2, "spec:")
	y.line(3, "# An engine reads its own variables only, not those of the namespace's services.")
	y.line(3, "enableServiceLinks: false")
	if s.Spec.Network == "host" {
		y.line(3, "hostNetwork: true")
	}
	if s.Spec.IPC == "host" {
		y.line(3, "hostIPC: true")
	}
	y.line(3, "containers:")
	s.kubernetesContainer(y, name)
	s.kubernetesVolumes(y)
	s.kubernetesService(y, name)
	return y.b.String()
}

func (s *Service) kubernetesNotes(y *sheet, name string) {
	if secrets := s.secrets(); len(secrets) > 0 {
		words := ""
		for _, n := range secrets {
			words += fmt.Sprintf(" --from-literal=%s=\"$%s\"", n, n)
		}
		y.line(0, "# Its secrets are of your making: kubectl create secret generic %s-secrets%s", name, words)
	}
	if len(s.Spec.Mounts) > 0 {
		y.line(0, "# hostPath volumes are those of the machine that was measured: put a PersistentVolumeClaim in their place elsewhere.")
	}
	for _, u := range s.Spec.Ulimits {
		y.line(0, "# The ulimit %s (%d:%d) cannot be said here: the node's container runtime sets it.", comment(u.Name), u.Soft, u.Hard)
	}
}

func (s *Service) kubernetesContainer(y *sheet, name string) {
	c := &s.Spec
	y.line(4, "- name: engine")
	y.line(5, "image: %s", yaml(c.Image))
	y.commands(5, "command", s.lines(c.Entrypoint), kubernetesWord)
	y.commands(5, "args", s.lines(c.Command), kubernetesWord)
	s.kubernetesEnv(y, name)
	y.line(5, "ports:")
	y.line(6, "- name: http")
	y.line(7, "containerPort: %d", c.Port)
	if n := s.cards(); n > 0 {
		y.line(5, "resources:")
		y.line(6, "limits:")
		y.line(7, "nvidia.com/gpu: %d", n)
	}
	y.line(5, "securityContext:")
	y.line(6, "allowPrivilegeEscalation: false")
	y.line(6, "capabilities:")
	y.line(7, `drop: ["ALL"]`)
	if len(c.CapAdd) > 0 {
		y.line(7, "add:")
		for _, name := range c.CapAdd {
			y.line(8, "- %s", yaml(name))
		}
	}
	s.kubernetesProbes(y)
	s.kubernetesMounts(y)
}

// cards is how many a pod asks for: Kubernetes gives cards by number.
func (s *Service) cards() int {
	if n := len(s.Spec.GPUs.IDs); n > 0 {
		return n
	}
	return max(s.Spec.GPUs.Count, 0)
}

// kubernetesEnv puts the secrets first: only what stands above can be referred to.
func (s *Service) kubernetesEnv(y *sheet, name string) {
	secrets := s.secrets()
	if len(secrets)+len(s.Spec.Env) == 0 {
		return
	}
	y.line(5, "env:")
	for _, n := range secrets {
		y.line(6, "- name: %s", yaml(n))
		y.line(7, "valueFrom:")
		y.line(8, "secretKeyRef:")
		y.line(9, "name: %s-secrets", name)
		y.line(9, "key: %s", yaml(n))
	}
	for _, v := range s.Spec.Env {
		n, value := variable(v)
		if alone(value) == n {
			continue
		}
		y.line(6, "- name: %s", yaml(n))
		y.line(7, "value: %s", kubernetesWord(value))
	}
}

// probeEvery is the time between two probes of a start, in seconds.
const probeEvery = 10

func (s *Service) kubernetesProbes(y *sheet) {
	if s.Health == "" {
		return
	}
	probe := func(name string, period, timeout, failures int) {
		y.line(5, "%s:", name)
		y.line(6, "httpGet:")
		y.line(7, "path: %s", yaml(s.Health))
		y.line(7, "port: http")
		y.line(6, "periodSeconds: %d", period)
		y.line(6, "timeoutSeconds: %d", timeout)
		y.line(6, "failureThreshold: %d", failures)
	}
	y.line(5, "# It may take %s to load.", s.Start)
	probe("startupProbe", probeEvery, probeEvery-1, int(math.Ceil(s.Start.Seconds()/probeEvery)))
	probe("readinessProbe", probeEvery, probeEvery-1, 3)
	probe("livenessProbe", 30, 25, 3)
}

func (s *Service) kubernetesMounts(y *sheet) {
	if !s.hasVolumes() {
		return
	}
	y.line(5, "volumeMounts:")
	for i, m := range s.Spec.Mounts {
		y.line(6, "- name: mount-%d", i+1)
		y.line(7, "mountPath: %s", yaml(m.Target))
		y.line(7, "readOnly: %t", !m.Writable)
	}
	for i, t := range s.Spec.Tmpfs {
		y.line(6, "- name: tmpfs-%d", i+1)
		y.line(7, "mountPath: %s", yaml(t.Target))
	}
	if s.Spec.ShmSize > 0 {
		y.line(6, "- name: shm")
		y.line(7, "mountPath: /dev/shm")
	}
}

func (s *Service) hasVolumes() bool {
	return len(s.Spec.Mounts)+len(s.Spec.Tmpfs) > 0 || s.Spec.ShmSize > 0
}

func (s *Service) kubernetesVolumes(y *sheet) {
	if !s.hasVolumes() {
		return
	}
	y.line(3, "volumes:")
	for i, m := range s.Spec.Mounts {
		y.line(4, "- name: mount-%d", i+1)
		y.line(5, "hostPath:")
		y.line(6, "path: %s", yaml(m.Source))
	}
	memory := func(name string, size int64) {
		y.line(4, "- name: %s", name)
		y.line(5, "emptyDir:")
		y.line(6, "medium: Memory")
		if size > 0 {
			y.line(6, "sizeLimit: %s", yaml(strconv.FormatInt(size, 10)))
		}
	}
	for i, t := range s.Spec.Tmpfs {
		memory(fmt.Sprintf("tmpfs-%d", i+1), t.Size)
	}
	if s.Spec.ShmSize > 0 {
		memory("shm", s.Spec.ShmSize)
	}
}

func (s *Service) kubernetesService(y *sheet, name string) {
	y.line(0, "---")
	y.line(0, "apiVersion: v1")
	y.line(0, "kind: Service")
	y.line(0, "metadata:")
	y.line(1, "name: %s", name)
	y.line(0, "spec:")
	y.line(1, "selector:")
	y.line(2, "app.kubernetes.io/name: %s", name)
	y.line(1, "ports:")
	y.line(2, "- name: http")
	y.line(3, "port: %d", s.Port)
	y.line(3, "targetPort: http")
}
