# Which server is the fastest for Qwen3-32B on one RTX 5090?
#
# A public report of September 2025 compared two deployments of this model on this
# card: vLLM with a part of the weights in the host's memory, and SGLang with a set
# of flags that it called "Balanced-v2". This file measures both again, with the
# report's own loads, and looks for something better near the second.
#
#   qtune apply examples.hcl --simulate    on simulated engines: no GPU, no Docker, a minute
#   qtune plan examples.hcl                what would be started, flag by flag
#   qtune apply examples.hcl               the same on your own RTX 5090 (Docker, 20 GB of images and model)
#
# What the report's own figures say, before anything is measured again
# (docs/simulator.md has the arithmetic):
#
#   - The 6.69 tok/s of its first column are words a second, the 10.28 of its second
#     are tokens. In tokens the first did 8.5.
#   - Like for like the second is 20 % faster at one user, not 53.7 %: 97.4 against
#     117.2 ms a token.
#   - Both are at a tenth of what this card can do with this model, 100.9 tok/s at one
#     user, since they turn all weights back to 16 bits in every step.
#   - With "awq_marlin", CUDA graphs and FlashInfer the model of the card says 67 tok/s
#     at one user and 1,120 at twenty: five to seven times the second column, not 20 %.
#   - The first column cannot be offloading, which costs the same in every step. So the
#     baseline here, which truly offloads, has other figures than the report.
#
# How to read it: a block has a type, names in quotes, and settings in braces.
# What stands after a # is a comment.

# A variable is a setting from outside: -var model=Qwen/Qwen3-14B-AWQ
variable "model" {
  description = "The model that all engines serve, as the Hugging Face hub names it"
  type        = string
  default     = "Qwen/Qwen3-32B-AWQ"
}

# What is served. Without a path it lies in the Hugging Face cache, and is fetched
# into it once where it does not.
model {
  id = var.model
}

# Which cards: by default one that is free. Simulated engines behave as on this one.
gpu {
  simulate = "RTX 5090"
}

# An engine to measure: its kind, and a name of your choice. A preset brings an
# image and flags; `qtune presets vllm-cpu-offload` shows them. Whatever is written
# here wins over the preset. The baseline is what the winner is compared with.
# Its figures are not those that the report prints for it: what was measured there was
# most probably something else. See examples/seed-audit.hcl.
engine "vllm" "cpu-offload" {
  preset   = "vllm-cpu-offload"
  baseline = true
}

# A sweep tries every combination of its values, each on a fresh start of the
# engine. The combination that the report deployed is one of them: 2, 0.87, "awq",
# true. Flags that the report's SGLang had and today's does not are left out:
# --disable-flashinfer (the triton backends say it now), and the form of
# --allow-auto-truncate that took a value.
engine "sglang" "balanced-v2" {
  preset = "sglang-balanced-v2"

  sweep {
    # Has done nothing since SGLang 0.4. The report swept it, so it stands here, and
    # qtune warns that it doubles the trials for nothing: see whether it was right.
    num-continuous-decode-steps = [1, 2]

    # The share of the card's memory for weights and KV cache: 0.84, 0.87, 0.90.
    mem-fraction-static = range(0.84, 0.90, 0.03)

    # The kernel for 4-bit weights: "awq" turns all of them back to 16 bits in every
    # step, "awq_marlin" multiplies them as they are.
    quantization = ["awq", "awq_marlin"]

    # null leaves the flag off, so that CUDA graphs are used.
    disable-cuda-graph = [true, null]

    # The kernels of attention: the report's, and those that SGLang takes by itself.
    attention-backend = ["triton", "flashinfer"]
  }

  # Only what this holds for is tried. With "awq" a step is turning weights back, and
  # neither graphs nor other attention can make that faster: they are tried with
  # "awq_marlin" alone. Of the 48 combinations 21 are left.
  where = (flags.quantization == "awq"
    ? flags.disable-cuda-graph == true && flags.attention-backend == "triton"
    : flags.attention-backend == "triton" || flags.disable-cuda-graph == null && flags.num-continuous-decode-steps == 1
  )
}

# The load: what is asked, and how many ask at once. Every trial gets the same
# requests. These are the report's.
workload "report" {
  prompts {
    input_tokens = 6
  }

  # One request at a time, once for each length of the answer. Two requests go
  # before the first, so that none of them pays for what an engine does once.
  single {
    output_tokens = 10
    requests      = 1
    warmup        = 2
  }

  single {
    output_tokens = [50, 100, 200, 500]
    requests      = 1
    warmup        = 0
  }

  # So many users at the same moment, one request each, as the report did it. Leave
  # burst out to keep that many users busy for as long as it takes to be sure.
  closed {
    users         = [1, 2, 5, 10, 20]
    output_tokens = 50
    burst         = true
  }
}

# What is made best: tokens written in a second, by 20 users together.
objective {
  maximize = output_throughput
  at       = { users = 20 }
}

# What a winner must keep: of 20 users, 19 see their first token within two seconds.
constraint "ttft_p95" {
  max = "2s"
  at  = { users = 20 }
}
