package docker

import (
	"context"
	"fmt"
	"math"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
)

// What a container needs that goes on when this program has ended: a policy of
// restarts, a health check, a port that is known beforehand, and a network that
// it can be moved out of.

// Health is a command in the container that says whether it serves.
type Health struct {
	Command  []string      // exit 0: it does
	Interval time.Duration // between two checks, at least 1 ms
	Timeout  time.Duration // of one check
	Start    time.Duration // after a start, in which a failure does not count
	Retries  int           // failures in a row that make it unhealthy
}

func (h *Health) config() *container.HealthConfig {
	if h == nil {
		return nil
	}
	return &container.HealthConfig{
		Test: append([]string{"CMD"}, h.Command...), Interval: h.Interval, Timeout: h.Timeout, StartPeriod: h.Start, Retries: h.Retries,
	}
}

// Local tells whether the daemon runs on this host itself, so that a container's
// own address can be reached: not through TCP, and not in a desktop's virtual
// machine.
func (c *Client) Local(ctx context.Context) bool {
	if !strings.HasPrefix(c.api.DaemonHost(), "unix://") {
		return false
	}
	i, err := c.about(ctx)
	return err == nil && !strings.Contains(i.OS, "Desktop") && !strings.Contains(i.OS, "Rancher") && !strings.Contains(i.OS, "Colima")
}

// Detach stops watching a container and leaves it as it is: from then on it
// belongs to the daemon, and to whoever finds it by its labels. Done and Exit tell
// nothing any more, and Stop must not be called.
func (ctr *Container) Detach() {
	ctr.cancel()
	ctr.owned.Wait()
}

// direct is the container's own address in its network.
func direct(got container.InspectResponse, s Spec) string {
	if got.NetworkSettings == nil {
		return ""
	}
	n := got.NetworkSettings.Networks[s.Network]
	if n == nil || !n.IPAddress.IsValid() {
		return ""
	}
	return net.JoinHostPort(n.IPAddress.String(), strconv.Itoa(s.Port))
}

// reach is the address at which this host reaches a port that is published on ip.
func reach(ip netip.Addr, port string) string {
	if !ip.IsValid() || ip.IsUnspecified() {
		return net.JoinHostPort("127.0.0.1", port)
	}
	return net.JoinHostPort(ip.String(), port)
}

// Halt stops a container and keeps it: its stop signal, after grace a kill. The
// daemon does not start it again by itself. Stopped already is success.
func (c *Client) Halt(ctx context.Context, id string, grace time.Duration) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace+stopLimit)
	defer cancel()
	seconds := int(math.Ceil(grace.Seconds()))
	if _, err := c.api.ContainerStop(ctx, id, client.ContainerStopOptions{Timeout: &seconds}); err != nil {
		return fail("stopping container "+id, err)
	}
	return nil
}

// Resume starts a container that was stopped.
func (c *Client) Resume(ctx context.Context, id string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), callLimit)
	defer cancel()
	if _, err := c.api.ContainerStart(ctx, id, client.ContainerStartOptions{}); err != nil {
		return fail("starting container "+id+" again", err)
	}
	return nil
}

// Rename gives a container another name.
func (c *Client) Rename(ctx context.Context, id, name string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), removeLimit)
	defer cancel()
	if _, err := c.api.ContainerRename(ctx, id, client.ContainerRenameOptions{NewName: name}); err != nil {
		return fail("naming container "+id+" "+name, err)
	}
	return nil
}

// RestartPolicy says when the daemon starts a container again by itself: "no",
// "always", "unless-stopped", "on-failure" or "on-failure:N".
func (c *Client) RestartPolicy(ctx context.Context, id, policy string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), removeLimit)
	defer cancel()
	name, count, _ := strings.Cut(policy, ":")
	p := container.RestartPolicy{Name: container.RestartPolicyMode(name)}
	op := fmt.Sprintf("giving container %s the restart policy %s", id, policy)
	if count != "" {
		n, err := strconv.Atoi(count)
		if err != nil {
			return &Error{Op: op, Reason: Invalid, Err: err}
		}
		p.MaximumRetryCount = n
	}
	if _, err := c.api.ContainerUpdate(ctx, id, client.ContainerUpdateOptions{RestartPolicy: &p}); err != nil {
		return fail(op, err)
	}
	return nil
}

// MakeNetwork makes a bridge network without a way out, in which containers
// publish no port.
func (c *Client) MakeNetwork(ctx context.Context, name string, labels map[string]string) error {
	ctx, cancel := context.WithTimeout(ctx, removeLimit)
	defer cancel()
	if _, err := c.api.NetworkCreate(ctx, name, client.NetworkCreateOptions{Driver: "bridge", Internal: true, Labels: labels}); err != nil {
		return fail("making the network "+name, err)
	}
	return nil
}

// Connect attaches a running container to a network, where its ports are
// published. It does not end with ctx: half a switch is none.
func (c *Client) Connect(ctx context.Context, id, network string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), removeLimit)
	defer cancel()
	if _, err := c.api.NetworkConnect(ctx, network, client.NetworkConnectOptions{Container: id}); err != nil {
		return fail("attaching container "+id+" to the network "+network, err)
	}
	return nil
}

// Disconnect takes a container out of a network, and with that its ports off the
// host.
func (c *Client) Disconnect(ctx context.Context, id, network string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), removeLimit)
	defer cancel()
	if _, err := c.api.NetworkDisconnect(ctx, network, client.NetworkDisconnectOptions{Container: id}); err != nil {
		return fail("detaching container "+id+" from the network "+network, err)
	}
	return nil
}

// Network is a network as Networks sees it.
type Network struct {
	ID     string
	Name   string
	Labels map[string]string
}

// Networks gives all networks that have the label: "key" or "key=value".
func (c *Client) Networks(ctx context.Context, label string) ([]Network, error) {
	ctx, cancel := context.WithTimeout(ctx, removeLimit)
	defer cancel()
	got, err := c.api.NetworkList(ctx, client.NetworkListOptions{Filters: make(client.Filters).Add("label", label)})
	if err != nil {
		return nil, fail("listing the networks with the label "+label, err)
	}
	var all []Network
	for _, n := range got.Items {
		all = append(all, Network{ID: n.ID, Name: n.Name, Labels: n.Labels})
	}
	return all, nil
}

// RemoveNetwork removes a network that nothing is attached to. It ignores the
// cancellation of ctx. Gone already is success.
func (c *Client) RemoveNetwork(ctx context.Context, name string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), removeLimit)
	defer cancel()
	if _, err := c.api.NetworkRemove(ctx, name, client.NetworkRemoveOptions{}); err != nil && !errdefs.IsNotFound(err) {
		return &Error{Op: "removing the network " + name, Reason: NotRemoved, Err: tidy(err)}
	}
	return nil
}
