package engine

// A rule tells a class of failure by one line of an engine's log. The rules are
// data: a row is added with the output it was seen in as its test.
//
// Text must be in the line; it is what makes reading a large log cheap. Match, a
// regular expression on the cleaned line, narrows it and captures numbers for
// the hint ($1, $2, …). Of all lines that match, the first of the highest rank
// decides; on one line, the first rule of the table.
type rule struct {
	class Class
	kind  string // engine kind; "": every one. That of a Kind's own rules is its name
	text  string
	match string
	hint  string
	rank  rank
	fatal fatality
}

// rank orders findings: a cause beats what follows from it.
type rank int

const (
	specific    rank = iota // the cause
	general                 // a cause, but one that another line may name better
	consequence             // says that something died, not why
)

// fatality says whether a line ends the trial although the process lives.
type fatality int

const (
	notFatal     fatality = iota
	fatalAtStart          // while the engine starts; under load it may be one request's error
	fatalAlways
)

// deadly are the classes of which an engine that starts says a line only if it
// gives up. It may take seconds to end after that: Python tears down what it has
// imported.
var deadly = map[Class]bool{BadFlag: true, BadValue: true, ContextTooLong: true, UnsupportedQuantization: true, KVTooSmall: true}

// endsStart says that a line ends a start, although the process may live on.
func (r *rule) endsStart() bool {
	return r.fatal != notFatal || r.rank == specific && deadly[r.class]
}

// Hints that several rules share.
const (
	hintLowerMemory = "lower gpu-memory-utilization, max-num-seqs or max-num-batched-tokens, use a quantized model or more GPUs"
	hintModel       = "check model.id and model.revision, set model.path to a local folder, or let qtune fetch the model (HF_TOKEN for private ones)"
	hintPort        = "stop what listens there, or choose another port"
	hintGPU         = "is the NVIDIA driver loaded (nvidia-smi), and for containers the NVIDIA container toolkit installed? An engine's CPU build needs gpu { devices = [] }"
	hintDisk        = "free space on the disk that holds the image, the model cache or the run's folder"
	hintValue       = "correct the value, or leave the flag off"
)

// commonRules hold for several engines: Python, torch, the hub, the kernel.
var commonRules = []rule{
	{class: NoExec, text: "failed to map segment from shared object", match: `noexec|failed to map segment`,
		hint: "the temporary folder is mounted noexec: give it exec (tmpfs { target = \"/tmp\" exec = true }), or point TMPDIR and TORCHINDUCTOR_CACHE_DIR to a folder that allows it"},
	{class: GPUOutOfMemory, text: "Tried to allocate", match: `(?:CUDA|HIP) out of memory\. Tried to allocate ([\d.]+ [KMG]iB)\..*total capacity of ([\d.]+ GiB) of which ([\d.]+ [KMG]iB) is free`, kind: "vllm",
		hint: "$1 more were asked for with $3 of $2 free: " + hintLowerMemory},
	{class: GPUOutOfMemory, text: "Tried to allocate", match: `(?:CUDA|HIP) out of memory\. Tried to allocate ([\d.]+ [KMG]iB)\..*total capacity of ([\d.]+ GiB) of which ([\d.]+ [KMG]iB) is free`,
		hint: "$1 more were asked for with $3 of $2 free: lower mem-fraction-static, chunked-prefill-size or max-running-requests, use a quantized model or more GPUs"},
	{class: GPUOutOfMemory, text: "out of memory", match: `(?:CUDA|HIP) out of memory\. Tried to allocate ([\d.]+ [KMG]iB)`,
		hint: "$1 more were asked for than the GPU has: lower the share of memory the engine takes, its batch limits or its context, or use a quantized model"},
	{class: GPUOutOfMemory, text: "out of memory", match: `CUDA error: out of memory|CUDA runtime error in .*: out of memory|cudaErrorMemoryAllocation|^torch\.(?:cuda\.)?OutOfMemoryError`,
		hint: "lower the share of memory the engine takes, its batch limits or its context, or use a quantized model"},
	{class: ShmTooSmall, text: "/dev/shm", match: `No space left on device|[Nn]ot enough shared memory|unable to (?:open|allocate) shared memory`,
		hint: "shared memory is too small: set shm_size = \"8GiB\", or ipc = \"host\""},
	{class: ShmTooSmall, text: "unable to open shared memory object", hint: "set shm_size = \"8GiB\", or ipc = \"host\""},
	{class: ShmTooSmall, text: "Bus error", match: `Bus error \(core dumped\)|Unexpected bus error`,
		hint: "a bus error is nearly always too little shared memory: set shm_size = \"8GiB\", or ipc = \"host\""},
	{class: DiskFull, text: "o space left on device", hint: hintDisk},
	{class: PortInUse, text: "ddress already in use", match: `(?:'[^']*', (\d+)\)|:(\d+)\b)?.*[Aa]ddress already in use`, hint: hintPort},
	{class: PortInUse, text: "port is already allocated", hint: hintPort},
	{class: DriverTooOld, text: "CUDA driver version is insufficient", hint: "update the NVIDIA driver, or use an image built for an older CUDA"},
	{class: DriverTooOld, text: "The NVIDIA driver on your system is too old", hint: "update the NVIDIA driver, or use an image built for an older CUDA"},
	{class: DriverTooOld, text: "unsatisfied condition: cuda", match: `unsatisfied condition: (cuda[><=]+[\d.]+)`, hint: "the image wants $1: update the NVIDIA driver, or use an image built for an older CUDA"},
	{class: DriverTooOld, text: "provided PTX was compiled with an unsupported toolchain", hint: "update the NVIDIA driver, or use an image built for an older CUDA"},
	{class: KernelMissing, text: "no kernel image is available for execution", hint: "the image has no code for this GPU's generation: use a newer image, or another attention or quantization backend"},
	{class: GPUMissing, text: "No CUDA GPUs are available", hint: hintGPU},
	{class: GPUMissing, text: "Found no NVIDIA driver on your system", hint: hintGPU},
	{class: GPUMissing, text: "Failed to infer device type", hint: hintGPU},
	{class: GPUMissing, text: "No accelerator (CUDA", hint: hintGPU},
	{class: GPUMissing, text: "could not select device driver", hint: hintGPU},
	{class: GPUMissing, text: "nvidia-container-cli:", rank: general, hint: hintGPU},
	{class: GPUMissing, text: "CUDA-capable device(s) is/are busy or unavailable", hint: "another process holds the GPU exclusively, or its compute mode forbids sharing"},
	{class: BadValue, text: "is larger than the number of available GPUs", match: `World size \((\d+)\).* (?:available GPUs|GPUs available) \((\d+)\)`, hint: "$1 GPUs are asked for and there are $2: lower tensor-parallel-size"},

	{class: BadFlag, text: "rror: unrecognized arguments:", match: `error: unrecognized arguments: (--?[\w.-]+)`, hint: "this version has no flag $1: correct its name or leave it off"},
	{class: BadFlag, text: "rror: unrecognized arguments:", hint: "this version has no such flag: correct its name or leave it off"},
	{class: BadFlag, text: "rror: ambiguous option:", match: `ambiguous option: (\S+)`, hint: "write the whole name of $1"},
	{class: BadValue, text: "rror: argument ", match: `error: argument (\S+?)(?:/\S+)?: invalid choice: '?([^' ]*)'? \(choose from (.*)\)`, hint: "$1 takes one of $3"},
	{class: BadValue, text: "rror: argument ", match: `error: argument (\S+?)(?:/\S+)?: (.*)`, hint: "$1: $2"},
	{class: BadFlag, text: "rror: the following arguments are required", hint: "the engine needs more than the profile gives it"},

	{class: ModelGated, text: "gated repo", hint: "accept the model's terms on the hub, and set HF_TOKEN to a token that may read it"},
	{class: ModelGated, text: "GatedRepoError", hint: "accept the model's terms on the hub, and set HF_TOKEN to a token that may read it"},
	{class: ModelGated, text: "is restricted and you are not in the authorized list", hint: "ask for access on the hub, and set HF_TOKEN to a token that may read it"},
	{class: ModelMissing, text: "Repository Not Found", hint: hintModel},
	{class: ModelMissing, text: "RepositoryNotFoundError", hint: hintModel},
	{class: ModelMissing, text: "RevisionNotFoundError", hint: hintModel},
	{class: ModelMissing, text: "is not a valid model identifier", hint: hintModel},
	{class: ModelMissing, text: "Invalid repository ID or local directory specified", hint: hintModel},
	{class: ModelMissing, text: "Cannot find any model weights with", hint: "the model's folder has no weights that the engine reads: " + hintModel},
	{class: ModelMissing, text: "outgoing traffic has been disabled", hint: "the model is not whole in the Hugging Face cache: " + hintModel},
	{class: ModelMissing, text: "offline mode is enabled", rank: general, hint: "the model is not whole in the Hugging Face cache: " + hintModel},
	{class: ModelMissing, text: "HFValidationError", match: `Repo id must`, hint: "model.id is no repository of the hub; for a local folder set model.path"},
	{class: ModelMissing, text: "We couldn't connect to", rank: general, hint: "the model is not whole in the Hugging Face cache: " + hintModel},
	{class: ModelCorrupt, text: "SafetensorError", match: `SafetensorError: .*(?:deserializing header|HeaderTooLarge|InvalidHeader|MetadataIncompleteBuffer|incomplete)`, hint: "a weight file is damaged or only half fetched: remove it and fetch the model again"},
	{class: UnsupportedModel, text: "are not supported for now", match: `Model architectures (\[.*?\])`, hint: "this version does not serve $1: use a newer image or another engine"},
	{class: UnsupportedModel, text: "does not recognize this architecture", hint: "this version does not know the model's architecture: use a newer image or another engine"},
	{class: UnsupportedModel, text: "requires you to execute the configuration file", hint: "the model brings its own code: set trust-remote-code = true if you trust it"},
	{class: UnsupportedQuantization, text: "Unknown quantization method", match: `Unknown quantization method: (\S+?)\.`, hint: "this version has no quantization $1: leave the flag off to use the checkpoint's own"},
	{class: UnsupportedQuantization, text: "does not match the quantization", match: `model config \((\S*)\) does not match the quantization method specified in the .quantization. argument \((\S*)\)`, hint: "the checkpoint is $1, the flag says $2: leave quantization off"},
	{class: UnsupportedQuantization, text: "is not supported for the current GPU", match: `quantization method (\S+) is not supported for the current GPU\. Minimum capability: (\d+)\. Current capability: (\d+)`, hint: "$1 needs compute capability $2, this GPU has $3: use another quantization"},
	{class: UnsupportedQuantization, text: "is not supported for the current GPU", hint: "use another quantization or a newer GPU"},
	{class: UnsupportedQuantization, text: "is not supported for quantization method", match: `(\S+) is not supported for quantization method (\S+)\. Supported dtypes: (.*)`, hint: "with $2, set dtype to one of $3"},
	{class: UnsupportedQuantization, text: "is not supported for quantization", match: `(\S+) is not supported for quantization method (\S+)`, hint: "change dtype, or leave quantization off"},
	{class: UnsupportedQuantization, text: "The quantization method", match: `is deprecated`, hint: "use a checkpoint with another quantization"},

	{class: ProgramMissing, text: "executable file not found", hint: "the image or this host has no such program: check image, entrypoint and command"},
	{class: ProgramMissing, text: "No module named", match: `ModuleNotFoundError: No module named '(vllm|sglang)(?:\.[\w.]*)?'|No module named (vllm|sglang)`, hint: "the engine is not installed in this Python: check image, entrypoint and command"},
	{class: ImageMissing, text: "No such image", hint: "check the image's name, or allow qtune to pull it (pull = \"missing\")"},
	{class: ImageMissing, text: "manifest unknown", hint: "the registry has no such tag: check image"},
	{class: ImageMissing, text: "manifest for ", match: `not found`, hint: "the registry has no such tag: check image"},
	{class: ImageMissing, text: "pull access denied", hint: "check the image's name, or log in to its registry (docker login)"},
	{class: ImageMissing, text: "failed to resolve reference", rank: general, hint: "check the image's name and the network"},
	{class: HostOutOfMemory, text: "DefaultCPUAllocator: can't allocate memory", hint: "the host's memory does not hold this configuration: lower what is kept there (cpu-offload-gb, KV cache)"},
	{class: HostOutOfMemory, text: "Cannot allocate memory", rank: general, hint: "the host's memory does not hold this configuration"},
	{class: PermissionDenied, text: "ermission denied", match: `PermissionError: .*Permission denied: (.*)|permission denied`, rank: general,
		hint: "containers run without capabilities, so root in them reads only what its owner lets everybody read: chmod the files, or add cap_add = [\"DAC_OVERRIDE\"]"},
	{class: BadValue, text: "validation error", match: `\d+ validation errors? for (\w+)`, rank: general, hint: "a flag's value was refused ($1): the lines below name it"},
	{class: BadValue, text: "Value error, ", match: `^\s*Value error, (.+?)(?: \[type=.*)?$`, hint: "$1"},
	{class: BadValue, text: " [type=", match: `^\s+(.+) \[type=[a-z_.]+, input_value=(.*), input_type`, hint: "$1 (it was given $2)"},
	{class: BadValue, text: "must be divisible by tensor parallel size", match: `attention heads \((\d+)\) must be divisible by tensor parallel size \((\d+)\)`, hint: "$1 heads do not divide among $2 GPUs: change tensor-parallel-size"},
	{class: BadValue, text: "AssertionError: ", match: `^AssertionError: .*--[a-z]`, rank: general, hint: hintValue},
}
