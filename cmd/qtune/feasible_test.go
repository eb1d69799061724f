package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/qtune/qtune/gpu"
	"github.com/qtune/qtune/profiles"
	"github.com/qtune/qtune/simulator"
)

// far has a candidate beyond what the card holds, where small's misses by less
// than the margin.
var far = strings.NewReplacer("max-model-len = [4096, 40000]", "gpu-memory-utilization = [0.92, 0.5]",
	"where = flags.max-num-seqs == 8 || flags.max-model-len == 4096", "").Replace(small)

func planned(t *testing.T, text string, more ...string) planView {
	t.Helper()
	c := newConsole(t)
	args := append([]string{"plan", write(t, "p.hcl", text), "--json", "--dir", t.TempDir()}, more...)
	if code := c.run(t, args...); code != exitOK {
		t.Fatalf("exit %d\n%s", code, c.err.String())
	}
	var v planView
	if err := json.Unmarshal([]byte(c.out.String()), &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestPlanPrunesWhatCannotFit(t *testing.T) {
	tests := []struct {
		why, text string
		flags     []string
		want      []string // status and answer of each trial
	}{
		{"far beyond the margin", far, []string{"--simulate"}, []string{"planned fits", "planned fits", "pruned cannot fit", "planned fits", "pruned cannot fit"}},
		{"within the margin", small, []string{"--simulate"}, []string{"planned fits", "pruned ", "planned fits", "planned not known"}},
		{"the card of the profile, where none can be read", far, nil, []string{"planned fits", "planned fits", "pruned cannot fit", "planned fits", "pruned cannot fit"}},
		{"a card that is not known", strings.Replace(far, `simulate = "RTX 4090"`, "", 1), nil, []string{"planned not known", "planned not known", "planned not known", "planned not known", "planned not known"}},
		{"the baseline is never pruned", strings.Replace(far, "flags = {", "flags = { gpu-memory-utilization = 0.5, ", 1), []string{"--simulate"},
			[]string{"planned cannot fit", "planned fits", "planned fits", "pruned cannot fit"}},
	}
	for _, tt := range tests {
		t.Run(tt.why, func(t *testing.T) {
			var got []string
			for _, trial := range planned(t, tt.text, tt.flags...).Trials {
				got = append(got, trial.Status+" "+trial.Fits)
				if trial.Fits == "cannot fit" && !strings.Contains(trial.Reason+trial.Memory, ": 23.5 GiB × 0.5") {
					t.Errorf("reason %q lacks the arithmetic", trial.Reason)
				}
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestApplyPrunesWhatCannotFit(t *testing.T) {
	path, dir := write(t, "far.hcl", far), t.TempDir()
	c := newConsole(t)
	if code := c.run(t, simulated(path, dir)...); !decided(code) {
		t.Fatalf("exit %d\n%s", code, c.err.String())
	}
	if out := c.out.String(); !strings.Contains(out, "cannot fit") || !strings.Contains(out, "0 failed, 2 pruned") {
		t.Errorf("the report:\n%s", out)
	}
}

// What is pruned is what the simulator would refuse: one arithmetic serves both.
func TestTheSimulatorAgrees(t *testing.T) {
	n := 0
	for _, trial := range planned(t, strings.Replace(far, "max-num-seqs = [2, 8]", "max-num-seqs = [2, 8]\n    tensor-parallel-size = [null, 2]", 1), "--simulate").Trials {
		if trial.Fits != "cannot fit" {
			continue
		}
		n++
		var out, log bytes.Buffer
		env := func(name string) string {
			return map[string]string{"QTUNE_SIMULATE_CARD": "RTX 4090", "QTUNE_SIMULATE_SPEED": "1000"}[name]
		}
		args := append([]string{"vllm"}, trial.Command[2:]...)
		if code := simulator.Main(t.Context(), args, env, &out, &log); code == 0 {
			t.Errorf("%s: pruned (%s), and the simulator serves it", strings.Join(args, " "), trial.Reason)
		}
	}
	if n < 4 {
		t.Errorf("%d trials were pruned, want at least 4", n)
	}
}

func TestKnownCard(t *testing.T) {
	device := func(uuid, name string, gib uint64) gpu.Device {
		return gpu.Device{UUID: uuid, Name: name, MemoryBytes: gib << 30}
	}
	tests := []struct {
		why     string
		devices []string
		all     []gpu.Device
		want    string
	}{
		{"one of the table", nil, []gpu.Device{device("a", "NVIDIA GeForce RTX 5090", 32)}, "RTX 5090"},
		{"the one that the profile names", []string{"b"}, []gpu.Device{device("a", "NVIDIA GeForce RTX 4090", 24), device("b", "NVIDIA GeForce RTX 5090", 32)}, "RTX 5090"},
		{"two kinds", nil, []gpu.Device{device("a", "NVIDIA GeForce RTX 4090", 24), device("b", "NVIDIA GeForce RTX 5090", 32)}, ""},
		{"one that the table lacks", nil, []gpu.Device{device("a", "NVIDIA GeForce GT 710", 2)}, ""},
		{"a slice with the whole card's name", nil, []gpu.Device{device("a", "NVIDIA H100 80GB HBM3", 20)}, ""},
	}
	for _, tt := range tests {
		got := ""
		if card := knownCard(gpu.Inventory{Devices: tt.all}, tt.devices); card != nil {
			got = card.Name
		}
		if got != tt.want {
			t.Errorf("%s: %q, want %q", tt.why, got, tt.want)
		}
	}
}

func TestKnownModel(t *testing.T) {
	dir := t.TempDir()
	config := `{"architectures":["LlamaForCausalLM"],"num_hidden_layers":2,"hidden_size":64,"intermediate_size":128,"num_attention_heads":4,"vocab_size":300,"max_position_embeddings":512}`
	if err := os.WriteFile(filepath.Join(dir, "config.json"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		why    string
		m      profiles.Model
		layers int // 0: not known
	}{
		{"a folder tells more than a name", profiles.Model{ID: "Qwen/Qwen3-8B", Path: dir}, 2},
		{"a folder of something else is not what its name says", profiles.Model{ID: "Qwen/Qwen3-8B", Path: t.TempDir()}, 0},
		{"the table", profiles.Model{ID: "Qwen/Qwen3-8B"}, 36},
		{"neither", profiles.Model{ID: "org/m"}, 0},
	}
	for _, tt := range tests {
		layers := 0
		if m := knownModel(tt.m, []string{"HOME=" + t.TempDir()}); m != nil {
			layers = m.Layers
		}
		if layers != tt.layers {
			t.Errorf("%s: %d layers, want %d", tt.why, layers, tt.layers)
		}
	}
}
