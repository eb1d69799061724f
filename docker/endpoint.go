package docker

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/moby/moby/client"
)

// endpoint is where a daemon is and how it is spoken to.
type endpoint struct {
	name          string // of the docker command's context; "" for the environment's, or the default
	host          string // "" means the library's default, the local socket
	ca, cert, key string // files of TLS; "" for none
}

// findEndpoint finds the daemon as the docker command does: DOCKER_HOST, else the
// context that DOCKER_CONTEXT names, else the current one of its configuration,
// else the local socket. A context lies in two places under the configuration's
// folder: contexts/meta/HASH/meta.json and contexts/tls/HASH/docker/, where HASH is
// the SHA-256 of its name.
func findEndpoint(getenv func(string) string) (endpoint, error) {
	if getenv("DOCKER_HOST") != "" {
		return endpoint{}, nil // the library reads it, and the variables of TLS with it
	}
	folder := getenv("DOCKER_CONFIG")
	if folder == "" {
		folder = filepath.Join(getenv("HOME"), ".docker")
	}
	name := getenv("DOCKER_CONTEXT")
	if name == "" {
		current, err := currentContext(folder)
		if err != nil {
			return endpoint{}, err
		}
		name = current
	}
	if name == "" || name == "default" {
		return endpoint{}, nil
	}
	return readContext(folder, name)
}

// currentContext is the one that `docker context use` has chosen; "" for none.
func currentContext(folder string) (string, error) {
	path := filepath.Join(folder, "config.json")
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	var config struct{ CurrentContext string }
	if err == nil {
		err = json.Unmarshal(text, &config)
	}
	if err != nil {
		return "", fmt.Errorf("reading the docker command's configuration %s: %w", path, err)
	}
	return config.CurrentContext, nil
}

func readContext(folder, name string) (endpoint, error) {
	sum := sha256.Sum256([]byte(name))
	hash := hex.EncodeToString(sum[:])
	text, err := os.ReadFile(filepath.Join(folder, "contexts", "meta", hash, "meta.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return endpoint{}, fmt.Errorf("there is no docker context %q: `docker context ls` lists them", name)
	}
	var meta struct {
		Endpoints map[string]struct {
			Host          string
			SkipTLSVerify bool
		}
	}
	if err == nil {
		err = json.Unmarshal(text, &meta)
	}
	if err != nil {
		return endpoint{}, fmt.Errorf("reading the docker context %q: %w", name, err)
	}
	at := meta.Endpoints["docker"]
	if at.SkipTLSVerify {
		return endpoint{}, fmt.Errorf("the docker context %q skips the check of the daemon's certificate, which is not supported", name)
	}
	e := endpoint{name: name, host: at.Host}
	for _, f := range []struct {
		file string
		to   *string
	}{{"ca.pem", &e.ca}, {"cert.pem", &e.cert}, {"key.pem", &e.key}} {
		path := filepath.Join(folder, "contexts", "tls", hash, "docker", f.file)
		if _, err := os.Stat(path); err == nil {
			*f.to = path
		}
	}
	return e, nil
}

// options are those by which the library reaches the endpoint.
func (e endpoint) options() []client.Opt {
	if e.name == "" {
		return []client.Opt{client.FromEnv}
	}
	all := []client.Opt{client.WithAPIVersionFromEnv()}
	if e.ca != "" || e.cert != "" {
		all = append(all, client.WithTLSClientConfig(e.ca, e.cert, e.key))
	}
	return append(all, client.WithHost(e.host))
}

// checkHost refuses the schemes that the docker command understands and the
// client library does not, for which it would dial a host of that name.
func checkHost(host string) error {
	scheme, _, _ := strings.Cut(host, "://")
	switch scheme {
	case "unix", "tcp", "http", "https", "npipe":
		return nil
	}
	return fmt.Errorf("the Docker daemon's address %s: the scheme %q is not supported", host, scheme)
}

// checkNear refuses a daemon on another machine: ports are published on its own
// loopback address, and folders are mounted from its own disk. A name that cannot
// be resolved is left to whoever dials it.
func checkNear(ctx context.Context, host string) error {
	u, err := url.Parse(host)
	if err != nil || u.Scheme == "unix" || u.Scheme == "npipe" {
		return nil
	}
	addresses, err := net.DefaultResolver.LookupIPAddr(ctx, u.Hostname())
	if err != nil {
		return nil
	}
	own, err := net.InterfaceAddrs()
	if err != nil {
		return nil
	}
	for _, a := range addresses {
		mine := func(n net.Addr) bool { ip, ok := n.(*net.IPNet); return ok && ip.IP.Equal(a.IP) }
		if a.IP.IsLoopback() || slices.ContainsFunc(own, mine) {
			return nil
		}
	}
	return fmt.Errorf("%s is another machine: its containers' ports and folders cannot be reached from here", host)
}
