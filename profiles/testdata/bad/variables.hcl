model {
  id = var.modle
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

variable "a" {
}

variable "b" {
  type    = number
  default = "x"
}

variable "b" {
  default = 1
}

variable "c" {
  type = strin
}

variable "d" {
  default = var.a
}

variable "e" {
  default = 5

  validation {
    condition     = var.e > 10
    error_message = "e must be above 10"
  }

  validation {
    condition     = "x"
    error_message = "never"
  }

  validation {
  }
}

variable "f g" {
}
