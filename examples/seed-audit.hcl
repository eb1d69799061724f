# What did the report that qtune began with really measure?
#
# A public report of September 2025 compares "vLLM with CPU offloading" with SGLang
# "Balanced-v2" on one RTX 5090. Its second column is what it says. Its first column is
# not what vLLM with offloading gives: offloading costs the same in every step, whatever
# the batch, and a step of the report's baseline took 113.3 ms and 5.9 ms more for each
# user. This profile puts in its place what gives such a step.
#
#   qtune apply examples/seed-audit.hcl --simulate
#
# AN INFERENCE, not a fact: that the baseline was the same SGLang image, with the
# attention of plain PyTorch and with kernel launches that wait for each other. It rests
# on the slope of the step over the batch, which is that of torch_native attention, on the
# deployment script that the authors committed eleven minutes before the run, and on the
# time of each request beside its steps, which is that of SGLang's overlapped scheduler of
# that month. The authors themselves label it vLLM. docs/simulator.md has the figures side
# by side.

model {
  id = "Qwen/Qwen3-32B-AWQ"
}

gpu {
  simulate = "RTX 5090"
}

# Inferred: what the report calls "vLLM with CPU offloading".
engine "sglang" "torch-native" {
  baseline = true
  image    = "lmsysorg/sglang:v0.5.2" # of that week; the authors built their own

  flags = {
    quantization              = "awq"
    attention-backend         = "torch_native"
    max-total-tokens          = 2048
    mem-fraction-static       = 0.85
    disable-cuda-graph        = true
    disable-radix-cache       = true
    disable-custom-all-reduce = true
  }

  # Each kernel is waited for before the next one is launched.
  env = {
    CUDA_LAUNCH_BLOCKING = "1"
  }
}

# What the report calls SGLang Balanced-v2, with the flags that it was deployed with.
engine "sglang" "balanced-v2" {
  preset = "sglang-balanced-v2"
  image  = "lmsysorg/sglang:v0.5.2"
}

# The report's load: five lengths of answers for one user, five bursts of users.
workload "report" {
  prompts {
    input_tokens = 6
  }

  single {
    output_tokens = 10
    requests      = 1
    warmup        = 2
  }

  single {
    output_tokens = [50, 100, 200, 500]
    requests      = 1
    warmup        = 1
  }

  closed {
    users         = [1, 2, 5, 10, 20]
    output_tokens = 50
    burst         = true
  }
}

objective {
  maximize = output_throughput
  at       = { users = 20 }
}
