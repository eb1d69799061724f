package docker

import (
	"context"
	"math"
	"sync"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/client"
)

const (
	// logLimit is how long Done waits, once the exit is known, for the end of the
	// log. With the time that the daemon takes to tell of an exit it stays below
	// 0.3 s.
	logLimit = 150 * time.Millisecond
	// inspectLimit bounds one question about a container.
	inspectLimit = 5 * time.Second
	// stopLimit is how long Stop may take beyond the grace period.
	stopLimit = 30 * time.Second
)

// Exit is how a container ended.
type Exit struct {
	Code      int  // of its first process; 128+n is death by signal n
	OOMKilled bool // the kernel killed something in it for memory
	// Err: the end was not seen properly: the daemon vanished or somebody else
	// removed the container. Code is then unknown, and may be 0.
	Err error
	// LogErr: what Spec.Log got is not the whole log: its Write failed, or the
	// stream did not end in time.
	LogErr error
}

// Container is one that Run has started.
type Container struct {
	client *Client
	id     string
	addr   string

	cancel  context.CancelFunc // ends the goroutines
	owned   sync.WaitGroup     // them
	ended   chan struct{}      // the wait for the exit is over
	logged  chan struct{}      // the log has ended
	settled chan struct{}      // exit is final
	done    chan struct{}
	exit    Exit  // written before settled is closed, LogErr before done is
	logErr  error // written before logged is closed
}

func newContainer(c *Client, id string) *Container {
	return &Container{
		client: c, id: id, cancel: func() {},
		ended: make(chan struct{}), logged: make(chan struct{}), settled: make(chan struct{}), done: make(chan struct{}),
	}
}

// ID is the container's full ID.
func (ctr *Container) ID() string { return ctr.id }

// Addr is the published address, "127.0.0.1:PORT"; "" where nothing is
// published or the container had exited before its port was known.
func (ctr *Container) Addr() string { return ctr.addr }

// Done is closed within 0.3 s of the container's exit, or when the daemon can
// no longer tell of it.
func (ctr *Container) Done() <-chan struct{} { return ctr.done }

// Exit is how the container ended. It waits for Done, and for the daemon to have
// the details together: usually 0.2 s more, up to 5 s where the daemon is slow.
func (ctr *Container) Exit() Exit {
	<-ctr.done
	<-ctr.settled
	return ctr.exit
}

func (ctr *Container) short() string { return ctr.id[:min(12, len(ctr.id))] }

// Stop ends the container: its stop signal, after grace a kill, then it is
// removed with its anonymous volumes and verified as gone. A grace of 0 kills at
// once; grace counts in whole seconds, rounded up. Stop ignores the cancellation
// of ctx and ends after 30 s plus grace at the latest; where the daemon has gone
// and ctx lives on, it waits for DaemonWait more. Gone already is success.
// The error is an *Error with the reason NotRemoved. Every container needs a
// Stop, one that has exited too, and more than one does no harm.
func (ctr *Container) Stop(ctx context.Context, grace time.Duration) error {
	patience := ctr.client.limits.restart
	if ctx.Err() == nil {
		patience = ctr.client.limits.patience
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace+stopLimit+patience)
	defer cancel()
	ctr.end(ctx, grace)
	return ctr.discard(ctx, patience)
}

// end makes the container exit and waits until its exit is read, which must come
// before the removal. What fails here, the forced removal has to do.
func (ctr *Container) end(ctx context.Context, grace time.Duration) {
	select {
	case <-ctr.settled:
		return
	default:
	}
	ctx, cancel := context.WithTimeout(ctx, grace+ctr.client.limits.kill)
	defer cancel()
	if err := ctr.signal(ctx, grace); err != nil && !errdefs.IsNotFound(err) {
		ctr.client.log.Debug().Str("container", ctr.short()).Err(err).Msg("stopping")
		ctx, cancel = context.WithTimeout(ctx, logLimit)
		defer cancel()
	}
	select {
	case <-ctr.settled:
	case <-ctx.Done():
	}
}

func (ctr *Container) signal(ctx context.Context, grace time.Duration) error {
	if grace <= 0 {
		_, err := ctr.client.api.ContainerKill(ctx, ctr.id, client.ContainerKillOptions{Signal: "KILL"})
		return err
	}
	seconds := int(math.Ceil(grace.Seconds()))
	_, err := ctr.client.api.ContainerStop(ctx, ctr.id, client.ContainerStopOptions{Timeout: &seconds})
	return err
}

// discard removes the container before ctx ends and waits for the goroutines
// that watch it, but for a log writer that hangs.
func (ctr *Container) discard(ctx context.Context, patience time.Duration) error {
	err := ctr.client.remove(ctx, ctr.id, patience)
	ctr.cancel()
	ended := make(chan struct{})
	go func() { ctr.owned.Wait(); close(ended) }()
	select {
	case <-ended:
	case <-time.After(ctr.client.limits.kill):
		ctr.client.log.Warn().Str("container", ctr.short()).Msg("writing its log hangs")
	}
	return err
}
