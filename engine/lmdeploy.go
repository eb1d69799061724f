package engine

import (
	"regexp"
	"strconv"
)

// lmdeploy is LMDeploy's api_server with either of its backends, read in 0.16.
var lmdeploy = Kind{
	Name: "lmdeploy", Port: 23333, Health: "/health",
	image:    []string{"lmdeploy", "serve", "api_server"},
	local:    []string{"lmdeploy", "serve", "api_server"},
	help:     []string{"--help"},
	listen:   [2]string{"--server-name", "--server-port"},
	names:    []string{"model-name"},
	key:      "api-keys",
	joinDash: true,
	env:      append([]string{"PYTHONUNBUFFERED=1"}, hubEnv...),
	fetch:    true,
	signs:    []string{"lmdeploy", "turbomind", "[TM]"},
	rules:    lmdeployRules,
	caches:   map[string]string{"TRITON_CACHE_DIR": "triton", "TORCHINDUCTOR_CACHE_DIR": "inductor", "CUDA_CACHE_PATH": "cuda"},
	facts: []factRule{
		{"num_gpu_blocks=", regexp.MustCompile(`CacheConfig\(.*\bblock_size=(\d+).*num_gpu_blocks=(\d+)`), blocks},
	},
	stages: []stageRule{
		{"Building Model.", "loading the model"},
		{"Building GraphRunner", "compiling"},
		{"Building CacheEngine", "allocating the KV cache"},
		{"Warming up model.", "warming up"},
		{"Warm-up lengths", "warming up"},
		{"Application startup complete", "warming up"},
	},
}

// blocks is a KV cache that is counted in blocks of tokens.
func blocks(f *Facts, groups []string) {
	size, _ := strconv.Atoi(groups[1]) // digits by the pattern; too many of them are 0
	n, _ := strconv.Atoi(groups[2])
	f.KVTokens = size * n
}

// lmdeployRules were read in LMDeploy 0.16; none has been seen.
var lmdeployRules = []rule{
	{class: KVTooSmall, text: "No enough gpu memory for kv cache", hint: "weights and activations take all that there is: raise cache-max-entry-count, lower max-prefill-token-num, or use a quantized model"},
	{class: GPUOutOfMemory, text: "No enough gpu memory for runtime", hint: "lower max-prefill-token-num or max-batch-size, or use a quantized model"},
	{class: KVTooSmall, text: "No enough gpu memory for state cache", hint: "lower max-batch-size"},
	{class: BadValue, text: "cache_max_block_count", match: `object-cache path (.*)`, hint: "cache-max-entry-count is a share of the free memory, above 0 and below 1"},
	{class: BadValue, text: "unknown model_format:", match: `unknown model_format: (\S+)`, hint: "there is no model-format $1: leave the flag off to use the checkpoint's own"},
	{class: UnsupportedQuantization, text: "Unsupported group_size", match: `Unsupported group_size=(\S+) for model_format="([^"]+)"`, hint: "turbomind reads no $2 with groups of $1: backend = \"pytorch\" may"},
	{class: ModelMissing, text: "Failed to find valid checkpoint under", match: `checkpoint under '([^']+)'`, hint: "$1 has no weights that it reads: " + hintModel},
	{class: UnsupportedModel, text: "Could not find model architecture from config", hint: "this version does not know the model's architecture: use a newer image or another engine"},
	{class: GPUOutOfMemory, text: "out of memory", match: `\[TM\].*out of memory|CUDA runtime error: out of memory`, hint: "lower cache-max-entry-count, max-batch-size or max-prefill-token-num, or use a quantized model"},
}
