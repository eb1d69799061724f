model {
  id = "Qwen/Qwen3-8B"
}

engine "vllm" "a" {
  image = "vllm/vllm-openai:v0.32.0"
}

workload "words" {
  api    = "generate"
  stream = false
  slo    = { ttft_p96 = "2s", tpot = 5 }

  prompts {
    input_tokens  = 512
    file          = "nowhere.jsonl"
    input_spread  = { form = "lognormal", width = -1 }
    shared_prefix = 5
  }

  open {
    rate       = [0, 1]
    arrival    = "tidal"
    burstiness = 0
  }

  max_rate {
    rates = 3
  }
}

workload "slo" {
  slo = "fast"

  prompts {
    file = "bad.jsonl"
  }

  open {
    output_tokens = 5
  }

  trace {
    speedup = "fast"
  }
}

objective {
  maximize = goodput
  at       = { rate = 1 }
}
