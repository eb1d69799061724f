model {
  id = "Qwen/Qwen3-8B"
}
gpu {
  simulate = "RTX 4090"
}
engine "vllm" "plain" {
  image = "vllm/vllm-openai:v0.32.0"
  flags = { max-model-len = 4096, max-num-seqs = 2 }
  sweep {
    max-num-seqs = [2, 8]
    max-model-len = [4096, 40000]
  }
  where = flags.max-num-seqs == 8 || flags.max-model-len == 4096
}
workload "w" {
  prompts {
    input_tokens = 32
  }
  closed {
    users         = 8
    output_tokens = 20
    requests      = 16
    warmup        = 1
  }
}
objective {
  maximize = output_throughput
}
