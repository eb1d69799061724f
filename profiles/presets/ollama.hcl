# Ollama with one model of its own store, kept loaded.
#
# Ollama takes no flags: its environment sets it, and the names of its models are
# its own. Pull the model once (ollama pull qwen3:8b), or write pull_model = true, and
# name it in flags = { model = "qwen3:8b" } if the model block names it otherwise.
#
# Worth sweeping first: OLLAMA_NUM_PARALLEL, OLLAMA_CONTEXT_LENGTH,
# OLLAMA_KV_CACHE_TYPE, OLLAMA_FLASH_ATTENTION; LLAMA_ARG_… reaches its llama-server.

engine "ollama" "ollama" {
  image           = "ollama/ollama:0.33.0"
  startup_timeout = "10m"

  env = {
    OLLAMA_CONTEXT_LENGTH = "8192" # unset, it follows from the card's memory
    OLLAMA_NUM_PARALLEL   = "4"
  }
}
