package main

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/qtune/qtune/docker"
	"github.com/qtune/qtune/engine"
	"github.com/qtune/qtune/gpu"
	"github.com/qtune/qtune/profiles"
)

// calmDaemon is a Docker Engine as it should be.
type calmDaemon struct {
	info   docker.Info
	images []string
}

func (c *calmDaemon) Info(context.Context) (docker.Info, error) { return c.info, nil }
func (c *calmDaemon) Close() error                              { return nil }
func (c *calmDaemon) InspectImage(_ context.Context, image string) (docker.Image, bool, error) {
	return docker.Image{}, strings.Contains(strings.Join(c.images, " "), image), nil
}

// goodMachine is a machine on which everything is as it should be.
func goodMachine() (*calmDaemon, *gpu.Inventory, *gpu.State, probes) {
	d := &calmDaemon{info: docker.Info{Version: "28.0", API: "1.48", Runtimes: []string{"nvidia", "runc"}}, images: []string{"vllm/vllm-openai:v0.32.0"}}
	inv := &gpu.Inventory{Driver: "580.10", CUDA: "13.0", Devices: []gpu.Device{{UUID: "GPU-1", Name: "NVIDIA GeForce RTX 4090", MemoryBytes: 24 << 30}}}
	state := &gpu.State{Persistence: "on", PowerLimitW: 450, PowerUsualW: 450, ClockMaxMHz: 2500}
	return d, inv, state, probes{
		docker: func(context.Context) (daemon, error) { return d, nil },
		gpus:   func() (gpu.Inventory, error) { return *inv, nil },
		states: func() ([]gpu.State, error) { return []gpu.State{*state}, nil },
		free:   func(string) (int64, error) { return 1 << 40, nil },
		listen: func() error { return nil }, dial: func(string) error { return nil },
		holder: func(context.Context, int) string { return "process 4711 (python train.py)" }, locks: "/no/such/folder",
		help: func(context.Context, *profiles.Engine, profiles.GPU) ([]finding, error) { return nil, nil },
	}
}

func TestDoctor(t *testing.T) {
	onHost := strings.Replace(small, `image = "vllm/vllm-openai:v0.32.0"`, `runtime = "process"`+"\n"+`  command = ["/no/such/vllm", "serve"]`, 1)
	external := strings.Replace(small, "engine \"vllm\" \"plain\" {", "engine \"openai\" \"up\" {\n  url = \"http://127.0.0.1:8000\"\n}\nengine \"vllm\" \"plain\" {", 1)
	tests := []struct {
		why     string
		profile string
		change  func(*calmDaemon, *gpu.Inventory, *gpu.State, *probes)
		check   string
		grade   grade // of the worst finding of that check
		says    string
	}{
		{"a good machine", small, nil, "docker", gradeOK, "28.0"},
		{"no Docker Engine", small, func(_ *calmDaemon, _ *gpu.Inventory, _ *gpu.State, p *probes) {
			p.docker = func(context.Context) (daemon, error) { return nil, errors.New("no daemon") }
		}, "docker", gradeBad, "no daemon"},
		{"no Docker Engine, and none needed", onHost, func(_ *calmDaemon, _ *gpu.Inventory, _ *gpu.State, p *probes) {
			p.docker = func(context.Context) (daemon, error) { return nil, errors.New("no daemon") }
		}, "docker", gradeInfo, "no daemon"},
		{"no NVIDIA runtime", small, func(d *calmDaemon, _ *gpu.Inventory, _ *gpu.State, _ *probes) { d.info.Runtimes = []string{"runc"} }, "gpu runtime", gradeBad, "nvidia-ctk"},
		{"a driver that is older than the image's CUDA", small, func(_ *calmDaemon, i *gpu.Inventory, _ *gpu.State, _ *probes) { i.CUDA = "12.8" }, "driver", gradeBad, "CUDA 13"},
		{"an image that is not here", small, func(d *calmDaemon, _ *gpu.Inventory, _ *gpu.State, _ *probes) { d.images = nil }, "image", gradeInfo, "pulls it"},
		{"an image that may not be pulled", strings.Replace(small, "image =", "pull = \"never\"\n  image =", 1), func(d *calmDaemon, _ *gpu.Inventory, _ *gpu.State, _ *probes) { d.images = nil }, "image", gradeBad, "may not be pulled"},
		{"no room for the image", small, func(d *calmDaemon, _ *gpu.Inventory, _ *gpu.State, p *probes) {
			d.images, d.info.Root = nil, "/"
			p.free = func(string) (int64, error) { return 1 << 30, nil }
		}, "disk", gradeWarn, "1.0 GiB are free"},
		{"no card, and an image that needs one", small, func(_ *calmDaemon, _ *gpu.Inventory, _ *gpu.State, p *probes) {
			p.gpus = func() (gpu.Inventory, error) {
				return gpu.Inventory{}, &gpu.Unavailable{Reason: "no driver", Advice: "install it"}
			}
		}, "gpu", gradeBad, "--simulate"},
		{"a card that is not here", strings.Replace(small, "simulate =", "devices = [\"7\"]\n  simulate =", 1), nil, "gpu", gradeBad, `"7"`},
		{"a busy card, and by whom", small, func(_ *calmDaemon, i *gpu.Inventory, _ *gpu.State, _ *probes) {
			i.Devices[0].UsedBytes, i.Devices[0].Processes = 20<<30, []gpu.Process{{PID: 4711}}
		}, "gpu", gradeWarn, "process 4711 (python train.py)"},
		{"a card that is held by nobody that shows", small, func(_ *calmDaemon, i *gpu.Inventory, _ *gpu.State, _ *probes) { i.Devices[0].UsedBytes = 20 << 30 }, "gpu", gradeWarn, "does not show"},
		{"a capped card", small, func(_ *calmDaemon, _ *gpu.Inventory, s *gpu.State, _ *probes) { s.PowerLimitW = 300 }, "power", gradeWarn, "-pl 450"},
		{"a hot card", small, func(_ *calmDaemon, _ *gpu.Inventory, s *gpu.State, _ *probes) { s.Throttled = true }, "clocks", gradeWarn, "heat"},
		{"persistence mode off", small, func(_ *calmDaemon, _ *gpu.Inventory, s *gpu.State, _ *probes) { s.Persistence = "off" }, "persistence", gradeWarn, "-pm 1"},
		{"a program that is not there", onHost, nil, "program", gradeBad, "/no/such/vllm"},
		{"a model folder that is not there", strings.Replace(small, "id = ", "path = \"/no/such/model\"\n  id = ", 1), nil, "model", gradeBad, "/no/such/model"},
		{"a model that must be fetched", small, nil, "model", gradeOK, "apply fetches it"},
		{"a model behind a form, and no token", strings.Replace(small, "Qwen/Qwen3-8B", "meta-llama/Llama-3.1-8B", 1), nil, "token", gradeWarn, "HF_TOKEN"},
		{"a container with Docker's own shared memory", small, nil, "shm", gradeWarn, "64 MiB"},
		{"no port", small, func(_ *calmDaemon, _ *gpu.Inventory, _ *gpu.State, p *probes) {
			p.listen = func() error { return errors.New("too many open files") }
		}, "ports", gradeBad, "too many"},
		{"a server that should be up", external, func(_ *calmDaemon, _ *gpu.Inventory, _ *gpu.State, p *probes) {
			p.dial = func(string) error { return errors.New("refused") }
		}, "server", gradeBad, "127.0.0.1:8000"},
	}
	for _, tt := range tests {
		t.Run(tt.why, func(t *testing.T) {
			daemon, inv, state, p := goodMachine()
			if tt.change != nil {
				tt.change(daemon, inv, state, &p)
			}
			c := newConsole(t)
			profile, err := loadProfile(&c.world, write(t, "p.hcl", tt.profile), &profileFlags{}, false)
			if err != nil {
				t.Fatalf("%v\n%s", err, c.err.String())
			}
			d := &doctor{w: &c.world, probes: p, folder: t.TempDir(), profile: profile}
			d.examine(t.Context(), true)
			checkFinding(t, d, tt.check, tt.grade, tt.says)
		})
	}
}

// checkFinding checks the worst finding of a check, and that doctor's end agrees.
func checkFinding(t *testing.T, d *doctor, check string, want grade, says string) {
	t.Helper()
	order := []grade{gradeOK, gradeInfo, gradeWarn, gradeBad}
	worst, bad, text := -1, false, ""
	for _, f := range d.findings {
		bad = bad || f.Grade == gradeBad
		for i, g := range order {
			if f.Check == check && f.Grade == g && i > worst {
				worst, text = i, f.Text+" "+f.Remedy
			}
		}
	}
	if worst < 0 || order[worst] != want || !strings.Contains(text, says) {
		t.Errorf("%s: finding %q, want %s with %q in\n%+v", check, text, want, says, d.findings)
	}
	err := d.report(true)
	if silent := new(silentError); bad != errors.As(err, &silent) {
		t.Errorf("bad: %v, and report ended with %v", bad, err)
	}
}

func TestDoctorWithoutAProfile(t *testing.T) {
	daemon, _, _, p := goodMachine()
	daemon.info.Root = "/"
	c := newConsole(t)
	d := &doctor{w: &c.world, probes: p, folder: t.TempDir()}
	d.examine(t.Context(), false)
	if err := d.report(false); err != nil {
		t.Error(err)
	}
	for _, want := range []string{"Docker Engine 28.0", "RTX 4090", "CUDA 13.0", "images lie in /", "Nothing here keeps a run from working"} {
		if !strings.Contains(c.out.String(), want) {
			t.Errorf("lacks %q:\n%s", want, c.out.String())
		}
	}
}

// TestDoctorAsksAnEngine runs the command with a local engine that prints a
// recorded help.
func TestDoctorAsksAnEngine(t *testing.T) {
	data := os.Getenv("QTUNE_DATA")
	if data == "" {
		data = "../../../shared/data"
	}
	help, err := filepath.Abs(filepath.Join(data, "vllm-startup/cpu-0.32-serve-help-all.txt"))
	if err != nil || !exists(help) {
		t.Skipf("no recorded help in %s (set QTUNE_DATA)", data)
	}
	program := write(t, "vllm", "#!/bin/sh\ncat '"+help+"'\n")
	if err := os.Chmod(program, 0o755); err != nil {
		t.Fatal(err)
	}
	with := func(flags string) string {
		text := strings.Replace(small, `image = "vllm/vllm-openai:v0.32.0"`, "runtime = \"process\"\n  allow_unknown_flags = true\n  command = [\""+program+"\", \"serve\"]", 1)
		return write(t, "p.hcl", strings.Replace(text, "max-num-seqs = 2 }", "max-num-seqs = 2"+flags+" }", 1))
	}
	tests := []struct {
		why, flags string
		code       int
		says       string
	}{
		{"every flag is there", "", exitOK, "has every flag"},
		{"one flag is not", ", frobnicate = 3", exitError, "`--frobnicate`"},
		{"one has another name there", ", disable-async-output-proc = true", exitError, "Write `async-scheduling = false`"},
		{"one does nothing there", ", disable-cascade-attn = true", exitOK, "`--disable-cascade-attn` does nothing"},
		{"one is about to go", ", log-config-file = \"x\"", exitOK, "logging-config.pylogging_config_file"},
	}
	for _, tt := range tests {
		t.Run(tt.why, func(t *testing.T) {
			c := newConsole(t)
			if code := c.run(t, "doctor", "--engine", with(tt.flags), "--dir", t.TempDir(), "--json"); code != tt.code {
				t.Errorf("exit %d, want %d\n%s", code, tt.code, c.err.String())
			}
			var out struct {
				Type     string
				Works    bool
				Findings []finding
			}
			if err := json.Unmarshal([]byte(c.out.String()), &out); err != nil || out.Type != "doctor" || out.Works != (tt.code == exitOK) {
				t.Errorf("%v: %s", err, c.out.String())
			}
			if !strings.Contains(c.out.String(), tt.says) {
				t.Errorf("lacks %q:\n%s", tt.says, c.out.String())
			}
		})
	}
	c := newConsole(t)
	if code := c.run(t, "doctor", "--engine"); code != exitUsage {
		t.Errorf("--engine without a profile: exit %d", code)
	}
}

func TestWhatDoctorReadsOfThisMachine(t *testing.T) {
	if id := containerID("0::/system.slice/docker-" + strings.Repeat("ab", 32) + ".scope\n"); id != strings.Repeat("ab", 32) {
		t.Errorf("the container of a control group: %q", id)
	}
	if got := programOf(os.Getpid()); !strings.Contains(got, "test") {
		t.Skipf("no /proc here: %q", got)
	}
	if free, err := engine.FreeBytes(filepath.Join(t.TempDir(), "not", "there")); err != nil || free <= 0 {
		t.Errorf("free: %d, %v", free, err)
	}
}
