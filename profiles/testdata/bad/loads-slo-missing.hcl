model {
  id = "Qwen/Qwen3-8B"
}

engine "vllm" "a" {
  image = "vllm/vllm-openai:v0.32.0"
}

workload "w" {
  prompts {
    input_tokens = 5
  }

  max_rate {
    output_tokens = 5
  }
}

objective {
  maximize = output_throughput
}
