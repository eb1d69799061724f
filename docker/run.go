package docker

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
)

// callLimit bounds each single request of Run. A start may wait for GPU hooks and
// a cold disk.
const callLimit = 2 * time.Minute

// Run creates a container, attaches its log, opens the wait for its exit and
// starts it, in this order, so that neither the first byte nor an early death
// is missed. On any error nothing is left: also where the create call failed
// after the daemon had made the container, which is then found by its CallLabel.
// The error is an *Error, joined with what could not be removed.
//
// The container does not depend on ctx once Run has returned: call Stop.
func (c *Client) Run(ctx context.Context, s Spec) (*Container, error) {
	op := "starting a container of the image " + s.Image
	if err := s.validate(); err != nil {
		return nil, &Error{Op: op, Reason: Invalid, Err: err}
	}
	if err := c.swallows(s); err != nil {
		return nil, fail(op, err)
	}
	if err := errors.Join(ctx.Err(), c.limitless(ctx, s)); err != nil {
		return nil, fail(op, err)
	}
	call := rand.Text()
	id, err := c.create(ctx, s.options(call))
	if err != nil {
		return nil, errors.Join(fail(op, err), c.sweep(ctx, call, err))
	}
	ctr := newContainer(c, id)
	if err := ctr.start(ctx, s); err != nil {
		return nil, errors.Join(fail(op, err), ctr.abandon(ctx))
	}
	c.log.Debug().Str("container", ctr.short()).Str("image", s.Image).Str("addr", ctr.addr).Msg("container started")
	return ctr, nil
}

// swallows refuses what Podman (seen in 4.3) takes without a word and does not do: a
// request for GPUs, and a folder to mount that is missing, which it makes instead.
func (c *Client) swallows(s Spec) error {
	if c.engine != podmanEngine {
		return nil
	}
	if s.GPUs.Count != 0 || len(s.GPUs.IDs) > 0 {
		return &Error{Op: "asking Podman for GPUs", Reason: NoGPURuntime, Err: errors.New("its Docker API leaves such requests out, and the engine would run without a card")}
	}
	for _, m := range s.Mounts {
		if _, err := os.Stat(m.Source); err != nil {
			return &Error{Op: "mounting " + m.Source, Reason: NoMount, Err: err}
		}
	}
	return nil
}

// limitless refuses a limit that the daemon would leave out with no more than a warning:
// one without root has neither where its host has no cgroup v2.
func (c *Client) limitless(ctx context.Context, s Spec) error {
	if s.Memory == 0 && s.PIDs == 0 || ctx.Err() != nil {
		return nil
	}
	info, err := c.about(ctx)
	if err != nil {
		return err
	}
	what := ""
	switch {
	case s.Memory > 0 && info.NoMemoryLimit:
		what = "memory"
	case s.PIDs > 0 && info.NoPIDsLimit:
		what = "pids"
	default:
		return nil
	}
	return &Error{Op: "limiting " + what, Reason: BadUlimit, Err: errors.New("the daemon cannot do that on its host, and would run the container without the limit")}
}

// create does not die with ctx at once: a request that is cut off leaves it
// open whether the daemon carries it out.
func (c *Client) create(ctx context.Context, o client.ContainerCreateOptions) (string, error) {
	ctx, cancel := lingering(ctx, callLimit, c.limits.createGrace)
	defer cancel()
	made, err := c.api.ContainerCreate(ctx, o)
	if err != nil {
		return "", err
	}
	for _, w := range made.Warnings {
		c.log.Warn().Str("image", o.Config.Image).Msg(w)
	}
	return made.ID, nil
}

// lingering returns a context that ends limit from now, or grace after ctx does.
func lingering(ctx context.Context, limit, grace time.Duration) (context.Context, context.CancelFunc) {
	long, cancel := context.WithTimeout(context.WithoutCancel(ctx), limit)
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(grace, cancel) })
	return long, func() { stop(); cancel() }
}

// sweep removes what a failed create call may have made. Where the daemon has
// not answered, it may still be at it, so it is asked more than once.
func (c *Client) sweep(ctx context.Context, call string, cause error) error {
	if unsent(cause) {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), removeLimit)
	defer cancel()
	until := time.Now().Add(c.limits.lateCreate)
	for {
		found, err := c.List(ctx, CallLabel+"="+call)
		if err != nil {
			return err
		}
		if len(found) > 0 {
			return c.removeAll(ctx, found)
		}
		if refused(cause) || time.Now().After(until) || !pause(ctx, 100*time.Millisecond) {
			return nil
		}
	}
}

// unsent tells that the daemon was not reached at all. The client library's
// errors for that hold no cause to test for.
func unsent(err error) bool {
	text := err.Error()
	return strings.Contains(text, "Cannot connect to the Docker daemon") || strings.Contains(text, "failed to connect to the docker API")
}

// refused tells that the daemon said no, so that nothing was made.
func refused(err error) bool {
	return errdefs.IsNotFound(err) || errdefs.IsConflict(err) || errdefs.IsInvalidArgument(err)
}

func (c *Client) removeAll(ctx context.Context, found []Summary) error {
	var errs []error
	for _, f := range found {
		errs = append(errs, c.remove(ctx, f.ID, c.limits.restart))
	}
	return errors.Join(errs...)
}

// start brings a created container up and finds its published port.
func (ctr *Container) start(ctx context.Context, s Spec) error {
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	if err := ctr.observe(ctx, s.Log); err != nil {
		if ctr.client.engine != podmanEngine {
			return err
		}
		// Podman prepares a container when it is attached to, and keeps to itself why
		// that failed; it says so when it is told to start.
		_, why := ctr.client.api.ContainerStart(ctx, ctr.id, client.ContainerStartOptions{})
		return cmp.Or(why, err)
	}
	if _, err := ctr.client.api.ContainerStart(ctx, ctr.id, client.ContainerStartOptions{}); err != nil {
		return err
	}
	return ctr.locate(ctx, s)
}

// abandon is discard for a caller whose context may have ended.
func (ctr *Container) abandon(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), removeLimit)
	defer cancel()
	return ctr.discard(ctx, ctr.client.limits.restart)
}

// locate finds the address. A container that has exited already has none, which
// is not an error: its exit tells more.
func (ctr *Container) locate(ctx context.Context, s Spec) error {
	if !s.publishes() {
		if s.Network == "host" && s.Port != 0 {
			ctr.addr = net.JoinHostPort("127.0.0.1", strconv.Itoa(s.Port))
		}
		return nil
	}
	got, err := ctr.client.api.ContainerInspect(ctx, ctr.id, client.ContainerInspectOptions{})
	if err != nil {
		return err
	}
	if ctr.addr = published(got.Container, s); ctr.addr == "" && got.Container.State != nil && got.Container.State.Running {
		return fmt.Errorf("port %d is not published though the container runs", s.Port)
	}
	return nil
}

func published(got container.InspectResponse, s Spec) string {
	if s.Staged {
		return direct(got, s)
	}
	if got.NetworkSettings == nil {
		return ""
	}
	for _, b := range got.NetworkSettings.Ports[s.port()] {
		if b.HostPort != "" {
			return reach(b.HostIP, b.HostPort)
		}
	}
	return ""
}

// pause waits for d and tells whether ctx is still alive.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
