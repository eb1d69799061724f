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

  trace {
  }
}

objective {
  maximize = output_throughput
}
