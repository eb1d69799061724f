# The least that is a profile: everything else has a default.

model {
  id = "Qwen/Qwen3-8B"
}

engine "vllm" "default" {
}

workload "one" {
  prompts {
    input_tokens = 128
  }

  single {
    output_tokens = 50
  }
}

objective {
  minimize = "tpot_p50"
}
