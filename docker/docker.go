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
	"os"
	"sync/atomic"
	"time"

	"github.com/moby/moby/client"
	"github.com/moby/moby/client/pkg/versions"
	"github.com/rs/zerolog"
)

// MinAPIVersion is the oldest Docker Engine API that is spoken: that of Docker
// Engine 20.10, which Debian 12 still ships.
const MinAPIVersion = "1.41"

// DaemonWait is how long a run goes on without a daemon that it had: a restart
// takes seconds, an upgrade with a package manager a minute or two (judgement).
const DaemonWait = 2 * time.Minute

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
	// reached: systemd restarts one that died within about five seconds. patience
	// is the same while the caller's own context lives on: nobody is waiting for
	// the end, and an upgrade of the daemon takes a minute.
	restart, patience time.Duration
}

func defaultLimits() limits {
	return limits{createGrace: 5 * time.Second, lateCreate: 3 * time.Second, kill: 10 * time.Second, restart: 10 * time.Second, patience: DaemonWait}
}

// Client is a connection to one Docker daemon. It is safe for concurrent use.
type Client struct {
	api    *client.Client
	engine string // which answers, as in Info
	log    zerolog.Logger
	limits limits
	host   atomic.Pointer[Info] // nil: not asked for yet
}

// Connect reaches the daemon that the environment names (DOCKER_HOST,
// DOCKER_TLS_VERIFY, DOCKER_CERT_PATH, DOCKER_API_VERSION), else that of the docker
// command's context, else the local socket; asks whether it is there and agrees on
// an API version. A daemon on another machine is refused. The error is an *Error
// with a hint.
func Connect(ctx context.Context, log zerolog.Logger) (*Client, error) {
	const op = "connecting to the Docker daemon"
	at, err := findEndpoint(os.Getenv)
	if err != nil {
		return nil, &Error{Op: op, Reason: BadHost, Err: err}
	}
	api, err := client.New(at.options()...)
	if err != nil {
		return nil, &Error{Op: op, Reason: BadHost, Err: err}
	}
	if err := checkHost(api.DaemonHost()); err != nil {
		return nil, &Error{Op: op, Reason: BadHost, Err: err}
	}
	if err := checkNear(ctx, api.DaemonHost()); err != nil {
		return nil, &Error{Op: op, Reason: FarHost, Err: err}
	}
	if err := negotiate(ctx, api); err != nil {
		_ = api.Close() // only closes idle connections
		return nil, fail(op, err)
	}
	c := &Client{api: api, log: log, limits: defaultLimits()}
	c.engine = engineOf(ctx, api)
	log.Debug().Str("host", api.DaemonHost()).Str("context", at.name).Str("api", api.ClientVersion()).Bool("podman", c.engine == podmanEngine).Msg("connected to docker")
	return c, nil
}

// Await waits until the daemon answers, at most for the limit. The error is an
// *Error with the reason NoDaemon, or the context's.
func (c *Client) Await(ctx context.Context, limit time.Duration) error {
	for until := time.Now().Add(limit); ; {
		err := c.answers(ctx)
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case time.Now().After(until):
			return &Error{Op: fmt.Sprintf("waiting for the Docker daemon, for %v", limit), Reason: NoDaemon, Err: tidy(err)}
		}
		pause(ctx, 200*time.Millisecond)
	}
}

// answers asks on a connection that it has, and whether the daemon takes new ones:
// one that is being shut down goes on serving the old.
func (c *Client) answers(ctx context.Context) error {
	if err := c.listens(ctx); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, inspectLimit)
	defer cancel()
	_, err := c.api.Ping(ctx, client.PingOptions{})
	return err
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
