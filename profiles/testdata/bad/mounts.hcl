model {
  id = "Qwen/Qwen3-8B"
}

engine "vllm" "a" {
  image = "vllm/vllm-openai:v0.32.0"
  mounts = [
    { source = "data", target = "data" },
    { source = "/x" },
    { source = "/x", target = "/x", write = true },
    { source = "/y", target = "/x" },
    "/a:/b",
  ]
  tmpfs = ["tmp", { target = "/x", size = 5 }]
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
