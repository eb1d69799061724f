package catalog

import (
	"math"
	"testing"
)

func TestCeiling(t *testing.T) {
	seed := Traffic{Users: 1, Output: 1}
	tests := []struct {
		name, card, model string
		use               Use
		traffic           Traffic
		want              float64 // tokens/s, within 1 %
		bound             Bound
	}{
		{"one stream reads 17.77 GB a step: 100.9 tok/s at 1792 GB/s", "RTX 5090", "Qwen/Qwen3-32B-AWQ", Use{}, seed, 100.9, ByBandwidth},
		{"the kernel for 4-bit weights changes nothing", "RTX 5090", "Qwen/Qwen3-32B-AWQ", Use{Quantization: "awq_marlin"}, seed, 100.9, ByBandwidth},
		{"twenty users share the weights: 20 times that without a context", "RTX 5090", "Qwen/Qwen3-32B-AWQ", Use{}, Traffic{Users: 20, Output: 1}, 2017, ByBandwidth},
		{"their keys and values cost them a little", "RTX 5090", "Qwen/Qwen3-32B-AWQ", Use{}, Traffic{Users: 20, Input: 6, Output: 50}, 2009, ByBandwidth},
		{"any number of users is bound by the multiplications", "RTX 5090", "Qwen/Qwen3-32B-AWQ", Use{}, Traffic{Output: 1}, 209.5e12 / (2 * 32.0e9), ByFLOPS},
		{"a long prompt for each short answer is too", "RTX 5090", "Qwen/Qwen3-32B-AWQ", Use{}, Traffic{Users: 64, Input: 1000, Output: 100}, 209.5e12 / (2*31.2e9*11 + 2*.78e9), ByFLOPS},
		{"long contexts are bound by their keys and values", "RTX 5090", "Qwen/Qwen3-32B-AWQ", Use{}, Traffic{Users: 10, Input: 30000, Output: 30000}, 1792e9 / (45000*262144.0 + 17.77e8), ByBandwidth},
		{"half as wide a cache, half of that", "RTX 5090", "Qwen/Qwen3-32B-AWQ", Use{KVDType: "fp8"}, Traffic{Users: 10, Input: 30000, Output: 30000}, 1792e9 / (45000*131072.0 + 17.77e8), ByBandwidth},
		{"two cards have twice the bandwidth", "RTX 5090", "Qwen/Qwen3-32B-AWQ", Use{Cards: 2}, seed, 201.8, ByBandwidth},
		{"two copies share the users", "RTX 5090", "Qwen/Qwen3-32B-AWQ", Use{Replicas: 2}, Traffic{Users: 20, Output: 1}, 2017, ByBandwidth},
		{"FP8 done to a 16-bit checkpoint halves the weights", "H100", "Qwen/Qwen3-8B", Use{Quantization: "fp8"}, seed, 3350e9 / (6.95e9 + 1.245e9), ByBandwidth},
		{"one token of a mixture uses 8 of 128 experts", "H100", "Qwen/Qwen3-30B-A3B", Use{}, seed, 3350e9 / (2 * 3.04e9), ByBandwidth},
	}
	for _, tt := range tests {
		card, _ := FindCard(tt.card)
		model, ok := FindModel(tt.model)
		if !ok {
			t.Fatal(tt.model)
		}
		got, ok := CeilingOf(card, model, tt.use, tt.traffic)
		if !ok || math.Abs(got.Tokens/tt.want-1) > .01 || got.Bound != tt.bound {
			t.Errorf("%s: %.1f tokens/s by %s (%v), want %.1f by %s", tt.name, got.Tokens, got.Bound, ok, tt.want, tt.bound)
		}
	}
}

func TestCeilingOfAMixtureGrowsWithTheExpertsThatAreHit(t *testing.T) {
	card, _ := FindCard("H100")
	model, _ := FindModel("Qwen/Qwen3-30B-A3B")
	last := 0.0
	for _, users := range []int{1, 2, 8, 32, 128, 512} {
		c, _ := CeilingOf(card, model, Use{}, Traffic{Users: users, Output: 1})
		if c.Tokens < last || c.Tokens > float64(users)*554 {
			t.Errorf("%d users: %.0f tokens/s after %.0f", users, c.Tokens, last)
		}
		last = c.Tokens
	}
}

func TestWindowsReadLess(t *testing.T) {
	card, _ := FindCard("H100")
	model, _ := FindModel("Qwen/Qwen3-8B")
	model.Window, model.WindowLayers = 1000, model.Layers/2
	long := Traffic{Users: 100, Input: 99_000, Output: 2000}
	got, _ := CeilingOf(card, model, Use{}, long)
	want := card.Bandwidth / (model.stepBytes("", 100)/100 + float64(model.Layers)/2*model.kvLayerBytes("", 1)*(100_000+1000)*1999/2000)
	if math.Abs(got.Tokens/want-1) > 1e-9 {
		t.Errorf("%.2f tokens/s, want %.2f", got.Tokens, want)
	}
}

func TestNoCeilingWithoutFigures(t *testing.T) {
	card, _ := FindCard("RTX 5090")
	cpu, _ := FindCard("2-core CPU")
	model, _ := FindModel("Qwen/Qwen3-8B")
	tests := []struct {
		name  string
		card  Card
		model Model
		t     Traffic
	}{
		{"a CPU's bandwidth is a judgement", cpu, model, Traffic{Users: 1, Output: 1}},
		{"no card", Card{}, model, Traffic{Users: 1, Output: 1}},
		{"a cache of unknown size", card, Model{Layers: 1, KVUnknown: "a state"}, Traffic{Users: 1, Output: 1}},
		{"no model", card, Model{}, Traffic{Users: 1, Output: 1}},
		{"nothing is generated", card, model, Traffic{Users: 1}},
	}
	for _, tt := range tests {
		if c, ok := CeilingOf(tt.card, tt.model, Use{}, tt.t); ok {
			t.Errorf("%s: %v", tt.name, c)
		}
	}
}
