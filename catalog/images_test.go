package catalog

import "testing"

func TestImageCUDA(t *testing.T) {
	tests := []struct {
		image string
		major int
		known bool
	}{
		{"vllm/vllm-openai:v0.32.0", 13, true},
		{"docker.io/vllm/vllm-openai:v0.32.0@sha256:00", 13, true},
		{"vllm/vllm-openai:v0.19.1", 12, true},
		{"vllm/vllm-openai:v0.32.0-cu129", 12, true},
		{"vllm/vllm-openai-cpu:latest-x86_64", 0, true},
		{"lmsysorg/sglang:v0.5.23", 12, true},
		{"lmsysorg/sglang:v0.5.23-cu130", 13, true},
		{"lmsysorg/sglang:v0.5.23-rocm700", 0, false},
		{"ghcr.io/ggml-org/llama.cpp:server-cuda-b10573", 12, true},
		{"ghcr.io/ggml-org/llama.cpp:server-cuda13-b10573", 13, true},
		{"ghcr.io/ggml-org/llama.cpp:server", 0, true},
		{"ghcr.io/ggml-org/llama.cpp:server-vulkan", 0, false},
		{"openmmlab/lmdeploy:v0.16.0-cu12.8", 12, true},
		{"openmmlab/lmdeploy:v0.16.0-cu13.0", 13, true},
		{"openmmlab/lmdeploy:latest", 0, false},
		{"ollama/ollama:0.33.0", 0, false},
		{"localhost:5000/mine", 0, false},
	}
	for _, tt := range tests {
		if major, known := ImageCUDA(tt.image); major != tt.major || known != tt.known {
			t.Errorf("%s: %d, %v; want %d, %v", tt.image, major, known, tt.major, tt.known)
		}
	}
}
