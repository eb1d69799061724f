//go:build linux && cgo

package gpu

import (
	"errors"
	"math"
	"sync/atomic"
	"testing"
	"time"

	"github.com/NVIDIA/go-nvml/pkg/nvml"
	"github.com/NVIDIA/go-nvml/pkg/nvml/mock"
	"github.com/NVIDIA/go-nvml/pkg/nvml/mock/server"

	"github.com/qtune/qtune/usage"
)

// tells makes a card of the machine answer all that a Watcher asks, or refuse it.
func tells(t *testing.T, ret nvml.Return) (lib *server.Server, uuid string) {
	t.Helper()
	m := machine(t)
	d := card(t, m, 0)
	began := time.Now()
	d.GetUtilizationRatesFunc = func() (nvml.Utilization, nvml.Return) { return nvml.Utilization{Gpu: 97, Memory: 60}, ret }
	d.GetPowerUsageFunc = func() (uint32, nvml.Return) { return 650_000, ret }
	d.GetTotalEnergyConsumptionFunc = func() (uint64, nvml.Return) { // 700 W
		return uint64(time.Since(began).Seconds() * 700_000), ret
	}
	d.GetClockInfoFunc = func(c nvml.ClockType) (uint32, nvml.Return) {
		return map[nvml.ClockType]uint32{nvml.CLOCK_SM: 1980, nvml.CLOCK_MEM: 2619}[c], ret
	}
	d.GetTemperatureFunc = func(nvml.TemperatureSensors) (uint32, nvml.Return) { return 71, ret }
	d.GetCurrentClocksThrottleReasonsFunc = func() (uint64, nvml.Return) {
		return nvml.ClocksThrottleReasonSwPowerCap | nvml.ClocksThrottleReasonGpuIdle, ret
	}
	d.GetPcieThroughputFunc = func(nvml.PcieUtilCounter) (uint32, nvml.Return) { return 5000, ret }
	d.GetTotalEccErrorsFunc = func(nvml.MemoryErrorType, nvml.EccCounterType) (uint64, nvml.Return) { return 0, ret }
	d.GetFieldValuesFunc = func(f []nvml.FieldValue) nvml.Return {
		for i := range f {
			f[i].NvmlReturn, f[i].Value[0] = uint32(ret), 2
		}
		return nvml.SUCCESS
	}
	d.RegisterEventsFunc = func(uint64, nvml.EventSet) nvml.Return { return ret }
	var told atomic.Bool
	m.EventSetCreateFunc = func() (nvml.EventSet, nvml.Return) {
		return &mock.EventSet{FreeFunc: func() nvml.Return { return nvml.SUCCESS }, WaitFunc: func(ms uint32) (nvml.EventData, nvml.Return) {
			if told.CompareAndSwap(false, true) {
				return nvml.EventData{EventData: 79}, nvml.SUCCESS
			}
			time.Sleep(time.Duration(ms) * time.Millisecond)
			return nvml.EventData{}, nvml.ERROR_TIMEOUT
		}}, nvml.SUCCESS
	}
	return m, d.UUID
}

// watchFor samples one card for a while and sums it up.
func watchFor(t *testing.T, lib nvml.Interface, uuid string, d time.Duration) (usage.Level, int) {
	t.Helper()
	from := time.Now()
	w, err := watch(lib, []string{uuid})
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(d)
	to := time.Now()
	cards := w.Stop()
	return *usage.Summarize(cards, "", nil, usage.Span{From: from, To: to}, 1), len(cards[0].Samples)
}

func near(a, b float64) bool { return math.Abs(a-b) < 1e-9*b }

func TestWatch(t *testing.T) {
	lib, uuid := tells(t, nvml.SUCCESS)
	l, n := watchFor(t, lib, uuid, 700*time.Millisecond)
	if n < 2 {
		t.Fatalf("%d samples in 0.7 s", n)
	}
	c := l.Cards[0]
	if !near(*c.SM, .97) || !near(*c.Memory, .6) || !near(*c.PowerW, 650) || !near(*c.ClockMHz, 1980) || !near(*c.MemoryClock, 2619) || *c.TemperatureC != 71 || c.PeakBytes != 70*gib {
		t.Errorf("figures %+v", c)
	}
	if c.EnergyBy != "counter" || math.Abs(*c.EnergyJ-490) > 30 {
		t.Errorf("%v J by %s, want 490 by the counter", *c.EnergyJ, c.EnergyBy)
	}
	if len(c.Slowed) != 1 || c.Slowed[0].Share < .999 || c.Slowed[0].Reason != "power cap" {
		t.Errorf("slowed %+v, want by the power cap all the time and not by idling", c.Slowed)
	}
	if len(c.Xids) != 1 || c.Xids[0] != 79 {
		t.Errorf("Xids %v, want 79 once", c.Xids)
	}
	if got := links(card(t, lib, 0)); got != 4096 {
		t.Errorf("links carried %v bytes, want 2 KiB each way", got)
	}
	if c.PCIeIn == nil || !near(*c.PCIeIn, 5e6) || c.ECCErrors != 0 {
		t.Errorf("traffic %+v", c)
	}
}

func TestWatchACardThatTellsLittle(t *testing.T) {
	lib, uuid := tells(t, nvml.ERROR_NOT_SUPPORTED)
	l, _ := watchFor(t, lib, uuid, 200*time.Millisecond)
	c := l.Cards[0]
	if c.PeakBytes != 70*gib || c.SM != nil || c.PowerW != nil || c.EnergyJ != nil || c.ClockMHz != nil || c.NVLink != nil || c.Slowed != nil || c.Xids != nil {
		t.Errorf("got %+v, want its memory alone", c)
	}
}

func TestWatchFails(t *testing.T) {
	lib, _ := tells(t, nvml.SUCCESS)
	if _, err := watch(lib, []string{"GPU-none"}); err == nil {
		t.Error("a card that is not there is watched")
	}
	none := &mock.Interface{InitFunc: func() nvml.Return { return nvml.ERROR_LIBRARY_NOT_FOUND }}
	if _, err := watch(none, nil); !errors.Is(err, ErrUnavailable) {
		t.Errorf("without a driver: %v", err)
	}
}

// A Watcher that is stopped at once has ended, and leaves the next one alone.
func TestWatchIsStopped(t *testing.T) {
	lib, uuid := tells(t, nvml.SUCCESS)
	for range 20 {
		w, err := watch(lib, []string{uuid})
		if err != nil {
			t.Fatal(err)
		}
		w.Stop()
	}
}
