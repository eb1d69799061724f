package engine

import "regexp"

// vllm is vLLM.
var vllm = Kind{
	Name: "vllm", Port: 8000, Health: "/health",
	image:            []string{"vllm", "serve"},
	imageRunsProgram: true,
	local:            []string{"vllm", "serve"},
	names:            []string{"served-model-name"},
	negates:          true,
	joinDash:         true,
	// The API server gives up on its engine after ten minutes of its own
	// unless told otherwise; the profile's startup_timeout is the limit here.
	env:       append([]string{"PYTHONUNBUFFERED=1", "VLLM_NO_USAGE_STATS=1", "VLLM_ENGINE_READY_TIMEOUT_S=86400"}, hubEnv...),
	secretEnv: map[string]string{"api-key": "VLLM_API_KEY", "hf-token": "HF_TOKEN"},
	fetch:     true,
	version:   endpoint{"/version", "version"},
	listen:    [2]string{"--host", "--port"},
	simulated: true,
	help:      []string{"--help=all"},
	signs:     []string{"vllm", "vLLM", "(EngineCore"},
	rules:     vllmRules,
	caches:    map[string]string{"VLLM_CACHE_ROOT": "vllm", "TRITON_CACHE_DIR": "triton", "FLASHINFER_WORKSPACE_BASE": "flashinfer", "CUDA_CACHE_PATH": "cuda"},
	facts: []factRule{
		{"saved AOT compiled function", regexp.MustCompile(`saved AOT compiled function to (\S+)`), compiled},
		{"Directly load AOT compilation", regexp.MustCompile(`Directly load AOT compilation from path (\S+)`), reused},
		{"Directly load the compiled graph", regexp.MustCompile(`Directly load the compiled graph`), reused},
		{"KV cache size: ", regexp.MustCompile(`KV cache size: ([\d,]+) tokens`), kvTokens},
		{"LLM engine (v", regexp.MustCompile(`LLM engine \(v([^)]+)\)`), version},
	},
	stages: []stageRule{
		{"Starting to load model", "loading the model"},
		{"Warming up model for the compilation", "compiling"},
		{"Dynamo bytecode transform", "compiling"},
		{"torch.compile took", "compiled"},
		{"Directly load", "loading compiled code"},
		{"KV cache size: ", "allocating the KV cache"},
		{"Capturing CUDA graphs", "capturing CUDA graphs"},
		{"Initial profiling/warmup run", "warming up"},
		{"Starting vLLM server", "starting the HTTP server"},
	},
}

// vllmRules were read in vLLM 0.26 to 0.32 and seen in 0.32, or come from
// reports of older versions where their hint says so.
var vllmRules = []rule{
	{class: GPUOutOfMemory, text: "Failed to load model - not enough GPU memory", hint: "the weights do not fit: use a quantized model, cpu-offload-gb or more GPUs (tensor-parallel-size)"},
	{class: GPUOutOfMemory, text: "out of memory occurred when warming up sampler", match: `warming up sampler with (\d+) dummy requests`, hint: "warming up for $1 sequences ran out of memory: lower max-num-seqs or gpu-memory-utilization"},
	{class: KVTooSmall, text: "No available memory for the cache blocks", hint: "weights and activations take all that the engine may have: raise gpu-memory-utilization, lower max-num-batched-tokens, or use a quantized model"},
	{class: KVTooSmall, text: "To serve at least one request with the model's max seq len", match: `max seq len \((\d+)\), \(([\d.]+) GiB KV cache is needed, which is larger than the available KV cache memory \(([\d.]+) GiB\).*estimated maximum model length is (\d+)`,
		hint: "one request of $1 tokens needs $2 GiB of KV cache and $3 GiB are there: set max-model-len to $4 or less, or raise gpu-memory-utilization"},
	{class: KVTooSmall, text: "To serve at least one request with the model's max seq len", match: `max seq len \((\d+)\), \(([\d.]+) GiB KV cache is needed, which is larger than the available KV cache memory \((-?[\d.]+) GiB\)`,
		hint: "one request of $1 tokens needs $2 GiB of KV cache and $3 GiB are there: lower max-model-len, or raise gpu-memory-utilization"},
	{class: KVTooSmall, text: "is larger than the maximum number of tokens that can be stored in KV cache", match: `max seq len \((\d+)\) is larger than the maximum number of tokens that can be stored in KV cache \((\d+)\)`,
		hint: "the KV cache holds $2 tokens and the context is $1: set max-model-len to $2 or less, or raise gpu-memory-utilization"},
	{class: KVTooSmall, text: "Cannot auto-fit max_model_len", hint: "not even one token fits: raise gpu-memory-utilization, or use a quantized model"},
	{class: HostOutOfMemory, text: "allocation is less than requested memory for kv", match: `\(([\d.]+)/([\d.]+) GiB\) on kv cache allocation is less than requested memory for kv \(([\d.]+) GiB\)`,
		hint: "$3 GiB of KV cache are asked for and $1 of $2 GiB are free: lower VLLM_CPU_KVCACHE_SPACE or kv-cache-memory-bytes"},
	{class: GPUBusy, text: "Free memory on device", match: `\(([\d.]+)/([\d.]+) GiB\) on startup is less than .*\(([\d.]+), ([\d.]+) GiB\)`,
		hint: "$1 of $2 GiB are free and gpu-memory-utilization = $3 wants $4: another process holds the rest (nvidia-smi), or lower the fraction"},
	{class: GPUBusy, text: "Error in memory profiling. Initial free memory", hint: "another process freed GPU memory while the engine measured it: try again when the GPU is quiet"},
	{class: ContextTooLong, text: "is greater than the derived max_model_len", match: `max_model_len \((\d+)\) is greater than the derived max_model_len \([^=]*=(\d+)`, hint: "the model's context is $2 tokens: set max-model-len to $2 or less (asked for: $1)"},
	{class: BadValue, text: "be greater than or equal to max_num_seqs", match: `max_num_batched_tokens \((\d+)\) must be greater than or equal to max_num_seqs \((\d+)\)`, hint: "raise max-num-batched-tokens to at least $2, or lower max-num-seqs to at most $1"},
	{class: BadValue, text: "smaller than max_model_len", match: `max_num_batched_tokens \((\d+)\) is smaller than max_model_len \((\d+)\)`, hint: "without chunked prefill, raise max-num-batched-tokens to $2 or lower max-model-len to $1"},
	{class: UnsupportedQuantization, text: "Cannot find the config file for", match: `Cannot find the config file for (\w+)`, hint: "the checkpoint is not quantized as $1: leave quantization off, or use a checkpoint that is"},
	{class: KernelMissing, text: "is not valid for", match: `Selected backend (\S+) is not valid for this configuration\. Reason: (.*)`, hint: "$1 cannot be used here ($2): choose another attention-backend, or leave it off"},
	{class: KernelMissing, text: "is not valid for this configuration", match: `Selected backend (\S+)`, hint: "$1 cannot be used here: choose another attention-backend, or leave it off"},
	{class: BadValue, text: "Unknown attention backend", match: `Unknown attention backend: '(\S+)'`, hint: "there is no attention-backend $1: " + hintValue},
	{class: KernelMissing, text: "is only supported on GPUs", match: `Bfloat16 is only supported on GPUs`, hint: "this GPU has no bfloat16: set dtype = \"half\""},
	{class: Unknown, rank: consequence, fatal: fatalAtStart, text: "WorkerProc hit an exception", match: `^WorkerProc hit an exception`},
	{class: Unknown, rank: consequence, fatal: fatalAtStart, text: "WorkerProc failed to start", match: `^WorkerProc failed to start`},
	{class: Unknown, rank: consequence, fatal: fatalAlways, text: "WorkerProc initialization failed", match: `^(?:Exception: )?WorkerProc initialization failed`},
	{class: Unknown, rank: consequence, fatal: fatalAlways, text: "EngineCore failed to start", match: `^EngineCore failed to start`},
	{class: Unknown, rank: consequence, fatal: fatalAlways, text: "EngineCore encountered a fatal error", match: `^EngineCore encountered a fatal error`},
	{class: Unknown, rank: consequence, fatal: fatalAlways, text: "died unexpectedly", match: `^(?:Worker proc|RayWorkerProc|Engine core proc) .*died unexpectedly.*exit code: -9`, hint: "a worker was killed from outside (signal 9): on a host that is out of memory, dmesg says so"},
	{class: Unknown, rank: consequence, fatal: fatalAlways, text: "died unexpectedly", match: `^(?:Worker proc|RayWorkerProc|Engine core proc) .*died unexpectedly`},
	{class: Unknown, rank: consequence, fatal: fatalAlways, text: "Engine core initialization failed", match: `^(?:RuntimeError: )?Engine core initialization failed`},
	{class: Unknown, rank: consequence, fatal: fatalAlways, text: "EngineDeadError", match: `^(?:vllm\.v1\.engine\.exceptions\.)?EngineDeadError`},
	{class: Unknown, rank: consequence, fatal: fatalAtStart, text: "Worker failed with error", match: `^RuntimeError: Worker failed with error`},
}
