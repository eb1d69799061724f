# vLLM with a part of an AWQ model's weights left in the host's memory.
#
# The "existing deployment" of the comparison in examples.hcl, in the form that is
# most plausible: its exact command line was never published. What is offloaded is
# read over PCIe in every step, so this is a way to fit a model, not a fast one.

engine "vllm" "vllm-cpu-offload" {
  image           = "vllm/vllm-openai:v0.32.0"
  shm_size        = "16GiB"
  startup_timeout = "20m"

  flags = {
    quantization           = "awq" # since mid-2026 the same as "awq_marlin" in vLLM
    cpu-offload-gb         = 4
    gpu-memory-utilization = 0.90
    max-model-len          = 8192
  }
}
