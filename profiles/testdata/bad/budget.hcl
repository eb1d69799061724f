# A cost without a price, a bound that is none, and cards where there are none.
model { id = "m" }

gpu { devices = [] }

engine "vllm" "a" {
  image = "vllm/vllm-openai:v0.32.0"
}

workload "w" {
  prompts { input_tokens = 1 }
  single { output_tokens = 1 }
}

objective { maximize = output_throughput }

search {
  strategy = "auto"
  seed     = -1

  budget {
    starts    = 0
    gpu_hours = -2
    cost      = 5
  }

  finish {
    starts     = 100
    candidates = 0
  }
}
