package docker

import (
	"cmp"
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

// The files of TLS, in a folder of them.
const caFile, certFile, keyFile = "ca.pem", "cert.pem", "key.pem"

// certificates takes those that are in a folder.
func (e *endpoint) certificates(folder string) {
	for name, to := range map[string]*string{caFile: &e.ca, certFile: &e.cert, keyFile: &e.key} {
		if path := filepath.Join(folder, name); fileExists(path) {
			*to = path
		}
	}
}

func fileExists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// findEndpoint finds the daemon as the docker command does: DOCKER_HOST, else the
// context that DOCKER_CONTEXT names, else the current one of its configuration,
// else the local socket. A context lies in two places under the configuration's
// folder: contexts/meta/HASH/meta.json and contexts/tls/HASH/docker/, where HASH is
// the SHA-256 of its name.
func findEndpoint(getenv func(string) string) (endpoint, error) {
	folder := cmp.Or(getenv("DOCKER_CONFIG"), filepath.Join(getenv("HOME"), ".docker"))
	if host := getenv("DOCKER_HOST"); host != "" {
		return hostByEnvironment(host, folder, getenv)
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

// hostByEnvironment reads the variables of TLS as the docker command does, and not as
// the library, which skips the check of the daemon's certificate where only
// DOCKER_CERT_PATH is set. A local socket needs none of them.
func hostByEnvironment(host, folder string, getenv func(string) string) (endpoint, error) {
	e := endpoint{host: host}
	verify, skip := getenv("DOCKER_TLS_VERIFY") != "", getenv("DOCKER_TLS") != ""
	switch {
	case strings.HasPrefix(host, "unix:"), strings.HasPrefix(host, "npipe:"), !verify && !skip:
		return e, nil
	case !verify:
		return endpoint{}, errors.New("DOCKER_TLS without DOCKER_TLS_VERIFY skips the check of the daemon's certificate, which is not supported")
	}
	folder = cmp.Or(getenv("DOCKER_CERT_PATH"), folder)
	if e.certificates(folder); e.ca == "" {
		return endpoint{}, fmt.Errorf("DOCKER_TLS_VERIFY is set, and there is no %s in %s to check the daemon's certificate with", caFile, folder)
	}
	return e, nil
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

// contextFolders are where a context keeps what it is, in meta.json, and the files of
// TLS for its endpoint "docker".
func contextFolders(folder, name string) (meta, tls string) {
	sum := sha256.Sum256([]byte(name))
	hash := hex.EncodeToString(sum[:])
	return filepath.Join(folder, "contexts", "meta", hash), filepath.Join(folder, "contexts", "tls", hash, "docker")
}

func readContext(folder, name string) (endpoint, error) {
	about, tls := contextFolders(folder, name)
	text, err := os.ReadFile(filepath.Join(about, "meta.json"))
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
	e.certificates(tls)
	return e, nil
}

// options are those by which the library reaches the endpoint.
func (e endpoint) options() []client.Opt {
	all := []client.Opt{client.WithAPIVersionFromEnv()}
	if e.ca != "" || e.cert != "" {
		all = append(all, client.WithTLSClientConfig(e.ca, e.cert, e.key))
	}
	if e.host == "" {
		return all
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
