package simulator

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const (
	awq32 = "Qwen/Qwen3-32B-AWQ"
	smol  = "HuggingFaceTB/SmolLM2-135M"
)

// environment is a process's, with these settings.
func environment(settings ...string) func(string) string {
	return func(name string) string {
		for _, s := range settings {
			if k, v, _ := strings.Cut(s, "="); k == name {
				return v
			}
		}
		return ""
	}
}

// start runs Main to its end at a very high speed, ended after a second if it serves.
func start(t *testing.T, getenv func(string) string, words ...string) (code int, stdout, stderr string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var out, errs bytes.Buffer
	code = Main(ctx, words, func(name string) string {
		if v := getenv(name); v != "" || name != "QTUNE_SIMULATE_SPEED" {
			return v
		}
		return "100000"
	}, &out, &errs)
	return code, out.String(), errs.String()
}

// What the real engines refuse: their exit codes and the words that a classifier reads.
func TestRefusals(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	port := fmt.Sprint(taken.Addr().(*net.TCPAddr).Port)
	vllm := func(flags ...string) []string { return append([]string{"vllm", awq32, "--port", "1"}, flags...) }
	sglang := func(flags ...string) []string {
		return append([]string{"sglang", "--model-path", awq32, "--port", "1"}, flags...)
	}
	rows := []struct {
		what  string
		words []string
		code  int
		says  string
	}{
		{"vLLM: an unknown flag, and its value", vllm("--max-num-seq-s", "4"), 2, "vllm: error: unrecognized arguments: --max-num-seq-s 4"},
		{"vLLM: a flag of long ago", vllm("--swap-space", "4"), 2, "unrecognized arguments: --swap-space 4"},
		{"vLLM: no number", vllm("--max-num-seqs", "many"), 2, "argument --max-num-seqs: invalid int value: 'many'"},
		{"vLLM: no value", vllm("--max-num-seqs"), 2, "expected one argument"},
		{"vLLM: a value for a switch", vllm("--enforce-eager=true"), 2, "ignored explicit argument 'true'"},
		{"vLLM: a second positional", vllm("true"), 2, "unrecognized arguments: true"},
		{"vLLM: the model's context is longer than the cache", vllm(), 1, "To serve at least one request with the model's max seq len (40960), (10.00 GiB KV cache is needed, which is larger than the available KV cache memory ("},
		{"vLLM: and its end", vllm(), 1, "Engine core initialization failed. See root cause above."},
		{"vLLM: weights leave no cache", vllm("--gpu-memory-utilization", "0.5"), 1, "No available memory for the cache blocks"},
		{"vLLM: weights larger than the card", []string{"vllm", "Qwen/Qwen3-32B", "--port", "1"}, 1, "CUDA out of memory. Tried to allocate"},
		{"vLLM: context beyond the model's", vllm("--max-model-len", "50000"), 1, "User-specified max_model_len (50000) is greater than the derived max_model_len"},
		{"vLLM: budget below sequences", vllm("--max-num-batched-tokens", "64", "--max-num-seqs", "128"), 1, "must be greater than or equal to max_num_seqs"},
		{"vLLM: another quantization than the checkpoint's", vllm("--quantization", "fp8"), 1, "does not match the quantization method specified in the"},
		{"vLLM: two cards where there is one", vllm("-tp", "2"), 1, "World size (2) is larger than the number of available GPUs (1)"},
		{"vLLM: copies of the model, of which nothing is known here", vllm("-dp", "2"), 2, "several copies of a model, or several machines (--data-parallel-size), are not modelled"},
		{"SGLang: several machines, of which nothing is known here", sglang("--nnodes", "2"), 2, "several copies of a model, or several machines (--nnodes), are not modelled"},
		{"vLLM: heads that two cards cannot share", []string{"vllm", smol, "--port", "1", "-tp", "2"}, 1, "9 attention heads cannot be shared by 2 cards"},
		{"vLLM: no such backend", vllm("--attention-backend", "MAGIC"), 1, "Unknown attention backend: 'MAGIC'. Valid options are"},
		{"vLLM: no such model", []string{"vllm", "/nowhere/model"}, 1, "Invalid repository ID or local directory specified"},
		{"vLLM: the port is taken", []string{"vllm", awq32, "--max-model-len", "8k", "--host", "127.0.0.1", "--port", port}, 1, "Address already in use"},
		{"SGLang: an unknown flag", sglang("--no-such-flag", "1"), 2, "sglang serve: error: unrecognized arguments: --no-such-flag 1"},
		{"SGLang: underscores are no dashes", sglang("--max_total_tokens", "4096"), 2, "unrecognized arguments: --max_total_tokens 4096"},
		{"SGLang: no such policy", sglang("--schedule-policy", "best"), 2, "argument --schedule-policy: invalid choice: 'best'"},
		{"SGLang: no model", []string{"sglang", "--port", "1"}, 2, "the following arguments are required: --model-path"},
		{"SGLang: the fraction is below the weights", sglang("--mem-fraction-static", "0.5"), 137, "Loaded weights leave no GPU memory for the KV cache under --mem-fraction-static=0.5. Raise --mem-fraction-static above 0.5"},
		{"SGLang: weights larger than the card", []string{"sglang", "--model", "Qwen/Qwen3-32B", "--port", "1"}, 137, "CUDA out of memory"},
		{"SGLang: no room for graphs", sglang("--mem-fraction-static", "0.99"), 137, "set --mem-fraction-static to a smaller value"},
		{"SGLang: context beyond the model's", sglang("--context-length", "50000"), 1, "is greater than the derived context_length"},
		{"SGLang: the end of a dead child", sglang("--mem-fraction-static", "0.5"), 137, "Received sigquit from a child process"},
		{"llama-server: an unknown flag", []string{"llamacpp", "-m", "SmolLM2-135M.Q4_1.gguf", "--bogus"}, 1, "error: invalid argument: --bogus"},
		{"llama-server: a flag of long ago", []string{"llamacpp", "-m", "SmolLM2-135M.Q4_1.gguf", "--draft-max", "5"}, 1, "the argument has been removed"},
		{"llama-server: no number", []string{"llamacpp", "-m", "SmolLM2-135M.Q4_1.gguf", "-c", "abc"}, 1, `error while handling argument "-c"`},
		{"llama-server: no such file", []string{"llamacpp", "-m", "/nowhere/x.gguf"}, 1, "failed to open GGUF file '/nowhere/x.gguf' (No such file or directory)"},
		{"llama-server: quantized V cache without flash attention", []string{"llamacpp", "-m", "SmolLM2-135M.Q4_1.gguf", "-ctv", "q8_0", "-fa", "off"}, 1, "quantized V cache requires flash_attn"},
		{"llama-server: larger than the card", []string{"llamacpp", "-m", "Qwen3-32B-Q8_0.gguf", "-ngl", "all", "-c", "8192"}, 1, "cudaMalloc failed: out of memory"},
		{"llama-server: the port is taken", []string{"llamacpp", "-m", "SmolLM2-135M.Q4_1.gguf", "--port", port}, 1, "couldn't bind HTTP server socket"},
		{"no engine", nil, 2, "needs an engine"},
		{"an engine that is not simulated", []string{"openai"}, 2, "vllm, sglang and llamacpp can"},
	}
	for _, r := range rows {
		code, stdout, stderr := start(t, environment(), r.words...)
		if code != r.code || !strings.Contains(stdout+stderr, r.says) {
			t.Errorf("%s: exit %d, want %d saying %q\n%s%s", r.what, code, r.code, r.says, stdout, stderr)
		}
	}
}

func TestLlamaServersFirstLineIsTheReason(t *testing.T) {
	_, _, stderr := start(t, environment(), "llamacpp", "-m", "x.gguf", "--bogus")
	if first, _, _ := strings.Cut(stderr, "\n"); first != "error: invalid argument: --bogus" {
		t.Errorf("first line of stderr: %q", first)
	}
}

func TestBadSettings(t *testing.T) {
	for _, setting := range []string{"QTUNE_SIMULATE_CARD=RTX 9090", "QTUNE_SIMULATE_SPEED=0", "QTUNE_SIMULATE_SPEED=fast", "QTUNE_SIMULATE_SPEED=NaN", "QTUNE_SIMULATE_SEED=-1", "QTUNE_SIMULATE_MODEL=none"} {
		code, _, stderr := start(t, environment(setting), "vllm", awq32)
		name, _, _ := strings.Cut(setting, "=")
		if code != 2 || !strings.Contains(stderr, name) {
			t.Errorf("%s: exit %d, %q", setting, code, stderr)
		}
	}
}

// Command lines that the real engines take, and what they make of them.
func TestCommandLines(t *testing.T) {
	folder := t.TempDir()
	config := `{"architectures":["LlamaForCausalLM"],"num_hidden_layers":30,"hidden_size":576,"intermediate_size":1536,"num_attention_heads":9,
		"num_key_value_heads":3,"vocab_size":49152,"tie_word_embeddings":true,"max_position_embeddings":8192,"torch_dtype":"bfloat16"}`
	if err := os.WriteFile(filepath.Join(folder, "config.json"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	cpu := environment("QTUNE_SIMULATE_CARD=2-core CPU", "VLLM_CPU_KVCACHE_SPACE=2")
	none := environment()
	rows := []struct {
		what   string
		kind   string
		getenv func(string) string
		words  []string
		want   func(*instance) any
		value  any
	}{
		{"a folder's config.json and a real cache size", "vllm", cpu, []string{folder, "--max-model-len", "2048"}, func(i *instance) any { return i.fit.KVTokens }, 93184},
		{"--model instead of the positional", "vllm", none, []string{"--model", awq32, "--max-model-len=8k"}, func(i *instance) any { return i.maxLen }, 8000},
		{"underscores, an equals sign, a binary unit", "vllm", none, []string{awq32, "--max_model_len=8K"}, func(i *instance) any { return i.maxLen }, 8192},
		{"a length that is fitted", "vllm", none, []string{awq32, "--max-model-len", "auto"}, func(i *instance) any { return i.maxLen == i.fit.KVTokens && i.maxLen > 30000 }, true},
		{"eager", "vllm", none, []string{awq32, "--max-model-len", "8192", "--enforce-eager"}, func(i *instance) any { return i.kernels.GraphTokens }, 0},
		{"a switch taken back", "vllm", none, []string{awq32, "--max-model-len", "8192", "--enforce-eager", "--no-enforce-eager"}, func(i *instance) any { return i.kernels.GraphTokens }, 512},
		{"-O0 is eager too", "vllm", none, []string{awq32, "--max-model-len", "8192", "-O0"}, func(i *instance) any { return i.kernels.Compiled }, false},
		{"a key inside of a JSON flag", "vllm", none, []string{awq32, "--max-model-len", "8192", "-cc.cudagraph_mode", "NONE"}, func(i *instance) any { return i.kernels.GraphTokens }, 0},
		{"a JSON flag", "vllm", none, []string{awq32, "--max-model-len", "8192", "--compilation-config", `{"mode":0}`}, func(i *instance) any { return i.kernels.Compiled }, false},
		{"vLLM's awq is Marlin", "vllm", none, []string{awq32, "--max-model-len", "8192", "--quantization", "awq"}, func(i *instance) any { return i.kernels.DequantBytes }, 0.0},
		{"several names", "vllm", none, []string{awq32, "--max-model-len", "8192", "--served-model-name", "a", "b", "--seed", "1"}, func(i *instance) any { return strings.Join(i.names, " ") }, "a b"},
		{"offload", "vllm", none, []string{awq32, "--max-model-len", "8192", "--cpu-offload-gb", "4"}, func(i *instance) any { return i.kernels.OffloadBytes }, 4.0 * gib},
		{"two cards share a model that one cannot hold", "vllm", environment("QTUNE_SIMULATE_CARDS=2", "QTUNE_SIMULATE_CARD=H100"), []string{"meta-llama/Llama-3.1-70B", "--max-model-len", "8192", "-tp", "2", "-q", "fp8"}, func(i *instance) any { return fmt.Sprint(i.kernels.Tensor, i.fit.KVTokens > 200_000) }, "2 true"},
		{"a pipeline", "sglang", environment("QTUNE_SIMULATE_CARDS=2"), []string{"--model-path", awq32, "--pp-size", "2"}, func(i *instance) any { return i.kernels.Pipeline }, 2},
		{"speculation as JSON", "vllm", none, []string{awq32, "--max-model-len", "8192", "-sc", `{"method":"eagle3","num_speculative_tokens":3}`}, func(i *instance) any { return fmt.Sprint(i.scheduling.Drafted, i.kernels.DraftLayers) }, "3 1"},
		{"speculation by short flags", "vllm", none, []string{awq32, "--max-model-len", "8192", "--spec-method", "ngram", "--spec-tokens", "4"}, func(i *instance) any { return fmt.Sprint(i.scheduling.Drafted, i.kernels.DraftLayers) }, "4 0"},
		{"speculation in SGLang, and its own bound of sequences", "sglang", none, []string{"--model-path", awq32, "--speculative-algorithm", "EAGLE3", "--speculative-num-steps", "2"}, func(i *instance) any { return fmt.Sprint(i.scheduling.Drafted, i.scheduling.MaxRunning) }, "2 48"},
		{"blocking launches", "sglang", environment("CUDA_LAUNCH_BLOCKING=1"), []string{"--model-path", awq32}, func(i *instance) any { return i.kernels.Blocking }, true},
		{"SGLang of 2025 computes an ended sequence once more", "sglang", environment("QTUNE_SIMULATE_VERSION=0.5.2"), []string{"--model-path", awq32}, func(i *instance) any { return i.scheduling.OnceMore }, true},
		{"not without its overlap", "sglang", environment("QTUNE_SIMULATE_VERSION=0.5.2"), []string{"--model-path", awq32, "--disable-overlap-schedule"}, func(i *instance) any { return i.scheduling.OnceMore }, false},
		{"today's does not", "sglang", none, []string{"--model-path", awq32}, func(i *instance) any { return i.scheduling.OnceMore }, false},
		{"SGLang's awq unpacks", "sglang", none, []string{"--model-path", awq32, "--quantization", "awq"}, func(i *instance) any { return i.kernels.DequantBytes }, 4.0},
		{"SGLang without a quantization takes Marlin", "sglang", none, []string{"--model-path", awq32}, func(i *instance) any { return i.kernels.DequantBytes }, 0.0},
		{"the pool's cap", "sglang", none, []string{"--model-path", awq32, "--max-total-tokens", "3328"}, func(i *instance) any { return i.scheduling.Pool }, 3328},
		{"longest output first", "sglang", none, []string{"--model-path", awq32, "--schedule-policy", "lof"}, func(i *instance) any { return i.scheduling.LongestFirst }, true},
		{"torch_native takes the sequences one by one", "sglang", none, []string{"--model-path", awq32, "--attention-backend", "torch_native"}, func(i *instance) any { return i.kernels.SequenceUS }, 92.0},
		{"slots share the context", "llamacpp", none, []string{"-m", "SmolLM2-135M.Q4_1.gguf", "-c", "1024", "-np", "2", "-a", "smol"}, func(i *instance) any { return fmt.Sprint(i.names, i.maxLen, i.scheduling.MaxRunning) }, "[smol] 512 2"},
		{"underscores in llama-server", "llamacpp", none, []string{"-m", "SmolLM2-135M.Q4_1.gguf", "--ctx_size", "512", "-np", "1"}, func(i *instance) any { return i.maxLen }, 512},
	}
	parse := map[string]func(settings, []string) (*instance, error){"vllm": newVLLM, "sglang": newSGLang, "llamacpp": newLlamaCpp}
	for _, r := range rows {
		s, err := readSettings(r.getenv)
		if err != nil {
			t.Fatal(err)
		}
		i, err := parse[r.kind](s, r.words)
		if err != nil || i.death != nil {
			t.Errorf("%s: %v, %+v", r.what, err, i)
			continue
		}
		if got := r.want(i); got != r.value {
			t.Errorf("%s: got %v, want %v", r.what, got, r.value)
		}
	}
}

func TestWhatTheModelDoesNotDependOnIsSaid(t *testing.T) {
	s, _ := readSettings(environment())
	i, err := newSGLang(s, []string{"--model-path", awq32, "--num-continuous-decode-steps", "2", "--max-total-tokens", "3328", "--trust-remote-code"})
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(i.args.unmodelled(), " "); got != "num-continuous-decode-steps trust-remote-code" {
		t.Errorf("unmodelled: %q", got)
	}
}

func TestNoKeyInTheLog(t *testing.T) {
	_, stdout, stderr := start(t, environment(), "vllm", awq32, "--api-key", "geheim", "--max-model-len", "50000")
	if strings.Contains(stdout+stderr, "geheim") {
		t.Error("the key stands in the log")
	}
}

func FuzzCommandLine(f *testing.F) {
	f.Add("vllm", "Qwen/Qwen3-8B --max-model-len 8k -O3 -cc.mode=0 --enforce_eager")
	f.Add("sglang", "--model-path Qwen/Qwen3-8B --mem-fraction-static=-1 --page-size 0")
	f.Add("llamacpp", "-m SmolLM2-135M.Q4_1.gguf -c -5 -np 0 -b 0 -ngl -9")
	parse := map[string]func(settings, []string) (*instance, error){"vllm": newVLLM, "sglang": newSGLang, "llamacpp": newLlamaCpp}
	f.Fuzz(func(t *testing.T, kind, line string) {
		p := parse[kind]
		if p == nil {
			return
		}
		s, _ := readSettings(environment())
		i, err := p(s, strings.Fields(line))
		if err != nil {
			return
		}
		i.script(time.Unix(0, 0))
		if i.death != nil {
			return
		}
		if i.maxLen < 1 || i.scheduling.MaxRunning < 1 {
			t.Fatalf("%s %s: serves with %d tokens of context, %d sequences", kind, line, i.maxLen, i.scheduling.MaxRunning)
		}
		c := NewCore(i.scheduling, NewMachine(i.card, i.model, i.kernels, EfficiencyOf(i.card)), 0)
		r := &Request{Prompt: 1, Output: 1}
		c.Submit(r)
		for n := 0; !c.Idle(); n++ {
			if took, _ := c.Step(); took <= 0 || n > 10 {
				t.Fatalf("%s %s: one token is never there", kind, line)
			}
		}
	})
}
