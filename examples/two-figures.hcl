# Throughput and latency, where neither is bounded by a promise: which setting is a
# good bargain?
#
#   qtune apply examples/two-figures.hcl --simulate    on simulated engines: no GPU, no Docker
#   qtune apply examples/two-figures.hcl               the same on your own card
#
# More sequences at once give more tokens a second and make a first token wait longer
# or shorter, by what else is set; docs/method.md says how one of them is picked.

model {
  id = "Qwen/Qwen3-8B"
}

gpu {
  simulate = "RTX 5090"
}

engine "vllm" "chat" {
  preset   = "vllm"
  baseline = true

  flags = {
    max-model-len = 8192
    max-num-seqs  = 16
  }

  sweep {
    max-num-seqs           = [8, 16, 32]
    max-num-batched-tokens = [512, 2048]
  }
}

workload "chat" {
  prompts {
    input_tokens = 1000
  }

  closed {
    users         = 24
    output_tokens = 100
    requests      = 96
  }
}

# Both figures count. At the knee a percent of the one costs a percent of the other;
# with pick = "constraint", and a constraint on the second, the most throughput that
# keeps it is taken.
objective {
  maximize = output_throughput

  also {
    minimize = ttft_p95
  }

  pick = "knee"
}

search {
  strategy = "auto"

  budget {
    trials = 5
  }

  finish {
    candidates = 1
    starts     = 2
  }
}
