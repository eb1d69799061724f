package main

import (
	"fmt"
	"strings"

	"github.com/qtune/qtune/catalog"
)

// writeEngines writes the engines that this machine can run, the first of them the
// baseline.
func (f *found) writeEngines(b *strings.Builder, card catalog.Card, m catalog.Model) {
	length := min(initContext, m.MaxPosition)
	b.WriteString("# The baseline: the engine with these flags alone. The winner is compared with it.\n")
	if f.gguf() != "" {
		f.writeLlama(b, card, m)
		return
	}
	if !f.docker && f.vllm != "" || f.onCPU() {
		fmt.Fprintf(b, "engine \"vllm\" \"local\" {\nruntime = \"process\"\ncommand = [%q, \"serve\"]\nbaseline = true\nflags = { max-model-len = %d }\n", f.vllm, length)
		if f.onCPU() {
			b.WriteString("env = { VLLM_CPU_KVCACHE_SPACE = 2 } # GiB of the host's memory\n")
		}
		writeSweep(b, "vllm", card, m)
		return
	}
	fmt.Fprintf(b, "engine \"vllm\" \"vllm\" {\npreset = \"vllm\"\nbaseline = true\nflags = { max-model-len = %d }\n", length)
	writeSweep(b, "vllm", card, m)
	fmt.Fprintf(b, "engine \"sglang\" \"sglang\" {\npreset = \"sglang\"\nflags = { context-length = %d }\n", length)
	writeSweep(b, "sglang", card, m)
}

func writeSweep(b *strings.Builder, kind string, card catalog.Card, m catalog.Model) {
	b.WriteString("\n# Every combination is tried. The flags that matter most come first.\nsweep {\n")
	for i, a := range catalog.Sweep(kind, card, m) {
		if i > 0 {
			b.WriteString("\n")
		}
		fmt.Fprintf(b, "# %s\n%s = [%s]\n", a.Why, a.Flag, strings.Join(a.Values, ", "))
	}
	b.WriteString("}\n}\n\n")
}

// load is what init has the engines serve: it must be worth measuring on a card, and
// must end on a CPU.
type load struct {
	users         string
	most          int // users
	input, output int // tokens of a request
	firstToken    string
}

func (f *found) load() load {
	if f.onCPU() {
		return load{"1, 4, 8", 8, 128, 64, "10s"}
	}
	return load{"1, 8, 32", 32, 512, 128, "5s"}
}

// llamaCPUImage is llama.cpp's image for CPUs, of the version of the preset.
const llamaCPUImage = "ghcr.io/ggml-org/llama.cpp:server-b10573"

// writeLlama writes the engine that reads GGUF files.
func (f *found) writeLlama(b *strings.Builder, card catalog.Card, m catalog.Model) {
	l := f.load()
	flags := fmt.Sprintf("ctx-size = %d", l.most*(l.input+l.output))
	b.WriteString("engine \"llamacpp\" \"llamacpp\" {\n")
	switch {
	case !f.docker && f.llama != "":
		fmt.Fprintf(b, "runtime = \"process\"\ncommand = [%q]\n", f.llama)
		flags += ", kv-unified = true, parallel = 8, metrics = true"
		if f.gpu != "" {
			flags += ", n-gpu-layers = \"all\", fit = \"off\""
		}
	case f.onCPU():
		fmt.Fprintf(b, "preset = \"llamacpp\"\nimage = %q # for CPUs\n", llamaCPUImage)
		flags += ", device = null, n-gpu-layers = null"
	default:
		b.WriteString("preset = \"llamacpp\"\n")
	}
	fmt.Fprintf(b, "baseline = true\nflags = { %s } # the context is shared by all slots\n", flags)
	writeSweep(b, "llamacpp", card, m)
}

// writeRest writes what is the same for every engine.
func (f *found) writeRest(b *strings.Builder) {
	l := f.load()
	fmt.Fprintf(b, initRest, l.input, l.users, l.output, l.most, l.firstToken, l.most)
}

const initRest = `# The load: replace it by what your users do.
workload "chat" {
prompts {
input_tokens = %d
}

# So many users, each sending its next request when the last is answered.
closed {
users = [%s]
output_tokens = %d
}
}

# What is made best.
objective {
maximize = output_throughput
at = { users = %d }
}

# What a winner must keep: 95 of 100 first tokens within this time.
constraint "ttft_p95" {
max = %q
at = { users = %d }
}
`
