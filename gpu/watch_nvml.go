//go:build linux && cgo

package gpu

import (
	"encoding/binary"
	"fmt"
	"math"
	"time"

	"github.com/NVIDIA/go-nvml/pkg/nvml"

	"github.com/qtune/qtune/usage"
)

// Watch samples the cards, or parts of cards, that have these UUIDs, more than ten
// times a second. The error is that of Devices; every Watcher needs a Stop.
func Watch(uuids []string) (*Watcher, error) { return watch(nvml.New(), uuids) }

func watch(lib nvml.Interface, uuids []string) (*Watcher, error) {
	if ret := lib.Init(); ret != nvml.SUCCESS {
		return nil, unavailable(ret)
	}
	w := &Watcher{close: func() { _ = lib.Shutdown() }} // nothing can be done about it
	var sets []nvml.EventSet
	for _, uuid := range uuids {
		h, ret := lib.DeviceGetHandleByUUID(uuid)
		if ret != nvml.SUCCESS {
			w.close()
			return nil, fmt.Errorf("open card %s: %w", uuid, ret)
		}
		c := &watched{fast: fastOf(lib, h), slow: slowOf(h)}
		c.UUID = uuid
		c.Name, _ = h.GetName()   // a part of a card may have none
		c.Index, _ = h.GetIndex() // nor this
		if set, ok := xidsOf(lib, h); ok {
			sets = append(sets, set)
			c.xids = func(wait time.Duration) (int, bool) { return awaitXid(set, wait) }
		}
		w.cards = append(w.cards, c)
	}
	shutdown := w.close
	w.close = func() {
		for _, s := range sets {
			_ = s.Free() // NVML's own memory
		}
		shutdown()
	}
	w.start()
	return w, nil
}

// fastOf reads what a card tells in microseconds.
func fastOf(lib nvml.Interface, h nvml.Device) func(*usage.CardSample) {
	return func(s *usage.CardSample) {
		if _, used, ret := memory(lib, h); ret == nvml.SUCCESS {
			s.UsedBytes = used
		}
		if u, ret := h.GetUtilizationRates(); ret == nvml.SUCCESS {
			s.SM, s.Memory = float64(u.Gpu)/100, float64(u.Memory)/100
		}
		if mw, ret := h.GetPowerUsage(); ret == nvml.SUCCESS {
			s.Power = float64(mw) / 1000
		}
		if mj, ret := h.GetTotalEnergyConsumption(); ret == nvml.SUCCESS {
			s.Energy = float64(mj) / 1000
		}
		if mhz, ret := h.GetClockInfo(nvml.CLOCK_SM); ret == nvml.SUCCESS {
			s.Clock = float64(mhz)
		}
		if mhz, ret := h.GetClockInfo(nvml.CLOCK_MEM); ret == nvml.SUCCESS {
			s.MemoryClock = float64(mhz)
		}
		if c, ret := h.GetTemperature(nvml.TEMPERATURE_GPU); ret == nvml.SUCCESS {
			s.Temperature = float64(c)
		}
		if why, ret := h.GetCurrentClocksThrottleReasons(); ret == nvml.SUCCESS {
			s.Slow = slowdown(why)
		}
	}
}

// slowdown picks the reasons that make a card slower than it could be.
func slowdown(why uint64) usage.Reasons {
	var r usage.Reasons
	for _, m := range []struct {
		bits   uint64
		reason usage.Reasons
	}{
		{nvml.ClocksThrottleReasonSwPowerCap, usage.PowerCap},
		{nvml.ClocksThrottleReasonSwThermalSlowdown | nvml.ClocksThrottleReasonHwThermalSlowdown, usage.Heat},
		{nvml.ClocksThrottleReasonHwPowerBrakeSlowdown, usage.PowerBrake},
		{nvml.ClocksThrottleReasonHwSlowdown, usage.Hardware},
	} {
		if why&m.bits != 0 {
			r |= m.reason
		}
	}
	return r
}

// slowOf reads what costs a card milliseconds, or counts by itself.
func slowOf(h nvml.Device) func(*usage.CardSample) {
	return func(s *usage.CardSample) {
		// The driver measures each direction for 20 ms.
		if kb, ret := h.GetPcieThroughput(nvml.PCIE_UTIL_RX_BYTES); ret == nvml.SUCCESS {
			s.PCIeIn = float64(kb) * 1000
		}
		if kb, ret := h.GetPcieThroughput(nvml.PCIE_UTIL_TX_BYTES); ret == nvml.SUCCESS {
			s.PCIeOut = float64(kb) * 1000
		}
		if n, ret := h.GetTotalEccErrors(nvml.MEMORY_ERROR_TYPE_UNCORRECTED, nvml.VOLATILE_ECC); ret == nvml.SUCCESS {
			s.ECC = float64(n)
		}
		s.Link = links(h)
	}
}

// links is what all NVLinks have carried, in bytes; NaN where there are none.
func links(h nvml.Device) float64 {
	const allLinks = math.MaxUint32
	fields := []nvml.FieldValue{
		{FieldId: nvml.FI_DEV_NVLINK_THROUGHPUT_DATA_TX, ScopeId: allLinks},
		{FieldId: nvml.FI_DEV_NVLINK_THROUGHPUT_DATA_RX, ScopeId: allLinks},
	}
	if ret := h.GetFieldValues(fields); ret != nvml.SUCCESS {
		return math.NaN()
	}
	kib := uint64(0)
	for _, f := range fields {
		if nvml.Return(f.NvmlReturn) != nvml.SUCCESS {
			return math.NaN()
		}
		kib += binary.NativeEndian.Uint64(f.Value[:])
	}
	return float64(kib) * 1024
}

// xidsOf asks to hear of the driver's errors; false for a card that does not tell.
func xidsOf(lib nvml.Interface, h nvml.Device) (nvml.EventSet, bool) {
	set, ret := lib.EventSetCreate()
	if ret != nvml.SUCCESS {
		return nil, false
	}
	if ret := h.RegisterEvents(nvml.EventTypeXidCriticalError, set); ret != nvml.SUCCESS {
		_ = set.Free() // it was never used
		return nil, false
	}
	return set, true
}

// awaitXid waits for one error at most so long. An event set that fails is asked
// again after the same time.
func awaitXid(set nvml.EventSet, wait time.Duration) (int, bool) {
	e, ret := set.Wait(uint32(wait.Milliseconds()))
	switch ret {
	case nvml.SUCCESS:
		return int(e.EventData), true
	case nvml.ERROR_TIMEOUT:
		return 0, false
	}
	time.Sleep(wait)
	return 0, false
}
