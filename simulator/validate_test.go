package simulator

import (
	"bufio"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"sort"
	"testing"
)

// logged is one request of a real vLLM's log, seconds.
type logged struct {
	In     int     `json:"input_toks"`
	Out    int     `json:"output_toks"`
	Queued float64 `json:"queued_ts"`
	First  float64 `json:"first_token_ts"`
	Last   float64 `json:"last_token_ts"`
}

// recordings are the logs whose configuration is known, as their meta files give it.
var recordings = map[string]struct {
	card, model string
	tensor      int
	scheduling  Scheduling
	within      float64 // of the real figures
}{
	"rtx4090-llama-3.1-8b": {card: "RTX 4090", model: "meta-llama/Llama-3.1-8B", tensor: 1,
		scheduling: Scheduling{MaxRunning: 256, Budget: 2048, Chunked: true, Pool: 41408, Block: 16}, within: 0.05},
	"rtxpro6000-qwen3-32b": {card: "RTX PRO 6000", model: "Qwen/Qwen3-32B", tensor: 2,
		scheduling: Scheduling{MaxRunning: 128, Budget: 2048, Chunked: true, Pool: 400_000, Block: 16}, within: 0.08},
}

// The step model and the scheduler against real runs: mean TTFT, mean TPOT and the time
// of the whole. Nothing was fitted to these runs; what two cards have to tell each other
// costs what others measured. QTUNE_DATA names the folder of the data.
func TestAgainstRealLogs(t *testing.T) {
	folder := os.Getenv("QTUNE_DATA")
	if folder == "" {
		folder = filepath.Join("..", "..", "shared", "data")
	}
	files, _ := filepath.Glob(filepath.Join(folder, "vllm-logs", "*.jsonl"))
	if len(files) == 0 {
		t.Skipf("no logs of real engines in %s; set QTUNE_DATA", folder)
	}
	for _, file := range files {
		name := filepath.Base(file[:len(file)-len(".jsonl")])
		t.Run(name, func(t *testing.T) {
			r, ok := recordings[name]
			if !ok {
				t.Skip("its configuration is not known to this test")
			}
			log := readLog(t, file)
			c, m := card(t, r.card), model(t, r.model)
			machine := NewMachine(c, m, Kernels{WeightBytes: 2, GraphTokens: 512, PrefillGraphs: true, Compiled: true, Tensor: r.tensor}, EfficiencyOf(c))
			simulated := replay(NewCore(r.scheduling, machine, 1), log)
			compare(t, log, simulated, r.within)
		})
	}
}

func readLog(t *testing.T, file string) []logged {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	var log []logged
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		var l logged
		if err := json.Unmarshal(lines.Bytes(), &l); err != nil {
			t.Fatal(err)
		}
		log = append(log, l)
	}
	sort.Slice(log, func(i, j int) bool { return log[i].Queued < log[j].Queued })
	start := log[0].Queued
	for i := range log {
		log[i].Queued, log[i].First, log[i].Last = log[i].Queued-start, log[i].First-start, log[i].Last-start
	}
	return log
}

// replay sends a log's requests at their times, in virtual time.
func replay(c *Core, log []logged) []logged {
	out := append([]logged(nil), log...)
	requests := make([]Request, len(log))
	now, next := 0.0, 0
	for next < len(log) || !c.Idle() {
		for next < len(log) && log[next].Queued <= now {
			requests[next] = Request{Prompt: log[next].In, Output: log[next].Out, Owner: &out[next]}
			c.Submit(&requests[next])
			next++
		}
		took, events := c.Step()
		if took == 0 {
			now = log[next].Queued
			continue
		}
		now += took.Seconds()
		for _, e := range events {
			l := e.Request.Owner.(*logged)
			if e.Index == 0 {
				l.First = now
			}
			l.Last = now
		}
	}
	return out
}

func compare(t *testing.T, measured, simulated []logged, within float64) {
	t.Helper()
	figures := []struct {
		name string
		of   func([]logged) float64
	}{
		{"mean TTFT, ms", func(l []logged) float64 { return mean(l, func(x logged) float64 { return 1e3 * (x.First - x.Queued) }) }},
		{"mean TPOT, ms", func(l []logged) float64 {
			return mean(l, func(x logged) float64 { return 1e3 * (x.Last - x.First) / math.Max(1, float64(x.Out-1)) })
		}},
		{"mean E2E, ms", func(l []logged) float64 { return mean(l, func(x logged) float64 { return 1e3 * (x.Last - x.Queued) }) }},
		{"whole, s", func(l []logged) float64 {
			end := 0.0
			for _, x := range l {
				end = math.Max(end, x.Last)
			}
			return end
		}},
	}
	for _, f := range figures {
		r, s := f.of(measured), f.of(simulated)
		t.Logf("%-14s real %9.1f  simulated %9.1f  %+.1f %%", f.name, r, s, 100*(s/r-1))
		if math.Abs(s/r-1) > within {
			t.Errorf("%s: simulated %.1f, really %.1f", f.name, s, r)
		}
	}
}

func mean(l []logged, of func(logged) float64) float64 {
	sum := 0.0
	for _, x := range l {
		sum += of(x)
	}
	return sum / float64(len(l))
}
