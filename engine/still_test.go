package engine

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestStillness(t *testing.T) {
	began := time.Time{}
	passed := func() time.Duration { return time.Since(began) }
	busyCPU := func(context.Context) (time.Duration, error) { return passed() / 2, nil }
	noCPU := func(context.Context) (time.Duration, error) { return time.Second, nil }
	tests := []struct {
		why     string
		written func() int64
		cpu     func(context.Context) (time.Duration, error)
		busy    func() bool
		still   time.Duration // when that is said; 0: within an hour, never
	}{
		{"nothing at all", func() int64 { return 7 }, noCPU, nil, 305 * time.Second},
		{"a log that grows", func() int64 { return int64(passed() / time.Minute) }, noCPU, nil, 0},
		{"a log that ends", func() int64 { return int64(min(passed()/time.Minute, 10)) }, noCPU, nil, 900 * time.Second},
		{"it computes in silence", func() int64 { return 7 }, busyCPU, nil, 0},
		{"it looks round now and then", func() int64 { return 7 }, func(context.Context) (time.Duration, error) { return passed() / 100, nil }, nil, 305 * time.Second},
		{"what it uses cannot be told", func() int64 { return 7 }, func(context.Context) (time.Duration, error) { return 0, errors.New("no daemon") }, nil, 0},
		{"it has nothing to do", func() int64 { return 7 }, noCPU, func() bool { return false }, 0},
		{"it has had requests for a while", func() int64 { return 7 }, noCPU, func() bool { return passed() >= 10*time.Minute }, 895 * time.Second},
	}
	for _, test := range tests {
		t.Run(test.why, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began = time.Now()
				ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
				defer cancel()
				s := stillness{limit: 5 * time.Minute, written: test.written, cpu: test.cpu, busy: test.busy}
				if still := s.wait(ctx); still != (test.still > 0) || still && passed() != test.still {
					t.Errorf("still %v after %v, want %v", still, passed(), test.still)
				}
			})
		})
	}
}

// TestStartThatDoesNothing ends long before its time-out.
func TestStartThatDoesNothing(t *testing.T) {
	s := newStart(t, refused())
	s.st.Engine.StallTimeout = 200 * time.Millisecond
	s.inst.used = func(context.Context) (Used, error) { return Used{CPU: time.Minute}, nil }
	s.log("INFO waiting for rank 1")
	_, failure, err := s.serve(t)
	if err != nil || failure == nil || failure.Class != Stalled || !strings.Contains(failure.Hint, "stall_timeout") || len(failure.Tail) != 1 {
		t.Fatalf("%+v, %v", failure, err)
	}
	if s.life.stopped.Load() != 1 {
		t.Error("it was left running")
	}
}

func TestHangUnderLoad(t *testing.T) {
	s := newStart(t, good().server(t).Listener.Addr().String())
	server, failure, err := s.serve(t)
	if failure != nil || err != nil {
		t.Fatal(failure, err)
	}
	defer server.Close(t.Context())
	server.Busy(true)
	close(server.hung) // as the watch does
	<-server.Died()
	if f := server.Failure(); f.Class != Stalled || f.Fault != FaultConfiguration || !strings.Contains(f.Line, "it has requests") {
		t.Errorf("got %+v", f)
	}
}

// TestProgressOfAStart: what a person sees while an engine starts.
func TestProgressOfAStart(t *testing.T) {
	tests := []struct {
		why, kind, log string
		want           string
	}{
		{"vLLM's shards", "vllm", "Loading safetensors checkpoint shards:  50% Completed | 2/4 [00:01<00:01,  1.5it/s]\r", "loading weights 2/4"},
		{"SGLang's shards", "sglang", "Multi-thread loading shards: 100% Completed | 1/1 [00:00<00:00,  7.57it/s]\n", "loading weights 1/1"},
		{"vLLM compiles", "vllm", "(Worker pid=52) INFO 11-24 00:10:24 [cpu_model_runner.py:87] Warming up model for the compilation...\n", "compiling"},
		{"vLLM takes compiled code", "vllm", "INFO 11-24 00:10:24 [decorators.py:319] Directly load AOT compilation from path /c/model\n", "loading compiled code"},
		{"vLLM captures graphs", "vllm", "Capturing CUDA graphs (mixed prefill-decode, PIECEWISE):  51%|█████     | 18/35 [00:02<00:02,  8.1it/s]\r", "capturing CUDA graphs 18/35"},
		{"SGLang captures graphs", "sglang", "Capturing batches (bs=8 avail_mem=5.39 GB):  43%|████▎     | 10/23 [00:02<00:02,  5.1it/s]\r", "capturing CUDA graphs 10/23"},
		{"SGLang warms up", "sglang", "INFO:     Application startup complete.\n", "warming up"},
		{"llama.cpp loads", "llamacpp", "srv    load_model: loading model '/model/x.gguf'\n", "loading the model"},
		{"Ollama loads", "ollama", "time=… level=INFO source=llama_server.go:1048 msg=\"loading model via llama-server\" model=/x\n", "loading the model"},
		{"LMDeploy warms up", "lmdeploy", "2026-08-21 10:00:00,000 - lmdeploy - INFO - base.py:466 - Warming up model.\n", "warming up"},
	}
	for _, test := range tests {
		var got atomic.Value
		s := newSink(brokenNever{}, test.kind, redactor{}, func(stage string) { got.Store(stage) })
		_, _ = s.Write([]byte(test.log))
		if got.Load() != test.want {
			t.Errorf("%s: %v, want %q", test.why, got.Load(), test.want)
		}
	}
}
