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
  maximize = output_throughput
  at       = { users = 16 }
}

constraint "ttft_p95" {
  max = 2
}

constraint "itl_p99" {
}

constraint "error_rate" {
  max = "1"
}

constraint "request_throughput" {
  min = "10 req/s"
}

constraint "output_throughput" {
  min = 20
  max = 10
}

constraint "e2e_p50" {
  max = "1s"
}

constraint "e2e_p50" {
  min = "1ms"
}
