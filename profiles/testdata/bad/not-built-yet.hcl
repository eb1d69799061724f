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
  at       = { users = 4 }
}

report "mine" {
}

workload "later" {
  prompts {
    dataset      = "sharegpt"
    input_tokens = 5
  }

  closed {
    users         = 2
    output_tokens = 200
    think_time    = "5s"
  }

  sessions {
  }
}
