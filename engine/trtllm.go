package engine

import "regexp"

// trtllm is TensorRT-LLM's trtllm-serve with its PyTorch backend, read in 1.2 to
// 1.4. Most of what is worth tuning is no option of its command but a key of its
// configuration, which --set sets since 1.3.
var trtllm = Kind{
	Name: "trtllm", Port: 8000, Health: "/health",
	image:      []string{"trtllm-serve"},
	local:      []string{"trtllm-serve"},
	help:       []string{"serve", "--help"},
	listen:     [2]string{"--host", "--port"},
	folderName: true,
	setting:    "--set",
	env:        append([]string{"PYTHONUNBUFFERED=1", "TRTLLM_NO_USAGE_STATS=1"}, hubEnv...),
	fetch:      true,
	version:    endpoint{"/version", "version"},
	signs:      []string{"TensorRT-LLM", "TRT-LLM", "trtllm-serve", "tensorrt_llm"}, // not trtllm: other engines have attention backends of that name,
	rules:      trtllmRules,
	caches:     map[string]string{"TRITON_CACHE_DIR": "triton", "TORCHINDUCTOR_CACHE_DIR": "inductor", "FLASHINFER_WORKSPACE_BASE": "flashinfer", "DG_JIT_CACHE_DIR": "deep_gemm", "CUDA_CACHE_PATH": "cuda"},
	facts: []factRule{
		{"tokens in paged KV cache", regexp.MustCompile(`for max tokens in paged KV cache \((\d+)\)`), kvTokens},
		{"TensorRT", regexp.MustCompile(`TensorRT[- ]LLM version: (\S+)`), version},
	},
	stages: []stageRule{
		{"Loading weights", "loading the model"},
		{"Loading safetensors", "loading the model"},
		{"Autotuner", "autotuning"},
		{"paged KV cache", "allocating the KV cache"},
		{"CUDA graph warmup", "capturing CUDA graphs"},
		{"Application startup complete", "warming up"},
	},
}

// trtllmRules were read in TensorRT-LLM 1.2 to 1.4, or are click's own words; none
// has been seen.
var trtllmRules = []rule{
	{class: GPUOutOfMemory, rank: general, text: "Executor creation failed due to insufficient GPU memory", hint: "lower free_gpu_memory_fraction, max_batch_size or max_num_tokens, or use a quantized model"},
	{class: GPUOutOfMemory, text: "The following component could not be created:", match: `could not be created: (.*)`, hint: "$1 does not fit: lower free_gpu_memory_fraction, max_batch_size or max_num_tokens"},
	{class: KVTooSmall, text: "KV cache blocks", match: `RequestError: .*requires (\d+) KV cache blocks`, hint: "one request needs $1 blocks of KV cache: lower max_seq_len, or raise free_gpu_memory_fraction"},
	{class: BadFlag, text: "No such option:", match: `No such option:? '?(-[\w-]+)`, hint: "this version has no option $1: correct its name; a key of the configuration is written with a dot, or listed as one"},
	{class: BadValue, text: "Error: Invalid value for", match: `Error: Invalid value for '?([^':]+)'?(?: / '[^']*')*: (.*)`, hint: "$1: $2"},
	{class: PortInUse, text: "Failed to bind socket to", match: `Failed to bind socket to \S+:(\d+)`, hint: "port $1: " + hintPort},
	{class: GPUMissing, text: "No GPU devices found on the node", hint: hintGPU},
	{class: GPUMissing, text: "NotEnoughCUDADevices", hint: hintGPU},
	{class: UnsupportedModel, text: "Unknown architecture for AutoModelForCausalLM", match: `AutoModelForCausalLM: (\S+)`, hint: "this version does not serve $1: use a newer image or another engine"},
	{class: UnsupportedQuantization, text: "nsupported quant", match: `[Uu]nsupported quant(?:ization)?[_ ](?:mode|algo\w*):? *(.*)`, hint: "this version or this card has no such quantization ($1): use another checkpoint"},
	{class: Unknown, rank: consequence, fatal: fatalAtStart, text: "Executor worker returned error", match: `^RuntimeError: Executor worker returned error`},
	{class: Unknown, rank: consequence, fatal: fatalAtStart, text: "Failed to initialize executor on rank", match: `Failed to initialize executor on rank`},
}
