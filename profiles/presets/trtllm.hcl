# TensorRT-LLM's trtllm-serve with its PyTorch backend.
#
# What is no option of the command is a key of its configuration and written as
# such: "kv_cache_config.dtype" = "fp8". That needs version 1.3 or newer.
#
# Worth sweeping first: max_batch_size, max_num_tokens, free_gpu_memory_fraction,
# "cuda_graph_config.max_batch_size", "kv_cache_config.dtype".

engine "trtllm" "trtllm" {
  image           = "nvcr.io/nvidia/tensorrt-llm/release:1.3.0"
  ipc             = "host"
  ulimits         = { memlock = -1, stack = 67108864 }
  startup_timeout = "30m"

  flags = {
    max_batch_size                     = 256 # 2048 by default, more than most cards can hold the state of
    "cuda_graph_config.enable_padding" = true
    enable_chunked_prefill             = true # else max_num_tokens bounds the prompts
  }
}
