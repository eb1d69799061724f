model {
  id = "Qwen/Qwen3-8B"
}

engine "vllm" "a" {
  image = "vllm/vllm-openai:v0.32.0"
  sweep {
    max-num-seqs           = range(1, 1000)
    max-num-batched-tokens = range(1, 1000)
  }
  where = flags.max-num-seqs < flags.max-num-batched-tokens
}

workload "chat" {
  prompts {
    input_tokens = 64
  }

  closed {
    users         = [1, 4, 16]
    output_tokens = 50
  }
}

objective {
  maximize = output_throughput
  at       = { users = 16 }
}
