//go:build !linux || !cgo

package gpu

import "runtime"

// Devices returns an *Unavailable: this build has no NVML.
func Devices() (Inventory, error) {
	if runtime.GOOS != "linux" {
		return Inventory{}, &Unavailable{Reason: "NVML exists on Linux only", Advice: "run qtune on the machine that has the GPUs"}
	}
	return Inventory{}, &Unavailable{
		Reason: "this qtune was built without cgo, so it has no NVML",
		Advice: "build it with `make build-nvml`, which needs gcc",
	}
}
