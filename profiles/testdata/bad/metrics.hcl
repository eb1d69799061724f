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
  maximize = output_troughput
  at       = { users = 16 }
}

constraint "ttft" {
  max = "2s"
}

constraint "ttft_p96" {
  max = "2s"
}

constraint "zzz" {
  max = 1
}

constraint "agreement" {
  max = 1
}

constraint "agreement" {
}

constraint "agrement" {
  min = 0.9
}
