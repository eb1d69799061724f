package engine

import (
	"testing"

	"github.com/qtune/qtune/catalog"
	"github.com/qtune/qtune/profiles"
)

func TestUse(t *testing.T) {
	flag := func(name, value string) profiles.Flag {
		return profiles.Flag{Name: name, Value: profiles.Value{Kind: profiles.KindString, Text: value}}
	}
	tests := []struct {
		name, kind string
		flags      []profiles.Flag
		want       catalog.Use
		speculates bool
	}{
		{"no flags: the checkpoint on one card", "vllm", nil, catalog.Use{Cards: 1, Replicas: 1}, false},
		{"vLLM's own names", "vllm", []profiles.Flag{flag("quantization", "fp8"), flag("tensor-parallel-size", "2"), flag("pipeline-parallel-size", "2"), flag("data-parallel-size", "3")},
			catalog.Use{Quantization: "fp8", Cards: 4, Replicas: 3}, false},
		{"a short name", "vllm", []profiles.Flag{flag("tp", "2"), flag("kv-cache-dtype", "fp8_e4m3")}, catalog.Use{KVDType: "fp8_e4m3", Cards: 2, Replicas: 1}, false},
		{"SGLang's own names", "sglang", []profiles.Flag{flag("tp-size", "2"), flag("dp-size", "2"), flag("speculative-algorithm", "EAGLE3")}, catalog.Use{Cards: 2, Replicas: 2}, true},
		{"vLLM speculates", "vllm", []profiles.Flag{flag("speculative-config", `{"method":"ngram"}`)}, catalog.Use{Cards: 1, Replicas: 1}, true},
		{"llama.cpp's cache has two types", "llamacpp", []profiles.Flag{flag("cache-type-k", "q8_0"), flag("cache-type-v", "q8_0")}, catalog.Use{KVDType: "q8_0", Cards: 1, Replicas: 1}, false},
		{"of different ones neither is taken", "llamacpp", []profiles.Flag{flag("cache-type-k", "q4_0")}, catalog.Use{Cards: 1, Replicas: 1}, false},
	}
	for _, tt := range tests {
		got, speculates := Use(tt.kind, profiles.Candidate{Flags: tt.flags})
		if got != tt.want || speculates != tt.speculates {
			t.Errorf("%s: %+v %v, want %+v %v", tt.name, got, speculates, tt.want, tt.speculates)
		}
	}
}
