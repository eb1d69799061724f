package engine

import (
	"encoding/csv"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/qtune/qtune/catalog"
	"github.com/qtune/qtune/profiles"
)

// What has really started must never be taken out of a plan.
func TestRealStartsAreTried(t *testing.T) {
	const qwen32, r1, oss = "Qwen/Qwen3-32B", "deepseek-ai/DeepSeek-R1", "openai/gpt-oss-120b"
	tests := []struct {
		source, kind, card string
		cards              int
		model              string
		c                  profiles.Candidate
	}{
		{"our run of vLLM 0.32", "vllm", "2-core CPU", 0, "HuggingFaceTB/SmolLM2-135M", flags("max-model-len", num("2048"), "kv-cache-memory-bytes", num("2147483648"))},
		{"our run of SGLang 0.5.23", "sglang", "2-core CPU", 0, "HuggingFaceTB/SmolLM2-135M", flags("max-total-tokens", num("32768"))},
		{"casys-kaist/LLMServingSim 5daddb2", "vllm", "RTX 4090", 1, "meta-llama/Llama-3.1-8B", flags("max-model-len", num("32768"), "gpu-memory-utilization", num("0.9"), "max-num-seqs", num("256"), "max-num-batched-tokens", num("2048"))},
		{"casys-kaist/LLMServingSim 5daddb2", "vllm", "RTX PRO 6000", 2, qwen32, flags("tensor-parallel-size", num("2"), "max-num-seqs", num("128"), "max-num-batched-tokens", num("2048"))},
		{"vllm-project/vllm#21348", "vllm", "H100", 4, "Qwen/Qwen3-235B-A22B-FP8", flags("tensor-parallel-size", num("4"))},
		{"vllm-project/vllm#21348", "sglang", "H100", 4, "Qwen/Qwen3-235B-A22B-FP8", flags("tp", num("4"), "mem-fraction-static", num("0.93"))},
		{"vllm-project/vllm#10517", "vllm", "RTX 3090", 1, "meta-llama/Llama-3.1-8B", flags("max-model-len", num("20000"), "gpu-memory-utilization", num("0.9"))},
		{"vllm-project/vllm#33155, v0.11.2", "vllm", "H100", 1, oss, flags("gpu-memory-utilization", num("0.95"))},
		{"alvarobartt/hf-mem#60", "vllm", "H100", 1, oss, flags()},
		{"engine log, third party", "vllm", "RTX 4090", 1, "Qwen/Qwen2.5-32B-Instruct-AWQ", flags("max-model-len", num("1024"))},
		{"docs.sglang.io, DeepSeek V3 usage", "sglang", "H200", 8, r1, flags("tp", num("8"))},
		{"vLLM's recipes, DeepSeek-V3", "vllm", "H200", 8, r1, flags("tensor-parallel-size", num("8"), "enable-expert-parallel", yes())},
	}
	for _, test := range tests {
		s := site(t, test.card, test.model)
		s.Cards = test.cards
		if s.Model == nil || s.Card == nil {
			t.Errorf("%s: %s or %s is not in the table", test.source, test.model, test.card)
			continue
		}
		got := s.Feasible(&profiles.Engine{Kind: test.kind, Runtime: profiles.RuntimeDocker}, test.c)
		t.Logf("%-36s %s %s on %d × %s: %s %s", test.source, test.kind, test.model, max(test.cards, 1), test.card, got.Answer, got.Why)
		if got.Answer == catalog.AnswerCannot {
			t.Errorf("%s: it started, and would be pruned", test.source)
		}
	}
}

// TestMeasuredPoolsAreTried runs over configurations that others have measured.
func TestMeasuredPoolsAreTried(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(dataFolder(t), "pools", "*.csv"))
	if err != nil || len(files) == 0 {
		t.Skip("no pools of measured configurations in QTUNE_DATA")
	}
	models := map[string]string{"deepseek-r1": "deepseek-ai/DeepSeek-R1", "deepseek-v3": "deepseek-ai/DeepSeek-V3", "gpt-oss-120b": "openai/gpt-oss-120b", "llama-3.1-70b": "meta-llama/Llama-3.1-70B"}
	tried, fits := 0, 0
	for _, file := range files {
		name, _, _ := strings.Cut(filepath.Base(file), "-b200")
		s := site(t, "B200", models[name])
		for _, row := range pool(t, file) {
			kind := row["backend"]
			if s.Model == nil || kind != "vllm" && kind != "sglang" {
				continue
			}
			s := *s
			s.Cards, s.Model = 64, checkpoint(*s.Model, row["gemm_quant_mode"])
			got := s.Feasible(&profiles.Engine{Kind: kind, Runtime: profiles.RuntimeDocker}, pooled(kind, row))
			tried++
			if got.Answer == catalog.AnswerFits {
				fits++
			}
			if got.Answer == catalog.AnswerCannot {
				t.Errorf("%s %v: it was measured, and would be pruned: %s", filepath.Base(file), row, got.Why)
			}
		}
	}
	t.Logf("%d measured configurations, of which %d fit by arithmetic", tried, fits)
	if tried == 0 {
		t.Error("no configuration was looked at")
	}
}

func pool(t *testing.T, path string) []map[string]string {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var rows []map[string]string
	for _, line := range lines[1:] {
		row := map[string]string{}
		for i, head := range lines[0] {
			row[head] = line[i]
		}
		rows = append(rows, row)
	}
	return rows
}

// checkpoint is the model in the precision of a row.
func checkpoint(m catalog.Model, mode string) *catalog.Model {
	switch mode {
	case "nvfp4":
		m.Quantization = "modelopt_fp4"
	case "fp8":
		m.Quantization = "fp8"
	}
	return &m
}

// pooled is a row as flags, with the context that its requests need.
func pooled(kind string, row map[string]string) profiles.Candidate {
	in, _ := strconv.Atoi(row["isl"])
	out, _ := strconv.Atoi(row["osl"])
	length := num(strconv.Itoa(in + out))
	if kind == "sglang" {
		return flags("tp-size", num(row["tp_size"]), "pp-size", num(row["pp_size"]), "context-length", length, "dp-size", num(row["attention_dp_size"]))
	}
	return flags("tensor-parallel-size", num(row["tp_size"]), "pipeline-parallel-size", num(row["pp_size"]), "max-model-len", length, "data-parallel-size", num(row["attention_dp_size"]))
}
