model {
  id = "Qwen/Qwen3-8B"
}

engine "vllm" "a" {
  image = env("HF_TOKEN")
}

workload "chat" {
  prompts {
    input_tokens = strlen(env("HF_TOKEN"))
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
