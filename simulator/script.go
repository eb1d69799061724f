package simulator

import (
	"fmt"
	"os"
	"strings"
	"time"
)

// script is how a start goes: lines at their times, in the engine's time since its
// process began.
type script struct {
	i       *instance
	t0      time.Time // wall clock of the beginning, for the lines' dates
	at      time.Duration
	entries []entry
}

type action int

const (
	actPrint  action = iota
	actBind          // the port must be free, or the start fails here
	actListen        // HTTP answers from here on
	actReady         // and health is well
	actServe         // both in one
)

type entry struct {
	at     time.Duration
	act    action
	text   string
	stderr bool
}

func newScript(i *instance, now time.Time) *script { return &script{i: i, t0: now} }

// after moves on by so many seconds.
func (s *script) after(seconds float64) { s.at += time.Duration(seconds * 1e9) }

func (s *script) do(a action) { s.entries = append(s.entries, entry{at: s.at, act: a}) }

func (s *script) line(stderr bool, format string, args ...any) {
	s.entries = append(s.entries, entry{at: s.at, text: fmt.Sprintf(format, args...), stderr: stderr})
}

// clock is the engine's wall clock now.
func (s *script) clock() time.Time { return s.t0.Add(s.at) }

// dies says that the start ends at a stage.
func (s *script) dies(at stage) bool { return s.i.death != nil && s.i.death.stage == at }

// loadSeconds is how long weights take from the page cache: 11 s were measured for 18 GiB.
func (s *script) loadSeconds() float64 {
	if s.i.fault.slow {
		return 4 * 3600
	}
	if s.i.boot.dummyWeights {
		return 0.5
	}
	return 0.2 + s.i.model.WeightBytes("")/1.76e9
}

func pid() int { return os.Getpid() }

// script writes the start of an engine.
func (i *instance) script(now time.Time) *script {
	s := newScript(i, now)
	switch {
	case s.dies(stageParse):
		s.after(1)
	case i.kind == kindVLLM:
		s.vllm()
	case i.kind == kindSGLang:
		s.sglang()
	default:
		s.llamacpp()
	}
	return s
}

const gib = 1 << 30

// pace is how long the stages of a start take that depend on neither model nor flags, s.
type pace struct{ imports, config, worker, warm float64 }

// vllmPace is, on a CPU, that of a real vLLM 0.32 on two idle cores, whose worker is a
// process with imports of its own: up after 32 to 35 s without compiling. On a card it is
// judgement.
func (i *instance) vllmPace() pace {
	if i.card.CPU {
		return pace{imports: 9, config: 6, worker: 6, warm: 4}
	}
	return pace{imports: 5, config: 4, worker: 1, warm: 1}
}

// sglangPace is, on a CPU, that of a real SGLang 0.5.23 on two idle cores: up after 39 to
// 56 s. On a card it is judgement.
func (i *instance) sglangPace() pace {
	if i.card.CPU {
		return pace{imports: 13, worker: 27, warm: 2}
	}
	return pace{imports: 9, worker: 12, warm: 1}
}

// vllm's lines stand in the form of a real vLLM 0.32.
func (s *script) vllm() {
	i := s.i
	api := func(level, where, format string, args ...any) {
		s.vllmLine("APIServer", level, where, format, args...)
	}
	core := func(level, where, format string, args ...any) {
		s.vllmLine("EngineCore", level, where, format, args...)
	}
	pace := i.vllmPace()
	s.after(pace.imports)
	api("INFO", "api_utils.py:347", "version %s  model   %s", i.version, i.modelName)
	api("INFO", "api_utils.py:286", "non-default args: %s", i.args.repr())
	s.do(actBind)
	s.after(pace.config)
	if s.dies(stageConfig) {
		s.trace("(APIServer pid=%d) ")
		return
	}
	api("INFO", "model.py:733", "Resolved architecture: %s", i.model.Architecture)
	api("INFO", "model.py:2152", "Using max model len %d", max(i.maxLen, 0))
	if !i.boot.compile {
		api("WARNING", "vllm.py:1703", "Enforce eager set, disabling torch.compile, CUDAGraphs, and JIT kernel warmup.")
	}
	s.after(5)
	core("INFO", "core.py:133", "Initializing a V1 LLM engine (v%s) with config: model='%s', dtype=torch.%s, max_seq_len=%d, quantization=%s, enforce_eager=%s",
		i.version, i.modelName, i.model.DType, max(i.maxLen, 0), pythonText(firstOf(i.args.text("quantization", ""), i.model.Quantization)), pythonBool(!i.boot.compile))
	s.after(pace.worker)
	core("INFO", "gpu_model_runner.py:4511", "Starting to load model %s...", i.modelName)
	load := s.loadSeconds()
	s.after(load)
	if s.dies(stageLoad) {
		s.vllmDeath()
		return
	}
	s.line(true, "Loading safetensors checkpoint shards: 100%% Completed | 4/4 [00:%02d<00:00]", int(load)%60)
	core("INFO", "default_loader.py:501", "Loading weights took %.2f seconds", load)
	core("INFO", "gpu_model_runner.py:4586", "Model loading took %.2f GiB memory and %.2f seconds", i.fit.WeightBytes/gib, load+0.4)
	s.vllmInit(core, pace.warm)
	if i.death != nil {
		return
	}
	s.after(1.5)
	api("INFO", "entry.py:140", "Starting vLLM server on http://%s:%d", i.host, i.port)
	s.line(true, "INFO:     Started server process [%d]", pid())
	s.line(true, "INFO:     Waiting for application startup.")
	s.do(actServe)
	s.line(true, "INFO:     Application startup complete.")
}

// vllmInit is compilation, the KV cache and graphs.
func (s *script) vllmInit(core func(level, where, format string, args ...any), warm float64) {
	i, begun, compiled := s.i, s.at, 0.0
	if i.boot.compile {
		compiled = 0.19 * float64(i.model.Layers)
		if i.card.CPU {
			compiled = 1.75 * float64(i.model.Layers) // with the rest of the engine's own start 57 s were measured, for 30 layers on two cores
		}
		s.after(compiled)
		core("INFO", "monitor.py:53", "torch.compile took %.2f s in total", compiled)
	}
	s.after(1)
	device := "GPU"
	if i.card.CPU {
		device = "CPU"
	} else {
		core("INFO", "gpu_worker.py:478", "Available KV cache memory: %.2f GiB", i.fit.KVBytes/gib)
	}
	if s.dies(stageKV) {
		s.vllmDeath()
		return
	}
	core("INFO", "kv_cache_utils.py:2327", "%s KV cache size: %s tokens, Maximum concurrency for %s tokens per request: %.2fx",
		device, thousands(i.fit.KVTokens), thousands(i.maxLen), float64(i.fit.KVTokens)/float64(max(i.maxLen, 1)))
	if i.boot.graphs {
		s.after(5)
		core("INFO", "gpu_model_runner.py:5570", "Graph capturing finished in 5 secs, took %.2f GiB", i.fit.GraphBytes/gib)
	}
	s.after(warm)
	core("INFO", "core.py:402", "init engine (profile, create kv cache, warmup model) took %.2f s (compilation: %.2f s)", (s.at - begun).Seconds(), compiled)
}

func (s *script) vllmLine(process, level, where, format string, args ...any) {
	s.line(false, "(%s pid=%d) %s %s [%s] %s", process, pid(), level, s.clock().Format("01-02 15:04:05"), where, fmt.Sprintf(format, args...))
}

// vllmDeath is the end of the engine core: its traceback, then the server's.
func (s *script) vllmDeath() {
	s.vllmLine("EngineCore", "ERROR", "core.py:1510", "EngineCore failed to start.")
	s.vllmLine("EngineCore", "ERROR", "core.py:1510", "Traceback (most recent call last):")
	for _, text := range s.i.death.text {
		s.vllmLine("EngineCore", "ERROR", "core.py:1510", "%s", text)
	}
	s.after(2)
	s.line(true, "(APIServer pid=%d) Traceback (most recent call last):", pid())
	s.line(true, "(APIServer pid=%d) RuntimeError: Engine core initialization failed. See root cause above. Failed core proc(s): {'EngineCore': 1}", pid())
}

// falls is the end of an engine that served, in the words of its kind; nothing for one
// that ends in silence.
func (s *script) falls(text []string) {
	if len(text) == 0 {
		return
	}
	lines := append([]string{"Traceback (most recent call last):", `  File "core.py", line 1201, in run_engine_core`, "    engine_core.run_busy_loop()"}, text...)
	stamp := s.clock().Format("2006-01-02 15:04:05")
	switch s.i.kind {
	case kindVLLM:
		s.vllmLine("EngineCore", "ERROR", "core.py:1203", "EngineCore encountered a fatal error.")
		for _, l := range lines {
			s.vllmLine("EngineCore", "ERROR", "core.py:1203", "%s", l)
		}
		s.vllmLine("APIServer", "ERROR", "async_llm.py:708", "AsyncLLM output_handler failed.")
		s.vllmLine("APIServer", "ERROR", "async_llm.py:708", "vllm.v1.engine.exceptions.EngineDeadError: EngineCore encountered an issue. See stack trace (above) for the root cause.")
	case kindSGLang:
		if strings.Contains(text[0], "watchdog") {
			s.line(true, "[%s] %s", stamp, text[0])
		} else {
			s.line(true, "[%s] Scheduler hit an exception: %s", stamp, strings.Join(lines, "\n"))
		}
		s.line(true, "[%s] Received sigquit from a child process. It usually means the child failed.", stamp)
	default:
		for _, l := range text {
			s.line(true, "%s", l)
		}
	}
}

// trace is a traceback without the engine's log prefix.
func (s *script) trace(prefix string) {
	if strings.Contains(prefix, "%d") {
		prefix = fmt.Sprintf(prefix, pid())
	}
	s.line(true, "%sTraceback (most recent call last):", prefix)
	for _, text := range s.i.death.text {
		s.line(true, "%s%s", prefix, text)
	}
}

func pythonText(v string) string {
	if v == "" {
		return "None"
	}
	return v
}

func pythonBool(b bool) string {
	if b {
		return "True"
	}
	return "False"
}

// thousands writes 93184 as "93,184".
func thousands(n int) string {
	text := fmt.Sprint(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}
