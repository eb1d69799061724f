model {
  id = "Qwen/Qwen3-8B"
}

engine "vllm" "a" {
  image = "vllm/vllm-openai:v0.32.0"
}

workload "chat" {
}

workload "chat" {
  prompts {
  }
  closed {
  }
  single {
  }
}

objective {
  maximize = output_throughput
  at       = { users = 16 }
}
