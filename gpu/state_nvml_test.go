//go:build linux && cgo

package gpu

import (
	"errors"
	"testing"

	"github.com/NVIDIA/go-nvml/pkg/nvml"
	"github.com/NVIDIA/go-nvml/pkg/nvml/mock"
)

// stated is a library of one card that answers as given.
func stated(d *mock.Device) *mock.Interface {
	return &mock.Interface{
		InitFunc:                   func() nvml.Return { return nvml.SUCCESS },
		ShutdownFunc:               func() nvml.Return { return nvml.SUCCESS },
		DeviceGetCountFunc:         func() (int, nvml.Return) { return 1, nvml.SUCCESS },
		DeviceGetHandleByIndexFunc: func(int) (nvml.Device, nvml.Return) { return d, nvml.SUCCESS },
	}
}

func figures(ret nvml.Return) *mock.Device {
	return &mock.Device{
		GetPersistenceModeFunc:                 func() (nvml.EnableState, nvml.Return) { return nvml.FEATURE_DISABLED, ret },
		GetPowerManagementLimitFunc:            func() (uint32, nvml.Return) { return 400_000, ret },
		GetPowerManagementDefaultLimitFunc:     func() (uint32, nvml.Return) { return 575_000, ret },
		GetPowerManagementLimitConstraintsFunc: func() (uint32, uint32, nvml.Return) { return 100_000, 600_000, ret },
		GetTemperatureFunc:                     func(nvml.TemperatureSensors) (uint32, nvml.Return) { return 61, ret },
		GetClockInfoFunc:                       func(nvml.ClockType) (uint32, nvml.Return) { return 210, ret },
		GetMaxClockInfoFunc:                    func(nvml.ClockType) (uint32, nvml.Return) { return 2820, ret },
		GetCurrentClocksThrottleReasonsFunc: func() (uint64, nvml.Return) {
			return nvml.ClocksThrottleReasonHwThermalSlowdown, ret
		},
	}
}

func TestStates(t *testing.T) {
	got, err := readStates(stated(figures(nvml.SUCCESS)))
	want := State{Persistence: "off", PowerLimitW: 400, PowerMostW: 600, PowerUsualW: 575, TemperatureC: 61, ClockMHz: 210, ClockMaxMHz: 2820, Throttled: true}
	if err != nil || len(got) != 1 || got[0] != want {
		t.Errorf("got %+v (%v), want %+v", got, err, want)
	}
	got, err = readStates(stated(figures(nvml.ERROR_NOT_SUPPORTED)))
	if err != nil || len(got) != 1 || got[0] != (State{}) {
		t.Errorf("a card that tells nothing: %+v (%v)", got, err)
	}
}

func TestStatesWithoutADriver(t *testing.T) {
	lib := &mock.Interface{InitFunc: func() nvml.Return { return nvml.ERROR_LIBRARY_NOT_FOUND }}
	if _, err := readStates(lib); !errors.Is(err, ErrUnavailable) {
		t.Errorf("error %v, want ErrUnavailable", err)
	}
}
