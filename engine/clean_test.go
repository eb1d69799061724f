package engine

import "testing"

func TestClean(t *testing.T) {
	tests := []struct{ why, line, text, source string }{
		{"vLLM", "(Worker pid=53) ERROR 11-24 00:21:29 [multiproc_executor.py:1063] boom", "boom", "Worker pid=53"},
		{"vLLM with ranks", "(EngineCore_DP0 pid=276) INFO 11-24 00:21:29 [core.py:1] a", "a", "EngineCore_DP0 pid=276"},
		{"vLLM before 0.11", "INFO 01-01 00:00:00 core.py:10] a", "a", ""},
		{"a frame keeps its indent", "(Worker pid=53) ERROR 11-24 00:21:29 [m.py:1]   File \"x\"", "  File \"x\"", "Worker pid=53"},
		{"SGLang", "[2026-11-24 00:51:37] Scheduler hit", "Scheduler hit", ""},
		{"SGLang with ranks", "[2026-11-24 00:51:37 DP0 TP1] Scheduler hit", "Scheduler hit", ""},
		{"Docker's time", "2026-11-24T00:51:37.123456789Z (APIServer pid=1) INFO 11-24 00:20:28 [a.py:3] b", "b", "APIServer pid=1"},
		{"colours", "[2026-11-24 00:31:07] \x1b[1;33mold\x1b[0m", "old", ""},
		{"what a progress bar has overwritten", "shards: 0%\rshards: 100%\rERROR here", "ERROR here", ""},
		{"nothing in front", "plain (x) text", "plain (x) text", ""},
	}
	for _, test := range tests {
		if got := clean(test.line); got.text != test.text || got.source != test.source {
			t.Errorf("%s: got %+v", test.why, got)
		}
	}
}
