// Package docker starts one container through the Docker Engine API and surely
// removes it again.
//
// It owns the connection to the daemon, images (inspect, pull, import), a
// container's life from create to verified removal, its log and its exit. It
// knows nothing of inference servers, of what labels mean to its caller, or of
// when a server is ready: a caller that needs readiness probes Addr and watches
// Done.
//
// The rules, which every function here keeps:
//   - what a failed call made is removed before the call returns;
//   - removing ignores the cancellation of its context and has its own deadline;
//   - gone already is success;
//   - a container's end is seen, not guessed from a time-out.
package docker

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/moby/moby/client"
	"github.com/moby/moby/client/pkg/versions"
	"github.com/rs/zerolog"
)

// MinAPIVersion is the oldest Docker Engine API that is spoken: that of Docker
// Engine 20.10, which Debian 12 still ships.
const MinAPIVersion = "1.41"

// pingLimit is how long a daemon may take to answer the first request. A daemon
// that is being started by systemd's socket activation needs a few seconds.
const pingLimit = 15 * time.Second

// limits are the waits that a test shortens.
type limits struct {
	// createGrace is how long a create call may still take after the caller's
	// context has ended: its answer tells what to remove.
	createGrace time.Duration
	// lateCreate is how long after a create call without an answer the daemon
	// is asked for what it may still have made.
	lateCreate time.Duration
	// kill is how long a daemon may take to end a container, beyond the grace
	// period, before it is told to remove it as it is.
	kill time.Duration
	// restart is how long a removal goes on asking a daemon that cannot be
	// reached: systemd restarts one that died within about five seconds.
	restart time.Duration
}

func defaultLimits() limits {
	return limits{createGrace: 5 * time.Second, lateCreate: 3 * time.Second, kill: 10 * time.Second, restart: 10 * time.Second}
}

// Client is a connection to one Docker daemon. It is safe for concurrent use.
type Client struct {
	api    *client.Client
	log    zerolog.Logger
	limits limits
}

// Connect reaches the daemon that the environment names (DOCKER_HOST,
// DOCKER_TLS_VERIFY, DOCKER_CERT_PATH, DOCKER_API_VERSION; by default the local
// socket), asks whether it is there and agrees on an API version. The error is
// an *Error with a hint.
func Connect(ctx context.Context, log zerolog.Logger) (*Client, error) {
	const op = "connecting to the Docker daemon"
	api, err := client.New(client.FromEnv)
	if err != nil {
		return nil, &Error{Op: op, Reason: BadHost, Err: err}
	}
	if err := checkHost(api.DaemonHost()); err != nil {
		return nil, &Error{Op: op, Reason: BadHost, Err: err}
	}
	if err := negotiate(ctx, api); err != nil {
		_ = api.Close() // only closes idle connections
		return nil, fail(op, err)
	}
	log.Debug().Str("host", api.DaemonHost()).Str("api", api.ClientVersion()).Msg("connected to docker")
	return &Client{api: api, log: log, limits: defaultLimits()}, nil
}

// checkHost refuses the schemes that the docker command understands and the
// client library does not, for which it would dial a host of that name.
func checkHost(host string) error {
	scheme, _, _ := strings.Cut(host, "://")
	switch scheme {
	case "unix", "tcp", "http", "https", "npipe":
		return nil
	}
	return fmt.Errorf("DOCKER_HOST=%s: the scheme %q is not supported", host, scheme)
}

func negotiate(ctx context.Context, api *client.Client) error {
	ctx, cancel := context.WithTimeoutCause(ctx, pingLimit, fmt.Errorf("no answer from %s within %v", api.DaemonHost(), pingLimit))
	defer cancel()
	if _, err := api.Ping(ctx, client.PingOptions{NegotiateAPIVersion: true}); err != nil {
		return cause(ctx, err)
	}
	if v := api.ClientVersion(); versions.LessThan(v, MinAPIVersion) {
		return &Error{Op: "agreeing on an API version", Reason: OldDaemon,
			Err: fmt.Errorf("the daemon speaks version %s, at least %s is needed", v, MinAPIVersion)}
	}
	return nil
}

// cause is err, with the context's own reason in front where the context ended.
func cause(ctx context.Context, err error) error {
	if why := context.Cause(ctx); err != nil && why != nil && why != ctx.Err() { //nolint:errorlint // identity is meant: no cause was set
		return fmt.Errorf("%w: %w", why, err)
	}
	return err
}

// Close drops the idle connections. Containers are not touched.
func (c *Client) Close() error { return c.api.Close() }
