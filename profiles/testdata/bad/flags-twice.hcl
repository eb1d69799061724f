model {
  id = "Qwen/Qwen3-8B"
}

engine "vllm" "a" {
  image = "vllm/vllm-openai:v0.32.0"
  flags = {
    tensor-parallel-size = 1
    tp                   = 2
    max-num-seqs         = 1
    max-num-seqs         = 2
  }
  env = {
    A = 1
    A = 2
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
