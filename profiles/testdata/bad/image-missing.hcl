model {
  id = "Qwen/Qwen3-8B"
}

engine "vllm" "a" {
  image = ""
}

engine "vllm" "b" {
  image = null
}

engine "vllm" "c" {
  image   = ""
  runtime = "docker"
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
