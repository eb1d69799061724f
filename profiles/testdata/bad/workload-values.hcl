model {
  id = "Qwen/Qwen3-8B"
}

engine "vllm" "a" {
  image = "vllm/vllm-openai:v0.32.0"
}

workload "chat" {
  api  = "chatt"
  seed = -1

  prompts {
    input_tokens = 0
  }

  single {
    output_tokens = [50, "x", 50, 1.5, -1]
    warmup        = -1
  }

  single {
    output_tokens = []
  }

  closed {
    users         = [1, 16, 0]
    output_tokens = 50
    requests      = 0
    duration      = "1 minute"
  }

  closed {
    users         = 16
    output_tokens = 50
  }

  closed {
    users         = 8
    output_tokens = 50
    burst         = true
    requests      = 10
    duration      = "10s"
  }

  timeouts {
    first_token = 5
    request     = "forever"
    total       = "1h"
  }
}

objective {
  maximize = output_throughput
  at       = { users = 16 }
}
