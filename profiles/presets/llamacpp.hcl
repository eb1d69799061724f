# llama.cpp's server with everything on the first GPU.
#
# The context is shared by all slots. --fit is off, so that what does not fit is an
# error and not a smaller context or layers on the CPU; naming the device makes a
# missing GPU an error too.
#
# Worth sweeping first: parallel, ubatch-size, flash-attn, cache-type-k and
# cache-type-v (together).

engine "llamacpp" "llamacpp" {
  image           = "ghcr.io/ggml-org/llama.cpp:server-cuda-b10573"
  startup_timeout = "10m"

  flags = {
    device       = "CUDA0"
    n-gpu-layers = "all"
    fit          = "off"
    ctx-size     = 16384
    parallel     = 8
    kv-unified   = true
    flash-attn   = "on"
    metrics      = true
  }
}
