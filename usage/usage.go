// Package usage sums up what a machine did while something was measured: its cards
// and the engine's own processor time and memory.
//
// It owns the samples, their summary and what of it a reader must be warned of. It
// reads nothing: whoever has a card or a container samples it. All functions are
// pure.
package usage

import (
	"math"
	"time"
)

// Reasons are those for which a card runs slower than it could, as bits.
type Reasons uint8

// The reasons. That a card idles, or that somebody has set its clocks, is none.
const (
	PowerCap   Reasons = 1 << iota // the power limit that is set
	Heat                           // too hot, by the driver's or the card's own judgement
	PowerBrake                     // the power supply asked for it
	Hardware                       // the card protects itself, for one of the above or another reason
)

// reasonNames are in the order in which they are told.
var reasonNames = []struct {
	bit  Reasons
	name string
}{{PowerCap, "power cap"}, {Heat, "heat"}, {PowerBrake, "power supply"}, {Hardware, "hardware slowdown"}}

// CardSample is what a card told at one moment. NaN is a figure that it does not tell.
type CardSample struct {
	At          time.Time
	UsedBytes   uint64
	SM, Memory  float64 // how much of the time a kernel ran, and memory was read or written: 0 to 1
	Power       float64 // W
	Energy      float64 // J, a counter
	Clock       float64 // MHz, of the multiprocessors
	MemoryClock float64 // MHz
	Temperature float64 // °C
	Slow        Reasons
	PCIeIn      float64 // bytes/s to the card, looked at once a second
	PCIeOut     float64 // bytes/s from the card
	Link        float64 // bytes over all NVLinks in both directions, a counter
	ECC         float64 // memory errors that could not be corrected, a counter
}

// Unknown is a sample in which nothing is told.
func Unknown(at time.Time) CardSample {
	n := math.NaN()
	return CardSample{At: at, SM: n, Memory: n, Power: n, Energy: n, Clock: n, MemoryClock: n, Temperature: n, PCIeIn: n, PCIeOut: n, Link: n, ECC: n}
}

// Xid is an error that the driver reported of a card, by NVIDIA's number.
type Xid struct {
	At   time.Time
	Code int
}

// CardSamples are those of one card, in order.
type CardSamples struct {
	Index   int
	UUID    string
	Name    string
	Samples []CardSample
	Xids    []Xid
}

// EngineSample is what an engine had used by one moment.
type EngineSample struct {
	At          time.Time
	CPU         time.Duration // processor time, a counter
	MemoryBytes uint64
	Throttled   time.Duration // for which a quota kept it from running, a counter
}

// Level is what happened while one level was measured.
type Level struct {
	Cards []Card  `json:"cards,omitempty"`
	NoGPU string  `json:"no_gpu,omitempty"` // why there are no figures of a card
	On    *Engine `json:"engine,omitempty"` // of the container or process; absent where it cannot be looked at
	// PowerW and EnergyJ are of all cards together, EnergyJ over the level's measured
	// wall time; null where a card does not tell.
	PowerW         *float64 `json:"power_w"`
	EnergyJ        *float64 `json:"energy_j"`
	JoulesPerToken *float64 `json:"joules_per_output_token"`
	PeakBytes      uint64   `json:"peak_bytes"` // the most memory that was taken on all cards together
}

// Card is one card's part. A null is a figure that the card does not tell.
type Card struct {
	Index        int        `json:"index"`
	UUID         string     `json:"uuid"`
	Name         string     `json:"name"`
	Samples      int        `json:"samples"`
	MeanBytes    uint64     `json:"mean_bytes"`
	PeakBytes    uint64     `json:"peak_bytes"`
	SM           *float64   `json:"sm"`     // mean, 0 to 1
	Memory       *float64   `json:"memory"` // mean, 0 to 1
	PowerW       *float64   `json:"power_w"`
	PowerPeakW   *float64   `json:"power_peak_w"`
	EnergyJ      *float64   `json:"energy_j"`
	EnergyBy     string     `json:"energy_by,omitempty"` // "counter", or "power": integrated
	ClockMHz     *float64   `json:"clock_mhz"`           // mean
	ClockLeast   *float64   `json:"clock_least_mhz"`
	MemoryClock  *float64   `json:"memory_clock_mhz"`
	TemperatureC *float64   `json:"temperature_c"` // the highest
	Slowed       []Slowdown `json:"slowed,omitempty"`
	PCIeIn       *float64   `json:"pcie_in_bytes_per_s"`
	PCIeOut      *float64   `json:"pcie_out_bytes_per_s"`
	NVLink       *float64   `json:"nvlink_bytes_per_s"`
	ECCErrors    int        `json:"ecc_errors,omitempty"` // that came in this time and could not be corrected
	Xids         []int      `json:"xids,omitempty"`
}

// Slowdown is one reason for which a card was slower than it could be.
type Slowdown struct {
	Reason string  `json:"reason"`
	Share  float64 `json:"share"` // of the time, 0 to 1
}

// Engine is the container's or process's part.
type Engine struct {
	Kind      string   `json:"kind"`       // container, or process with all that it started
	CPUs      *float64 `json:"cpus"`       // processors kept busy, mean
	PeakBytes uint64   `json:"peak_bytes"` // of its memory, without the cache of files it may give back
	Throttled *float64 `json:"throttled"`  // share of the time for which a quota kept a part of it from running
}

// Span is the time that was measured.
type Span struct{ From, To time.Time }

func (s Span) holds(t time.Time) bool { return !t.Before(s.From) && !t.After(s.To) }

func (s Span) seconds() float64 { return s.To.Sub(s.From).Seconds() }
