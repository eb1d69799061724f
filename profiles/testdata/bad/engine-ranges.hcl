model {
  id = "Qwen/Qwen3-8B"
}

engine "vllm" "a" {
  image = "vllm/vllm-openai:v0.32.0"
  port = 70000
  shm_size = "-1GiB"
  startup_timeout = "-5s"
  ulimits = { nofile = 1.5, stack = { soft = 1, hrad = 2 } }
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
