//go:build linux && cgo

package gpu

import (
	"fmt"
	"slices"

	"github.com/NVIDIA/go-nvml/pkg/nvml"
)

// unknownMemory is NVML_VALUE_NOT_AVAILABLE: the driver does not tell what a
// process holds.
const unknownMemory = ^uint64(0)

// Devices reads every GPU of the machine. It returns an *Unavailable where there
// is no driver or it may not be asked, and another error where one of the cards
// fails to answer.
func Devices() (Inventory, error) { return read(nvml.New()) }

// read opens lib, reads all of it and closes it again.
func read(lib nvml.Interface) (inv Inventory, err error) {
	if ret := lib.Init(); ret != nvml.SUCCESS {
		return Inventory{}, unavailable(ret)
	}
	defer func() {
		if ret := lib.Shutdown(); ret != nvml.SUCCESS && err == nil {
			err = fmt.Errorf("close NVML: %w", ret)
		}
	}()
	return inventory(lib)
}

func inventory(lib nvml.Interface) (Inventory, error) {
	driver, ret := lib.SystemGetDriverVersion()
	if ret != nvml.SUCCESS {
		return Inventory{}, fmt.Errorf("read the driver's version: %w", ret)
	}
	cuda, ret := lib.SystemGetCudaDriverVersion()
	if ret != nvml.SUCCESS {
		return Inventory{}, fmt.Errorf("read the driver's CUDA version: %w", ret)
	}
	count, ret := lib.DeviceGetCount()
	if ret != nvml.SUCCESS {
		return Inventory{}, fmt.Errorf("count the GPUs: %w", ret)
	}
	inv := Inventory{Driver: driver, CUDA: cudaVersion(cuda)}
	for i := range count {
		d, err := device(lib, i)
		if err != nil {
			return Inventory{}, fmt.Errorf("read GPU %d: %w", i, err)
		}
		inv.Devices = append(inv.Devices, d)
	}
	return inv, nil
}

func device(lib nvml.Interface, index int) (Device, error) {
	h, ret := lib.DeviceGetHandleByIndex(index)
	if ret != nvml.SUCCESS {
		return Device{}, fmt.Errorf("open: %w", ret)
	}
	name, ret := h.GetName()
	if ret != nvml.SUCCESS {
		return Device{}, fmt.Errorf("name: %w", ret)
	}
	d := Device{Index: index, Name: name}
	if mode, _, ret := h.GetMigMode(); ret == nvml.SUCCESS && mode == nvml.DEVICE_MIG_ENABLE {
		d.Split = true
		parts, err := parts(lib, h, d)
		if err != nil {
			return Device{}, err
		}
		d.Parts = parts
	}
	return d, fill(lib, h, &d)
}

// parts reads what MIG has split a card into.
func parts(lib nvml.Interface, card nvml.Device, of Device) ([]Device, error) {
	most, ret := card.GetMaxMigDeviceCount()
	if ret != nvml.SUCCESS {
		return nil, fmt.Errorf("count its MIG devices: %w", ret)
	}
	var all []Device
	for i := range most {
		h, ret := card.GetMigDeviceHandleByIndex(i)
		if ret == nvml.ERROR_NOT_FOUND {
			continue // the numbers have gaps
		}
		if ret != nvml.SUCCESS {
			return nil, fmt.Errorf("open its MIG device %d: %w", i, ret)
		}
		d := Device{Index: of.Index, Name: of.Name}
		if own, ret := h.GetName(); ret == nvml.SUCCESS {
			d.Name = own
		}
		if err := fill(lib, h, &d); err != nil {
			return nil, fmt.Errorf("MIG device %d: %w", i, err)
		}
		all = append(all, d)
	}
	return all, nil
}

// fill reads what a card and a part of one both tell.
func fill(lib nvml.Interface, h nvml.Device, d *Device) error {
	var ret nvml.Return
	if d.UUID, ret = h.GetUUID(); ret != nvml.SUCCESS {
		return fmt.Errorf("UUID: %w", ret)
	}
	if d.MemoryBytes, d.UsedBytes, ret = memory(lib, h); ret != nvml.SUCCESS {
		return fmt.Errorf("memory: %w", ret)
	}
	if d.Displays, ret = processes(h.GetGraphicsRunningProcesses); ret != nvml.SUCCESS {
		d.Displays = nil // a card that cannot draw
	}
	computing, ret := processes(h.GetComputeRunningProcesses)
	if ret != nvml.SUCCESS {
		return fmt.Errorf("processes: %w", ret)
	}
	for _, p := range computing {
		if !slices.ContainsFunc(d.Displays, func(g Process) bool { return g.PID == p.PID }) {
			d.Processes = append(d.Processes, p)
		}
	}
	return nil
}

// memory prefers the second version of NVML's call: the first counts what the
// driver reserves, some hundred MB, as used. A driver older than 510 lacks it,
// and calling a function that is not there ends the program.
func memory(lib nvml.Interface, h nvml.Device) (total, used uint64, ret nvml.Return) {
	if lib.Extensions().LookupSymbol("nvmlDeviceGetMemoryInfo_v2") == nil {
		m, ret := h.GetMemoryInfo_v2()
		if ret == nvml.SUCCESS {
			return m.Total, m.Used, ret
		}
	}
	m, ret := h.GetMemoryInfo()
	return m.Total, m.Used, ret
}

// processes lists what computes, or draws, on the card. A virtual GPU cannot
// tell; there the used memory alone shows whether it is free.
func processes(list func() ([]nvml.ProcessInfo, nvml.Return)) ([]Process, nvml.Return) {
	infos, ret := list()
	if ret == nvml.ERROR_NOT_SUPPORTED {
		return nil, nvml.SUCCESS
	}
	var procs []Process
	for _, p := range infos {
		held := p.UsedGpuMemory
		if held == unknownMemory {
			held = 0
		}
		procs = append(procs, Process{PID: int(p.Pid), MemoryBytes: held})
	}
	return procs, ret
}

// cudaVersion writes NVML's 12040 as 12.4.
func cudaVersion(v int) string { return fmt.Sprintf("%d.%d", v/1000, v%1000/10) }

// unavailable explains why NVML did not open.
func unavailable(ret nvml.Return) error {
	u := &Unavailable{Reason: "NVML: " + ret.Error()}
	switch ret {
	case nvml.ERROR_LIBRARY_NOT_FOUND:
		u.Reason = "libnvidia-ml.so.1 was not found: no NVIDIA driver is installed here"
		u.Advice = "install the driver; in a container, start it with --gpus all and the utility capability"
	case nvml.ERROR_DRIVER_NOT_LOADED:
		u.Advice = "the driver's kernel module is not loaded; try `sudo modprobe nvidia`"
	case nvml.ERROR_LIB_RM_VERSION_MISMATCH:
		u.Advice = "the driver was upgraded while its old kernel module is loaded; restart the machine"
	case nvml.ERROR_NO_PERMISSION:
		u.Advice = "the user may not read /dev/nvidiactl"
	}
	return u
}
