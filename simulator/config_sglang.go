package simulator

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/qtune/qtune/catalog"
)

const kindSGLang = "sglang"

// endsInTime is the version of SGLang in whose overlap loop a sequence that reaches its
// length is in no step more. In 0.5.2 it was in one, which pull request 18301 of February
// 2026 describes, in 0.5.16 still; in 0.5.23 it is not. When that changed in between is
// not known here.
const endsInTime = "0.5.23"

// newSGLang reads the command line of SGLang's server, as newVLLM does vLLM's.
func newSGLang(s settings, words []string) (*instance, error) {
	set, _ := catalog.EngineFlags(kindSGLang)
	s.version = firstOf(s.version, set.Version)
	a, err := parser{set: set, equals: true, argparse: true}.parse(words)
	if err != nil {
		return nil, err
	}
	i := &instance{settings: s, kind: kindSGLang, args: a, metrics: a.on("enable-metrics", false), interval: max(1, a.number("stream-interval", 1))}
	i.modelName = a.text("model-path", "")
	if i.modelName == "" {
		return nil, &usageError{"the following arguments are required: --model-path/--model"}
	}
	i.names = []string{a.text("served-model-name", i.modelName)}
	i.host, i.port = a.text("host", "127.0.0.1"), a.number("port", 30000)
	if key := a.text("api-key", ""); key != "" {
		i.apiKeys = []string{key}
	}
	if i.model, err = s.findModel(i.modelName); err != nil {
		if !errors.Is(err, errNoModel) {
			return nil, err
		}
		i.die(stageConfig, 1, fmt.Sprintf("OSError: %s is not a local folder and is not a valid model identifier listed on 'https://huggingface.co/models'", i.modelName))
		return i, nil
	}
	if i.args.text("device", "") == "cpu" && !i.card.CPU {
		i.card, _ = catalog.FindCard("2-core CPU")
	}
	i.bind(s.getenv("SGLANG_CPU_OMP_THREADS_BIND"))
	if err := i.simulable(parallel(a, "tp-size", "pp-size")); err != nil {
		return nil, err
	}
	i.configureSGLang()
	return i, nil
}

func (i *instance) configureSGLang() {
	a := i.args
	if dtype := a.text("dtype", "auto"); dtype != "auto" {
		i.model.DType = dtype
	}
	flags := i.sglangMemoryFlags()
	full := flags.WithDefaults(i.card, i.model)
	i.checkSGLang(full)
	i.fit = catalog.SGLangMemory(i.card, i.model, flags)
	i.sglangMemoryDeath(full)
	i.maxLen = full.ContextLength
	spec := sglangSpeculation(a, i.model)
	running := full.MaxRunning
	if running == 0 && spec.drafted > 0 {
		running = 48 // SGLang's own default with any speculation
	}
	if running == 0 {
		running = min(max(i.fit.KVTokens/max(full.ContextLength, 1)*512, 2048), 4096)
	}
	running = max(1, min(running, i.fit.KVTokens/2))
	torchCompile := a.on("enable-torch-compile", false)
	i.kernels = i.sglangKernels(full, torchCompile)
	i.scheduling = Scheduling{
		SGLang: true, MaxRunning: running, Pool: i.fit.KVTokens, Block: max(1, a.number("page-size", 1)),
		Chunk: full.ChunkedPrefill, MaxPrefill: max(full.MaxPrefill, full.ContextLength),
		LongestFirst:     a.text("schedule-policy", "fcfs") == "lof",
		Conservativeness: a.float("schedule-conservativeness", 1), Mixed: a.on("enable-mixed-chunk", false),
		Drafted: spec.drafted, Accept: spec.accept, Prefixes: !a.on("disable-radix-cache", false),
		CachedFirst: a.text("schedule-policy", "fcfs") == "lpm",
		OnceMore:    i.kernels.AsyncHost && spec.drafted == 0 && full.Parallel.Pipeline <= 1 && catalog.Before(i.version, endsInTime),
	}
	// SGLang compiles while it captures graphs: without them the flag does nothing.
	i.boot = boot{graphs: full.GraphSize > 0, torchCompile: torchCompile && full.GraphSize > 0, dummyWeights: a.text("load-format", "auto") == "dummy"}
}

// sglangKernels knows that SGLang with `awq` unpacks every weight to 16 bits in every
// step, and that an AWQ checkpoint without a --quantization runs with Marlin.
func (i *instance) sglangKernels(f catalog.SGLangFlags, torchCompile bool) Kernels {
	a := i.args
	quant := firstOf(f.Quantization, i.model.Quantization)
	k := Kernels{
		WeightBytes: i.model.BytesPerParam(quant), KVDType: f.KVDType, FP8: isFP8(quant),
		GraphTokens: f.GraphSize, AsyncHost: !a.on("disable-overlap-schedule", i.card.CPU),
		AttentionFactor: attentionFactor(a.text("attention-backend", "")),
		OffloadBytes:    f.OffloadGiB * (1 << 30),
		Compiled:        torchCompile && f.GraphSize > 0,
		Blocking:        i.getenv("CUDA_LAUNCH_BLOCKING") == "1",
		Tensor:          f.Tensor, Pipeline: f.Pipeline,
	}
	spec := sglangSpeculation(a, i.model)
	k.Drafted, k.DraftLayers = spec.drafted, spec.draftLayers
	if f.Quantization == "awq" {
		k.DequantBytes = 4
	}
	if a.text("attention-backend", "") == "torch_native" {
		k.SequenceUS = 92
		k.GraphTokens = 0
	}
	return k
}

func (i *instance) sglangMemoryFlags() catalog.SGLangFlags {
	a := i.args
	f := catalog.SGLangFlags{
		MemFraction: a.float("mem-fraction-static", 0), MaxTotalTokens: a.number("max-total-tokens", 0),
		ContextLength: a.number("context-length", 0), ChunkedPrefill: a.number("chunked-prefill-size", 0),
		MaxPrefill: a.number("max-prefill-tokens", 0), MaxRunning: a.number("max-running-requests", 0),
		KVDType: a.text("kv-cache-dtype", ""), Quantization: a.text("quantization", ""),
		OffloadGiB: a.float("cpu-offload-gb", 0), GraphSize: a.number("cuda-graph-max-bs-decode", a.number("cuda-graph-max-bs", 0)),
		Parallel: parallel(a, "tp-size", "pp-size"), NoWindowPool: a.on("disable-hybrid-swa-memory", false),
		WindowRatio: a.float("swa-full-tokens-ratio", 0),
		NoGraph:     a.on("disable-cuda-graph", false) || a.text("cuda-graph-backend-decode", "") == "disabled",
	}
	for _, size := range append(a.list("cuda-graph-bs-decode"), a.list("cuda-graph-bs")...) {
		n, _ := wholeNumber(size)
		f.GraphSize = max(f.GraphSize, n)
	}
	return f
}

// checkSGLang is what SGLang refuses of its configuration before it loads anything.
func (i *instance) checkSGLang(f catalog.SGLangFlags) {
	a := i.args
	if f.ContextLength > i.model.MaxPosition && i.getenv("SGLANG_ALLOW_OVERWRITE_LONGER_CONTEXT_LEN") != "1" {
		i.die(stageConfig, 1, fmt.Sprintf("ValueError: Warning: User-specified context_length (%d) is greater than the derived context_length (%d). SGLANG_ALLOW_OVERWRITE_LONGER_CONTEXT_LEN=1 allows it.", f.ContextLength, i.model.MaxPosition))
	}
	if clash := quantizationClash(i.model, f.Quantization); clash != "" {
		i.die(stageConfig, 1, "ValueError: "+clash)
	}
	if page := a.number("page-size", 1); page > 1 && f.ChunkedPrefill > 0 && f.ChunkedPrefill%page != 0 {
		i.die(stageConfig, 1, "AssertionError: chunked_prefill_size must be divisible by page_size")
	}
	if f.MemFraction <= 0 || f.MemFraction >= 1 {
		i.die(stageConfig, 1, fmt.Sprintf("AssertionError: --mem-fraction-static must be above 0 and below 1, it is %g", f.MemFraction))
	}
	if c := a.float("schedule-conservativeness", 1); c < 0 {
		i.die(stageConfig, 1, fmt.Sprintf("AssertionError: --schedule-conservativeness must not be negative, it is %g", c))
	}
	needed, why := i.cardsFor(f.Parallel)
	switch {
	case why != "":
		i.die(stageConfig, 1, "AssertionError: "+why)
	case needed > i.cards:
		i.die(stageConfig, 1, fmt.Sprintf("ValueError: the parallel size %d is larger than the number of GPUs on this node, %d", needed, i.cards))
	}
	if policy := a.text("schedule-policy", "fcfs"); slices.Contains([]string{"routing-key", "priority", "random", "dfs-weight"}, policy) {
		a.used["schedule-policy"] = false // queue order as fcfs here: say so
	}
}

// sglangMemoryDeath puts what the catalog's arithmetic says into SGLang's words.
// It ends with 137 since it kills its own process group.
func (i *instance) sglangMemoryDeath(f catalog.SGLangFlags) {
	const g, killed = 1 << 30, 137
	switch i.fit.Problem {
	case catalog.ProblemNone:
	case catalog.ProblemWeights:
		i.die(stageLoad, killed, fmt.Sprintf("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate %.2f GiB. GPU 0 has a total capacity of %.2f GiB of which %.2f MiB is free.",
			i.model.WeightBytes(f.Quantization)/float64(i.model.Layers)/g, i.card.MemoryBytes/g, 61.0))
	case catalog.ProblemNoKV:
		i.die(stageKV, killed, fmt.Sprintf("ValueError: Loaded weights leave no GPU memory for the KV cache under --mem-fraction-static=%g. Raise --mem-fraction-static above %.3f (minimum viable = 1 - available/pre = %.4f).",
			f.MemFraction, i.fit.MinFraction+0.0005, i.fit.MinFraction))
	case catalog.ProblemWork:
		text := []string{fmt.Sprintf("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate %.2f GiB. GPU 0 has a total capacity of %.2f GiB of which %.2f MiB is free.", i.fit.WorkBytes/g, i.card.MemoryBytes/g, 312.0)}
		if f.GraphSize > 0 {
			text = []string{"Exception: Capture cuda graph failed: CUDA out of memory. Possible solutions: set --mem-fraction-static to a smaller value, or set --cuda-graph-max-bs to a smaller value."}
		}
		i.die(stageWork, killed, text...)
	case catalog.ProblemContext:
		i.die(stageKV, killed, strings.TrimSpace("ValueError: Not enough memory. Please try to increase --mem-fraction-static."))
	}
}
