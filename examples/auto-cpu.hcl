# What `auto` costs and finds against the full grid, on real vLLM without a GPU.
#
#   make engines                                     installs vLLM and the model, once
#   qtune apply examples/auto-cpu.hcl --var engines=$PWD/.engines --var strategy=grid
#                                                    all 24 candidates, half an hour on two cores
#   qtune apply examples/auto-cpu.hcl --var engines=$PWD/.engines
#                                                    eight of them, chosen one after the other
#
# docs/search.md has the table of both. Without a finish, so that both show what the
# search alone found: a winner that is to be believed is measured again.

variable "engines" {
  description = "Absolute path of the folder that make engines filled: vllm, model"
  type        = string
}

variable "strategy" {
  description = "grid measures all 24, auto eight"
  type        = string
  default     = "auto"
}

model {
  id   = "HuggingFaceTB/SmolLM2-135M-Instruct"
  path = "${var.engines}/model"
}

gpu {
  devices  = []
  simulate = "2-core CPU"
}

engine "vllm" "cpu" {
  baseline = true
  runtime  = "process"
  command  = ["${var.engines}/vllm/bin/vllm", "serve"]

  env = {
    PATH                      = "${var.engines}/vllm/bin:/usr/local/bin:/usr/bin:/bin"
    VLLM_CPU_OMP_THREADS_BIND = "0-1"
  }

  flags = {
    dtype                  = "bfloat16"
    max-model-len          = 2048
    kv-cache-memory-bytes  = 1073741824
    enforce-eager          = true
    max-num-seqs           = 4
    max-num-batched-tokens = 256
  }

  sweep {
    max-num-seqs           = [2, 4, 8, 16]
    max-num-batched-tokens = [64, 256, 2048]
    env                    = { VLLM_CPU_OMP_THREADS_BIND = ["0", "0-1"] } # one core or two
  }
}

workload "chat" {
  prompts {
    input_tokens = 128
  }

  closed {
    users         = 16
    output_tokens = 32
    requests      = 32
    warmup        = 4
  }
}

objective {
  maximize = output_throughput
  at       = { users = 16 }
}

search {
  strategy = var.strategy

  budget {
    trials = var.strategy == "auto" ? 8 : null
  }

  finish {
    starts = 0
  }
}
