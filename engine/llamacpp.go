package engine

import "regexp"

// llamacpp is llama.cpp's llama-server.
var llamacpp = Kind{
	Name: "llamacpp", Port: 8080, Health: "/health",
	image:            []string{"/app/llama-server"},
	imageRunsProgram: true,
	local:            []string{"llama-server"},
	model:            []string{"-m"},
	names:            []string{"alias", "a"},
	onOff:            []string{"flash-attn", "fa", "fit"},
	negates:          true,
	repeat:           true,
	secretEnv:        map[string]string{"api-key": "LLAMA_API_KEY", "hf-token": "HF_TOKEN"},
	version:          endpoint{"/props", "build_info"},
	listen:           [2]string{"--host", "--port"},
	simulated:        true,
	help:             []string{"--help"},
	signs:            []string{"llama_", "llama-server", "ggml_", "load_tensors:", "srv  ", "common_"},
	rules:            llamacppRules,
	facts: []factRule{
		{" cells,", regexp.MustCompile(`size = +[\d.]+ MiB \( *(\d+) cells`), kvTokens},
		{"n_ctx_slot = ", regexp.MustCompile(`n_slots = (\d+), n_ctx_slot = (\d+), kv_unified = '(\w+)'`), slots},
	},
	stages: []stageRule{
		{"loading model", "loading the model"},
	},
}

// llamacppRules were read and run in llama.cpp b10573. Its server ends on every
// error while it starts, so only what it goes on from is fatal here.
var llamacppRules = []rule{
	{class: GPUMissing, fatal: fatalAtStart, text: "no usable GPU found, --gpu-layers option will be ignored", hint: "the server would run on the CPU: use an image built for this GPU, or leave gpu-layers off to measure the CPU"},
	{class: GPUMissing, text: "invalid device:", match: `invalid device: (\S+)`, hint: "there is no device $1: " + hintGPU},
	{class: GPUOutOfMemory, text: "cudaMalloc failed: out of memory", match: `allocating ([\d.]+ MiB) on device (\d+): cudaMalloc failed`, hint: "$1 more do not fit on device $2: lower n-gpu-layers or ctx-size, or quantize the KV cache (cache-type-k, cache-type-v)"},
	{class: GPUOutOfMemory, text: "alloc failed: out of memory", hint: "lower n-gpu-layers or ctx-size, or quantize the KV cache (cache-type-k, cache-type-v)"},
	{class: GPUOutOfMemory, rank: general, text: "failed to allocate", match: `failed to allocate (?:(\S+) buffer of size (\d+)|buffer for kv cache|compute pp buffers)`, hint: "lower n-gpu-layers or ctx-size, or quantize the KV cache (cache-type-k, cache-type-v)"},
	{class: GPUOutOfMemory, rank: general, text: "unable to allocate", match: `unable to allocate (\S+) buffer`, hint: "lower n-gpu-layers or ctx-size ($1 is full)"},
	{class: HostOutOfMemory, text: "std::bad_alloc", hint: "the host's memory does not hold this context: lower ctx-size"},
	{class: BadFlag, text: "error: invalid argument:", match: `error: invalid argument: (\S+)`, hint: "this build has no flag $1: correct its name or leave it off"},
	{class: BadFlag, text: "the argument has been removed", hint: "this build has removed the flag: see llama-server --help for what replaced it"},
	{class: BadValue, text: "Unsupported cache type:", match: `Unsupported cache type: (\S+)`, hint: "there is no cache type $1: f16, bf16, q8_0, q5_1, q5_0, q4_1, q4_0, iq4_nl"},
	{class: BadValue, text: "expected value for argument", hint: "the flag needs a value"},
	{class: BadValue, text: "error while handling argument", match: `error while handling argument "([^"]+)": (.*)`, hint: "$1: $2"},
	{class: BadValue, text: "error while handling environment variable", match: `error while handling environment variable "([^"]+)": (.*)`, hint: "$1: $2"},
	{class: BadValue, text: "quantized V cache requires flash_attn", hint: "set flash-attn = true, or leave cache-type-v off"},
	{class: BadValue, text: "does not divide n_embd_head", hint: "this cache type does not suit the model's head size: use f16 or q8_0"},
	{class: BadValue, text: "does not support different K", hint: "give cache-type-k and cache-type-v the same value"},
	{class: ModelMissing, text: "failed to open GGUF file", match: `failed to open GGUF file '(.*)' \((.*)\)`, hint: "$1: $2; set model.path to a GGUF file"},
	{class: ModelMissing, text: "failed to download model", hint: "set model.path to a GGUF file on this host"},
	{class: ModelCorrupt, text: "invalid magic characters", hint: "the file is no GGUF file: llama.cpp reads nothing else"},
	{class: ModelCorrupt, text: "failed to read header", match: `gguf_init_from_\w+: failed to read header`, hint: "the file is no whole GGUF file: fetch it again"},
	{class: ModelCorrupt, text: "data is not within the file bounds", hint: "the file is cut short: fetch it again"},
	{class: UnsupportedModel, text: "unknown model architecture:", match: `unknown model architecture: '(\S+)'`, hint: "this build does not know $1: use a newer one"},
	{class: PortInUse, text: "couldn't bind HTTP server socket", match: `port: (\d+)`, hint: "port $1: " + hintPort},
	{class: PortInUse, text: "couldn't bind HTTP server socket", hint: hintPort},
	{class: Unknown, rank: general, text: "failed to load model, '"},
	{class: Unknown, rank: consequence, text: "exiting due to model loading error"},
	{class: Unknown, rank: general, text: "GGML_ASSERT", match: `GGML_ASSERT\(`},
}
