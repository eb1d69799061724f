model {
  id = "Qwen/Qwen3-8B"
}

engine "vllm" "a" {
  image = "vllm/vllm-openai:v0.32.0"
  port = "http"
  shm_size = "16g"
  startup_timeout = 600
  baseline = "maybe"
  pull = "allways"
  runtime = "podman"
  ipc = "hots"
  network = 5
  cap_add = ["ALL"]
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
