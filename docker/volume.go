package docker

import (
	"context"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/client"
)

// Volume is a named volume as Volumes sees it.
type Volume struct {
	Name   string
	Labels map[string]string
}

// Volumes gives all named volumes that have the label: "key" or "key=value".
func (c *Client) Volumes(ctx context.Context, label string) ([]Volume, error) {
	ctx, cancel := context.WithTimeout(ctx, removeLimit)
	defer cancel()
	got, err := c.api.VolumeList(ctx, client.VolumeListOptions{Filters: make(client.Filters).Add("label", label)})
	if err != nil {
		return nil, fail("listing the volumes with the label "+label, err)
	}
	var all []Volume
	for _, v := range got.Items {
		all = append(all, Volume{Name: v.Name, Labels: v.Labels})
	}
	return all, nil
}

// RemoveVolume removes a named volume. It ignores the cancellation of ctx and ends
// after 30 s at the latest: a container that has just been removed may still seem
// to use it. Gone already is success. The error is an *Error with the reason
// NotRemoved.
func (c *Client) RemoveVolume(ctx context.Context, name string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), removeLimit)
	defer cancel()
	for wait := 20 * time.Millisecond; ; wait = min(2*wait, time.Second) {
		_, err := c.api.VolumeRemove(ctx, name, client.VolumeRemoveOptions{})
		if err == nil || errdefs.IsNotFound(err) {
			return nil
		}
		if !errdefs.IsConflict(err) || !pause(ctx, wait) {
			return &Error{Op: "removing volume " + name, Reason: NotRemoved, Err: tidy(err)}
		}
	}
}
