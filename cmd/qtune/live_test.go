package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/qtune/qtune/bench"
	"github.com/qtune/qtune/profiles"
	"github.com/qtune/qtune/report/words"
	"github.com/qtune/qtune/tuner"
)

// watched is a profile with a price, two kinds of load and a finish.
const watched = `
model {
  id = "Qwen/Qwen3-8B"
}
engine "vllm" "plain" {
  image = "vllm/vllm-openai:v0.32.0"
  sweep {
    max-num-seqs           = [8, 64]
    gpu-memory-utilization = [0.85, 0.9]
  }
}
workload "chat" {
  prompts {
    input_tokens = 32
  }
  single {
    output_tokens = [10, 200]
  }
  closed {
    users         = [1, 8, 32]
    output_tokens = 100
  }
}
objective {
  maximize = output_throughput
  at       = { users = 32 }
}
search {
  budget {
    cost           = 2
    gpu_hour_price = 2.5
  }
  finish {
    candidates = 2
    starts     = 3
  }
}
`

// story is a run as the live view is told of it.
type story struct {
	course liveCourse
	plan   *tuner.Plan
	now    time.Time
	n      int
}

func newStory(t testing.TB, simulated bool) *story {
	t.Helper()
	p, diags := profiles.Parse([]byte(watched), "watched.hcl", profiles.Options{})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	began := time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)
	s := &story{plan: tuner.NewPlan(p), now: began, course: liveCourse{simulated: simulated, began: began}}
	s.course.plan(s.plan)
	return s
}

// tell passes an event on, so many seconds after the last.
func (s *story) tell(after float64, kind string, change func(*tuner.Event)) {
	s.now = s.now.Add(time.Duration(after * float64(time.Second)))
	e := s.course.now
	e.Type, e.N, e.Purpose, e.Start, e.Level, e.Result = kind, len(s.plan.Trials), tuner.PurposeSearch, 1, nil, nil
	if change != nil {
		change(&e)
	}
	s.course.event(e, s.now)
}

// begin starts the next trial.
func (s *story) begin() {
	s.tell(0.2, tuner.EventTrialStarted, func(e *tuner.Event) {
		e.K, e.Trial, e.Stage = s.n+1, &s.plan.Trials[s.n], ""
	})
	s.n++
}

// levels are what a trial measures: of each its name and what came of it.
func levels(p *profiles.Profile, speed float64) []bench.LevelResult {
	var all []bench.LevelResult
	for _, l := range p.Workloads[0].Levels {
		all = append(all, bench.LevelResult{Kind: l.Kind, Users: l.Users, RequestedOutputTokens: l.OutputTokens, OutputThroughput: speed * float64(max(l.Users, 1)) * 40})
	}
	return all
}

// measure measures the first so many levels of a trial.
func (s *story) measure(n int, speed float64) {
	s.tell(24, tuner.EventTrialReady, nil)
	for i, l := range levels(s.plan.Profile, speed)[:n] {
		s.tell(0.1, tuner.EventTrialStage, func(e *tuner.Event) { e.Stage = s.plan.Profile.Workloads[0].Levels[i].String() })
		s.tell(6, tuner.EventLevelDone, func(e *tuner.Event) { e.Level = &l })
	}
}

// end ends a trial that measured everything.
func (s *story) end(speed float64) {
	s.tell(3, tuner.EventTrialDone, func(e *tuner.Event) {
		e.Result = &tuner.TrialResult{
			Trial: e.Trial.ID, Engine: "vllm", Name: "plain", Baseline: e.Trial.Baseline, Status: tuner.OK, WallS: 60, StartS: 24, MeasureS: 30, Cards: 1,
			Workloads: []tuner.WorkloadResult{{Workload: "chat", Levels: levels(s.plan.Profile, speed)}},
		}
		if v, ok := e.Result.Value(s.plan.Profile.Objective); ok && (e.Best == nil || v > *e.Best.Value) {
			e.Best = &tuner.Verdict{Result: e.Result, Value: &v}
		}
	})
}

// moments are what is looked at of a run.
func moments(t testing.TB, simulated bool, look func(name string, s *story)) {
	s := newStory(t, simulated)
	s.course.stage = "pulling vllm/vllm-openai:v0.32.0: 3.1 GiB of 9.2 GiB, 4 of 11 layers"
	s.now = s.now.Add(90 * time.Second)
	look("before the first trial", s)
	s.begin()
	s.course.stage = "loading weights 3/8"
	s.now = s.now.Add(11 * time.Second)
	look("the baseline loads", s)
	s.measure(5, 1)
	look("it is removed", s)
	s.end(1)
	s.begin()
	s.measure(4, 1.3)
	s.tell(0.1, tuner.EventTrialStage, func(e *tuner.Event) { e.Stage = "32 users" })
	for i := range 12 {
		s.now = s.now.Add(time.Second)
		s.course.load(bench.Progress{Elapsed: time.Duration(i+1) * time.Second, Requests: bench.RequestCount{Completed: 16 * (i + 1), Failed: i / 6}, InFlight: 32, OutputTokens: 1600 * (i + 1)}, s.now)
	}
	look("the second is measured", s)
	s.tell(1, tuner.EventLevelDone, func(e *tuner.Event) { e.Level = &levels(s.plan.Profile, 1.3)[4] })
	s.end(1.3)
	look("between two trials", s)
}

// TestLiveLineOfTwoFigures names both where both count, each with what it is to the
// baseline's.
func TestLiveLineOfTwoFigures(t *testing.T) {
	s := newStory(t, true)
	o := &s.course.profile.Objective
	ttft, _ := bench.LookupMetric("ttft_mean")
	o.Also, o.Pick = &profiles.Objective{Metric: ttft, Minimize: true, At: o.At}, profiles.PickKnee
	verdict := func(tokens, wait float64) *tuner.Verdict {
		levels := make([]bench.LevelResult, o.At.Level+1)
		levels[o.At.Level] = bench.LevelResult{OutputThroughput: tokens, TTFT: bench.Stats{Mean: &wait}}
		r := &tuner.TrialResult{Engine: "vllm", Name: "a", Status: tuner.OK}
		r.Workloads = append(r.Workloads, tuner.WorkloadResult{Levels: levels})
		return &tuner.Verdict{Result: r, Value: &tokens, Second: &wait}
	}
	base := verdict(100, 200)
	base.Result.Baseline = true
	s.course.base, s.course.now.Best = base.Result, base
	want := "vllm a|output_throughput 100.0 tok/s simulated|ttft_mean 200 ms simulated|the baseline"
	if got := strings.Join(s.course.best(), "|"); got != want {
		t.Errorf("%q", got)
	}
	s.course.now.Best = verdict(120, 150)
	want = "vllm a|output_throughput 120.0 tok/s simulated|+20.0 % to the baseline|ttft_mean 150 ms simulated|-25.0 % to the baseline"
	if got := strings.Join(s.course.best(), "|"); got != want {
		t.Errorf("%q", got)
	}
}

// TestLiveRegion holds what the region says to its golden file: at three widths, with
// real engines and simulated ones.
func TestLiveRegion(t *testing.T) {
	var all strings.Builder
	for _, columns := range []int{119, 79, 39} {
		moments(t, columns == 79, func(name string, s *story) {
			fmt.Fprintf(&all, "--- %d columns, %s\n", columns, name)
			for _, l := range s.course.lines(s.now, columns) {
				text := l.plain(columns)
				if words.Columns(text) > columns {
					t.Errorf("%s: %d columns: %q", name, words.Columns(text), text)
				}
				all.WriteString(text + "\n")
			}
		})
	}
	path := filepath.Join("testdata", "live.golden")
	if *update {
		if err := os.WriteFile(path, []byte(all.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil || all.String() != string(want) {
		t.Errorf("%v: the region is another (-update writes it anew):\n%s", err, all.String())
	}
}

// onScreen is a live view on a screen, that draws when it is told to alone.
func onScreen(s *screen, color bool) *liveView {
	return &liveView{
		out: s, width: func() int { return s.columns }, rows: func() int { return s.rows }, color: color, reflows: s.reflows,
		course: liveCourse{began: time.Now()}, end: make(chan struct{}),
	}
}

func TestLiveViewOnAScreen(t *testing.T) {
	for _, tt := range []struct {
		name    string
		columns []int // of the window, one after the other
		rows    int
		reflows bool
		color   bool
	}{
		{"a wide window", []int{120}, 24, true, true},
		{"a narrow one without colours", []int{40}, 24, true, false},
		{"one that is made narrower, and breaks its lines anew", []int{120, 60, 40}, 24, true, true},
		{"one that is made narrower, and cuts its lines", []int{120, 60, 40}, 24, false, false},
		{"one that is made wider", []int{40, 120}, 24, true, true},
		{"one of four lines", []int{80}, 4, true, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newScreen(t, tt.columns[0], tt.rows, tt.reflows)
			v := onScreen(s, tt.color)
			v.say("above")
			moments(t, false, func(name string, at *story) {
				for _, columns := range tt.columns {
					if columns != s.columns {
						s.resize(columns)
					}
					v.course = at.course
					v.draw("")
				}
				v.say("passed: " + name)
				checkScreen(t, v, s, name)
			})
			v.stop()
			if strings.Contains(s.String(), "gone") || strings.Count(s.String(), "passed: ") != 5 || !strings.HasPrefix(s.String(), "above\n") {
				t.Errorf("left on the screen:\n%s", s)
			}
			if s.blanked > 0 {
				t.Errorf("%d times something was erased that could be seen", s.blanked)
			}
		})
	}
}

// checkScreen checks that the region stands once, at the end.
func checkScreen(t *testing.T, v *liveView, s *screen, name string) {
	t.Helper()
	text := s.String()
	if !strings.HasSuffix(text, strings.Join(v.drawn, "\n")) || len(v.drawn) >= max(s.rows, 2) {
		t.Fatalf("%s: the region of %d lines is not the end of the screen:\n%s", name, len(v.drawn), text)
	}
	above := strings.TrimSuffix(text, strings.Join(v.drawn, "\n"))
	if strings.Contains(above, " gone") || strings.Contains(above, "gate") {
		t.Fatalf("%s: something of an earlier region is left:\n%s", name, text)
	}
}

func TestLiveViewWritesNothingTwice(t *testing.T) {
	var out strings.Builder
	v := onScreen(newScreen(t, 80, 24, true), false)
	v.out = &out
	v.course = newStory(t, false).course
	v.course.stage = "asking the engine"
	v.course.began = time.Now().Add(-time.Hour)
	v.draw("")
	length := out.Len()
	v.draw("")
	if out.Len() != length {
		t.Errorf("%q", out.String()[length:])
	}
}

func TestColoursOnlyWhereTheyAreWanted(t *testing.T) {
	for _, tt := range []struct {
		name    string
		environ []string
		want    bool
	}{
		{"a terminal", []string{"TERM=xterm-256color"}, true},
		{"NO_COLOR", []string{"TERM=xterm-256color", "NO_COLOR="}, false},
	} {
		w := &world{terminal: true, environ: tt.environ}
		var out strings.Builder
		v := onScreen(newScreen(t, 80, 24, true), w.color())
		v.out = &out
		moments(t, false, func(_ string, at *story) {
			v.course = at.course
			v.draw("")
		})
		if got := strings.Contains(out.String(), "\x1b[0m"); got != tt.want {
			t.Errorf("%s: colours are %v", tt.name, got)
		}
	}
}

func TestFit(t *testing.T) {
	for _, tt := range []struct {
		line    string
		columns int
		want    string
	}{
		{"short", 10, "short"},
		{"exactly ten", 11, "exactly ten"},
		{"one too many", 11, "one too ma…"},
		{"두 칸씩", 7, "두 칸씩"},
		{"두 칸씩이다", 7, "두 칸…"},
	} {
		if got := fit(tt.line, tt.columns); got != tt.want || words.Columns(got) > tt.columns {
			t.Errorf("%q in %d: %q", tt.line, tt.columns, got)
		}
	}
}

// BenchmarkRedraw is one redraw; there are two a second while a run goes on.
func BenchmarkRedraw(b *testing.B) {
	var last *story
	moments(b, false, func(name string, s *story) {
		if name == "the second is measured" {
			last = s
			v := &liveView{out: discard{}, width: func() int { return 120 }, color: true, course: s.course}
			for i := range b.N {
				v.course.began = last.now.Add(-time.Duration(i) * time.Second) // another clock: nothing is left out
				v.draw("")
			}
		}
	})
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }
