//go:build linux && cgo

package gpu

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/NVIDIA/go-nvml/pkg/nvml"
	"github.com/NVIDIA/go-nvml/pkg/nvml/mock"
	"github.com/NVIDIA/go-nvml/pkg/nvml/mock/dgxh100"
	"github.com/NVIDIA/go-nvml/pkg/nvml/mock/server"
)

const gib = 1 << 30

// machine is a DGX H100 of which GPU 0 serves a model and the others idle.
func machine(t *testing.T) *server.Server {
	t.Helper()
	lib := dgxh100.New()
	lib.ExtensionsFunc = func() nvml.ExtendedInterface { return symbols(nil) }
	for i := range 8 {
		d := card(t, lib, i)
		d.GetMemoryInfo_v2Func = func() (nvml.Memory_v2, nvml.Return) {
			return nvml.Memory_v2{Total: 80 * gib, Reserved: gib / 2}, nvml.SUCCESS
		}
		d.GetComputeRunningProcessesFunc = func() ([]nvml.ProcessInfo, nvml.Return) { return nil, nvml.SUCCESS }
		d.GetGraphicsRunningProcessesFunc = func() ([]nvml.ProcessInfo, nvml.Return) { return nil, nvml.ERROR_NOT_SUPPORTED }
	}
	d := card(t, lib, 0)
	d.GetMemoryInfo_v2Func = func() (nvml.Memory_v2, nvml.Return) {
		return nvml.Memory_v2{Total: 80 * gib, Used: 70 * gib}, nvml.SUCCESS
	}
	d.GetComputeRunningProcessesFunc = func() ([]nvml.ProcessInfo, nvml.Return) {
		return []nvml.ProcessInfo{{Pid: 4711, UsedGpuMemory: 69 * gib}, {Pid: 4712, UsedGpuMemory: unknownMemory}}, nvml.SUCCESS
	}
	return lib
}

// symbols answers every look-up of a function in the driver's library.
func symbols(err error) nvml.ExtendedInterface {
	return &mock.ExtendedInterface{LookupSymbolFunc: func(string) error { return err }}
}

func card(t *testing.T, lib *server.Server, i int) *server.Device {
	t.Helper()
	d, ok := lib.Devices[i].(*server.Device)
	if !ok {
		t.Fatalf("the mock's device is a %T", lib.Devices[i])
	}
	return d
}

func TestRead(t *testing.T) {
	lib := machine(t)
	inv, err := read(lib)
	if err != nil {
		t.Fatal(err)
	}
	if inv.Driver != "550.54.15" || inv.CUDA != "12.4" || len(inv.Devices) != 8 {
		t.Errorf("driver %q, CUDA %q, %d devices", inv.Driver, inv.CUDA, len(inv.Devices))
	}
	want := Device{
		UUID: inv.Devices[0].UUID, Name: "NVIDIA H100 80GB HBM3",
		MemoryBytes: 80 * gib, UsedBytes: 70 * gib,
		Processes: []Process{{PID: 4711, MemoryBytes: 69 * gib}, {PID: 4712}},
	}
	if got := inv.Devices[0]; !reflect.DeepEqual(got, want) || got.UUID == "" {
		t.Errorf("device 0:\n got %+v\nwant %+v", got, want)
	}
	for i, d := range inv.Units() {
		if got := d.Idle(); got != (i != 0) {
			t.Errorf("device %d idle: %v", i, got)
		}
	}
	if got := len(lib.ShutdownCalls()); got != 1 {
		t.Errorf("NVML closed %d times, want once", got)
	}
}

func TestReadOnOtherDrivers(t *testing.T) {
	tests := []struct {
		name   string
		change func(*server.Server, *server.Device)
		used   uint64
	}{
		{"a driver before 510 has the first memory call only", func(lib *server.Server, d *server.Device) {
			lib.ExtensionsFunc = func() nvml.ExtendedInterface { return symbols(errors.New("undefined symbol")) }
			d.MemoryInfo = nvml.Memory{Total: 80 * gib, Used: 2 * gib}
		}, 2 * gib},
		{"the second memory call is there and not supported", func(_ *server.Server, d *server.Device) {
			d.GetMemoryInfo_v2Func = func() (nvml.Memory_v2, nvml.Return) {
				return nvml.Memory_v2{}, nvml.ERROR_NOT_SUPPORTED
			}
			d.MemoryInfo = nvml.Memory{Total: 80 * gib, Used: 3 * gib}
		}, 3 * gib},
		{"a virtual GPU does not list processes", func(_ *server.Server, d *server.Device) {
			d.GetComputeRunningProcessesFunc = func() ([]nvml.ProcessInfo, nvml.Return) {
				return nil, nvml.ERROR_NOT_SUPPORTED
			}
		}, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			lib := machine(t)
			tt.change(lib, card(t, lib, 5))
			inv, err := read(lib)
			if err != nil {
				t.Fatal(err)
			}
			d := inv.Devices[5]
			if d.UsedBytes != tt.used || d.MemoryBytes == 0 || d.Processes != nil {
				t.Errorf("got %+v, want %d bytes used and no process", d, tt.used)
			}
		})
	}
}

func TestReadFails(t *testing.T) {
	lost := nvml.ERROR_GPU_IS_LOST
	tests := []struct {
		name        string
		change      func(*server.Server, *server.Device)
		unavailable bool
		want        string // part of the error
	}{
		{"no driver", func(lib *server.Server, _ *server.Device) {
			lib.InitFunc = func() nvml.Return { return nvml.ERROR_LIBRARY_NOT_FOUND }
		}, true, "libnvidia-ml.so.1 was not found"},
		{"a driver upgraded under a running kernel", func(lib *server.Server, _ *server.Device) {
			lib.InitFunc = func() nvml.Return { return nvml.ERROR_LIB_RM_VERSION_MISMATCH }
		}, true, "NVML: "},
		{"the driver's version", func(lib *server.Server, _ *server.Device) {
			lib.SystemGetDriverVersionFunc = func() (string, nvml.Return) { return "", lost }
		}, false, "read the driver's version"},
		{"the CUDA version", func(lib *server.Server, _ *server.Device) {
			lib.SystemGetCudaDriverVersionFunc = func() (int, nvml.Return) { return 0, lost }
		}, false, "read the driver's CUDA version"},
		{"the count", func(lib *server.Server, _ *server.Device) {
			lib.DeviceGetCountFunc = func() (int, nvml.Return) { return 0, lost }
		}, false, "count the GPUs"},
		{"a card that fell off the bus", func(lib *server.Server, _ *server.Device) {
			lib.DeviceGetHandleByIndexFunc = func(int) (nvml.Device, nvml.Return) { return nil, lost }
		}, false, "read GPU 0: open"},
		{"a card without a UUID", func(_ *server.Server, d *server.Device) {
			d.GetUUIDFunc = func() (string, nvml.Return) { return "", lost }
		}, false, "read GPU 5: UUID"},
		{"a card without a name", func(_ *server.Server, d *server.Device) {
			d.GetNameFunc = func() (string, nvml.Return) { return "", lost }
		}, false, "read GPU 5: name"},
		{"a card without memory figures", func(_ *server.Server, d *server.Device) {
			d.GetMemoryInfo_v2Func = func() (nvml.Memory_v2, nvml.Return) { return nvml.Memory_v2{}, lost }
			d.GetMemoryInfoFunc = func() (nvml.Memory, nvml.Return) { return nvml.Memory{}, lost }
		}, false, "read GPU 5: memory"},
		{"a card whose processes cannot be listed", func(_ *server.Server, d *server.Device) {
			d.GetComputeRunningProcessesFunc = func() ([]nvml.ProcessInfo, nvml.Return) { return nil, lost }
		}, false, "read GPU 5: processes"},
		{"closing it", func(lib *server.Server, _ *server.Device) {
			lib.ShutdownFunc = func() nvml.Return { return lost }
		}, false, "close NVML"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			lib := machine(t)
			tt.change(lib, card(t, lib, 5))
			_, err := read(lib)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("error %v, want one with %q", err, tt.want)
			}
			if got := errors.Is(err, ErrUnavailable); got != tt.unavailable {
				t.Errorf("ErrUnavailable: %v, want %v", got, tt.unavailable)
			}
			if !tt.unavailable && !errors.Is(err, lost) {
				t.Errorf("NVML's own code is lost in %v", err)
			}
		})
	}
}

// A card that MIG has split into two, with a gap between their numbers, one of
// them busy; and a card with a desktop on it.
func TestReadPartsAndDisplays(t *testing.T) {
	lib := machine(t)
	split := card(t, lib, 2)
	split.MigMode = nvml.DEVICE_MIG_ENABLE
	split.GetMaxMigDeviceCountFunc = func() (int, nvml.Return) { return 7, nvml.SUCCESS }
	split.GetMigDeviceHandleByIndexFunc = func(i int) (nvml.Device, nvml.Return) {
		if i != 0 && i != 3 {
			return nil, nvml.ERROR_NOT_FOUND
		}
		return part(i), nvml.SUCCESS
	}
	desk := card(t, lib, 4)
	desk.GetMemoryInfo_v2Func = func() (nvml.Memory_v2, nvml.Return) {
		return nvml.Memory_v2{Total: 80 * gib, Used: 2 * gib}, nvml.SUCCESS
	}
	desktop := func() ([]nvml.ProcessInfo, nvml.Return) {
		return []nvml.ProcessInfo{{Pid: 900, UsedGpuMemory: 3 * gib / 2}}, nvml.SUCCESS
	}
	desk.GetGraphicsRunningProcessesFunc, desk.GetComputeRunningProcessesFunc = desktop, desktop
	inv, err := read(lib)
	if err != nil {
		t.Fatal(err)
	}
	if d := inv.Devices[2]; !d.Split || d.Idle() || len(d.Parts) != 2 || d.Parts[0].Idle() || !d.Parts[1].Idle() || d.Parts[1].Index != 2 {
		t.Errorf("the split card: %+v", d)
	}
	if d := inv.Devices[4]; !d.Idle() || d.Processes != nil || d.Foreign() != gib/2 {
		t.Errorf("the card with a desktop: %+v", d)
	}
	if got := len(inv.Units()); got != 9 {
		t.Errorf("%d units, want 7 cards and 2 parts", got)
	}
	tests := []struct {
		why   string
		names []string
		want  string // a UUID, or part of the error's text and hint
	}{
		{"an index is a card", []string{"1"}, inv.Devices[1].UUID},
		{"a UUID too", []string{inv.Devices[1].UUID}, inv.Devices[1].UUID},
		{"a part goes by its UUID", []string{"MIG-3"}, "MIG-3"},
		{"a split card cannot be had whole", []string{"2"}, "name one of its parts: MIG-0, MIG-3"},
		{"no such card", []string{"8"}, "there is no such card"},
		{"one card by both names", []string{"1", inv.Devices[1].UUID}, "named twice"},
	}
	for _, tt := range tests {
		t.Run(tt.why, func(t *testing.T) {
			got, err := inv.Pick(tt.names)
			var pick *PickError
			switch {
			case errors.As(err, &pick):
				if text := pick.Error() + pick.Hint(); !strings.Contains(text, tt.want) {
					t.Errorf("error %q, want %q in it", text, tt.want)
				}
			case len(got) != 1 || got[0].UUID != tt.want:
				t.Errorf("got %+v, want %s", got, tt.want)
			}
		})
	}
}

// part is a MIG device; the first is busy.
func part(i int) nvml.Device {
	return &mock.Device{
		GetNameFunc: func() (string, nvml.Return) { return "NVIDIA H100 80GB HBM3 MIG 3g.40gb", nvml.SUCCESS },
		GetUUIDFunc: func() (string, nvml.Return) { return fmt.Sprint("MIG-", i), nvml.SUCCESS },
		GetMemoryInfo_v2Func: func() (nvml.Memory_v2, nvml.Return) {
			return nvml.Memory_v2{Total: 40 * gib}, nvml.SUCCESS
		},
		GetGraphicsRunningProcessesFunc: func() ([]nvml.ProcessInfo, nvml.Return) { return nil, nvml.ERROR_NOT_SUPPORTED },
		GetComputeRunningProcessesFunc: func() ([]nvml.ProcessInfo, nvml.Return) {
			if i == 0 {
				return []nvml.ProcessInfo{{Pid: 7}}, nvml.SUCCESS
			}
			return nil, nvml.SUCCESS
		},
	}
}

// On a machine without a driver the real library says so and does not crash; with
// one, it names at least one card.
func TestDevicesHere(t *testing.T) {
	inv, err := Devices()
	if errors.Is(err, ErrUnavailable) {
		t.Log(err)
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range inv.Devices {
		t.Logf("%d %s %s: %d of %d bytes used, %d processes", d.Index, d.UUID, d.Name, d.UsedBytes, d.MemoryBytes, len(d.Processes))
		if d.UUID == "" || d.MemoryBytes == 0 {
			t.Errorf("device %+v", d)
		}
	}
}
