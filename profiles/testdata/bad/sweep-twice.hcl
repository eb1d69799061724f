model {
  id = "Qwen/Qwen3-8B"
}

engine "vllm" "a" {
  image = "vllm/vllm-openai:v0.32.0"
  sweep {
    max-num-seqs           = [64, 128, 64]
    kv-cache-dtype         = ["auto", "auto"]
    block-size             = [16, "16"]
    tensor-parallel-size   = [1, 2]
    tp                     = [1, 2]
  }
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
