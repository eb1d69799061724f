package engine

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/qtune/qtune/docker"
	"github.com/qtune/qtune/profiles"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func flags(pairs ...any) profiles.Candidate {
	var c profiles.Candidate
	for i := 0; i < len(pairs); i += 2 {
		c.Flags = append(c.Flags, profiles.Flag{Name: pairs[i].(string), Value: pairs[i+1].(profiles.Value)})
	}
	return c
}

func num(s string) profiles.Value { return profiles.Number(s) }
func str(s string) profiles.Value { return profiles.String(s) }
func yes() profiles.Value         { return profiles.Bool(true) }
func no() profiles.Value          { return profiles.Bool(false) }

func secret(name, value string) profiles.Value {
	return profiles.Value{Kind: profiles.KindString, Text: value, Secret: name}
}

// TestCommandGolden shows each engine's whole command line, one word a line.
func TestCommandGolden(t *testing.T) {
	hub := profiles.Model{ID: "Qwen/Qwen3-32B-AWQ"}
	tests := []struct {
		name   string
		engine profiles.Engine
		model  profiles.Model
		c      profiles.Candidate
	}{
		{"vllm-docker", profiles.Engine{Kind: "vllm", Runtime: profiles.RuntimeDocker}, hub,
			flags("max-model-len", num("8192"), "gpu-memory-utilization", num("0.9"), "enforce-eager", yes(), "enable-prefix-caching", no(),
				"quantization", profiles.Value{}, "cudagraph-capture-sizes", profiles.List(num("1"), num("2")),
				"compilation-config", profiles.Object(`{"mode":3}`), "kernel-config.enable_flashinfer_autotune", no(), "tp", num("2"), "O", num("3"))},
		{"vllm-process", profiles.Engine{Kind: "vllm", Runtime: profiles.RuntimeProcess, Command: []string{"/opt/vllm/bin/vllm", "serve"}},
			profiles.Model{ID: "smol", Path: "/models/smol"}, flags("dtype", str("bfloat16"), "max-num-seqs", num("4"))},
		{"vllm-folder-revision", profiles.Engine{Kind: "vllm", Runtime: profiles.RuntimeDocker, Port: 9000},
			profiles.Model{Path: "/models/My Model"}, flags("served-model-name", profiles.List(str("a"), str("b")))},
		{"vllm-hub-revision", profiles.Engine{Kind: "vllm", Runtime: profiles.RuntimeDocker},
			profiles.Model{ID: "org/m", Revision: "v1"}, flags("api-key", secret("env.KEY", "hunter2"), "hf-overrides", secret("env.H", "x"))},
		{"sglang-docker", profiles.Engine{Kind: "sglang", Runtime: profiles.RuntimeDocker}, hub,
			flags("mem-fraction-static", num("0.87"), "enable-torch-compile", yes(), "disable-radix-cache", no(), "chunked-prefill-size", num("-1"), "cuda-graph-bs", profiles.List(num("1"), num("8")))},
		{"sglang-process", profiles.Engine{Kind: "sglang", Runtime: profiles.RuntimeProcess, Command: []string{"/opt/sglang/bin/python", "-m", "sglang.launch_server"}},
			profiles.Model{ID: "smol", Path: "/models/smol"}, flags("device", str("cpu"))},
		{"llamacpp-docker", profiles.Engine{Kind: "llamacpp", Runtime: profiles.RuntimeDocker},
			profiles.Model{ID: "smol", Path: "/models/smol.Q4_1.gguf"},
			flags("ngl", num("99"), "c", num("4096"), "flash-attn", str("on"), "parallel", num("4"), "override-tensor", profiles.List(str("a=CPU"), str("b=CPU")))},
		{"llamacpp-split", profiles.Engine{Kind: "llamacpp", Runtime: profiles.RuntimeDocker},
			profiles.Model{Path: "/models/big/big-00001-of-00003.gguf"}, flags()},
		{"vllm-snapshot", profiles.Engine{Kind: "vllm", Runtime: profiles.RuntimeDocker},
			profiles.Model{ID: "org/m", Path: "/cache/hub/models--org--m/snapshots/0123abc"}, flags()},
		{"entrypoint", profiles.Engine{Kind: "vllm", Runtime: profiles.RuntimeDocker, Entrypoint: []string{"tini", "--"}, Command: []string{"vllm", "serve"}}, hub, flags()},
		{"ollama-docker", profiles.Engine{Kind: "ollama", Runtime: profiles.RuntimeDocker}, profiles.Model{ID: "qwen3"}, flags("model", str("qwen3:8b"))},
		{"trtllm-docker", profiles.Engine{Kind: "trtllm", Runtime: profiles.RuntimeDocker}, profiles.Model{ID: "org/m", Revision: "v1"},
			flags("max_batch_size", num("64"), "enable_chunked_prefill", yes(), "trust_remote_code", no(), "kv_cache_config.dtype", str("fp8"),
				"cuda_graph_config.batch_sizes", profiles.List(num("1"), num("2")), "cuda_graph_config.enable_padding", yes(),
				"stream_interval", num("10"), "moe_config", profiles.Object(`{"backend":"CUTLASS"}`), "new_config.x", num("1"))},
		{"trtllm-folder", profiles.Engine{Kind: "trtllm", Runtime: profiles.RuntimeDocker}, profiles.Model{ID: "org/m", Path: "/models/M-8B"}, flags()},
		{"lmdeploy-docker", profiles.Engine{Kind: "lmdeploy", Runtime: profiles.RuntimeDocker}, hub,
			flags("cache-max-entry-count", num("0.7"), "enable-prefix-caching", yes(), "eager-mode", no(), "async", num("0"), "cudagraph-capture-batch-sizes", profiles.List(num("1"), num("8")))},
		{"openai", profiles.Engine{Kind: "openai", Runtime: profiles.RuntimeExternal, URL: "http://localhost:8000"}, hub, flags()},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			words := Redacted(&test.engine, test.c, test.model, Planned(&test.engine))
			golden(t, test.name, strings.Join(words, "\n")+"\n")
		})
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", "command", name+".txt")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

func TestRender(t *testing.T) {
	tests := []struct {
		why, kind string
		flag      string
		value     profiles.Value
		want      []string
	}{
		{"null leaves a flag off", "vllm", "dtype", profiles.Value{}, nil},
		{"vLLM negates what the catalog does not know", "vllm", "brand-new", no(), []string{"--no-brand-new"}},
		{"a negated name is not negated twice", "vllm", "no-brand-new", no(), []string{"--brand-new"}},
		{"SGLang leaves a false switch off", "sglang", "brand-new", no(), nil},
		{"SGLang's own switch", "sglang", "enable-metrics", yes(), []string{"--enable-metrics"}},
		{"llama.cpp takes on and off", "llamacpp", "flash-attn", no(), []string{"--flash-attn", "off"}},
		{"llama.cpp's short on and off", "llamacpp", "fa", yes(), []string{"-fa", "on"}},
		{"llama.cpp repeats a flag for a list", "llamacpp", "lora", profiles.List(str("a"), str("b")), []string{"--lora", "a", "--lora", "b"}},
		{"a list follows its flag", "sglang", "cuda-graph-bs", profiles.List(num("1"), num("2")), []string{"--cuda-graph-bs", "1", "2"}},
		{"an object is one argument", "vllm", "speculative-config", profiles.Object(`{"a": 1}`), []string{"--speculative-config", `{"a": 1}`}},
		{"a key in an object has a value", "vllm", "compilation-config.x", yes(), []string{"--compilation-config.x", "true"}},
		{"a short name with a key", "vllm", "cc.mode", num("3"), []string{"-cc.mode", "3"}},
		{"a single letter has one dash", "vllm", "q", str("awq"), []string{"-q", "awq"}},
		{"a negative number is no flag", "sglang", "chunked-prefill-size", num("-1"), []string{"--chunked-prefill-size", "-1"}},
		{"a word that starts with a dash is joined", "vllm", "chat-template", str("-x"), []string{"--chat-template=-x"}},
		{"blanks do not split a value", "vllm", "chat-template", str("a b  c"), []string{"--chat-template", "a b  c"}},
	}
	for _, test := range tests {
		t.Run(test.why, func(t *testing.T) {
			k, _ := Lookup(test.kind)
			got := k.render(profiles.Flag{Name: test.flag, Value: test.value}, plain)
			if !slices.Equal(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestSecretsStayOffTheCommandLine(t *testing.T) {
	e := &profiles.Engine{Kind: "vllm", Runtime: profiles.RuntimeDocker}
	c := flags("api-key", secret("env.KEY", "hunter2"), "max-num-seqs", num("4"))
	words := Command(e, c, profiles.Model{ID: "m"}, Planned(e))
	if strings.Contains(strings.Join(words, " "), "hunter2") {
		t.Errorf("the key is on the command line: %q", words)
	}
	var env environment
	k, _ := Lookup("vllm")
	env.candidate(k, c)
	if !slices.Contains(env.words(), "VLLM_API_KEY=hunter2") {
		t.Errorf("the key is not in the environment: %q", env.words())
	}
	if got := apiKey(k, c); got != "hunter2" {
		t.Errorf("requests carry %q", got)
	}
}

// TestContainerSpec compares what is asked of Docker with golden files.
func TestContainerSpec(t *testing.T) {
	home := t.TempDir()
	for _, folder := range []string{"hub", ".ollama/models/manifests"} {
		if err := os.MkdirAll(filepath.Join(home, folder), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	l := &Launcher{RunID: "r1", Dir: "/runs/r1", Version: "v0", GPUs: []string{"GPU-7"}, Environ: []string{"HF_HOME=" + home, "HOME=" + home, "SECRET=x"}}
	vllm := profiles.Engine{Kind: "vllm", Runtime: profiles.RuntimeDocker, Image: "vllm/vllm-openai:v0.11.0", IPC: "host", ShmSize: 1 << 30, CapAdd: []string{"SYS_NICE"},
		Mounts: []profiles.Mount{{Source: "/usr", Target: "/usr"}}, Tmpfs: []profiles.Tmpfs{{Target: "/tmp", Exec: true}}, Ulimits: []profiles.Ulimit{{Name: "memlock", Soft: -1, Hard: -1}}}
	env := profiles.Candidate{Env: []profiles.EnvVar{{Name: "VLLM_CPU_KVCACHE_SPACE", Value: num("1")}, {Name: "HF_HUB_OFFLINE", Value: str("0")}, {Name: "DO_NOT_TRACK"}}}
	sglang := profiles.Engine{Kind: "sglang", Runtime: profiles.RuntimeDocker, Image: "lmsysorg/sglang:v0.5.18"}
	tests := []struct {
		name string
		st   Start
	}{
		{"spec-vllm-hub", Start{Trial: "t001", Engine: &vllm, Candidate: env, Model: profiles.Model{ID: "org/m"}}},
		{"spec-sglang-folder", Start{Trial: "t002", Engine: &sglang, Model: profiles.Model{ID: "org/m", Path: "/models/m"}, GPU: profiles.GPU{Devices: []string{"0", "1"}}}},
		{"spec-ollama", Start{Trial: "t004", Engine: &profiles.Engine{Kind: "ollama", Runtime: profiles.RuntimeDocker, Image: "ollama/ollama:0.33.0"},
			Candidate: profiles.Candidate{Env: []profiles.EnvVar{{Name: "OLLAMA_NUM_PARALLEL", Value: num("4")}}}, Model: profiles.Model{ID: "qwen3:8b"}}},
		{"spec-no-gpu", Start{Trial: "t003", Engine: &sglang, Model: profiles.Model{Path: "/models/m"}, GPU: profiles.GPU{Devices: []string{}}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			spec, err := l.containerSpec(t.Context(), test.st)
			if err != nil {
				t.Fatal(err)
			}
			spec.Log = nil
			got, _ := json.MarshalIndent(spec, "", "  ")
			golden(t, test.name, strings.ReplaceAll(string(got), home, "HOME")+"\n")
		})
	}
}

func TestSplitKeepsOrReplacesTheEntrypoint(t *testing.T) {
	tests := []struct {
		why                 string
		engine              profiles.Engine
		entrypoint, command string
	}{
		{"vLLM's image runs the program itself, so it is given once", profiles.Engine{Kind: "vllm"}, "vllm serve", "--x"},
		{"SGLang's image keeps its entrypoint", profiles.Engine{Kind: "sglang"}, "", "python3 -m sglang.launch_server --x"},
		{"an entrypoint of the profile replaces the image's and the program", profiles.Engine{Kind: "vllm", Entrypoint: []string{"/v"}}, "/v", "--x"},
		{"a command follows the image's entrypoint", profiles.Engine{Kind: "vllm", Command: []string{"vllm", "serve"}}, "", "vllm serve --x"},
		{"both", profiles.Engine{Kind: "vllm", Entrypoint: []string{"tini"}, Command: []string{"v"}}, "tini", "v --x"},
	}
	for _, test := range tests {
		t.Run(test.why, func(t *testing.T) {
			test.engine.Runtime = profiles.RuntimeDocker
			k, _ := Lookup(test.engine.Kind)
			e, c := split(k, &test.engine, append(slices.Clone(k.program(&test.engine)), "--x"))
			if strings.Join(e, " ") != test.entrypoint || strings.Join(c, " ") != test.command {
				t.Errorf("got %q and %q", e, c)
			}
		})
	}
}

func TestEveryDockerReasonIsSorted(t *testing.T) {
	ends := []docker.Reason{docker.NoPermission, docker.BadHost, docker.OldDaemon, docker.NotRemoved, docker.Cancelled}
	for _, r := range ends {
		if c, ok := dockerClasses[r]; ok {
			t.Errorf("%s is %s of a trial, and should end the run", r, c)
		}
	}
}
