variable "seed" {
  type    = number
  default = 42
}

variable "from_env" {
  default = 5
}

variable "limits" {
  type    = map(number)
  default = { ttft = 1.5, itl = 0.05 }
}

variable "token" {
  type      = string
  sensitive = true
  default   = "s3cret-value"

  validation {
    condition     = length(var.token) > 3
    error_message = "The token is too short."
  }
}

locals {
  greeting = upper("hello ${local.who}")
  who      = "world"
  common = {
    zebra-first   = 1
    enforce-eager = true
  }
  sum   = 0.1 + 0.2
  third = 1 / 3
}

model {
  path     = "models/Qwen3-8B"
  revision = "7e12345"
}

gpu {
  devices  = [1, "GPU-5c1b"]
  simulate = "RTX 5090"
}

engine "vllm" "full" {
  preset              = "vllm-cpu-offload"
  allow_unknown_flags = true
  baseline            = true
  image               = "registry.example:5000/vllm:v0.32.0"
  pull                = "always"
  entrypoint          = []
  command             = ["python3", "-m", "vllm.entrypoints.openai.api_server"]
  startup_timeout     = "1h30m"
  shm_size            = "40GiB"
  ipc                 = "host"
  network             = "tuning"
  port                = 8080
  cap_add             = ["SYS_NICE"]

  mounts = [
    { source = "data", target = "/data" },
    { source = "~/cache", target = "/cache", writable = true },
  ]
  tmpfs   = ["/tmp", { target = "/scratch", size = "1GB", exec = true }]
  ulimits = { memlock = -1, nofile = { soft = 1024, hard = 65536 } }

  env = {
    TOKEN    = var.token
    AUTH     = "Bearer ${env("HF_TOKEN")}"
    GREETING = local.greeting
    COUNT    = var.from_env
    OFF      = null
  }

  flags = merge(local.common, {
    quantization               = null # takes away what the preset says
    max-model-len              = 1e6
    gpu-memory-utilization     = 0.85
    swept-sum                  = local.sum
    third                      = local.third
    "compilation-config.level" = 3
    speculative-config         = { model = "draft", b = [1, { z = 1, a = null }], a = true }
    served-model-name          = ["one", "b c"]
    several                    = [1, true, { a = 1 }]
    my-secret                  = "x-${var.token}"
    off                        = null
  })

  sweep {
    max-num-seqs = range(64, 128, 32)
    flags        = { "compilation-config.mode" = [0, 3] }
    env          = { OMP_NUM_THREADS = [1, null] }
  }

  where = flags.max-num-seqs > 64 || env.OMP_NUM_THREADS == 1 && flags.off == null
}

engine "llamacpp" "local" {
  runtime = "process"
  command = ["./llama-server"]
}

engine "openai" "running" {
  url = "http://127.0.0.1:8000"
}

workload "chat" {
  api  = "chat"
  seed = var.seed

  prompts {
    input_tokens = 64
  }

  single {
    output_tokens = [10, 50]
    requests      = 5
    warmup        = 0
  }

  closed {
    users         = 8
    output_tokens = 100
    duration      = "30s"
  }

  closed {
    users         = [8, 16]
    output_tokens = 50
    burst         = true
  }

  timeouts {
    first_token    = "10s"
    between_tokens = "500ms"
    request        = "5m"
  }
}

workload "long" {
  prompts {
    input_tokens = 8192
  }

  closed {
    users         = 8
    output_tokens = 100
  }
}

objective {
  maximize = output_throughput
  at       = { workload = "chat", users = 8, kind = "closed" }
}

constraint "ttft_p95" {
  max = "${var.limits.ttft}s"
}

constraint "error_rate" {
  max = "1%"
  at  = { workload = "long" }
}

constraint "request_throughput" {
  min = 0.5
  at  = { output_tokens = 50 }
}

search {
  max_candidates = 50

  budget {
    time = "2h"
  }
}
