model {
  id = "Qwen/Qwen3-8B"
}

engine "vllm" "a" {
  image = "vllm/vllm-openai:v0.32.0"
  flags = {
    max-num-seq            = 64
    gpu-memory-utilization = 1.5
    kv-cache-dtype         = "fp88"
    enforce-eager          = "yes"
    max-model-len          = [1024, 2048]
    "--dtype"              = "auto"
    "a b"                  = 1
    entirely-made-up-thing = 1
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
