package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/qtune/qtune/bench"
	"github.com/qtune/qtune/compare/show"
	"github.com/qtune/qtune/tuner"
	"github.com/qtune/qtune/usage"
)

// compared runs compare in a folder of runs.
func compared(t *testing.T, code int, args ...string) string {
	t.Helper()
	c := newConsole(t)
	if got := c.run(t, append([]string{"compare"}, args...)...); got != code {
		t.Fatalf("compare %q: exit %d, want %d\n%s%s", args, got, code, c.out.String(), c.err.String())
	}
	return c.out.String() + c.err.String()
}

func foreign(name string) string {
	return filepath.Join("..", "..", "compare", "files", "testdata", name)
}

// recordedRun is a copy of a simulated run of the profile "small" as it was recorded on
// an idle machine: what is compared here must not hang on how busy this one is.
func recordedRun(t *testing.T) (dir, run string) {
	t.Helper()
	dir = t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("testdata", "recorded"))); err != nil {
		t.Fatal(err)
	}
	return dir, "20261124-162829.303"
}

// TestCompareRun compares within one simulated run, in every way of naming its trials.
func TestCompareRun(t *testing.T) {
	dir, run := recordedRun(t)
	t.Run("one run: its winner with its baseline, every row simulated", func(t *testing.T) {
		text := compared(t, exitOK, run, "--dir", dir)
		for _, line := range strings.Split(text, "\n") {
			if strings.Contains(line, "tok/s") && !strings.HasSuffix(line, "simulated") {
				t.Errorf("no word of simulation: %s", line)
			}
		}
		if !strings.Contains(text, "vllm plain max-num-seqs=8") || !strings.Contains(text, "w, 8 users: ") {
			t.Error(text)
		}
	})
	t.Run("trials by engine, name, both and word; the newest run without a name", func(t *testing.T) {
		for _, b := range []string{":winner", ":vllm", ":plain", ":vllm/plain", run + ":winner", filepath.Join(dir, "runs", run), filepath.Join(dir, "runs", run) + ":baseline"} {
			compared(t, exitOK, ":baseline", b, "--dir", dir)
		}
	})
	t.Run("the same thing is not slower than itself", func(t *testing.T) {
		if text := compared(t, exitOK, ":winner", ":winner", "--dir", dir, "--fail-if-slower", "5%"); !strings.Contains(text, "slower than allowed: output_throughput, w, 8 users") {
			t.Error(text)
		}
	})
	t.Run("a report as stored baseline", func(t *testing.T) {
		stored := filepath.Join(t.TempDir(), "base.json")
		shown(t, exitOK, run, "--dir", dir, "--format", "json", "-o", stored)
		text := compared(t, exitOK, stored+":baseline", ":baseline", "--dir", dir, "--json")
		var d show.Data
		if err := json.Unmarshal([]byte(text), &d); err != nil || !d.Comparable || !d.Simulated || d.Levels[0].Rows[0].A != d.Levels[0].Rows[0].B || !d.Levels[0].Rows[0].Simulated {
			t.Errorf("%v: %+v", err, d)
		}
	})
	t.Run("a run's folder that was copied elsewhere", func(t *testing.T) {
		copied := filepath.Join(t.TempDir(), "old")
		if err := os.CopyFS(copied, os.DirFS(filepath.Join(dir, "runs", run))); err != nil {
			t.Fatal(err)
		}
		compared(t, exitOK, copied, ":winner", "--dir", dir)
	})
	t.Run("simulated against measured is refused, unless forced", func(t *testing.T) {
		text := compared(t, exitError, foreign("vllm.json"), ":winner", "--dir", dir)
		for _, want := range []string{"simulated and the other measured", "load clients differ", "--force"} {
			if !strings.Contains(text, want) {
				t.Errorf("no %q in %s", want, text)
			}
		}
		for _, form := range []string{"text", "markdown"} {
			for _, line := range strings.Split(compared(t, exitOK, foreign("vllm.json"), ":winner", "--dir", dir, "--force", "--format", form), "\n") {
				if strings.Trim(line, "#|->: ") != "" && !strings.Contains(line, "not comparable") && !strings.Contains(line, "A | B") {
					t.Errorf("%s: a line without the mark: %q", form, line)
				}
			}
		}
	})
	t.Run("what is not there", func(t *testing.T) {
		for _, tt := range []struct {
			code int
			args []string
			want string
		}{
			{exitError, []string{":nobody", ":winner"}, "has no trial or engine nobody"},
			{exitError, []string{"nothing.json", ":winner"}, "neither a file nor a run"},
			{exitUsage, []string{":winner"}, "name the other one too"},
			{exitUsage, nil, "takes one run, or two sides"},
			{exitUsage, []string{":winner", ":winner", "--fail-if-slower", "a lot"}, "write a percentage"},
			{exitUsage, []string{":winner", ":winner", "--metric", "speed"}, "no such metric"},
			{exitUsage, []string{":winner", ":winner", "--format", "pdf"}, "choose text, markdown, json or junit"},
		} {
			if text := compared(t, tt.code, append(tt.args, "--dir", dir)...); !strings.Contains(text, tt.want) {
				t.Errorf("%q: %s", tt.args, text)
			}
		}
	})
	t.Run("Korean", func(t *testing.T) {
		if text := compared(t, exitOK, run, "--dir", dir, "--lang", "ko"); !strings.Contains(text, "시뮬레이션") || !strings.Contains(text, "95 % 구간") || strings.Contains(text, "⟦") {
			t.Error(text)
		}
	})
}

func TestCardsOf(t *testing.T) {
	r := &tuner.TrialResult{Workloads: []tuner.WorkloadResult{{Levels: []bench.LevelResult{
		{}, {Usage: &usage.Level{Cards: []usage.Card{{Name: "NVIDIA H100"}, {Name: "NVIDIA H100"}}}},
	}}}}
	if got := cardsOf(r); got != "NVIDIA H100 + NVIDIA H100" {
		t.Error(got)
	}
	if got := cardsOf(&tuner.TrialResult{}); got != "" {
		t.Error(got)
	}
}

// slowed is a result file of vllm bench serve with every figure worse by a factor.
func slowed(t *testing.T, factor float64) string {
	t.Helper()
	text, err := os.ReadFile(foreign("vllm-detailed.json"))
	if err != nil {
		t.Fatal(err)
	}
	var v map[string]any
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	for key, value := range v {
		switch n, ok := value.(float64); {
		case ok && strings.HasSuffix(key, "throughput"):
			v[key] = n / factor
		case ok && strings.HasSuffix(key, "_ms"):
			v[key] = n * factor
		}
	}
	path := filepath.Join(t.TempDir(), "slow.json")
	if text, err = json.Marshal(v); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, text, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestFailIfSlower(t *testing.T) {
	base := foreign("vllm-detailed.json")
	for _, tt := range []struct {
		name   string
		factor float64
		code   int
	}{
		{"half as fast", 2, exitSlower}, {"as fast", 1, exitOK}, {"a little slower, which nobody can tell", 1.06, exitOK}, {"faster", 0.5, exitOK},
	} {
		t.Run(tt.name, func(t *testing.T) {
			text := compared(t, tt.code, base, slowed(t, tt.factor), "--fail-if-slower", "5%", "--metric", "e2e_mean")
			if !strings.Contains(text, "e2e_mean") {
				t.Error(text)
			}
		})
	}
	t.Run("JUnit has the failure", func(t *testing.T) {
		text := compared(t, exitSlower, base, slowed(t, 2), "--fail-if-slower", "5%", "--metric", "e2e_mean", "--format", "junit")
		if !strings.Contains(text, `failures="1"`) || !strings.Contains(text, `<failure message="Slower than allowed: e2e_mean`) {
			t.Error(text)
		}
	})
}
