package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/qtune/qtune/bench"
	"github.com/qtune/qtune/engine"
	"github.com/qtune/qtune/gpu"
)

// busyEngine has used one and a half processors since began.
func busyEngine(began time.Time) func(context.Context) (engine.Used, error) {
	return func(context.Context) (engine.Used, error) {
		return engine.Used{Kind: "process", CPU: time.Duration(1.5 * float64(time.Since(began))), MemoryBytes: 5 << 20}, nil
	}
}

func TestMeter(t *testing.T) {
	tests := []struct {
		why   string
		used  func(began time.Time) func(context.Context) (engine.Used, error)
		cpus  float64 // 0: nothing is told
		lines int     // of the file, with its head
	}{
		{"an engine that is looked at", busyEngine, 1.5, 1 + 7}, // at 0, 2, … 10 s and at the end
		{"a server that is not ours", func(time.Time) func(context.Context) (engine.Used, error) {
			return func(context.Context) (engine.Used, error) { return engine.Used{}, errors.ErrUnsupported }
		}, 0, 1},
	}
	for _, tt := range tests {
		t.Run(tt.why, func(t *testing.T) {
			path := samplesBeside(filepath.Join(t.TempDir(), "server-2.log"))
			synctest.Test(t, func(t *testing.T) {
				m := &meter{used: tt.used(time.Now()), watch: func([]string) (*gpu.Watcher, error) { return nil, errors.New("GPU is lost") }}
				m.start(t.Context(), []string{"GPU-0"})
				time.Sleep(3 * time.Second) // the warm-up
				r := bench.LevelResult{Began: time.Now(), WallS: 7.5, OutputTokens: 100}
				time.Sleep(7500 * time.Millisecond)
				if err := m.stop(&r, "20 users", path); err != nil {
					t.Fatal(err)
				}
				if r.Usage == nil || r.Usage.NoGPU != "GPU is lost" || (r.Usage.On == nil) != (tt.cpus == 0) {
					t.Fatalf("got %+v", r.Usage)
				}
				if e := r.Usage.On; e != nil && (*e.CPUs < tt.cpus-.01 || *e.CPUs > tt.cpus+.01 || e.PeakBytes != 5<<20 || e.Kind != "process") {
					t.Errorf("got %v CPUs, %+v", *e.CPUs, e)
				}
			})
			text, err := os.ReadFile(path)
			if err != nil || strings.Count(string(text), "\n") != tt.lines || !strings.HasPrefix(string(text), "level,of,at_s,") || filepath.Base(path) != "samples-2.csv" {
				t.Errorf("%s (%v):\n%s", filepath.Base(path), err, text)
			}
		})
	}
}

func TestMeterOfALevelThatWasNotMeasured(t *testing.T) {
	m := &meter{used: busyEngine(time.Now()), watch: gpu.Watch}
	m.start(t.Context(), nil)
	r := bench.LevelResult{}
	if err := m.stop(&r, "", "/no/such/folder/samples.csv"); err != nil || r.Usage != nil {
		t.Errorf("got %+v, %v", r.Usage, err)
	}
	if m.noGPU == "" {
		t.Error("nothing says why there is no card")
	}
}

func TestMeterSaysWhereItCannotWrite(t *testing.T) {
	m := &meter{used: busyEngine(time.Now()), watch: gpu.Watch}
	m.start(t.Context(), nil)
	r := bench.LevelResult{Began: time.Now(), WallS: .1}
	err := m.stop(&r, "", "/no/such/folder/samples.csv")
	if err == nil || !strings.Contains(fmt.Sprint(err), "/no/such/folder") {
		t.Errorf("error %v", err)
	}
}
