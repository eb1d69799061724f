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
  maximize = goodput
  at       = { rate = 1 }
}

deploy "qwen" {
  port = 8000
}

engine "ollama" "b" {
}

workload "later" {
  prompts {
    file = "chat.jsonl"
  }

  open {
    rate          = [0.5, 1]
    output_tokens = 200
  }
}

constraint "goodput" {
  min = 1
}

search {
  strategy = "random"

  finish {
    candidates = 3
  }
}
