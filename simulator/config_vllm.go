package simulator

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/qtune/qtune/catalog"
)

const kindVLLM = "vllm"

// newVLLM reads the command line of `vllm serve`. A *usageError is what its parser
// refuses; what it refuses later is in the instance's death.
func newVLLM(s settings, words []string) (*instance, error) {
	set, _ := catalog.EngineFlags(kindVLLM)
	s.version = firstOf(s.version, set.Version)
	a, err := parser{set: set, underscores: true, equals: true, positionals: 1, argparse: true}.parse(words)
	if err != nil {
		return nil, err
	}
	i := &instance{settings: s, kind: kindVLLM, args: a, metrics: !a.on("disable-log-stats", false), interval: max(1, a.number("stream-interval", 1))}
	i.modelName = a.text("model", "Qwen/Qwen3-0.6B")
	if len(a.positional) > 0 {
		i.modelName = a.positional[0]
	}
	i.names = a.list("served-model-name")
	if len(i.names) == 0 {
		i.names = []string{i.modelName}
	}
	i.host, i.port = a.text("host", "0.0.0.0"), a.number("port", 8000)
	i.apiKeys = a.list("api-key")
	if key := s.getenv("VLLM_API_KEY"); key != "" {
		i.apiKeys = append(i.apiKeys, key)
	}
	if i.model, err = s.findModel(i.modelName); err != nil {
		if !errors.Is(err, errNoModel) {
			return nil, err
		}
		i.die(stageConfig, 1, fmt.Sprintf("OSError: Can't load the configuration of '%s': Repository Not Found, it is not a valid model identifier, or an Invalid repository ID or local directory specified", i.modelName))
		return i, nil
	}
	i.bind(s.getenv("VLLM_CPU_OMP_THREADS_BIND"))
	if err := i.simulable(parallel(a, "tensor-parallel-size", "pipeline-parallel-size")); err != nil {
		return nil, err
	}
	i.configureVLLM()
	return i, nil
}

func (i *instance) configureVLLM() {
	a, card := i.args, i.card
	if dtype := a.text("dtype", "auto"); dtype != "auto" {
		i.model.DType = dtype
	}
	level := vllmLevel(a)
	flags := i.vllmMemoryFlags(!level.graphs)
	full := flags.WithDefaults(card, i.model)
	i.checkVLLM(full)
	i.fit = catalog.VLLMMemory(card, i.model, flags)
	i.maxLen = i.fit.MaxModelLen
	i.overrideBlocks(full)
	i.vllmMemoryDeath(full)
	quant := firstOf(full.Quantization, i.model.Quantization)
	i.kernels = Kernels{
		WeightBytes: i.model.BytesPerParam(quant), KVDType: full.KVDType, FP8: isFP8(quant),
		GraphTokens: full.GraphSize, PrefillGraphs: level.piecewise, Compiled: level.compile,
		AsyncHost:       a.on("async-scheduling", !card.CPU),
		AttentionFactor: attentionFactor(a.text("attention-backend", "")),
		OffloadBytes:    full.OffloadGiB * (1 << 30),
		Prefetch:        a.text("offload-backend", "auto") == "prefetch",
		Blocking:        i.getenv("CUDA_LAUNCH_BLOCKING") == "1",
		Tensor:          full.Tensor, Pipeline: full.Pipeline,
	}
	spec := vllmSpeculation(a, i.model)
	i.kernels.Drafted, i.kernels.DraftLayers = spec.drafted, spec.draftLayers
	i.scheduling = Scheduling{
		MaxRunning: full.MaxNumSeqs, Budget: full.BatchedTokens, Chunked: a.on("enable-chunked-prefill", true),
		Pool: i.fit.KVTokens, Block: full.BlockSize, WholeFirst: a.on("scheduler-reserve-full-isl", true),
		Drafted: spec.drafted, Accept: spec.accept, Prefixes: a.on("enable-prefix-caching", true),
	}
	i.boot = boot{compile: level.compile, graphs: full.GraphSize > 0, dummyWeights: a.text("load-format", "auto") == "dummy"}
}

func (i *instance) vllmMemoryFlags(eager bool) catalog.VLLMFlags {
	a := i.args
	f := catalog.VLLMFlags{
		Utilization: a.float("gpu-memory-utilization", 0), MaxModelLen: a.number("max-model-len", 0),
		MaxNumSeqs: a.number("max-num-seqs", 0), BatchedTokens: a.number("max-num-batched-tokens", 0),
		OffloadGiB: a.float("cpu-offload-gb", 0), KVDType: a.text("kv-cache-dtype", ""),
		KVCacheBytes: float64(a.number("kv-cache-memory-bytes", 0)), BlockSize: a.number("block-size", 0),
		Quantization: a.text("quantization", ""), Eager: eager, GraphSize: a.number("max-cudagraph-capture-size", 0),
		Parallel: parallel(a, "tensor-parallel-size", "pipeline-parallel-size"), NoHybrid: a.on("disable-hybrid-kv-cache-manager", false),
	}
	if a.text("max-model-len", "") == "auto" {
		f.MaxModelLen = -1
	}
	for _, size := range a.list("cudagraph-capture-sizes") {
		n, _ := wholeNumber(size)
		f.GraphSize = max(f.GraphSize, n)
	}
	if mode := a.text("performance-mode", "balanced"); mode == "throughput" {
		def := f.WithDefaults(i.card, i.model)
		f.MaxNumSeqs = pick(f.MaxNumSeqs, 2*def.MaxNumSeqs)
		f.BatchedTokens = pick(f.BatchedTokens, 2*def.BatchedTokens)
	}
	if space, err := strconv.ParseFloat(i.getenv("VLLM_CPU_KVCACHE_SPACE"), 64); err == nil && i.card.CPU && f.KVCacheBytes == 0 {
		f.KVCacheBytes = space * (1 << 30)
	}
	return f
}

// checkVLLM is what vLLM refuses of its configuration before it loads anything.
func (i *instance) checkVLLM(f catalog.VLLMFlags) {
	a := i.args
	refuse := func(config, format string, args ...any) {
		i.die(stageConfig, 1, fmt.Sprintf("pydantic_core._pydantic_core.ValidationError: 1 validation error for %s", config), "  Value error, "+fmt.Sprintf(format, args...))
	}
	if f.MaxModelLen > i.model.MaxPosition && i.getenv("VLLM_ALLOW_LONG_MAX_MODEL_LEN") != "1" {
		refuse("ModelConfig", "User-specified max_model_len (%d) is greater than the derived max_model_len (max_position_embeddings=%d). VLLM_ALLOW_LONG_MAX_MODEL_LEN=1 allows it.", f.MaxModelLen, i.model.MaxPosition)
	}
	if f.MaxModelLen < -1 {
		refuse("ModelConfig", "max_model_len (%d) must be a positive number, or -1", f.MaxModelLen)
	}
	if f.Utilization <= 0 || f.Utilization > 1 {
		refuse("CacheConfig", "gpu_memory_utilization (%g) must be above 0 and at most 1", f.Utilization)
	}
	if clash := quantizationClash(i.model, f.Quantization); clash != "" {
		refuse("ModelConfig", "%s", clash)
	}
	if f.MaxNumSeqs < 1 || f.BatchedTokens < 1 || f.BlockSize < 1 {
		refuse("SchedulerConfig", "max_num_seqs (%d), max_num_batched_tokens (%d) and block_size (%d) must be at least 1", f.MaxNumSeqs, f.BatchedTokens, f.BlockSize)
	}
	if f.BatchedTokens < f.MaxNumSeqs {
		refuse("SchedulerConfig", "max_num_batched_tokens (%d) must be greater than or equal to max_num_seqs (%d).", f.BatchedTokens, f.MaxNumSeqs)
	}
	if !a.on("enable-chunked-prefill", true) && f.BatchedTokens < f.MaxModelLen {
		refuse("SchedulerConfig", "max_num_batched_tokens (%d) is smaller than max_model_len (%d), and a prompt is not cut without chunked prefill.", f.BatchedTokens, f.MaxModelLen)
	}
	if backend := a.text("attention-backend", ""); backend != "" && !slices.Contains(vllmBackends, strings.ToUpper(backend)) {
		i.die(stageConfig, 1, fmt.Sprintf("ValueError: Unknown attention backend: '%s'. Valid options are: %s", backend, strings.Join(vllmBackends, ", ")))
	}
	needed, why := i.cardsFor(f.Parallel)
	switch {
	case why != "":
		refuse("ParallelConfig", "%s", why)
	case needed > i.cards:
		refuse("ParallelConfig", "World size (%d) is larger than the number of available GPUs (%d) in this node.", needed, i.cards)
	}
}

var vllmBackends = []string{"FLASH_ATTN", "FLASHINFER", "TRITON_ATTN", "FLEX_ATTENTION", "TORCH_SDPA", "CPU_ATTN", "TURBOQUANT"}

// overrideBlocks sets the cache to a number of blocks, whatever was measured.
func (i *instance) overrideBlocks(f catalog.VLLMFlags) {
	blocks := i.args.number("num-gpu-blocks-override", 0)
	if blocks <= 0 || i.fit.Err != "" {
		return
	}
	if blocks > i.fit.KVTokens/f.BlockSize*2 { // more than the card has
		i.fit.Problem = catalog.ProblemWork
		return
	}
	i.fit.KVTokens = blocks * f.BlockSize
	i.fit.KVBytes = float64(i.fit.KVTokens) * i.model.KVBytesPerToken(f.KVDType)
	if i.fit.KVTokens < i.maxLen {
		i.fit.Problem = catalog.ProblemContext
	}
}

// vllmMemoryDeath puts what the catalog's arithmetic says into vLLM's words.
func (i *instance) vllmMemoryDeath(f catalog.VLLMFlags) {
	const g = 1 << 30
	switch i.fit.Problem {
	case catalog.ProblemNone:
	case catalog.ProblemWeights, catalog.ProblemWork:
		i.die(stageLoad, 1,
			"Failed to load model - not enough GPU memory. Try lowering --gpu-memory-utilization, a smaller or quantized model, or more cards.",
			fmt.Sprintf("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate %.2f GiB. GPU 0 has a total capacity of %.2f GiB of which %.2f MiB is free.",
				i.model.WeightBytes(f.Quantization)/float64(i.model.Layers)/g, i.card.MemoryBytes/g, 61.0))
	case catalog.ProblemNoKV:
		i.die(stageKV, 1, "ValueError: No available memory for the cache blocks. Try increasing `gpu_memory_utilization` when initializing the engine.")
	case catalog.ProblemContext:
		per := i.model.KVBytesPerToken(f.KVDType)
		i.die(stageKV, 1, fmt.Sprintf("ValueError: To serve at least one request with the model's max seq len (%d), (%.2f GiB KV cache is needed, which is larger than the available KV cache memory (%.2f GiB). "+
			"Based on the available memory, the estimated maximum model length is %d. Try increasing `gpu_memory_utilization` or decreasing `max_model_len` when initializing the engine.",
			f.MaxModelLen, per*float64(f.MaxModelLen)/g, i.fit.KVBytes/g, int(i.fit.KVBytes/per)/f.BlockSize*f.BlockSize))
	}
}

// level is how far vLLM compiles.
type level struct {
	compile   bool
	graphs    bool
	piecewise bool // batches with prompts run as graphs too
}

// vllmLevel joins --enforce-eager, -O and what a compilation config says.
func vllmLevel(a *argv) level {
	l := level{compile: true, graphs: true, piecewise: true}
	if a.text("optimization-level", "2") == "0" || a.on("enforce-eager", false) {
		return level{}
	}
	var config struct {
		Mode  any    `json:"mode"`
		Graph string `json:"cudagraph_mode"`
	}
	if text := a.text("compilation-config", ""); text != "" {
		_ = json.Unmarshal([]byte(text), &config) // the parser has refused what is no JSON
	}
	mode := firstOf(a.dotted["compilation-config.mode"], fmt.Sprint(config.Mode))
	graph := strings.ToUpper(firstOf(a.dotted["compilation-config.cudagraph_mode"], config.Graph))
	l.compile = mode != "0" && !strings.EqualFold(mode, "none")
	l.graphs = graph != "NONE"
	l.piecewise = l.compile && graph != "FULL_DECODE_ONLY"
	return l
}

// attentionFactor is what launching a backend's attention costs against FlashAttention
// (judgement).
func attentionFactor(backend string) float64 {
	switch strings.ToLower(backend) {
	case "triton", "triton_attn", "flex_attention":
		return 1.25
	}
	return 1
}

func pick(v, def int) int {
	if v == 0 {
		return def
	}
	return v
}
