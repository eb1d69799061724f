# SGLang with its own defaults, and its metrics switched on.
#
# Worth sweeping first: mem-fraction-static, cuda-graph-max-bs-decode (24 or 32 by
# default on cards below 60 GB), chunked-prefill-size, max-running-requests.

engine "sglang" "sglang" {
  image           = "lmsysorg/sglang:v0.5.23"
  shm_size        = "32GiB"
  startup_timeout = "20m"

  flags = {
    enable-metrics = true
  }
}
