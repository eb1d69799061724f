# LMDeploy's API server with its turbomind backend where that knows the model.
#
# cache-max-entry-count is a share of the memory that is free once the weights are
# loaded, so its 0.8 is not vLLM's. At log-level INFO the log tells how far a start is.
#
# Worth sweeping first: cache-max-entry-count, max-batch-size, quant-policy,
# max-prefill-token-num, backend.

engine "lmdeploy" "lmdeploy" {
  image           = "openmmlab/lmdeploy:v0.16.0-cu12.8"
  ipc             = "host"
  startup_timeout = "20m"

  flags = {
    log-level = "INFO"
  }
}
