# vLLM with its own defaults, as short a start as a good comparison allows.
#
# The context is as long as the card allows: with most models the longest that
# they were trained for does not fit, and vLLM then ends with an error.
#
# Worth sweeping first: max-num-batched-tokens, max-num-seqs,
# gpu-memory-utilization, kv-cache-dtype.

engine "vllm" "vllm" {
  image           = "vllm/vllm-openai:v0.32.0"
  shm_size        = "16GiB"
  startup_timeout = "20m"

  flags = {
    max-model-len = "auto"
  }
}
