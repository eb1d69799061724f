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

  also {
    minimize = ttft_p95
    at       = { users = 1 }
  }

  pick = "constraint"
}

constraint "ttft_p95" {
  max = "2s"
  at  = { users = 1 }
}
