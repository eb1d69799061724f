package gpu

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// MaxIdleBytes is how much of a card may be taken, beside what its displays hold,
// for it to count as free: what a driver keeps that does not tell it apart, some
// hundred MB (judgement).
const MaxIdleBytes = 1 << 30

// Idle tells whether nothing computes on a device and its memory is there to be
// used. What a desktop holds does not count: it is there in every trial.
func (d Device) Idle() bool {
	return !d.Split && len(d.Processes) == 0 && d.Foreign() <= MaxIdleBytes
}

// Foreign is the memory that is taken, in bytes, without that of the displays.
func (d Device) Foreign() uint64 {
	used := d.UsedBytes
	for _, p := range d.Displays {
		used -= min(used, p.MemoryBytes)
	}
	return used
}

// Units are what one engine can be given: whole cards, and the parts of those
// that MIG has split.
func (inv Inventory) Units() []Device {
	var all []Device
	for _, d := range inv.Devices {
		if d.Split {
			all = append(all, d.Parts...)
			continue
		}
		all = append(all, d)
	}
	return all
}

// Pick finds the units that names name: an index, or a UUID. The error is a
// *PickError.
func (inv Inventory) Pick(names []string) ([]Device, error) {
	units := inv.Units()
	var picked []Device
	for _, name := range names {
		i := slices.IndexFunc(units, func(d Device) bool { return d.UUID == name })
		if i < 0 {
			i = slices.IndexFunc(units, func(d Device) bool { return d.whole() && strconv.Itoa(d.Index) == name })
		}
		if i < 0 {
			return nil, inv.missing(name)
		}
		if slices.ContainsFunc(picked, func(d Device) bool { return d.UUID == units[i].UUID }) {
			return nil, &PickError{Name: name, Reason: "it is named twice, by its index and by its UUID"}
		}
		picked = append(picked, units[i])
	}
	return picked, nil
}

// whole tells a card from a part of one.
func (d Device) whole() bool { return !strings.HasPrefix(d.UUID, "MIG-") }

// missing says why a name names nothing that can be used.
func (inv Inventory) missing(name string) error {
	for _, d := range inv.Devices {
		if d.UUID != name && strconv.Itoa(d.Index) != name {
			continue
		}
		var parts []string
		for _, p := range d.Parts {
			parts = append(parts, p.UUID)
		}
		if parts == nil {
			return &PickError{Name: name, Reason: "MIG is on and it has no part", Advice: "make parts with `nvidia-smi mig`, or turn MIG off with `nvidia-smi -mig 0`"}
		}
		return &PickError{Name: name, Reason: "MIG has split it", Advice: "name one of its parts: " + strings.Join(parts, ", ")}
	}
	return &PickError{Name: name, Reason: "there is no such card", Advice: "`nvidia-smi -L` lists the cards"}
}

// PickError is a name that names no card which can be used.
type PickError struct{ Name, Reason, Advice string }

// Error says which and why.
func (e *PickError) Error() string { return fmt.Sprintf("take card %q: %s", e.Name, e.Reason) }

// Hint says what to write instead.
func (e *PickError) Hint() string { return e.Advice }
