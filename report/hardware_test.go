package report

import (
	"bytes"
	"strings"
	"testing"

	"github.com/qtune/qtune/report/words"
	"github.com/qtune/qtune/tuner"
	"github.com/qtune/qtune/usage"
)

// onCPU is a run without a card: its engines' processors and memory are known.
func onCPU(t *testing.T) *tuner.PastRun {
	t.Helper()
	run := sample(t, false)
	cpus, held := 1.75, .2
	for i := range run.Results {
		for w := range run.Results[i].Workloads {
			for l := range run.Results[i].Workloads[w].Levels {
				run.Results[i].Workloads[w].Levels[l].Usage = &usage.Level{
					NoGPU: "libnvidia-ml.so.1 was not found: no NVIDIA driver is installed here",
					On:    &usage.Engine{Kind: "container", CPUs: &cpus, PeakBytes: 3 << 30, Throttled: &held},
				}
			}
		}
	}
	return past(run.Profile, nil, run.Results...)
}

func TestHardware(t *testing.T) {
	tests := []struct {
		why       string
		run       *tuner.PastRun
		has, lack []string // of the English document
		csv       string   // the end of the full file's first line
	}{
		{"a card and a container", sample(t, false), []string{"Power, W", "J per output token", "38 % power cap", "30.0", "card 0 was throttled 38 % of the time: power cap"},
			[]string{"There are no figures of a GPU", "Held by CPU quota"}, "gpu_slowed,engine_cpus,engine_peak_bytes,engine_throttled"},
		{"a container without a card", onCPU(t), []string{"CPUs busy", "1.75", "3.00", "20", "There are no figures of a GPU: libnvidia-ml.so.1 was not found"},
			[]string{"Power, W", "J per output token", "Throttled"}, "client_bound,engine_cpus,engine_peak_bytes,engine_throttled"},
		{"a simulated run used nothing", sample(t, true), nil, []string{"What the machine did", "no figures of a GPU"}, "client_bound"},
	}
	for _, tt := range tests {
		t.Run(tt.why, func(t *testing.T) {
			text := asMarkdown(t, document(t, tt.run, "en"))
			for _, want := range tt.has {
				if !strings.Contains(text, want) {
					t.Errorf("the report lacks %q", want)
				}
			}
			for _, no := range tt.lack {
				if strings.Contains(text, no) {
					t.Errorf("the report has %q", no)
				}
			}
			var b bytes.Buffer
			if err := FullCSV(&b, tt.run); err != nil {
				t.Fatal(err)
			}
			if head, _, _ := strings.Cut(b.String(), "\n"); !strings.HasSuffix(head, tt.csv) {
				t.Errorf("columns %s", head)
			}
		})
	}
}

func TestHardwareIsTranslated(t *testing.T) {
	text := asMarkdown(t, document(t, onCPU(t), "ko"))
	if !strings.Contains(text, "NVIDIA 드라이버가 설치되어 있지 않음") || !strings.Contains(text, "사용한 CPU 수") {
		t.Errorf("the Korean report has no Korean words for the machine")
	}
	ko, err := words.For("ko")
	if err != nil {
		t.Fatal(err)
	}
	l := usage.Level{
		Cards: []usage.Card{{Slowed: []usage.Slowdown{{Reason: "power cap", Share: .4}, {Reason: "heat", Share: .4}, {Reason: "power supply", Share: .4}, {Reason: "hardware slowdown", Share: .4}}, Xids: []int{79}, ECCErrors: 2}},
		On:    &usage.Engine{Throttled: new(float64)},
	}
	*l.On.Throttled = .5
	for _, w := range append(l.Warnings(), slowed(&l)) {
		if _, ok := ko.Translate(w); !ok {
			t.Errorf("no Korean words for %q", w)
		}
	}
}

func TestHardwareInTheTextReport(t *testing.T) {
	var b strings.Builder
	if err := Text(&b, sample(t, false).Outcome); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"The machine at", "baseline: 400 W", "winner: 4", "J an output token", "30.0 GiB of the card at most"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("it lacks %q:\n%s", want, b.String())
		}
	}
}
