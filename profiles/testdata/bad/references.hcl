model {
  id       = nmae
  path     = name
  revision = "${local.sise}${var.names}${lokal.size}"
}

engine "vllm" "a" {
  image = "vllm/vllm-openai:v0.32.0"
}

workload "chat" {
  prompts {
    input_tokens = local
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
  size = 5
}

variable "name" {
  default = "x"
}
