model {
  id = "Qwen/Qwen3-8B"
}

engine "vllm" "a" {
  image = "vllm/vllm-openai:v0.32.0"
  env = {
    "1A"         = 1
    "A B"        = 1
    LIST         = [1]
    QTUNE_RUN    = "x"
    VLLM_ATTENTION_BACKENDS = "x"
  }
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
