package engine

import "regexp"

// sglang is SGLang.
var sglang = Kind{
	Name: "sglang", Port: 30000, Health: "/health",
	image:     []string{"python3", "-m", "sglang.launch_server"},
	local:     []string{"python3", "-m", "sglang.launch_server"},
	model:     []string{"--model-path"},
	names:     []string{"served-model-name"},
	joinDash:  true,
	env:       append([]string{"PYTHONUNBUFFERED=1"}, hubEnv...),
	fetch:     true,
	version:   endpoint{"/server_info", "version"},
	listen:    [2]string{"--host", "--port"},
	simulated: true,
	help:      []string{"--help"},
	signs:     []string{"sglang", "SGLang"},
	rules:     sglangRules,
	caches:    map[string]string{"SGLANG_CACHE_DIR": "sglang", "TRITON_CACHE_DIR": "triton", "TORCHINDUCTOR_CACHE_DIR": "inductor", "FLASHINFER_WORKSPACE_BASE": "flashinfer", "CUDA_CACHE_PATH": "cuda"},
	facts: []factRule{
		{"max_total_num_tokens=", regexp.MustCompile(`(?:^|[ \]])max_total_num_tokens=(\d+)`), kvTokens},
	},
	stages: []stageRule{
		{"Load weight begin", "loading the model"},
		{"KV Cache is allocated", "allocating the KV cache"},
		{"Capture cuda graph begin", "capturing CUDA graphs"},
		{"Capturing batches", "capturing CUDA graphs"},
		{"Application startup complete", "warming up"},
	},
}

// sglangRules were read in SGLang 0.5.18 to 0.5.23 and seen in 0.5.23.
var sglangRules = []rule{
	{class: KVTooSmall, text: "leave no GPU memory for the KV cache", match: `--mem-fraction-static=([\d.]+)\. Raise --mem-fraction-static above ([\d.]+)`, hint: "raise mem-fraction-static from $1 to more than $2"},
	{class: KVTooSmall, text: "Not enough memory. Please try to increase --mem-fraction-static", match: `mem_fraction_static=([\d.]+)`, hint: "raise mem-fraction-static above $1, or use a quantized model"},
	{class: KVTooSmall, text: "Not enough memory. Please try to increase --mem-fraction-static", hint: "raise mem-fraction-static, or use a quantized model"},
	{class: GPUOutOfMemory, text: "apture", match: `Capture cuda graph failed: .*out of memory`, hint: "capturing CUDA graphs ran out of memory: lower mem-fraction-static or cuda-graph-max-bs"},
	{class: KernelMissing, rank: general, text: "apture", match: `Capture (?:cuda|prefill CUDA) graph failed: (.*)`, hint: "CUDA graphs could not be captured: lower mem-fraction-static or cuda-graph-max-bs, or set disable-cuda-graph = true"},
	{class: ContextTooLong, text: "is greater than the derived context_length", match: `^ValueError: .*context_length \((\d+)\) is greater than the derived context_length \((\d+)\)`, hint: "the model's context is $2 tokens: set context-length to $2 or less (asked for: $1)"},
	{class: BadValue, text: "chunked_prefill_size must be divisible by page_size", hint: "make chunked-prefill-size a multiple of page-size"},
	{class: BadValue, text: "schedule_policy", match: `is not supported.*schedule_policy|schedule_policy.*(?:invalid|not supported)`, rank: general, hint: hintValue},
	{class: BadValue, text: "served_model_name", match: `AssertionError.*served_model_name`, hint: "a served model name must not have a colon"},
	{class: PortInUse, text: "Port is already in use", hint: hintPort},
	{class: PortInUse, text: "is not available at", match: `port at (\d+) is not available`, hint: hintPort},
	{class: Stalled, rank: general, text: "watchdog timeout", match: `watchdog timeout \(self\.watchdog_timeout=([\d.]+)`, fatal: fatalAlways, hint: "one step took longer than $1 s: a smaller chunked-prefill-size, or a longer watchdog-timeout"},
	{class: Unknown, rank: consequence, fatal: fatalAlways, text: "hit an exception", match: `^(?:Scheduler|DetokenizerManager|TokenizerManager|DataParallelController|MultiDetokenizerRouter|MultiTokenizerRouter|TpModelWorkerClient) hit an exception`},
	{class: Unknown, rank: consequence, fatal: fatalAlways, text: "sigquit from a child process", match: `^Received sigquit from a child process`},
	{class: Unknown, rank: consequence, fatal: fatalAlways, text: "SIGQUIT received", match: `^SIGQUIT received`},
	{class: Unknown, rank: consequence, fatal: fatalAlways, text: "scheduler died during initialization", match: `Rank \d+ scheduler died during initialization`},
}
