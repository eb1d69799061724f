package simulator

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// fault is a failure that a simulated engine shows because it was asked to, so that
// what follows from it can be rehearsed. The zero value is none.
type fault struct {
	what  string // for a person
	kinds []string
	code  int // the process ends with it, for those that die
	// Those that die while they start say so at a stage.
	at   stage
	text map[string]string // by engine kind; "" for all others; none: it dies in silence
	dies bool
	// Others serve first.
	usage   string // what the parser refuses instead
	slow    bool   // weights take hours
	serving servingFault
}

// servingFault is what a server does that seemed to be well.
type servingFault int

const (
	servesWell     servingFault = iota
	refusesKey                  // every key is wrong
	talksNonsense               // answers are no JSON
	failsRequests               // the first request is answered and no other
	hangs                       // after some steps nothing comes any more
	dies                        // after some steps the process ends
	losesItsEngine              // after some steps the engine behind the server is dead, and the server lives
)

// faultySteps is after how many steps a server that is to fail under load fails.
const faultySteps = 120

// faults are by name, and named as the classes of failures that they lead to where
// there is one. Texts are what the engines and their libraries print.
func faults() map[string]fault {
	oom := "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 1.95 GiB. GPU 0 has a total capacity of 31.40 GiB of which 612.31 MiB is free."
	start := func(what string, at stage, text string) fault {
		return fault{what: what, dies: true, at: at, code: 1, text: map[string]string{"": text}}
	}
	all := map[string]fault{
		"gpu-oom":                  start("the card's memory does not suffice while the weights are loaded", stageLoad, oom),
		"kv-too-small":             start("no memory is left for the KV cache", stageKV, "ValueError: No available memory for the cache blocks. Try increasing `gpu_memory_utilization` when initializing the engine."),
		"context-too-long":         start("the context is longer than the model's", stageConfig, "ValueError: User-specified max_model_len (65536) is greater than the derived max_model_len (max_position_embeddings=40960)."),
		"bad-flag":                 {what: "a flag that this version does not have", usage: "unrecognized arguments: --no-such-flag"},
		"bad-value":                {what: "a value that a flag does not take", usage: "argument --kv-cache-dtype: invalid choice: 'fp7' (choose from 'auto', 'fp8')"},
		"unsupported-quantization": start("a quantization that the card cannot do", stageConfig, "ValueError: The quantization method fp8 is not supported for the current GPU. Minimum capability: 89. Current capability: 80."),
		"unsupported-model":        start("an architecture that this version does not know", stageConfig, "ValueError: Model architectures ['NewestForCausalLM'] are not supported for now. Supported architectures: dict_keys(['LlamaForCausalLM'])"),
		"kernel-missing":           start("code that the image lacks for this card", stageKV, "RuntimeError: CUDA error: no kernel image is available for execution on the device"),
		"model-missing":            start("a model that is not there", stageConfig, "OSError: org/none is not a local folder and is not a valid model identifier listed on 'https://huggingface.co/models'"),
		"model-gated":              start("a model whose terms nobody accepted", stageConfig, "OSError: You are trying to access a gated repo. Access to model org/gated is restricted and you are not in the authorized list."),
		"model-corrupt":            start("a damaged weight file", stageLoad, "safetensors_rust.SafetensorError: Error while deserializing header: HeaderTooLarge"),
		"image-missing":            start("an image that no registry has", stageConfig, "manifest unknown: manifest unknown"),
		"program-missing":          {what: "a program that the image does not have", dies: true, at: stageParse, code: 127},
		"driver-too-old":           start("a driver older than the image's CUDA", stageConfig, "RuntimeError: The NVIDIA driver on your system is too old (found version 12020)."),
		"gpu-missing":              start("no card", stageConfig, "RuntimeError: No CUDA GPUs are available"),
		"port-in-use":              start("a port that somebody else has", stageConfig, "OSError: [Errno 98] Address already in use: ('0.0.0.0', 8000)"),
		"host-oom":                 start("the host's memory does not suffice", stageLoad, "RuntimeError: [enforce fail at alloc_cpu.cpp:118] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to allocate 8589934592 bytes. Error code 12 (Cannot allocate memory)"),
		"shm-too-small":            start("too little shared memory", stageLoad, "RuntimeError: unable to open shared memory object </torch_117_3> in read-write mode: No space left on device (28)"),
		"disk-full":                start("a full disk", stageLoad, "OSError: [Errno 28] No space left on device"),
		"permission-denied":        start("a file that may not be read", stageConfig, "PermissionError: [Errno 13] Permission denied: '/root/.cache/huggingface'"),
		"tmp-noexec":               start("a temporary folder from which nothing may be run", stageLoad, "ImportError: /tmp/torchinductor/kernel.so: failed to map segment from shared object"),
		"killed":                   {what: "somebody ends it while it starts", dies: true, at: stageParse, code: exitTerm},
		"unknown":                  start("an error that nobody knows", stageLoad, "RuntimeError: the flux capacitor is not fluxing"),
		"startup-timeout":          {what: "the weights take hours to load", slow: true},
		"unauthorized":             {what: "the key is wrong", serving: refusesKey},
		"bad-answer":               {what: "it answers with pages instead of JSON", serving: talksNonsense},
		"requests-failed":          {what: "it serves, and fails every request but the first", serving: failsRequests},
		"hang":                     {what: "after some steps nothing comes any more", serving: hangs},
		"died-under-load":          {what: "it crashes under load", serving: dies, code: 139},
		"oom-under-load":           {what: "the card's memory does not suffice under load", serving: dies, code: 1, text: map[string]string{"": oom}},
		"engine-dead":              {what: "the engine behind the server dies under load and the server lives on", kinds: []string{kindVLLM, kindSGLang}, serving: losesItsEngine, text: map[string]string{"": "RuntimeError: CUDA error: an illegal memory access was encountered"}},
		"stalled":                  {what: "a step takes so long that its watchdog ends it", kinds: []string{kindSGLang}, serving: dies, code: 137, text: map[string]string{"": "Scheduler watchdog timeout (self.watchdog_timeout=300, self.soft=False)"}},
		"gpu-busy":                 {what: "another process holds most of the card's memory", kinds: []string{kindVLLM}, dies: true, at: stageLoad, code: 1, text: map[string]string{"": "ValueError: Free memory on device cuda:0 (3.12/31.40 GiB) on startup is less than desired GPU memory utilization (0.92, 28.89 GiB)."}},
	}
	all["kv-too-small"].text[kindSGLang] = "ValueError: Not enough memory. Please try to increase --mem-fraction-static. Current value: mem_fraction_static=0.85"
	all["context-too-long"].text[kindSGLang] = "ValueError: Warning: User-specified context_length (65536) is greater than the derived context_length (40960)."
	return all
}

// Faults lists the names of the failures that a simulated engine of a kind can show; ""
// lists those of any.
func Faults(kind string) []string {
	var names []string
	for name, f := range faults() {
		if kind == "" || f.of(kind) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// DescribeFault says what a fault is, for a person, and which engines alone can show it.
func DescribeFault(name string) string {
	f := faults()[name]
	if f.kinds != nil {
		return f.what + " (" + strings.Join(f.kinds, ", ") + ")"
	}
	return f.what
}

func (f fault) of(kind string) bool { return f.kinds == nil || slices.Contains(f.kinds, kind) }

// CheckFault says what is wrong with the name of a fault, as QTUNE_SIMULATE_FAULT takes it.
func CheckFault(name string) error {
	_, err := findFault(name, 0)
	return err
}

// findFault finds what start shows: NAME is shown by every start, NAME@N by the Nth alone.
func findFault(name string, start uint64) (fault, error) {
	if name == "" {
		return fault{}, nil
	}
	name, which, one := strings.Cut(name, "@")
	f, ok := faults()[name]
	if !ok {
		return f, fmt.Errorf("no fault %q: choose one of %s", name, strings.Join(slices.Sorted(maps.Keys(faults())), ", "))
	}
	if !one {
		return f, nil
	}
	n, err := strconv.ParseUint(which, 10, 32)
	if err != nil || n == 0 {
		return f, fmt.Errorf("fault %q@%q: behind @ stands the number of a start, from 1", name, which)
	}
	if n != start {
		return fault{}, nil
	}
	return f, nil
}

// words is what an engine of a kind prints.
func (f fault) words(kind string) []string {
	text, ok := f.text[kind]
	if !ok {
		text, ok = f.text[""]
	}
	if !ok {
		return nil
	}
	return []string{text}
}

// show makes the instance show a fault while it starts.
func (i *instance) show(f fault) error {
	switch {
	case !f.of(i.kind):
		return fmt.Errorf("a simulated %s cannot show this fault: it can show %s", i.kind, strings.Join(Faults(i.kind), ", "))
	case f.usage != "" && i.kind == kindLlamaCpp && strings.Contains(f.usage, "unrecognized"):
		return &usageError{"error: invalid argument: --no-such-flag"}
	case f.usage != "" && i.kind == kindLlamaCpp:
		return &usageError{`error while handling argument "-ctk": Unsupported cache type: fp7`}
	case f.usage != "":
		return &usageError{f.usage}
	case !f.dies:
		return nil
	}
	at := f.at
	if i.kind == kindLlamaCpp && at > stageLoad {
		at = stageLoad // it has no others
	}
	i.death = &death{stage: at, text: f.words(i.kind), code: f.code}
	return nil
}
