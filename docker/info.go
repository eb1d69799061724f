package docker

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/moby/moby/client"
)

// Info is what a daemon says of itself.
type Info struct {
	Engine   string   // "Docker", or another that speaks its language: "Podman"
	Rootless bool     // it runs as an ordinary user
	Version  string   // of the Docker Engine
	API      string   // the version that is spoken with it
	Root     string   // the daemon's own folder, on its host: images and containers lie there
	Runtimes []string // "runc", "nvidia", …, sorted
	CDI      []string // folders in which the daemon looks for devices of the Container Device Interface; nil before 25
	CPUs     int
	Memory   int64  // bytes of its host
	OS       string // of its host, for people
	// It cannot limit what a container takes: the kernel lacks it, or it runs without
	// root where there is no cgroup v2.
	NoMemoryLimit, NoPIDsLimit bool
}

// Info asks the daemon for its version, its runtimes and where it keeps things.
func (c *Client) Info(ctx context.Context) (Info, error) {
	ctx, cancel := context.WithTimeout(ctx, pingLimit)
	defer cancel()
	got, err := c.api.Info(ctx, client.InfoOptions{})
	if err != nil {
		return Info{}, fail("asking the daemon about itself", err)
	}
	i := got.Info
	return Info{
		Engine: c.engine, Rootless: slices.Contains(i.SecurityOptions, "name=rootless"),
		Version: i.ServerVersion, API: c.api.ClientVersion(), Root: i.DockerRootDir, Runtimes: slices.Sorted(maps.Keys(i.Runtimes)),
		CDI: i.CDISpecDirs, CPUs: i.NCPU, Memory: i.MemTotal, OS: i.OperatingSystem,
		NoMemoryLimit: !i.MemoryLimit, NoPIDsLimit: !i.PidsLimit,
	}, nil
}

// about is Info for what does not change while a daemon's host stands: asked once.
func (c *Client) about(ctx context.Context) (*Info, error) {
	if known := c.host.Load(); known != nil {
		return known, nil
	}
	i, err := c.Info(ctx)
	if err != nil {
		return nil, err
	}
	c.host.Store(&i)
	return &i, nil
}

// podmanEngine speaks the same language as Docker, not quite.
const podmanEngine = "Podman"

// engineOf names what answers, by the first component of its version.
func engineOf(ctx context.Context, api *client.Client) string {
	ctx, cancel := context.WithTimeout(ctx, pingLimit)
	defer cancel()
	v, err := api.ServerVersion(ctx, client.ServerVersionOptions{})
	if err == nil && len(v.Components) > 0 && strings.HasPrefix(v.Components[0].Name, podmanEngine) {
		return podmanEngine
	}
	return "Docker"
}
