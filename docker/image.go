package docker

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/distribution/reference"
	"github.com/moby/moby/client"
)

// The policies of Pull.
const (
	PullMissing = "missing" // only an image that is not here; the default
	PullAlways  = "always"
	PullNever   = "never"
)

// Image is an image that the daemon has.
type Image struct {
	// Digest is what a registry calls its manifest, "sha256:…"; of an image that
	// came from no registry it is the ID.
	Digest string
	ID     string // of its configuration, "sha256:…"
	Size   int64  // bytes on disk
	User   string // that its containers run as unless told otherwise; "": root
}

// InspectImage looks for an image, by reference or ID, and tells whether the
// daemon has it.
func (c *Client) InspectImage(ctx context.Context, image string) (Image, bool, error) {
	ctx, cancel := context.WithTimeout(ctx, removeLimit)
	defer cancel()
	got, err := c.api.ImageInspect(ctx, image)
	if errdefs.IsNotFound(err) {
		return Image{}, false, nil
	}
	if err != nil {
		return Image{}, false, fail("looking for the image "+image, err)
	}
	found := Image{Digest: digest(image, got.RepoDigests, got.ID), ID: got.ID, Size: got.Size}
	if got.Config != nil {
		found.User = got.Config.User
	}
	return found, true, nil
}

// digest picks, of "name@sha256:…" entries, the one of the repository that was
// asked for: one image may have been pulled under several names.
func digest(image string, repoDigests []string, id string) string {
	name := image
	if ref, err := reference.ParseNormalizedNamed(image); err == nil {
		name = reference.FamiliarName(ref)
	}
	first := ""
	for _, d := range repoDigests {
		repo, sum, ok := strings.Cut(d, "@")
		if ok && repo == name {
			return sum
		}
		if ok && first == "" {
			first = sum
		}
	}
	if first != "" {
		return first
	}
	return id
}

// Pull makes sure that the daemon has the image, by one of the policies; ""
// means PullMissing. progress, if not nil, hears how far it is, from the calling
// goroutine. The error is an *Error with a hint.
func (c *Client) Pull(ctx context.Context, image, policy string, progress func(Progress)) (Image, error) {
	op := "pulling the image " + image
	if _, err := reference.ParseNormalizedNamed(image); err != nil {
		return Image{}, &Error{Op: op, Reason: Invalid, Err: err}
	}
	switch policy {
	case "", PullMissing, PullNever:
		got, ok, err := c.InspectImage(ctx, image)
		if err != nil || ok {
			return got, err
		}
		if policy == PullNever {
			return Image{}, &Error{Op: "looking for the image " + image, Reason: NoImage,
				Err: fmt.Errorf("it is not here and may not be pulled (pull = %q)", PullNever)}
		}
	case PullAlways:
	default:
		return Image{}, &Error{Op: op, Reason: Invalid, Err: fmt.Errorf("there is no pull policy %q", policy)}
	}
	if err := c.pull(ctx, image, progress); err != nil {
		return Image{}, fail(op, err)
	}
	return c.present(ctx, image)
}

// present is InspectImage for an image that must be there.
func (c *Client) present(ctx context.Context, image string) (Image, error) {
	got, ok, err := c.InspectImage(ctx, image)
	if err == nil && !ok {
		err = &Error{Op: "looking for the image " + image, Reason: NoImage, Err: fmt.Errorf("the daemon took it and does not have it")}
	}
	return got, err
}

// pull reads the daemon's report to its end: closing it earlier would stop the pull.
func (c *Client) pull(ctx context.Context, image string, progress func(Progress)) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stalled := time.AfterFunc(pullStall, func() {
		cancel(fmt.Errorf("no progress for %v: %w", pullStall, context.DeadlineExceeded))
	})
	defer stalled.Stop()
	stream, err := c.api.ImagePull(ctx, image, client.ImagePullOptions{})
	if err != nil {
		return cause(ctx, err)
	}
	defer stream.Close()
	layers := newLayers()
	err = readMessages(stream, func(m message) {
		stalled.Reset(pullStall)
		if p := layers.add(m); progress != nil {
			progress(p)
		}
	})
	return cause(ctx, err)
}
