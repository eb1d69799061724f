package docker

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/client"
)

// Reason names what went wrong, for callers that act on it.
type Reason string

// The reasons. The empty one is a failure that is not known here.
const (
	NoDaemon     Reason = "no_daemon"      // nothing answers at the daemon's address
	NoPermission Reason = "no_permission"  // the socket is there and may not be used
	BadHost      Reason = "bad_host"       // DOCKER_HOST, a context or the files of TLS cannot be used
	BadTLS       Reason = "bad_tls"        // the daemon and this side do not accept each other's certificates
	FarHost      Reason = "far_host"       // the daemon is on another machine
	OldDaemon    Reason = "old_daemon"     // the daemon is older than MinAPIVersion
	NoImage      Reason = "no_image"       // the image is not here, or not in its registry
	PullDenied   Reason = "pull_denied"    // the registry wants other credentials, or refuses
	NoNetwork    Reason = "no_network"     // the registry was not reached
	NoGPURuntime Reason = "no_gpu_runtime" // the daemon cannot give GPUs to containers
	PortTaken    Reason = "port_taken"     // the port is in use
	NameTaken    Reason = "name_taken"     // another container has the name
	BadNetwork   Reason = "bad_network"    // there is no such Docker network
	BadUlimit    Reason = "bad_ulimit"     // the daemon may not set that limit
	NoMount      Reason = "no_mount"       // a folder to mount is missing
	BadCommand   Reason = "bad_command"    // the program cannot be executed in the image
	NoSpace      Reason = "no_space"       // the daemon's disk is full
	Invalid      Reason = "invalid"        // the daemon refuses the request as such
	NotRemoved   Reason = "not_removed"    // a container could not be verified as gone
	Cancelled    Reason = "cancelled"      // the caller's context ended
)

// Error is a failed operation. Op says what was done, to what.
type Error struct {
	Op     string
	Reason Reason
	Err    error
}

// Error is "what was being done: why it failed".
func (e *Error) Error() string { return e.Op + ": " + plain(e.Err) }

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// Hint is what the user can do, or "".
func (e *Error) Hint() string {
	switch e.Reason {
	case NoDaemon:
		return `start Docker (for example "sudo systemctl start docker") or set DOCKER_HOST; --simulate and runtime = "process" work without it`
	case NoPermission:
		return `add yourself to the group "docker" and log in again, or run as root; --simulate and runtime = "process" work without Docker`
	case BadHost:
		return `set DOCKER_HOST to unix:///path or tcp://127.0.0.1:port, and DOCKER_CERT_PATH for TLS, or choose another context with "docker context use"; for a daemon on another machine, run qtune there`
	case BadTLS:
		return `DOCKER_TLS_VERIFY=1 turns TLS on; the folder of DOCKER_CERT_PATH needs ca.pem, which signed the daemon's certificate, and cert.pem with key.pem, which the daemon's --tlscacert signed; "docker version" shows whether they do`
	case FarHost:
		return `run qtune on that machine; it needs no installation, one file is enough`
	case OldDaemon:
		return "upgrade to Docker Engine 20.10 or newer"
	case NoImage:
		return `check the image's name and tag, and try "docker pull" with it; an image that is only on this machine needs pull = "never" or "missing"`
	case PullDenied:
		return `check the image's name; for a private registry run "docker login" and "docker pull" yourself, then use pull = "missing"`
	case NoNetwork:
		return `the registry is not reachable from the daemon: check the network or its proxy, or load the image with "docker load" and use pull = "missing"`
	case NoGPURuntime:
		return "install the NVIDIA Container Toolkit, run \"sudo nvidia-ctk runtime configure --runtime=docker\" and restart Docker"
	case PortTaken:
		return "stop what listens on the port, or choose another one"
	case NameTaken:
		return "remove the other container or choose another name"
	case BadNetwork:
		return `see "docker network ls"; network may be "", "host" or one of these names`
	case BadUlimit:
		return "leave the limit out, or raise the Docker daemon's own (for example LimitMEMLOCK in its unit); memory and pids of a daemon without root need cgroup v2"
	case NoMount:
		return "mounted folders must exist on the machine where the Docker daemon runs"
	case BadCommand:
		return "check entrypoint and command against what the image contains"
	case NoSpace:
		return `free space where Docker keeps its data, for example with "docker system prune"`
	case NotRemoved:
		return `see "docker ps -a"; remove it with "docker rm -f" once the daemon answers`
	case Invalid, Cancelled:
	}
	return ""
}

// fail wraps err as an *Error with the reason that the daemon's answer gives.
func fail(op string, err error) error {
	var known *Error
	if errors.As(err, &known) {
		return &Error{Op: op, Reason: known.Reason, Err: err}
	}
	return &Error{Op: op, Reason: reasonOf(err), Err: tidy(err)}
}

// reasonOf sorts an error of the client library. The daemon says most reasons
// in words only: its status is 500 for a missing GPU runtime and for a port that
// is taken alike, so the words are what there is to go by.
func reasonOf(err error) Reason {
	text := strings.ToLower(err.Error())
	switch {
	case errors.Is(err, context.Canceled):
		return Cancelled
	case strings.Contains(text, "permission denied while trying to connect"):
		return NoPermission
	case isTLS(err, text):
		return BadTLS
	case client.IsErrConnectionFailed(err), errors.Is(err, context.DeadlineExceeded):
		return NoDaemon
	}
	for _, w := range wordings() {
		if strings.Contains(text, w.text) {
			return w.reason
		}
	}
	switch {
	case errdefs.IsNotFound(err) && strings.HasPrefix(plain(err), "network "):
		return BadNetwork
	case errdefs.IsNotFound(err):
		return NoImage
	case errdefs.IsInvalidArgument(err):
		return Invalid
	}
	return ""
}

// isTLS tells whether a connection failed over certificates, or since only one side
// spoke TLS. What a daemon says of its registries is none of that.
func isTLS(err error, text string) bool {
	if strings.Contains(text, "client sent an http request to an https server") {
		return true
	}
	words := func(w string) bool { return strings.Contains(text, w) }
	return client.IsErrConnectionFailed(err) && slices.ContainsFunc([]string{"x509: ", "tls: ", "tls-enabled daemon", "http response to https client"}, words)
}

type wording struct {
	text   string // lower case
	reason Reason
}

// wordings are in the order in which they are tried.
func wordings() []wording {
	return []wording{
		{"cannot connect to the docker daemon", NoDaemon}, // of a connection that is taken over, in words alone
		{"no space left on device", NoSpace},
		{"could not select device driver", NoGPURuntime},
		{"nvidia-container-cli", NoGPURuntime},
		{"unresolvable cdi devices", NoGPURuntime},
		{"unknown or invalid runtime name", NoGPURuntime},
		{"port is already allocated", PortTaken},
		{"address already in use", PortTaken},
		{"is already in use by container", NameTaken},
		{"that name is already in use", NameTaken},       // Podman
		{"unable to find network with name", BadNetwork}, // Podman
		{"unknown capability", Invalid},                  // Podman
		{"bind source path does not exist", NoMount},
		{"executable file not found", BadCommand},
		{"exec format error", BadCommand},
		{`exec: "`, BadCommand},
		{"error setting rlimit", BadUlimit},
		{"no such image", NoImage},
		{"manifest unknown", NoImage},
		{"no matching manifest", NoImage},
		{"pull access denied", PullDenied},
		{"unauthorized", PullDenied},
		{"denied:", PullDenied},
		{"toomanyrequests", PullDenied},
		{"dial tcp", NoNetwork},
		{"no such host", NoNetwork},
		{"i/o timeout", NoNetwork},
		{"request canceled while waiting for connection", NoNetwork},
		{"tls handshake timeout", NoNetwork},
		{"network is unreachable", NoNetwork},
	}
}

// tidy takes the request's address out of an error that the HTTP client made.
func tidy(err error) error {
	var u *url.Error
	switch {
	case !errors.As(err, &u):
		return err
	case u.Timeout():
		return fmt.Errorf("the Docker daemon did not answer in time: %w", u.Err)
	}
	return u.Err
}

// plain takes the client library's own words off a daemon's message.
func plain(err error) string {
	return strings.ReplaceAll(err.Error(), "Error response from daemon: ", "")
}
