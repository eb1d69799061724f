package docker

import (
	"fmt"
	"io"
	"maps"
	"net/netip"
	"strconv"
	"strings"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"
)

// CallLabel is the label whose value is unique to one call of Run. It is how a
// container is found whose create call failed after the daemon had made it.
const CallLabel = "dev.qtune.call"

// Spec says what container Run starts. Only Image is needed.
type Spec struct {
	Name       string   // "" lets the daemon choose
	Image      string   // a reference or an ID; it must be there (see Pull)
	Entrypoint []string // replaces the image's; nil keeps it
	Command    []string // replaces the image's; nil keeps it
	Env        []string // "KEY=value", added to the image's
	Labels     map[string]string
	WorkDir    string // "" means the image's
	User       string // "" means the image's

	Mounts  []Mount
	Volumes []VolumeMount
	Tmpfs   []Tmpfs
	ShmSize int64 // bytes of /dev/shm; 0 means the daemon's default of 64 MiB
	Memory  int64 // bytes that it may take, without more of swap; 0 means no limit
	PIDs    int   // processes and threads that it may have; 0 means no limit
	Ulimits []Ulimit
	IPC     string // "" or a mode of the daemon, such as "host"
	Network string // "" (the default bridge), "host", "none" or the name of a network
	CapAdd  []string

	// Port is the container's TCP port that is published on a free port of
	// 127.0.0.1, 1 to 65535; 0 publishes nothing. With Network "host" nothing
	// is published and Port is the port that the program itself listens on.
	Port int

	// HostIP and HostPort are where Port is published instead, for a container
	// that others are to find: "" is 127.0.0.1, "0.0.0.0" every address of the
	// host; 0 is a free port.
	HostIP   string
	HostPort int
	// Staged: Network is one of MakeNetwork. Nothing is published until the
	// container is connected to another one; Addr is its own address.
	Staged bool

	Health *Health // nil: the image's own check, if it has one

	GPUs GPUs

	// Log gets standard output and standard error as one stream, from the
	// first byte. It is written by one goroutine at a time and not after
	// Container.Done is closed, but for a Write that hung. nil: no log.
	Log io.Writer
}

// Mount is a folder or file of the daemon's host in the container.
type Mount struct {
	Source   string // absolute; must exist
	Target   string // absolute
	Writable bool   // false mounts it read-only
}

// VolumeMount is a named volume in the container, which may write to it. The
// daemon makes it with the labels if there is none of that name; RemoveVolume
// removes it.
type VolumeMount struct {
	Name   string
	Target string // absolute
	Labels map[string]string
}

// Tmpfs is a folder in memory in the container.
type Tmpfs struct {
	Target string // absolute
	Size   int64  // bytes; 0 means no limit
	Exec   bool   // programs in it may be executed
}

// Ulimit is a resource limit in the container.
type Ulimit struct {
	Name       string // as in ulimits(1): "memlock", "nofile", "stack"
	Soft, Hard int64  // -1 means unlimited
}

// GPUs are the NVIDIA cards that the container sees.
type GPUs struct {
	Count int      // -1 is all, 0 none; not together with IDs
	IDs   []string // indices or UUIDs
}

func (s Spec) validate() error {
	switch {
	case s.Image == "":
		return fmt.Errorf("no image given")
	case s.Port < 0 || s.Port > 65535:
		return fmt.Errorf("port %d is not between 1 and 65535", s.Port)
	case s.HostPort < 0 || s.HostPort > 65535:
		return fmt.Errorf("host port %d is not between 1 and 65535", s.HostPort)
	case s.HostIP != "" && !s.hostIP().IsValid():
		return fmt.Errorf("%q is no address to publish a port on", s.HostIP)
	case s.GPUs.Count != 0 && len(s.GPUs.IDs) > 0:
		return fmt.Errorf("both a number of GPUs (%d) and their names (%s) are given", s.GPUs.Count, strings.Join(s.GPUs.IDs, ", "))
	}
	return nil
}

// publishes tells whether the daemon maps Port to a port of the host: the
// network modes that share somebody's network stack, or have none, cannot.
func (s Spec) publishes() bool {
	return s.Port != 0 && s.Network != "host" && s.Network != "none" && !strings.HasPrefix(s.Network, "container:")
}

func (s Spec) port() network.Port {
	p, _ := network.PortFrom(uint16(s.Port), network.TCP) // validated; fails on an empty protocol only
	return p
}

// hostIP is the address that Port is published on; not valid where HostIP is none.
func (s Spec) hostIP() netip.Addr {
	if s.HostIP == "" {
		return netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	ip, _ := netip.ParseAddr(s.HostIP)
	return ip
}

func (s Spec) options(call string) client.ContainerCreateOptions {
	labels := maps.Clone(s.Labels)
	if labels == nil {
		labels = map[string]string{}
	}
	labels[CallLabel] = call
	config := &container.Config{
		Image: s.Image, Entrypoint: s.Entrypoint, Cmd: s.Command, Env: s.Env,
		Labels: labels, WorkingDir: s.WorkDir, User: s.User,
		AttachStdout: true, AttachStderr: true, Healthcheck: s.Health.config(),
	}
	host := s.hostConfig()
	if s.publishes() {
		config.ExposedPorts = network.PortSet{s.port(): {}}
		host.PortBindings = network.PortMap{s.port(): {{HostIP: s.hostIP(), HostPort: strconv.Itoa(s.HostPort)}}}
	}
	return client.ContainerCreateOptions{Name: s.Name, Config: config, HostConfig: host}
}

// hostConfig never sets AutoRemove, which would take the exit code and the log
// away before anybody has read them, nor Privileged.
func (s Spec) hostConfig() *container.HostConfig {
	noInit := false
	limits := container.Resources{Memory: s.Memory, MemorySwap: s.Memory, Ulimits: s.ulimits(), DeviceRequests: s.GPUs.requests()}
	if n := int64(s.PIDs); n > 0 {
		limits.PidsLimit = &n
	}
	return &container.HostConfig{
		Mounts:      s.mounts(),
		Tmpfs:       s.tmpfs(),
		ShmSize:     s.ShmSize,
		IpcMode:     container.IpcMode(s.IPC),
		NetworkMode: container.NetworkMode(s.Network),
		CapAdd:      s.CapAdd,
		CapDrop:     []string{"ALL"},
		SecurityOpt: []string{"no-new-privileges"},
		Init:        &noInit,
		Resources:   limits,
	}
}

func (s Spec) mounts() []mount.Mount {
	var all []mount.Mount
	for _, m := range s.Mounts {
		all = append(all, mount.Mount{Type: mount.TypeBind, Source: m.Source, Target: m.Target, ReadOnly: !m.Writable})
	}
	for _, v := range s.Volumes {
		all = append(all, mount.Mount{
			Type: mount.TypeVolume, Source: v.Name, Target: v.Target,
			VolumeOptions: &mount.VolumeOptions{NoCopy: true, Labels: v.Labels},
		})
	}
	return all
}

func (s Spec) tmpfs() map[string]string {
	all := map[string]string{}
	for _, t := range s.Tmpfs {
		options := []string{"rw", "nosuid", "nodev", "mode=1777"}
		if t.Exec {
			options = append(options, "exec")
		} else {
			options = append(options, "noexec")
		}
		if t.Size > 0 {
			options = append(options, fmt.Sprintf("size=%d", t.Size))
		}
		all[t.Target] = strings.Join(options, ",")
	}
	return all
}

func (s Spec) ulimits() []*container.Ulimit {
	var all []*container.Ulimit
	for _, u := range s.Ulimits {
		all = append(all, &container.Ulimit{Name: u.Name, Soft: u.Soft, Hard: u.Hard})
	}
	return all
}

func (g GPUs) requests() []container.DeviceRequest {
	if g.Count == 0 && len(g.IDs) == 0 {
		return nil
	}
	return []container.DeviceRequest{{
		Driver: "nvidia", Count: g.Count, DeviceIDs: g.IDs, Capabilities: [][]string{{"gpu"}},
	}}
}
