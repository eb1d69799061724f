package catalog

import (
	"strings"
	"testing"
)

func TestQuantizationRefused(t *testing.T) {
	a100, h100 := mustCard(t, "A100 80GB"), mustCard(t, "H100")
	awq, plain, fp8 := Model{Quantization: "awq"}, Model{}, Model{Quantization: "fp8"}
	tests := []struct {
		why, kind string
		card      Card
		m         Model
		method    string
		says      string // "": taken
	}{
		{"the checkpoint's own", "vllm", h100, awq, "", ""},
		{"another kernel of the same format", "vllm", h100, awq, "awq_marlin", ""},
		{"another format", "vllm", h100, awq, "gptq", "does not match the checkpoint's awq"},
		{"a method that is not in the table may take anything", "vllm", h100, awq, "humming", ""},
		{"on load", "vllm", h100, plain, "fp8", ""},
		{"on load, with a method that cannot", "vllm", h100, Model{ID: "a/b"}, "awq", "and a/b was not"},
		{"a checkpoint that may say so elsewhere", "vllm", h100, Model{Source: "config.json"}, "awq", ""},
		{"an exception of SGLang's", "sglang", h100, fp8, "modelopt_fp4", ""},
		{"which vLLM does not make", "vllm", h100, fp8, "modelopt_fp4", "does not match"},
		{"a card that is too old", "sglang", a100, plain, "w8a8_fp8", "8.9, and the A100 80GB has 8.0"},
		{"a card that is not known", "sglang", Card{}, plain, "w8a8_fp8", ""},
	}
	for _, test := range tests {
		got := QuantizationRefused(test.kind, test.card, test.m, test.method)
		if (got == "") != (test.says == "") || !strings.Contains(got, test.says) {
			t.Errorf("%s: %q, want %q", test.why, got, test.says)
		}
	}
}
