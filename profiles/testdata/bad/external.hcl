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
}

engine "openai" "b" {
}

engine "openai" "c" {
  url = "localhost:8000/v1"
}

engine "openai" "d" {
  url   = "http://127.0.0.1:8000"
  image = "x"
  flags = { a = 1 }

  sweep {
    a = [1]
  }
}

engine "vllm" "e" {
  image = "x:v0.32.0"
  url   = "http://127.0.0.1:8000"
}
