// Package gpu tells which NVIDIA GPUs this machine has and what is on them.
//
// It owns NVML, which is the only cgo of the program: the files that link it are
// built on Linux with cgo, and everywhere else Devices says why there is
// nothing to read. It starts nothing, changes nothing on a card, and knows
// neither containers nor engines.
package gpu

import (
	"errors"
	"fmt"
)

// ErrUnavailable is what errors.Is finds where no GPU can be read at all: no
// driver, no NVML in this build, no permission.
var ErrUnavailable = errors.New("no NVIDIA GPU can be read")

// Unavailable says why no GPU can be read. It is ErrUnavailable to errors.Is.
type Unavailable struct {
	Reason string // why, in NVML's words where it has some
	Advice string // what the user can do; may be empty
}

// Error gives the reason.
func (u *Unavailable) Error() string { return fmt.Sprintf("%v: %s", ErrUnavailable, u.Reason) }

// Hint gives the advice.
func (u *Unavailable) Hint() string { return u.Advice }

// Is reports whether target is ErrUnavailable.
func (u *Unavailable) Is(target error) bool { return target == ErrUnavailable }

// Inventory is what NVML saw at one moment.
type Inventory struct {
	Driver  string   // version of the driver, such as "550.54.15"
	CUDA    string   // newest CUDA that the driver serves, such as "12.4"
	Devices []Device // in NVML's order, which is by PCI bus
}

// Device is one GPU, or one part of a GPU that MIG has split.
type Device struct {
	Index       int    // NVML's index: what a profile's gpu block may name; a part has its card's
	UUID        string // stable across restarts, such as "GPU-5bd2…", or "MIG-…" for a part
	Name        string // such as "NVIDIA H100 80GB HBM3"
	MemoryBytes uint64 // all of it
	UsedBytes   uint64 // allocated now, without what the driver keeps for itself where NVML tells them apart

	// Processes are those that compute on the card and draw nothing on it. A
	// container's processes show by the host's process ids, or not at all to a
	// caller in another container.
	Processes []Process
	// Displays are those that draw: a desktop, which is on a card for good.
	Displays []Process

	// Split: the card is in MIG mode and can be used by its Parts alone.
	Split bool
	Parts []Device
}

// Process is a process on a GPU.
type Process struct {
	PID         int
	MemoryBytes uint64 // what it holds on the card; 0 where the driver does not tell
}
