package engine

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// dataFolder is where recorded logs of real engines lie; they are not part of
// the repository.
func dataFolder(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("QTUNE_DATA")
	if dir == "" {
		dir = filepath.Join("..", "..", "shared", "data")
	}
	if !exists(dir) {
		t.Skipf("no recorded logs in %s (set QTUNE_DATA)", dir)
	}
	return dir
}

func TestClassifyRecordedLogs(t *testing.T) {
	tests := []struct {
		why, kind, file string
		exit            *Exit
		class           Class
		fault           Fault
		line            string // part of the decisive line
		number          int
		hint            string // part of it
	}{
		{"the engine core dies and the container runs on", "vllm", "vllm-startup/cpu-0.32-engine-core-died-container-running.log",
			nil, NoExec, FaultConfiguration, "torch._inductor.exc.InductorError: OSError: /tmp/.cache", 149, "exec = true"},
		{"argparse refuses a flag", "vllm", "vllm-startup/cpu-0.32-unknown-flag.log",
			&Exit{Code: 2}, BadFlag, FaultConfiguration, "vllm: error: unrecognized arguments: --max-num-seq-s 4", 5, "--max-num-seq-s"},
		{"no memory for the cache, and SGLang kills itself", "sglang", "sglang-startup/cpu-0.5.23-no-memory-for-kv-exit-137.log",
			&Exit{Code: 137}, KVTooSmall, FaultConfiguration, "ValueError: Loaded weights leave no GPU memory", 73, "from 0.01 to more than 0.015"},
		{"argparse behind 600 lines of usage", "sglang", "sglang-startup/cpu-0.5.23-unknown-flag.log",
			&Exit{Code: 2}, BadFlag, FaultConfiguration, "sglang serve: error: unrecognized arguments: --no-such-flag 1", 0, "--no-such-flag"},
		{"a good start says nothing of death", "vllm", "vllm-startup/cpu-0.32-start-eager.log", nil, "", "", "", 0, ""},
		{"a good start with compiling", "vllm", "vllm-startup/cpu-0.32-start-compile.log", nil, "", "", "", 0, ""},
		{"a good start", "sglang", "sglang-startup/cpu-0.5.23-start.log", nil, "", "", "", 0, ""},
		{"the rules of every engine find the same", "", "sglang-startup/cpu-0.5.23-no-memory-for-kv-exit-137.log",
			nil, KVTooSmall, FaultConfiguration, "ValueError: Loaded weights", 73, ""},
	}
	data := dataFolder(t)
	for _, test := range tests {
		t.Run(test.why, func(t *testing.T) {
			log, err := os.ReadFile(filepath.Join(data, test.file))
			if err != nil {
				t.Fatal(err)
			}
			got := Classify(test.kind, bytes.NewReader(log), test.exit)
			if test.class == "" {
				if got != nil {
					t.Fatalf("got %v, want nothing", got)
				}
				return
			}
			if got == nil {
				t.Fatal("got nothing")
			}
			if got.Class != test.class || got.Fault != test.fault || !strings.HasPrefix(got.Line, test.line) || !strings.Contains(got.Hint, test.hint) {
				t.Errorf("got %+v", got)
			}
			if test.number != 0 && got.LineNumber != test.number {
				t.Errorf("line %d, want %d", got.LineNumber, test.number)
			}
			if test.exit != nil && (got.ExitCode == nil || *got.ExitCode != test.exit.Code) {
				t.Errorf("exit code %v, want %d", got.ExitCode, test.exit.Code)
			}
		})
	}
}

func TestClassifyLines(t *testing.T) {
	// Each log is what the engine's source prints, with its own prefixes.
	tests := []struct {
		kind  string
		log   string
		class Class
		hint  string
	}{
		{"vllm", "(EngineCore pid=35) ERROR 11-24 00:21:29 [core.py:1510] torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 1.16 GiB. GPU 0 has a total capacity of 31.36 GiB of which 512.00 MiB is free. Including non-PyTorch memory", GPUOutOfMemory, "1.16 GiB more were asked for with 512.00 MiB of 31.36 GiB free: lower gpu-memory-utilization"},
		{"sglang", "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 31.36 GiB of which 1.00 GiB is free.", GPUOutOfMemory, "lower mem-fraction-static"},
		{"vllm", "ValueError: No available memory for the cache blocks. Try increasing `gpu_memory_utilization` when initializing the engine", KVTooSmall, "raise gpu-memory-utilization"},
		{"vllm", "ValueError: To serve at least one request with the model's max seq len (40960), (10.0 GiB KV cache is needed, which is larger than the available KV cache memory (3.52 GiB). Based on the available memory, the estimated maximum model length is 14416. Try increasing", KVTooSmall, "set max-model-len to 14416 or less"},
		{"vllm", "ValueError: To serve at least one request with the model's max seq len (40960), (10.0 GiB KV cache is needed, which is larger than the available KV cache memory (0.10 GiB). Try increasing", KVTooSmall, "needs 10.0 GiB of KV cache and 0.10 GiB are there"},
		{"vllm", "ValueError: The model's max seq len (8192) is larger than the maximum number of tokens that can be stored in KV cache (4096). Try", KVTooSmall, "set max-model-len to 4096 or less"},
		{"vllm", "ValueError: Externally held weights on device cuda:0 (18.20/31.36 GiB) exceed the desired GPU memory utilization (0.5, 15.68 GiB). Increase GPU memory utilization or reduce GPU memory used by other processes.", BadValue, "holds 18.20 of the card's 31.36 GiB, more than gpu-memory-utilization = 0.5"},
		{"vllm", "ValueError: Free memory on device cuda:0 (10.11/31.36 GiB) on startup is less than the engine's budget after excluding external process's weights (0.92, 12.85 GiB). Decrease", GPUBusy, "10.11 of 31.36 GiB are free"},
		{"vllm", "vllm.model_executor.model_loader.weight_cache.protocol.UnsupportedPlatformForIPCError: platform 'cpu' does not support CUDA IPC weight sharing; only CUDA and ROCm are supported.", BadValue, "leave load-format off"},
		{"vllm", "UnsupportedQuantForIPCError: layer model.layers.0.mlp: GGUFLinearMethod does not support loading from pre-processed weights.", UnsupportedQuantization, "GGUFLinearMethod"},
		{"vllm", "ValueError: Free memory on device cuda:0 (20.11/31.36 GiB) on startup is less than desired GPU memory utilization (0.92, 28.85 GiB). Decrease GPU memory utilization or reduce", GPUBusy, "20.11 of 31.36 GiB are free and gpu-memory-utilization = 0.92 wants 28.85"},
		{"vllm", "ValueError: Available memory on node 0 (12.1/17.7 GiB) on kv cache allocation is less than requested memory for kv (64.0 GiB). Decrease --kv-cache-memory-bytes", HostOutOfMemory, "64.0 GiB of KV cache are asked for and 12.1 of 17.7"},
		{"vllm", "pydantic_core._pydantic_core.ValidationError: 1 validation error for ModelConfig\n  Value error, User-specified max_model_len (999999) is greater than the derived max_model_len (max_position_embeddings=8192 or model_max_length=None in model's config.json). To allow", ContextTooLong, "set max-model-len to 8192 or less"},
		{"vllm", "  Value error, max_num_batched_tokens (64) must be greater than or equal to max_num_seqs (256). [type=value_error", BadValue, "at least 256"},
		{"vllm", "pydantic_core._pydantic_core.ValidationError: 1 validation error for VllmConfig\n  Value error, Cannot find the config file for awq [type=value_error, input_value=ArgsKwargs((), {}), input_type=ArgsKwargs]", UnsupportedQuantization, "not quantized as awq"},
		{"vllm", "pydantic_core._pydantic_core.ValidationError: 1 validation error for SchedulerConfig\n  Value error, no rule knows this. [type=value_error, input_value=x, input_type=y]", BadValue, "no rule knows this."},
		{"vllm", "pydantic_core._pydantic_core.ValidationError: 1 validation error for SchedulerConfig\nmax_num_seqs\n  Input should be greater than or equal to 1 [type=greater_than_equal, input_value=0, input_type=int]", BadValue, "greater than or equal to 1 (it was given 0)"},
		{"vllm", "ValueError: Unknown quantization method: nosuch. Must be one of ['awq', 'fp8'].", UnsupportedQuantization, "no quantization nosuch"},
		{"vllm", "  Value error, Quantization method specified in the model config (awq) does not match the quantization method specified in the `quantization` argument (gptq).", UnsupportedQuantization, "the checkpoint is awq, the flag says gptq"},
		{"vllm", "ValueError: The quantization method fp8 is not supported for the current GPU. Minimum capability: 89. Current capability: 75.", UnsupportedQuantization, "fp8 needs compute capability 89, this GPU has 75"},
		{"vllm", "ValueError: torch.bfloat16 is not supported for quantization method gptq. Supported dtypes: [torch.float16]", UnsupportedQuantization, "[torch.float16]"},
		{"vllm", "ValueError: Model architectures ['FooForCausalLM'] are not supported for now. Supported architectures", UnsupportedModel, "['FooForCausalLM']"},
		{"vllm", "vllm serve: error: argument --dtype: invalid choice: 'float7' (choose from auto, bfloat16, float, float16, float32, half)", BadValue, "--dtype takes one of auto, bfloat16"},
		{"vllm", "vllm serve: error: argument --max-num-seqs: expected one argument", BadValue, "--max-num-seqs: expected one argument"},
		{"vllm", "OSError: You are trying to access a gated repo.\nMake sure to have access to it at https://huggingface.co/x/y.", ModelGated, "HF_TOKEN"},
		{"vllm", "OSError: nosuch/model is not a local folder and is not a valid model identifier listed on 'https://huggingface.co/models'", ModelMissing, "model.id"},
		{"vllm", "huggingface_hub.errors.HFValidationError: Repo id must be in the form 'repo_name' or 'namespace/repo_name': '/nowhere/m'. Use `repo_type` argument if needed.", ModelMissing, "set model.path"},
		{"vllm", "RuntimeError: Found no NVIDIA driver on your system. Please check", GPUMissing, "nvidia-smi"},
		{"vllm", "OSError: [Errno 98] Address already in use", PortInUse, "another port"},
		{"vllm", "ValueError: Selected backend AttentionBackendEnum.FLASHINFER is not valid for this configuration. Reason: ['compute capability not supported']", KernelMissing, "AttentionBackendEnum.FLASHINFER"},
		{"vllm", "OSError: [Errno 28] No space left on device: '/dev/shm/psm_1234'", ShmTooSmall, "shm_size"},
		{"vllm", "OSError: [Errno 28] No space left on device", DiskFull, "free space"},
		{"sglang", "[2026-11-24 00:51:37 TP0] Scheduler hit an exception: Traceback (most recent call last):\n  File \"x.py\", line 1, in f\n    raise RuntimeError(msg)\nRuntimeError: Not enough memory. Please try to increase --mem-fraction-static. Current value: mem_fraction_static=0.3", KVTooSmall, "above 0.3"},
		{"sglang", "ValueError: Warning: User-specified context_length (99999) is greater than the derived context_length (8192). This may lead", ContextTooLong, "set context-length to 8192 or less"},
		{"sglang", "Exception: Capture cuda graph failed: CUDA out of memory. Tried to allocate 256.00 MiB. GPU 0 has", GPUOutOfMemory, ""},
		{"sglang", "AssertionError: chunked_prefill_size must be divisible by page_size", BadValue, "multiple of page-size"},
		{"llamacpp", "error: invalid argument: --bogus", BadFlag, "--bogus"},
		{"llamacpp", "error while handling argument \"-c\": stoi\n\nusage:\n-c,    --ctx-size N                     size of the prompt context", BadValue, "-c: stoi"},
		{"llamacpp", "0.00.081.452 E gguf_init_from_file: failed to open GGUF file 'missing.gguf' (No such file or directory)\ncommon_fit_params: encountered an error while trying to fit params to free device memory", ModelMissing, "missing.gguf: No such file"},
		{"llamacpp", "gguf_init_from_reader: invalid magic characters: 'junk', expected 'GGUF'", ModelCorrupt, "no GGUF file"},
		{"llamacpp", "ggml_backend_cuda_buffer_type_alloc_buffer: allocating 20480.00 MiB on device 0: cudaMalloc failed: out of memory", GPUOutOfMemory, "20480.00 MiB more do not fit on device 0"},
		{"llamacpp", "srv  start: couldn't bind HTTP server socket, hostname: 127.0.0.1, port: 8080", PortInUse, "port 8080"},
		{"llamacpp", "llama_init_from_model: quantized V cache requires flash_attn to be enabled", BadValue, "flash-attn = true"},
		{"llamacpp", "error: invalid device: CUDA0", GPUMissing, "CUDA0"},
		{"llamacpp", "warning: no usable GPU found, --gpu-layers option will be ignored", GPUMissing, "CPU"},
		{"ollama", "ggml_backend_cuda_buffer_type_alloc_buffer: allocating 20480.00 MiB on device 0: cudaMalloc failed: out of memory\ntime=2026-08-21T18:00:00.000Z level=INFO source=sched.go:641 msg=\"Load failed\" error=\"llama-server reported out-of-memory during startup: x\"", GPUOutOfMemory, "20480.00 MiB"},
		{"ollama", "time=2026-08-21T18:00:00.000Z level=INFO source=sched.go:641 msg=\"Load failed\" error=\"llama-server reported out-of-memory during startup: x\"", GPUOutOfMemory, "OLLAMA_CONTEXT_LENGTH"},
		{"ollama", "Error: listen tcp 0.0.0.0:11434: bind: address already in use", PortInUse, "another port"},
		{"trtllm", "Usage: trtllm-serve serve [OPTIONS] MODEL\nTry 'trtllm-serve serve --help' for help.\n\nError: No such option: --max_batch_sise Did you mean --max_batch_size?", BadFlag, "--max_batch_sise"},
		{"trtllm", "Error: Invalid value for '--max_batch_size': 'x' is not a valid integer.", BadValue, "--max_batch_size: 'x' is not a valid integer."},
		{"trtllm", "[TRT-LLM] [E] Executor creation failed due to insufficient GPU memory.\n\nThe following component could not be created: Initial KV cache (temporary for KV cache size estimation)", GPUOutOfMemory, "Initial KV cache"},
		{"trtllm", "RuntimeError: Failed to bind socket to 0.0.0.0:8000: [Errno 98] Address already in use", PortInUse, "port 8000"},
		{"trtllm", "ValueError: No GPU devices found on the node", GPUMissing, "nvidia-smi"},
		{"trtllm", "ValueError: Unknown architecture for AutoModelForCausalLM: FooForCausalLM", UnsupportedModel, "FooForCausalLM"},
		{"trtllm", "pydantic_core._pydantic_core.ValidationError: 1 validation error for TorchLlmArgs", BadValue, "TorchLlmArgs"},
		{"lmdeploy", "RuntimeError: No enough gpu memory for kv cache.", KVTooSmall, "cache-max-entry-count"},
		{"lmdeploy", "AssertionError: No enough gpu memory for state cache. Please reduce max_batch_size.", KVTooSmall, "max-batch-size"},
		{"lmdeploy", "lmdeploy: error: unrecognized arguments: --session-lenn 4", BadFlag, "--session-lenn"},
		{"lmdeploy", "RuntimeError: Failed to find valid checkpoint under '/model/x'", ModelMissing, "/model/x"},
	}
	for _, test := range tests {
		t.Run(string(test.class)+" of "+test.kind, func(t *testing.T) {
			got := Classify(test.kind, strings.NewReader("harmless\n"+test.log+"\n"), nil)
			if got == nil || got.Class != test.class {
				t.Fatalf("got %+v, want %s of %q", got, test.class, test.log)
			}
			if !strings.Contains(got.Hint, test.hint) {
				t.Errorf("hint %q, want %q in it", got.Hint, test.hint)
			}
			if f, kind, err := Explain("", strings.NewReader("harmless\n"+test.log+"\n")); err != nil || f.Class != test.class {
				t.Errorf("without its kind, which was guessed to be %q: %+v, %v", kind, f, err)
			}
		})
	}
}

func TestClassifyChoosesTheDecisiveLine(t *testing.T) {
	frames := "  File \"core.py\", line 1, in run\n    raise ValueError(\"No available memory for the cache blocks. \"\n"
	tests := []struct {
		why, log string
		exit     *Exit
		class    Class
		line     string
	}{
		{"a cause that no rule knows beats what follows from it",
			"(EngineCore pid=3) ERROR 01-01 00:00:00 [core.py:1] EngineCore failed to start.\n(EngineCore pid=3) ERROR 01-01 00:00:00 [core.py:1] Traceback (most recent call last):\n(EngineCore pid=3) ERROR 01-01 00:00:00 [core.py:1]   File \"x\", line 3\n(EngineCore pid=3) ERROR 01-01 00:00:00 [core.py:1] ZeroDivisionError: division by zero\nRuntimeError: Engine core initialization failed. See root cause above. Failed core proc(s): {}\n",
			&Exit{Code: 1}, Unknown, "ZeroDivisionError: division by zero"},
		{"a quoted source line is no message",
			"Traceback (most recent call last):\n" + frames + "KeyError: 'oops'\n", &Exit{Code: 1}, Unknown, "KeyError: 'oops'"},
		{"an exception that Python ignores kills nothing",
			"Exception ignored in: <function f>\nTraceback (most recent call last):\n  File \"x\", line 1\nSystemExit: \nlast words\n", &Exit{Code: 1}, Unknown, "last words"},
		{"the first specific line wins over a later one",
			"ValueError: No available memory for the cache blocks.\nOSError: [Errno 98] Address already in use\n", &Exit{Code: 1}, KVTooSmall, "ValueError: No available memory for the cache blocks."},
		{"a specific line wins over an earlier general one",
			"PermissionError: [Errno 13] Permission denied: '/x'\nValueError: No available memory for the cache blocks.\n", nil, KVTooSmall, "ValueError: No available memory for the cache blocks."},
		{"Docker's word on memory beats a consequence",
			"(EngineCore pid=3) ERROR 01-01 00:00:00 [x.py:1] EngineCore encountered a fatal error.\n", &Exit{Code: 137, OOMKilled: true}, HostOutOfMemory, "EngineCore encountered a fatal error."},
		{"137 alone is no lack of memory", "loading\n", &Exit{Code: 137}, Unknown, "loading"},
		{"a signal from outside", "loading\n", &Exit{Code: 143}, Killed, "loading"},
		{"a program that is not there", "sh: 1: vllm: not found\n", &Exit{Code: 127}, ProgramMissing, "sh: 1: vllm: not found"},
		{"colours and control characters are not shown", "\x1b[1;31mfoo\x1b[0m \x07bar\n", &Exit{Code: 1}, Unknown, "foo bar"},
		{"an empty log", "", &Exit{Code: 0}, Unknown, ""},
	}
	for _, test := range tests {
		t.Run(test.why, func(t *testing.T) {
			got := Classify("vllm", strings.NewReader(test.log), test.exit)
			if got == nil || got.Class != test.class || got.Line != test.line {
				t.Errorf("got %+v", got)
			}
		})
	}
}

func TestClassifyBoundsWhatItShows(t *testing.T) {
	long := strings.Repeat("é", 200_000)
	got := Classify("vllm", strings.NewReader("one\n"+long+"\nValueError: No available memory for the cache blocks. "+long+"\nend"), nil)
	if got == nil || got.Class != KVTooSmall || got.LineNumber != 3 {
		t.Fatalf("got %+v", got)
	}
	if len(got.Line) > shownLine+len("…") || !strings.HasSuffix(got.Line, "é…") {
		t.Errorf("line of %d bytes ends in %q", len(got.Line), got.Line[len(got.Line)-8:])
	}
}

func TestEveryClassOfTheRulesHasAFault(t *testing.T) {
	for _, r := range compiledRules().rules {
		if r.text == "" {
			t.Errorf("a rule of %s has no text", r.class)
		}
		if r.class != Unknown && r.hint == "" {
			t.Errorf("%q has no hint", r.text)
		}
		if r.fatal == fatalAlways && !strings.HasPrefix(r.match, "^") && r.class == Unknown && !strings.HasPrefix(r.match, "Rank") {
			t.Errorf("%q ends trials and is not tied to the line's beginning: a prompt in the log could do it", r.text)
		}
	}
}

func FuzzClassify(f *testing.F) {
	f.Add("vllm", "Traceback (most recent call last):\n  File\nValueError: x\n")
	f.Add("", "\x1b[31m(APIServer pid=1) INFO 01-01 00:00:00 [a.py:1] Address already in use\r\n")
	f.Fuzz(func(t *testing.T, kind, log string) {
		got := Classify(kind, strings.NewReader(log), &Exit{Code: 1})
		if got == nil || got.Class == "" || got.Fault == "" {
			t.Errorf("got %+v", got)
		}
		if strings.ContainsAny(got.Line, "\n\r\x1b") || len(got.Line) > shownLine+3 {
			t.Errorf("line %q", got.Line)
		}
	})
}

func BenchmarkClassify50MB(b *testing.B) {
	var log bytes.Buffer
	for i := 0; log.Len() < 50<<20; i++ {
		fmt.Fprintf(&log, "(APIServer pid=1) INFO 11-24 00:03:14 [loggers.py:335] Engine 000: Avg prompt throughput: %d.4 tokens/s, Running: 4 reqs\n", i)
	}
	log.WriteString("ValueError: No available memory for the cache blocks.\n")
	b.SetBytes(int64(log.Len()))
	for b.Loop() {
		if f := Classify("vllm", bytes.NewReader(log.Bytes()), nil); f == nil || f.Class != KVTooSmall {
			b.Fatal(f)
		}
	}
}
