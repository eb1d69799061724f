# Real vLLM against real SGLang on a machine without a GPU, with a real small model.
#
#   make engines                                                 installs both and the model, once
#   make e2e                                                     runs its smaller half in containers, and checks what comes out
#   qtune apply examples/cpu.hcl -var engines=$PWD/.engines -var runtime=process
#                                                                the same without Docker, about eight minutes
#
# It shows that qtune tunes more than its own simulator. It is no evidence of
# SGLang's speed: on a CPU without its own kernels SGLang works in plain PyTorch.

variable "engines" {
  description = "Absolute path of the folder that make engines filled: vllm, sglang, model"
  type        = string

  validation {
    condition     = substr(var.engines, 0, 1) == "/"
    error_message = "engines must be an absolute path, such as -var engines=$PWD/.engines"
  }
}

variable "python" {
  description = "Where the Python is installed that the engines were installed with, if not under /usr"
  type        = string
  default     = "/usr"
}

variable "runtime" {
  description = "docker: each engine in a container. process: as a process of this machine"
  type        = string
  default     = "docker"
}

variable "grid" {
  description = "wide: all of it. short: without compiled vLLM, which takes minutes to start on a CPU, and fewer requests. single: one of each engine"
  type        = string
  default     = "wide"

  validation {
    condition     = var.grid == "wide" || var.grid == "short" || var.grid == "single"
    error_message = "grid must be wide, short or single"
  }
}

# Names for what several engines below share.
locals {
  container = var.runtime == "docker"
  wide      = var.grid == "wide"

  # An image of empty folders (scripts/userland-image.sh makes it), into which this
  # machine's own programs are mounted read-only: a real container of a real engine
  # where no registry can be reached. With a GPU one names the engine's own image,
  # and needs none of this.
  image    = local.container ? "qtune-userland:1" : null
  userland = distinct(["/usr", "/lib", "/lib64", "/bin", "/etc", var.python])
  system   = [for path in local.userland : { source = path, target = path }]

  # What the engines compile at the start is loaded from there.
  scratch = local.container ? [{ target = "/tmp", exec = true }] : null
  shm     = local.container ? "1GiB" : null
  home    = local.container ? "/tmp" : null
  pull    = local.container ? "never" : null

  vllm   = "${var.engines}/vllm"
  sglang = "${var.engines}/sglang"

  vllm_mounts   = local.container ? concat(local.system, [{ source = local.vllm, target = local.vllm }]) : null
  sglang_mounts = local.container ? concat(local.system, [{ source = local.sglang, target = local.sglang }]) : null
}

model {
  id   = "HuggingFaceTB/SmolLM2-135M-Instruct"
  path = "${var.engines}/model"
}

# No GPU at all, also where there is one. Simulated engines behave as on two cores.
gpu {
  devices  = []
  simulate = "2-core CPU"
}

engine "vllm" "cpu" {
  baseline        = true
  runtime         = var.runtime
  image           = local.image
  pull            = local.pull
  command         = ["${local.vllm}/bin/vllm", "serve"]
  mounts          = local.vllm_mounts
  tmpfs           = local.scratch
  shm_size        = local.shm
  startup_timeout = "10m"

  env = {
    HOME = local.home
    PATH = "${local.vllm}/bin:/usr/local/bin:/usr/bin:/bin"
  }

  flags = {
    dtype                 = "bfloat16"
    max-model-len         = 2048
    kv-cache-memory-bytes = 1073741824 # 1 GiB, 46,592 tokens of this model
    enforce-eager         = true
    max-num-seqs          = 16
  }

  sweep {
    enforce-eager = local.wide ? [true, null] : [true] # null: compiled, a start of a minute more
    max-num-seqs  = var.grid == "single" ? [16] : [4, 16]
  }

  # Compiling is slow here, and with only four requests at a time it cannot win.
  where = flags.max-num-seqs == 16 || flags.enforce-eager == true
}

# This one cannot start: the model was not trained for so long a context. A trial
# that fails is a result like any other; it costs seconds, and the run goes on.
engine "vllm" "too-long" {
  runtime         = var.runtime
  image           = local.image
  pull            = local.pull
  command         = ["${local.vllm}/bin/vllm", "serve"]
  mounts          = local.vllm_mounts
  tmpfs           = local.scratch
  shm_size        = local.shm
  startup_timeout = "10m"

  env = {
    HOME = local.home
    PATH = "${local.vllm}/bin:/usr/local/bin:/usr/bin:/bin"
  }

  flags = {
    dtype         = "bfloat16"
    max-model-len = 99999
    enforce-eager = true
  }
}

engine "sglang" "cpu" {
  runtime         = var.runtime
  image           = local.image
  pull            = local.pull
  command         = ["${local.sglang}/bin/python", "-m", "sglang.launch_server"]
  mounts          = local.sglang_mounts
  tmpfs           = local.scratch
  shm_size        = local.shm
  startup_timeout = "10m"

  env = {
    HOME                   = local.home
    PATH                   = "${local.sglang}/bin:/usr/local/bin:/usr/bin:/bin"
    SGLANG_USE_CPU_ENGINE  = "1"
    CUDA_VISIBLE_DEVICES   = ""
    TOKENIZERS_PARALLELISM = "false"
  }

  flags = {
    device                   = "cpu"
    attention-backend        = "torch_native"
    disable-overlap-schedule = true
    max-total-tokens         = 32768
    enable-metrics           = true
  }

  sweep {
    max-running-requests = local.wide ? [4, 16] : [16]
  }
}

# 1, 4 and 16 users, each of whom asks again when an answer is complete. The number
# of requests is small, so that the whole run takes minutes: a comparison that is to
# be believed leaves it out, and qtune measures until the figures have settled.
workload "short" {
  prompts {
    input_tokens = 64
  }

  closed {
    users         = 1
    output_tokens = 50
    requests      = local.wide ? 4 : 2
    warmup        = 1
  }

  closed {
    users         = 4
    output_tokens = 50
    requests      = local.wide ? 8 : 4
    warmup        = 4
  }

  closed {
    users         = 16
    output_tokens = 50
    requests      = local.wide ? 32 : 16
    warmup        = 16
  }
}

objective {
  maximize = output_throughput
  at       = { users = 16 }
}
