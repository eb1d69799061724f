# SGLang "Balanced-v2" as it was deployed for Qwen3-32B-AWQ on an RTX 5090.
#
# Every flag is as deployed in September 2025, and SGLang 0.5.23 takes them all.
# Two of the scripts of that time are gone, and one is not needed; they are left out:
#   --disable-flashinfer        attention-backend and sampling-backend say it now
#   --allow-auto-truncate VALUE a switch without a value today
#   --trust-remote-code         runs the model's own code, and Qwen3 brings none
# Some do not do what their names suggest; qtune validate says which.

engine "sglang" "sglang-balanced-v2" {
  image           = "lmsysorg/sglang:v0.5.23"
  shm_size        = "40GiB"
  startup_timeout = "20m"

  flags = {
    quantization                    = "awq" # turns all weights back to 16 bits in every step
    max-total-tokens                = 3328
    max-prefill-tokens              = 1664
    chunked-prefill-size            = 1152
    mem-fraction-static             = 0.87
    attention-backend               = "triton"
    sampling-backend                = "pytorch"
    schedule-policy                 = "lof" # longest output first
    schedule-conservativeness       = 0.95
    enable-torch-compile            = true
    torch-compile-max-bs            = 6
    num-continuous-decode-steps     = 2 # does nothing since SGLang 0.4
    triton-attention-reduce-in-fp32 = true
    triton-attention-num-kv-splits  = 12
    disable-cuda-graph              = true
    disable-custom-all-reduce       = true
    disable-overlap-schedule        = true
    stream-interval                 = 1
  }

  env = {
    PYTORCH_CUDA_ALLOC_CONF = "expandable_segments:True,max_split_size_mb:256"
    OMP_NUM_THREADS         = "10"
  }
}
