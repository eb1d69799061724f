package docker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/client"
)

// removeLimit bounds the verified removal of one container.
const removeLimit = 30 * time.Second

// Summary is a container as List sees it.
type Summary struct {
	ID      string
	Name    string // without the leading slash
	Image   string // as it was asked for
	State   string // "created", "running", "exited", …
	Status  string // the same for people: "Up 3 minutes (healthy)"
	Labels  map[string]string
	Created time.Time
}

// List gives all containers, running or not, that have the label: "key" or
// "key=value".
func (c *Client) List(ctx context.Context, label string) ([]Summary, error) {
	ctx, cancel := context.WithTimeout(ctx, removeLimit)
	defer cancel()
	got, err := c.api.ContainerList(ctx, client.ContainerListOptions{All: true, Filters: make(client.Filters).Add("label", label)})
	if err != nil {
		return nil, fail("listing the containers with the label "+label, err)
	}
	var all []Summary
	for _, i := range got.Items {
		s := Summary{ID: i.ID, Image: i.Image, State: string(i.State), Status: i.Status, Labels: i.Labels, Created: time.Unix(i.Created, 0)}
		if len(i.Names) > 0 {
			s.Name = strings.TrimPrefix(i.Names[0], "/")
		}
		all = append(all, s)
	}
	return all, nil
}

// Lookup finds a container by its ID or name; false if there is none.
func (c *Client) Lookup(ctx context.Context, id string) (Summary, bool, error) {
	ctx, cancel := context.WithTimeout(ctx, inspectLimit)
	defer cancel()
	got, err := c.api.ContainerInspect(ctx, id, client.ContainerInspectOptions{})
	switch {
	case errdefs.IsNotFound(err):
		return Summary{}, false, nil
	case err != nil:
		return Summary{}, false, fail("looking at container "+id, err)
	}
	s := Summary{ID: got.Container.ID, Name: strings.TrimPrefix(got.Container.Name, "/")}
	if got.Container.Config != nil {
		s.Image, s.Labels = got.Container.Config.Image, got.Container.Config.Labels
	}
	if got.Container.State != nil {
		s.State = string(got.Container.State.Status)
	}
	return s, true, nil
}

// Remove kills a container, removes it with its anonymous volumes and verifies
// that it is gone. It ignores the cancellation of ctx and ends after 30 s at the
// latest. Gone already is success. The error is an *Error with the reason
// NotRemoved.
func (c *Client) Remove(ctx context.Context, id string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), removeLimit)
	defer cancel()
	return c.remove(ctx, id, c.limits.restart)
}

// remove asks until the container is gone or ctx ends; a daemon that cannot be
// reached, for as long as patience lasts.
func (c *Client) remove(ctx context.Context, id string, patience time.Duration) error {
	began := time.Now()
	for wait := 20 * time.Millisecond; ; wait = min(2*wait, time.Second) {
		err := c.removeOnce(ctx, id)
		if err == nil {
			c.log.Debug().Str("container", id).Msg("container removed")
			return nil
		}
		unreachable := client.IsErrConnectionFailed(err) && time.Since(began) > patience
		if unreachable || !pause(ctx, wait) {
			return &Error{Op: "removing container " + id, Reason: NotRemoved, Err: tidy(err)}
		}
	}
}

// removeOnce is nil only where the daemon says that there is no such container.
func (c *Client) removeOnce(ctx context.Context, id string) error {
	_, err := c.api.ContainerRemove(ctx, id, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
	if errdefs.IsNotFound(err) {
		return nil
	}
	if err != nil && !errdefs.IsConflict(err) { // a conflict: its removal is in progress
		return err
	}
	_, err = c.api.ContainerInspect(ctx, id, client.ContainerInspectOptions{})
	switch {
	case errdefs.IsNotFound(err):
		return nil
	case err == nil:
		return errors.New("it is still there")
	}
	return err
}

// Logs writes what a container has printed so far into w, standard output and
// standard error as one.
func (c *Client) Logs(ctx context.Context, id string, w io.Writer) error {
	op := "reading the log of container " + id
	logs, err := c.api.ContainerLogs(ctx, id, client.ContainerLogsOptions{ShowStdout: true, ShowStderr: true})
	if err != nil {
		return fail(op, err)
	}
	_, err = stdcopy.StdCopy(w, w, logs)
	if err = errors.Join(err, logs.Close()); err != nil {
		return fail(op, fmt.Errorf("copying: %w", err))
	}
	return nil
}

// Exists tells whether there is a container of that name, whoever made it.
func (c *Client) Exists(ctx context.Context, name string) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, removeLimit)
	defer cancel()
	_, err := c.api.ContainerInspect(ctx, name, client.ContainerInspectOptions{})
	if errdefs.IsNotFound(err) {
		return false, nil
	}
	if err != nil {
		return false, fail("looking for a container called "+name, err)
	}
	return true, nil
}
