package gpu

import (
	"errors"
	"testing"
)

func TestFree(t *testing.T) {
	idle := Device{Index: 0, UsedBytes: 3}
	full := Device{Index: 1, UsedBytes: 700}
	busy := Device{Index: 2, UsedBytes: 0, Processes: []Process{{PID: 7}}}
	other := Device{Index: 3, UsedBytes: 10}
	tests := []struct {
		name    string
		devices []Device
		want    int // index of the device, -1: none
	}{
		{"no card at all", nil, -1},
		{"the first of two that are free", []Device{idle, other}, 0},
		{"memory taken by what does not show as a process", []Device{full, other}, 3},
		{"a process that has not allocated yet", []Device{busy, other}, 3},
		{"exactly the limit is free", []Device{other}, 3},
		{"all of them busy", []Device{full, busy}, -1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, ok := Free(Inventory{Devices: tt.devices}, 10)
			if ok != (tt.want >= 0) {
				t.Fatalf("found = %v, want %v", ok, tt.want >= 0)
			}
			if ok && got.Index != tt.want {
				t.Errorf("device %d, want %d", got.Index, tt.want)
			}
		})
	}
}

func TestUnavailable(t *testing.T) {
	var err error = &Unavailable{Reason: "no driver", Advice: "install it"}
	if !errors.Is(err, ErrUnavailable) {
		t.Error("not ErrUnavailable")
	}
	if got, want := err.Error(), "no NVIDIA GPU can be read: no driver"; got != want {
		t.Errorf("error %q, want %q", got, want)
	}
	hint, ok := errors.AsType[interface {
		error
		Hint() string
	}](err)
	if !ok || hint.Hint() != "install it" {
		t.Error("the advice is no hint")
	}
}
