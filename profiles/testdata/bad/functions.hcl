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

locals {
  a = rnage(1, 2)
  b = range(0, 1e12, 1)
  c = range(0, 10, 0)
  d = range(0, 10, -1)
  e = range(1)
  f = file("../secret")
  g = file("no-such-file")
  h = file("/etc/passwd")
  i = format("%9999d", 1)
  j = 1 / 0
  k = log(-1, 10)
  l = upper(1, 2)
  m = env("A", "b", "c")
  n = file(".")
}
