package catalog

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files")

func text(notices []Notice) string {
	var b strings.Builder
	for _, n := range notices {
		fmt.Fprintf(&b, "%s: %s\n  %s\n", n.Severity, n.Summary, n.Detail)
	}
	return b.String()
}

// TestNotices holds the words of every notice, as a person reads them.
func TestNotices(t *testing.T) {
	vllm, sglang, llamacpp := flagsOf(t, "vllm"), flagsOf(t, "sglang"), flagsOf(t, "llamacpp")
	ollama, trtllm, lmdeploy := flagsOf(t, "ollama"), flagsOf(t, "trtllm"), flagsOf(t, "lmdeploy")
	var b strings.Builder
	for _, row := range []struct {
		about   string
		notices []Notice
	}{
		{"a typing error", vllm.Check("max-num-seq", "0.32.0")},
		{"an option of Ollama's API", ollama.Check("num_ctx", "0.33.0")},
		{"a variable without its prefix", ollama.Check("num-parallel", "")},
		{"another engine's flag for Ollama", ollama.Check("max-num-seqs", "")},
		{"a typing error in Ollama's environment", ollama.CheckEnv("OLLAMA_NUM_PARALLELS", "0.33.0")},
		{"the name of Ollama's model", ollama.Check("model", "0.33.0")},
		{"a key of trtllm-serve's configuration", trtllm.Check("kv_cache_config.dtype", "1.3.0")},
		{"the same before --set", trtllm.Check("kv_cache_config.dtype", "1.2.1")},
		{"dashes in trtllm-serve", trtllm.Check("max-batch-size", "1.3.0")},
		{"LMDeploy's share of the memory", lmdeploy.CheckValue("cache-max-entry-count", "1.2", "0.16.0")},
		{"two names of one policy", lmdeploy.CheckAxis("quant-policy", []string{"8", "int8", "0"}, "0.16.0")},
		{"LMDeploy's own port", lmdeploy.Check("server-port", "0.16.0")},
		{"a typing error, the engine's version not known", vllm.Check("max-num-seq", "")},
		{"no flag at all", vllm.Check("warp-speed", "0.32.0")},
		{"no flag at all, a version that the catalog has not seen", vllm.Check("warp-speed", "0.40.0")},
		{"no flag at all, the version not known", vllm.Check("warp-speed", "")},
		{"dashes in front", vllm.Check("--max-num-seqs", "0.32.0")},
		{"qtune's own flag", vllm.Check("port", "0.32.0")},
		{"swap space, gone", vllm.Check("swap-space", "0.32.0")},
		{"swap space where it was still there", vllm.Check("swap-space", "0.11.0")},
		{"swap space, the version not known", vllm.Check("swap-space", "")},
		{"gone, with a replacement", vllm.Check("cuda-graph-sizes", "0.32.0")},
		{"gone without one", vllm.Check("disable-log-requests", "0.32.0")},
		{"multi-step scheduling", vllm.Check("num-scheduler-steps", "0.32.0")},
		{"about to go, in a version that has it", sglang.Check("disable-cuda-graph", "0.5.23")},
		{"about to go, in a newer version", sglang.Check("disable-cuda-graph", "0.6.0")},
		{"not there yet", vllm.Check("stream-interval", "0.10.0")},
		{"an old name of SGLang", sglang.Check("cuda-graph-max-bs", "0.5.23")},
		{"it does nothing", sglang.Check("num-continuous-decode-steps", "0.5.23")},
		{"an axis that does nothing", sglang.CheckAxis("num-continuous-decode-steps", []string{"1", "2"}, "0.5.23")},
		{"and one of three values", sglang.CheckAxis("num-continuous-decode-steps", []string{"1", "2", "4"}, "")},
		{"and when it did something", sglang.CheckAxis("num-continuous-decode-steps", []string{"1", "2"}, "0.3.6")},
		{"awq beside awq_marlin in vLLM", vllm.CheckAxis("quantization", []string{"awq", "awq_marlin", "null"}, "0.32.0")},
		{"awq beside awq_marlin in an older vLLM", vllm.CheckAxis("quantization", []string{"awq", "awq_marlin"}, "0.20.0")},
		{"awq beside awq_marlin in SGLang, where they differ", sglang.CheckAxis("quantization", []string{"awq", "awq_marlin"}, "0.5.23")},
		{"awq in SGLang", sglang.CheckValue("quantization", "awq", "0.5.23")},
		{"awq in vLLM today", vllm.CheckValue("quantization", "awq", "0.32.0")},
		{"awq in vLLM before", vllm.CheckValue("quantization", "awq", "0.11.0")},
		{"offload that stays on", vllm.CheckValue("cpu-offload-gb", "4", "0.32.0")},
		{"offload of nothing", vllm.CheckValue("cpu-offload-gb", "0", "0.32.0")},
		{"longest output first", sglang.CheckValue("schedule-policy", "lof", "0.5.23")},
		{"a choice that is none", sglang.CheckValue("schedule-policy", "fcsf", "0.5.23")},
		{"a choice that is none, in an axis", vllm.CheckAxis("performance-mode", []string{"balanced", "fast"}, "0.32.0")},
		{"a choice that a newer version may have", vllm.CheckValue("performance-mode", "fast", "0.40.0")},
		{"a percentage for a fraction", vllm.CheckValue("gpu-memory-utilization", "92", "0.32.0")},
		{"a word for a number", vllm.CheckValue("max-num-seqs", "many", "0.32.0")},
		{"a fraction for a whole number", sglang.CheckValue("cpu-offload-gb", "0.5", "0.5.23")},
		{"a number for a switch", vllm.CheckValue("enforce-eager", "1", "0.32.0")},
		{"broken JSON", vllm.CheckValue("compilation-config", "{mode: 3", "0.32.0")},
		{"half an offload", llamacpp.CheckValue("n-cpu-moe", "8", "b10573")},
		{"a removed flag of llama.cpp", llamacpp.Check("draft-max", "b10573")},
		{"a variable that is gone", vllm.CheckEnv("VLLM_ATTENTION_BACKEND", "0.32.0")},
		{"a variable that was still there", vllm.CheckEnv("VLLM_ATTENTION_BACKEND", "0.11.0")},
		{"a typing error in a variable", vllm.CheckEnv("VLLM_CACHE_ROTO", "0.32.0")},
		{"a variable that llama-server ignores without a word", llamacpp.CheckEnv("LLAMA_ARG_WARP", "b10573")},
		{"somebody else's variable", vllm.CheckEnv("OMP_NUM_THREADS", "0.32.0")},
	} {
		fmt.Fprintf(&b, "# %s\n%s\n", row.about, text(row.notices))
	}
	golden(t, "testdata/flag-notices.golden", b.String())
}

func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs (-update writes it); got:\n%s", path, got)
	}
}

func TestGoodValuesPass(t *testing.T) {
	for _, row := range []struct{ kind, name, value string }{
		{"vllm", "max-model-len", "8192"},
		{"vllm", "max-model-len", "8k"},
		{"vllm", "max-model-len", "auto"},
		{"vllm", "max-model-len", "-1"},
		{"vllm", "kv-cache-memory-bytes", "20G"},
		{"vllm", "gpu-memory-utilization", "1"},
		{"vllm", "moe-backend", "DEEP-GEMM"},
		{"vllm", "compilation-config", `{"mode":3}`},
		{"vllm", "compilation-config.mode", "3"},
		{"vllm", "no-such-flag", "x"},
		{"sglang", "chunked-prefill-size", "-1"},
		{"sglang", "mem-fraction-static", "0.87"},
		{"llamacpp", "n-gpu-layers", "all"},
		{"llamacpp", "flash-attn", "true"},
		{"llamacpp", "seed", "4294967295"},
	} {
		set := flagsOf(t, row.kind)
		if got := set.CheckValue(row.name, row.value, set.Version); got != nil {
			t.Errorf("%s %s = %s: %s", row.kind, row.name, row.value, text(got))
		}
	}
}

// TestBalancedV2IsTaken: what the report deployed is a command line of today's SGLang.
func TestBalancedV2IsTaken(t *testing.T) {
	deployed := `--quantization awq --max-total-tokens 3328 --max-prefill-tokens 1664 --chunked-prefill-size 1152
		--mem-fraction-static 0.87 --trust-remote-code --attention-backend triton --sampling-backend pytorch
		--schedule-policy lof --schedule-conservativeness 0.95 --enable-torch-compile --torch-compile-max-bs 6
		--num-continuous-decode-steps 2 --triton-attention-reduce-in-fp32 --triton-attention-num-kv-splits 12
		--disable-cuda-graph --disable-custom-all-reduce --disable-overlap-schedule --stream-interval 1`
	set := flagsOf(t, "sglang")
	words := strings.Fields(deployed)
	for i, word := range words {
		if !strings.HasPrefix(word, "--") {
			continue
		}
		name, value := word[2:], "true"
		if i+1 < len(words) && !strings.HasPrefix(words[i+1], "--") {
			value = words[i+1]
		}
		if got := refusals(append(set.Check(name, set.Version), set.CheckValue(name, value, set.Version)...)); len(got) > 0 {
			t.Error(text(got))
		}
	}
}

func FuzzChecksNeverPanic(f *testing.F) {
	for i, seed := range [][3]string{
		{"max-num-seqs", "0", "0.32.0"}, {"a.b", "{", "v1"}, {"--", "NaN", "b1"}, {"_", "1e999", ""}, {"compilation-config.", "x", "9999999999999999999.1"},
	} {
		f.Add(byte(i), seed[0], seed[1], seed[2])
	}
	kinds := []string{"vllm", "sglang", "llamacpp"}
	f.Fuzz(func(t *testing.T, kind byte, name, value, version string) {
		if len(name) > 100 {
			t.Skip("what is nearest to it takes long to find, and no flag is half as long")
		}
		set, _ := EngineFlags(kinds[int(kind)%len(kinds)])
		notices := append(set.CheckAxis(name, []string{value, value}, version), set.CheckValue(name, value, version)...)
		notices = append(notices, set.CheckEnv(set.prefix+name, version)...)
		if _, err := json.Marshal(notices); err != nil {
			t.Fatal(err)
		}
		set.Option(name)
		ImageVersion(version)
	})
}
