package usage

import (
	"encoding/csv"
	"io"
	"math"
	"strconv"
	"time"
)

// head is the first line of a file of samples.
var head = []string{"level", "of", "at_s", "used_bytes", "sm", "memory", "power_w", "energy_j", "clock_mhz", "memory_clock_mhz", "temperature_c", "slow",
	"pcie_in_bytes_per_s", "pcie_out_bytes_per_s", "nvlink_bytes", "ecc_errors", "cpu_s", "throttled_s"}

// WriteCSV writes all samples of a level, a line each, with seconds since from. A
// figure that is not told is empty.
func WriteCSV(w io.Writer, level string, cards []CardSamples, kind string, engine []EngineSample, from time.Time) error {
	out := csv.NewWriter(w)
	for _, c := range cards {
		for i := range c.Samples {
			s := &c.Samples[i]
			line := []string{level, c.UUID, number(s.At.Sub(from).Seconds()), strconv.FormatUint(s.UsedBytes, 10)}
			for _, v := range []float64{s.SM, s.Memory, s.Power, s.Energy, s.Clock, s.MemoryClock, s.Temperature, float64(s.Slow), s.PCIeIn, s.PCIeOut, s.Link, s.ECC} {
				line = append(line, number(v))
			}
			if err := out.Write(append(line, "", "")); err != nil {
				return err
			}
		}
	}
	for _, s := range engine {
		line := make([]string, len(head))
		line[0], line[1], line[2], line[3] = level, kind, number(s.At.Sub(from).Seconds()), strconv.FormatUint(s.MemoryBytes, 10)
		line[len(line)-2], line[len(line)-1] = number(s.CPU.Seconds()), number(s.Throttled.Seconds())
		if err := out.Write(line); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

// WriteHead writes the line above the samples.
func WriteHead(w io.Writer) error {
	out := csv.NewWriter(w)
	if err := out.Write(head); err != nil {
		return err
	}
	out.Flush()
	return out.Error()
}

func number(v float64) string {
	if math.IsNaN(v) {
		return ""
	}
	return strconv.FormatFloat(v, 'f', -1, 64)
}
