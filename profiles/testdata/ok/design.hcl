variable "model" {
  description = "Model to serve"
  default     = "Qwen/Qwen3-32B-AWQ"
}

model {
  id   = var.model
  path = "/models/Qwen3-32B-AWQ" # optional: mounted read-only; otherwise the Hugging Face cache is
}

gpu { devices = [0] } # indices or UUIDs; default: one free GPU

engine "vllm" "cpu-offload" {   # kind, name
  preset   = "vllm-cpu-offload" # built in; everything below overrides it
  image    = "vllm/vllm-openai:v0.11.0"
  baseline = true # what the winner is compared with
  flags    = { max-model-len = 8192 }
  env      = { HF_TOKEN = env("HF_TOKEN") } # from the environment, never written anywhere
}

engine "sglang" "balanced-v2" {
  preset = "sglang-balanced-v2"
  sweep {
    num-continuous-decode-steps = [1, 2, 4]
    mem-fraction-static         = range(0.81, 0.93, 0.03)
    quantization                = ["awq", "awq_marlin"]
    enable-torch-compile        = [null, true] # null: leave the flag off
  }
  where = flags.mem-fraction-static < 0.9 || flags.quantization == "awq_marlin"
}

workload "qwen-style" {
  prompts { input_tokens = 64 }

  single { output_tokens = [10, 50, 100, 200, 500] } # one request at a time

  closed { # a fixed number of users, each waiting for its answer
    users         = [1, 2, 5, 10, 20]
    output_tokens = 50
  }
}

objective {
  maximize = output_throughput
  at       = { users = 20 }
}

constraint "ttft_p95" {
  max = "2s"
  at  = { users = 20 }
}

search {
  strategy = "grid"

  budget {
    trials = 40
    time   = "3h"
  }
}
