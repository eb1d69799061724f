model {
  id = "Qwen/Qwen3-8B
}

engine "vllm" "a" {
