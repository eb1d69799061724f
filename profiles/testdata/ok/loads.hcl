model {
  id = "Qwen/Qwen3-8B"
}

engine "vllm" "a" {
  image = "vllm/vllm-openai:v0.32.0"
}

workload "open" {
  slo = { ttft_p95 = "2s", e2e = "10s" }

  prompts {
    input_tokens  = 512
    input_spread  = { shape = "lognormal", width = 0.5, max = 4096 }
    output_spread = { shape = "uniform", width = 1 }
    shared_prefix = { tokens = 128, groups = 4 }
  }

  open {
    rate          = [0.5, 1, 2]
    arrival       = "gamma"
    burstiness    = 0.5
    output_tokens = 200
    duration      = "60s"
  }

  open {
    rate          = 1
    rate_end      = 4
    steps         = 4
    output_tokens = 200
    requests      = 100
    max_in_flight = 64
  }

  max_rate {
    rate          = 2
    output_tokens = 200
  }
}

workload "trace" {
  reset_cache = true

  prompts {
    trace = "azure.csv"
  }

  trace {
    speedup = 2
  }

  closed {
    users = 4
  }
}

workload "chat" {
  api    = "chat"
  stream = false

  prompts {
    file = "chat.jsonl"
  }

  closed {
    users = 2
  }
}

workload "native" {
  api = "ollama-chat"

  prompts {
    input_tokens = 8
  }

  single {
    output_tokens = 5
  }
}

objective {
  maximize = goodput
  at       = { rate = 2 }
}

constraint "ttft_p95" {
  max = "2s"
  at  = { workload = "trace", kind = "trace" }
}

constraint "request_throughput" {
  min = 1
  at  = { kind = "max_rate" }
}
