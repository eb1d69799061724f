# What functions give, as arguments of an engine that knows none of these flags.

locals {
  numbers = [for n in range(1, 5) : n * n if n != 3]
}

model {
  id = "m"
}

engine "vllm" "a" {
  allow_unknown_flags = true

  flags = {
    range-exact  = range(0.81, 0.93, 0.03)
    range-down   = range(10, 0, -5)
    range-beyond = range(0, 1, 0.4)
    range-one    = range(3, 3)
    squares      = local.numbers
    tenths       = 0.1 + 0.2 == 0.3
    negative     = -0.5
    large        = 12345678901234567890
    small        = 0.000001
    text         = format("%05.2f %s", 3.14159, "pi")
    joined       = join(",", sort(["b", "a"]))
    json         = jsonencode({ b = 1, a = [true, null] })
    decoded      = jsondecode("{\"x\": 1.50}").x
    replaced     = replace("a-b-c", "-", "_")
    found        = regex("v([0-9]+)", "image-v12")[0]
    merged       = merge({ z = 1 }, { a = 2 })
    length-text  = length("héllo")
    length-list  = length([1, 2, 3])
    choice       = var.big ? 64 : 8
    template     = "%{for n in local.numbers}${n};%{endfor}"
    defaulted    = env("NOT_SET", "fallback")
    left-off     = env("NOT_SET", null)
    from-file    = trimspace(file("functions.txt"))
    floors       = [floor(1.5), ceil(1.5), abs(-1), max(1, 2), min(1, 2), pow(2, 10)]
    splat        = [{ a = 1 }, { a = 2 }][*].a
  }
}

variable "big" {
  type    = bool
  default = false
}

workload "w" {
  prompts {
    input_tokens = 1
  }

  single {
    output_tokens = 1
  }
}

objective {
  maximize = output_throughput
}
