//go:build linux && cgo

package gpu

import (
	"fmt"

	"github.com/NVIDIA/go-nvml/pkg/nvml"

	"github.com/qtune/qtune/usage"
)

// States reads how each GPU is set, in NVML's order. Errors are those of Devices;
// what a card does not tell is left at zero.
func States() ([]State, error) { return readStates(nvml.New()) }

func readStates(lib nvml.Interface) (all []State, err error) {
	if ret := lib.Init(); ret != nvml.SUCCESS {
		return nil, unavailable(ret)
	}
	defer func() {
		if ret := lib.Shutdown(); ret != nvml.SUCCESS && err == nil {
			err = fmt.Errorf("close NVML: %w", ret)
		}
	}()
	count, ret := lib.DeviceGetCount()
	if ret != nvml.SUCCESS {
		return nil, fmt.Errorf("count the GPUs: %w", ret)
	}
	for i := range count {
		h, ret := lib.DeviceGetHandleByIndex(i)
		if ret != nvml.SUCCESS {
			return nil, fmt.Errorf("open GPU %d: %w", i, ret)
		}
		all = append(all, state(i, h))
	}
	return all, nil
}

func state(index int, h nvml.Device) State {
	s := State{Index: index}
	if mode, ret := h.GetPersistenceMode(); ret == nvml.SUCCESS {
		s.Persistence = map[bool]string{true: "on", false: "off"}[mode == nvml.FEATURE_ENABLED]
	}
	if mw, ret := h.GetPowerManagementLimit(); ret == nvml.SUCCESS {
		s.PowerLimitW = float64(mw) / 1000
	}
	if _, mw, ret := h.GetPowerManagementLimitConstraints(); ret == nvml.SUCCESS {
		s.PowerMostW = float64(mw) / 1000
	}
	if mw, ret := h.GetPowerManagementDefaultLimit(); ret == nvml.SUCCESS {
		s.PowerUsualW = float64(mw) / 1000
	}
	if c, ret := h.GetTemperature(nvml.TEMPERATURE_GPU); ret == nvml.SUCCESS {
		s.TemperatureC = int(c)
	}
	if mhz, ret := h.GetClockInfo(nvml.CLOCK_SM); ret == nvml.SUCCESS {
		s.ClockMHz = int(mhz)
	}
	if mhz, ret := h.GetMaxClockInfo(nvml.CLOCK_SM); ret == nvml.SUCCESS {
		s.ClockMaxMHz = int(mhz)
	}
	if reasons, ret := h.GetCurrentClocksThrottleReasons(); ret == nvml.SUCCESS {
		s.Throttled = slowdown(reasons)&^usage.PowerCap != 0 // the cap that somebody set shows as such
	}
	return s
}
