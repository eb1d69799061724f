package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/qtune/qtune/engine"
	"github.com/qtune/qtune/gpu"
	"github.com/qtune/qtune/profiles"
)

// The waits for a card.
const (
	// cardFree is how long a card's memory may take to come back after a stop, and a
	// busy card to become free before a start: a driver was seen to need ten seconds
	// for a large process that was killed (judgement).
	cardFree = time.Minute
	// cardLook is the time between two looks.
	cardLook = 250 * time.Millisecond
)

// cards are the GPUs of one run: chosen and locked before its first trial, found
// free before each start, and seen to be free after each stop.
type cards struct {
	read   func() (gpu.Inventory, error)
	holder func(ctx context.Context, pid int) string // names a process
	say    func(string)
	locks  gpu.Locks
	shared bool // the user wants a card that others use too
	wait   bool // for a card that is not free, rather than refuse
	limit  time.Duration

	names   []string // what engines are given; nil: none is asked for
	uuids   []string // of those that are watched
	claims  []*gpu.Claim
	refused bool // the last start found them busy
}

// claim takes the cards that the profile names, or else one that is free. Without
// NVML nothing can be looked at, and nothing is claimed.
func (c *cards) claim(ctx context.Context, g profiles.GPU, h gpu.Holder) error {
	if g.None() {
		return nil
	}
	for told := ""; ; {
		err := c.claimOnce(ctx, g, h)
		held, busy := new(*gpu.HeldError), new(*busyError)
		if err == nil || !c.wait || !errors.As(err, held) && !errors.As(err, busy) {
			return err
		}
		if err.Error() != told {
			told = err.Error()
			c.say("waiting: " + told)
		}
		if !pause(ctx, 4*cardLook) {
			return errors.Join(context.Cause(ctx), err)
		}
	}
}

func (c *cards) claimOnce(ctx context.Context, g profiles.GPU, h gpu.Holder) error {
	inv, err := c.read()
	if err != nil || len(inv.Devices) == 0 {
		return c.blind(err)
	}
	if g.Devices == nil {
		return c.claimFree(ctx, inv, h)
	}
	picked, err := inv.Pick(g.Devices)
	if err != nil {
		return err
	}
	if err := c.lock(picked, h); err != nil {
		return err
	}
	if busy := c.busy(ctx, picked); busy != nil {
		c.release()
		return busy
	}
	return nil
}

// blind is a machine whose cards cannot be read. One that is there all the same is
// used as it is: this build may have no NVML.
func (c *cards) blind(why error) error {
	if why != nil && !errors.Is(why, gpu.ErrUnavailable) {
		return why
	}
	if exists("/proc/driver/nvidia/gpus") {
		c.names = []string{"0"}
		c.say(fmt.Sprintf("whether the card is free is not known, and what it does not measured: %v", why))
	}
	return nil
}

// claimFree takes the first unit that nobody uses and no other run has.
func (c *cards) claimFree(ctx context.Context, inv gpu.Inventory, h gpu.Holder) error {
	var why []error
	for _, d := range inv.Units() {
		if busy := c.busy(ctx, []gpu.Device{d}); busy != nil {
			why = append(why, busy)
			continue
		}
		err := c.lock([]gpu.Device{d}, h)
		if err == nil {
			c.names = []string{d.UUID}
			return nil
		}
		why = append(why, err)
	}
	if why == nil {
		why = append(why, errors.New("MIG is on and no card has a part"))
	}
	return &noneFreeError{errors.Join(why...)}
}

// lock takes all of the devices, or none.
func (c *cards) lock(all []gpu.Device, h gpu.Holder) error {
	for _, d := range all {
		claim, err := c.locks.Take(d.UUID, h)
		if err != nil {
			c.release()
			return err
		}
		c.claims, c.uuids = append(c.claims, claim), append(c.uuids, d.UUID)
	}
	return nil
}

// release gives the cards back.
func (c *cards) release() {
	for _, claim := range c.claims {
		if err := claim.Release(); err != nil {
			c.say(err.Error()) // the lock ends with this process
		}
	}
	c.claims, c.uuids = nil, nil
}

// busy says who is on the devices; nil where they are free, or need not be.
func (c *cards) busy(ctx context.Context, all []gpu.Device) error {
	if c.shared {
		return nil
	}
	for _, d := range all {
		if !d.Idle() {
			return &busyError{device: d, by: holders(ctx, d, c.holder)}
		}
	}
	return nil
}

// free waits until the cards are, at most for the limit. The error is a *busyError,
// or why they cannot be read any more.
func (c *cards) free(ctx context.Context) error {
	for until := time.Now().Add(c.limit); ; {
		err := c.look(ctx)
		if err == nil || time.Now().After(until) {
			return err
		}
		if !pause(ctx, cardLook) {
			return context.Cause(ctx)
		}
	}
}

func (c *cards) look(ctx context.Context) error {
	if len(c.uuids) == 0 {
		return nil
	}
	inv, err := c.read()
	if err != nil {
		return err
	}
	all, err := inv.Pick(c.uuids)
	if err != nil {
		return err // it fell off the bus
	}
	return c.busy(ctx, all)
}

// ready is asked before each start. Cards that stay busy are a fault of the
// machine, of this start alone; at the second in a row the run ends: each further
// trial would wait as long for nothing.
func (c *cards) ready(ctx context.Context) (*engine.Failure, error) {
	err := c.free(ctx)
	refused := c.refused
	c.refused = err != nil
	switch {
	case err == nil:
		return nil, nil
	case ctx.Err() != nil, refused:
		return nil, err
	}
	return cardFailure(err), nil
}

// settled is asked after each stop: it waits until the memory is back, and says so
// if it does not come.
func (c *cards) settled(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*c.limit)
	defer cancel()
	err := c.free(ctx)
	if err != nil {
		c.say("after the stop: " + err.Error())
	}
	return err
}

// memoryClasses are failures that another tenant of the card causes as well.
var memoryClasses = map[engine.Class]bool{engine.GPUOutOfMemory: true, engine.KVTooSmall: true}

// blame looks whether a start that failed for want of memory shared its card with
// somebody: that is no fault of its configuration.
func (c *cards) blame(ctx context.Context, f *engine.Failure) *engine.Failure {
	err := c.settled(ctx)
	var busy *busyError
	if !memoryClasses[f.Class] || !errors.As(err, &busy) {
		return f
	}
	return cardFailure(err)
}

func cardFailure(err error) *engine.Failure {
	class := engine.GPUMissing
	if errors.As(err, new(*busyError)) {
		class = engine.GPUBusy
	}
	return &engine.Failure{Class: class, Fault: engine.FaultMachine, Line: err.Error(), Hint: hintOf(err)}
}

// busyError is a card that somebody else uses.
type busyError struct {
	device gpu.Device
	by     string
}

func (e *busyError) Error() string {
	return fmt.Sprintf("card %d (%s) is busy: %.1f of %.1f GiB taken by %s", e.device.Index, e.device.UUID,
		float64(e.device.UsedBytes)/(1<<30), float64(e.device.MemoryBytes)/(1<<30), e.by)
}

// Hint says what to do about it.
func (e *busyError) Hint() string {
	return `end what runs there, name another card with gpu { devices = ["…"] }, wait for it with --wait, or measure beside it with --shared-gpu; what is recorded is kept`
}

// noneFreeError is a machine on which every card is taken.
type noneFreeError struct{ why error }

func (e *noneFreeError) Error() string {
	return "no card is free: " + strings.ReplaceAll(e.why.Error(), "\n", "; ")
}

func (e *noneFreeError) Unwrap() error { return e.why }

// Hint says what to do about it.
func (e *noneFreeError) Hint() string {
	return "end what runs there, or wait for a card with --wait; gpu { devices = [] } is for engines that need none"
}

// holders names who is on a device.
func holders(ctx context.Context, d gpu.Device, name func(context.Context, int) string) string {
	var all []string
	for _, p := range d.Processes {
		all = append(all, name(ctx, p.PID))
	}
	if all == nil {
		return "what does not show as a process: a container that this one cannot see, or a display"
	}
	return strings.Join(all, ", ")
}

// cardServer is a server that has ended only once its card is free again.
type cardServer struct {
	*engine.Server
	cards *cards
}

// Close removes the server and waits for its memory to come back. That it does not
// is the next start's business: this one's figures stand.
func (s *cardServer) Close(ctx context.Context) error {
	err := s.Server.Close(ctx)
	if err == nil {
		_ = s.cards.settled(ctx) // said there
	}
	return err
}
