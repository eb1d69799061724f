model {
  id = "Qwen/Qwen3-8B"
}

engine "vllm" "a" {
  image = "vllm/vllm-openai:v0.32.0"
  sweep {
    max-num-seq            = [64, 128]
    gpu-memory-utilization = [0.9, 1.9]
    enforce-eager          = ["yes", true]
    env                    = { VLLM_USE_V2 = [[1], [2]] }
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
