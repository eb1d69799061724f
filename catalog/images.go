package catalog

import "strings"

// ImageCUDA is the major version of CUDA that an engine's published image is built
// for, 0 for one that uses no NVIDIA card. known is false for images that are not
// in the table. A driver serves every minor version of its own major version and
// the majors before it.
//
// From the images' documentation: vLLM's are built for CUDA 13 since 0.20.0, and
// name another in their tag (-cu129); llama.cpp names CUDA 13 only (server-cuda13).
func ImageCUDA(image string) (major int, known bool) {
	image, _, _ = strings.Cut(image, "@")
	name, tag := image, ""
	if i := strings.LastIndex(image, ":"); i > strings.LastIndex(image, "/") {
		name, tag = image[:i], image[i+1:]
	}
	name = strings.TrimPrefix(name, "docker.io/")
	switch {
	case strings.HasPrefix(name, "vllm/vllm-openai-cpu"):
		return 0, true
	case name == "ghcr.io/ggml-org/llama.cpp":
		return llamaCUDA(tag)
	case name == "openmmlab/lmdeploy" && strings.Contains(tag, "cu13"):
		return 13, true
	case name == "openmmlab/lmdeploy" && strings.Contains(tag, "cu12"):
		return 12, true
	case name != "vllm/vllm-openai" && name != "lmsysorg/sglang":
		return 0, false
	case strings.Contains(tag, "rocm") || strings.Contains(tag, "xpu") || strings.Contains(tag, "cpu"):
		return 0, false
	case strings.Contains(tag, "cu12"):
		return 12, true
	case strings.Contains(tag, "cu13"), name == "vllm/vllm-openai" && reached(ImageVersion(image), "0.20.0"):
		return 13, true
	}
	return 12, true // the least that any of their images of this decade needs
}

func llamaCUDA(tag string) (major int, known bool) {
	switch {
	case strings.HasPrefix(tag, "server-cuda13"):
		return 13, true
	case strings.HasPrefix(tag, "server-cuda"):
		return 12, true
	}
	return 0, tag == "server" || strings.HasPrefix(tag, "server-b")
}
