model {
  id = "Qwen/Qwen3-8B"
}

engine "vllm" "a" {
  image = "vllm/vllm-openai:v0.32.0"
}

engine "vllm" "local" {
  runtime = "process"
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
  at       = { users = 4 }
}

deploy "qtune-x" {
  port     = 80000
  address  = "localhost"
  restart  = "unless_stopped"
  replicas = 2
}

deploy "again" {
}
