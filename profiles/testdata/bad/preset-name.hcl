model {
  id = "Qwen/Qwen3-8B"
}

engine "vllm" "a" {
  preset = "vlm-cpu-offload"
}

engine "vllm" "b" {
  preset = "sglang"
}

engine "vllm" "c" {
  preset = "entirely-else"
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
