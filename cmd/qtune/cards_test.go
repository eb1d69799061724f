package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/qtune/qtune/engine"
	"github.com/qtune/qtune/gpu"
	"github.com/qtune/qtune/profiles"
)

const gibi = 1 << 30

// twoCards are a busy one and a free one.
func twoCards() gpu.Inventory {
	return gpu.Inventory{Devices: []gpu.Device{
		{Index: 0, UUID: "GPU-0", MemoryBytes: 24 * gibi, UsedBytes: 20 * gibi, Processes: []gpu.Process{{PID: 7}}},
		{Index: 1, UUID: "GPU-1", MemoryBytes: 24 * gibi},
	}}
}

// fakeCards are those of a run, on cards that look answers for.
func fakeCards(t *testing.T, look func() (gpu.Inventory, error)) (*cards, *[]string) {
	t.Helper()
	said := &[]string{}
	c := &cards{
		read: look, locks: gpu.Locks(t.TempDir()), limit: cardFree, say: func(s string) { *said = append(*said, s) },
		holder: func(_ context.Context, pid int) string {
			return fmt.Sprintf("process %d (python train.py) of container rival", pid)
		},
	}
	t.Cleanup(c.release)
	return c, said
}

func TestClaimCards(t *testing.T) {
	noDriver := &gpu.Unavailable{Reason: "no driver"}
	tests := []struct {
		why     string
		devices []string
		change  func(*cards, *gpu.Inventory)
		names   string // what engines are given
		err     string // part of the error and its hint
	}{
		{"one that is free", nil, nil, "GPU-1", ""},
		{"none is asked for", []string{}, nil, "", ""},
		{"one that is named and free", []string{"1"}, nil, "", ""},
		{"one that is named and busy", []string{"0"}, nil, "", "card 0 (GPU-0) is busy: 20.0 of 24.0 GiB taken by process 7 (python train.py) of container rival"},
		{"the hint says how to wait", []string{"0"}, nil, "", "--wait"},
		{"a busy one that may be shared", []string{"0"}, func(c *cards, _ *gpu.Inventory) { c.shared = true }, "", ""},
		{"one that is not there", []string{"5"}, nil, "", "there is no such card"},
		{"no card is free", nil, func(_ *cards, inv *gpu.Inventory) { inv.Devices = inv.Devices[:1] }, "", "no card is free: card 0"},
		{"the free one is another run's", nil, func(c *cards, _ *gpu.Inventory) {
			_, _ = c.locks.Take("GPU-1", gpu.Holder{PID: 1, Run: "the-other"})
		}, "", "belongs to run the-other of process 1"},
		{"a part of a card", nil, func(_ *cards, inv *gpu.Inventory) {
			inv.Devices[1] = gpu.Device{Index: 1, UUID: "GPU-1", Split: true, Parts: []gpu.Device{{UUID: "MIG-1"}}}
		}, "MIG-1", ""},
		{"a machine without a driver", nil, func(c *cards, _ *gpu.Inventory) {
			c.read = func() (gpu.Inventory, error) { return gpu.Inventory{}, noDriver }
		}, "", ""},
		{"a card that fails to answer", nil, func(c *cards, _ *gpu.Inventory) {
			c.read = func() (gpu.Inventory, error) { return gpu.Inventory{}, errors.New("GPU is lost") }
		}, "", "GPU is lost"},
	}
	for _, tt := range tests {
		t.Run(tt.why, func(t *testing.T) {
			inv := twoCards()
			c, _ := fakeCards(t, func() (gpu.Inventory, error) { return inv, nil })
			if tt.change != nil {
				tt.change(c, &inv)
			}
			err := c.claim(t.Context(), profiles.GPU{Devices: tt.devices}, gpu.Holder{Run: "mine"})
			if got := fmt.Sprint(err) + hintOf(err); (err == nil) != (tt.err == "") || !strings.Contains(got, tt.err) {
				t.Fatalf("error %q, want %q in it", got, tt.err)
			}
			if got := strings.Join(c.names, ","); got != tt.names {
				t.Errorf("engines are given %q, want %q", got, tt.names)
			}
			if err != nil && len(c.claims) > 0 {
				t.Error("a lock was kept")
			}
		})
	}
}

func TestTwoRunsDoNotShareACard(t *testing.T) {
	inv := gpu.Inventory{Devices: []gpu.Device{{UUID: "GPU-0"}, {Index: 1, UUID: "GPU-1"}}}
	look := func() (gpu.Inventory, error) { return inv, nil }
	first, _ := fakeCards(t, look)
	second, _ := fakeCards(t, look)
	third, said := fakeCards(t, look)
	second.locks, third.locks = first.locks, first.locks
	for _, c := range []*cards{first, second} {
		if err := c.claim(t.Context(), profiles.GPU{}, gpu.Holder{PID: 1, Run: "early"}); err != nil {
			t.Fatal(err)
		}
	}
	if first.names[0] == second.names[0] {
		t.Errorf("both have %s", first.names[0])
	}
	if err := third.claim(t.Context(), profiles.GPU{}, gpu.Holder{Run: "late"}); err == nil {
		t.Fatal("a third run got one of two cards")
	}
	third.wait = true
	released := make(chan struct{})
	time.AfterFunc(50*time.Millisecond, func() { second.release(); close(released) })
	defer func() { <-released }() // before it is released once more at the test's end
	if err := third.claim(t.Context(), profiles.GPU{}, gpu.Holder{Run: "late"}); err != nil || third.names[0] != "GPU-1" {
		t.Errorf("it waited for %v: %v", third.names, err)
	}
	if len(*said) != 1 || !strings.Contains((*said)[0], "run early") {
		t.Errorf("it said %q, want once whom it waits for", *said)
	}
}

// A card whose memory comes back late, is taken by somebody else for good, or
// falls off the bus.
func TestCardsBetweenTrials(t *testing.T) {
	tests := []struct {
		why   string
		free  time.Duration // after which it is; 0: never
		fault error         // of the reading
		class engine.Class  // of the first start; "": it may start
		ends  bool          // the second start ends the run
	}{
		{"free at once", time.Nanosecond, nil, "", false},
		{"its memory comes back after ten seconds", 10 * time.Second, nil, "", false},
		{"somebody has taken it for a minute and a half", 90 * time.Second, nil, engine.GPUBusy, false},
		{"somebody has taken it for good", 0, nil, engine.GPUBusy, true},
		{"it fell off the bus", 0, errors.New("GPU is lost"), engine.GPUMissing, true},
	}
	for _, tt := range tests {
		t.Run(tt.why, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				c, _ := fakeCards(t, func() (gpu.Inventory, error) {
					inv := twoCards()
					if tt.free > 0 && time.Since(began) >= tt.free {
						inv.Devices[0].Processes, inv.Devices[0].UsedBytes = nil, 0
					}
					return inv, tt.fault
				})
				c.uuids = []string{"GPU-0"}
				f, err := c.ready(t.Context())
				if err != nil || (f == nil) != (tt.class == "") {
					t.Fatalf("first start: %v, %v", f, err)
				}
				if f != nil && (f.Class != tt.class || f.Fault != engine.FaultMachine || f.Line == "") {
					t.Errorf("first start: %+v", f)
				}
				if f, err = c.ready(t.Context()); f != nil || (err != nil) != tt.ends {
					t.Errorf("second start: %v, %v", f, err)
				}
			})
		})
	}
}

func TestWhoIsToBlame(t *testing.T) {
	tests := []struct {
		why  string
		busy bool
		in   engine.Class
		want engine.Class
	}{
		{"out of memory on a card of its own", false, engine.GPUOutOfMemory, engine.GPUOutOfMemory},
		{"out of memory beside another tenant", true, engine.GPUOutOfMemory, engine.GPUBusy},
		{"no room for the cache beside another tenant", true, engine.KVTooSmall, engine.GPUBusy},
		{"a wrong flag is wrong beside anybody", true, engine.BadFlag, engine.BadFlag},
	}
	for _, tt := range tests {
		t.Run(tt.why, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, said := fakeCards(t, func() (gpu.Inventory, error) { return twoCards(), nil })
				c.uuids = []string{map[bool]string{true: "GPU-0", false: "GPU-1"}[tt.busy]}
				got := c.blame(t.Context(), &engine.Failure{Class: tt.in, Fault: engine.FaultConfiguration})
				if got.Class != tt.want || (got.Fault == engine.FaultMachine) != (tt.want == engine.GPUBusy) {
					t.Errorf("got %+v, want %s", got, tt.want)
				}
				if (len(*said) > 0) != tt.busy {
					t.Errorf("it said %q", *said)
				}
			})
		})
	}
}
