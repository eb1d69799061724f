model {
  id = "Qwen/Qwen3-8B"
}

engine "vllm" "a" {
  image = "vllm/vllm-openai:v0.32.0"
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
  pick     = "elbow"

  also {
    minimise = ttft_p95
    at       = { users = 8 }
    pick     = "knee"
  }

  also {
    minimize = e2e_p95
  }
}
