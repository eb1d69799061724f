package usage

import (
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

var start = time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)

func at(seconds float64) time.Time {
	return start.Add(time.Duration(seconds * float64(time.Second)))
}

// card makes a sample every half second from 0 to 10 s.
func card(change func(s *CardSample, seconds float64)) CardSamples {
	c := CardSamples{Index: 3, UUID: "GPU-3", Name: "H100"}
	for i := range 21 {
		s := Unknown(at(float64(i) / 2))
		change(&s, float64(i)/2)
		c.Samples = append(c.Samples, s)
	}
	return c
}

func near(p *float64, want float64) bool {
	if p == nil {
		return math.IsNaN(want)
	}
	return math.Abs(*p-want) < 1e-6
}

var nothing = math.NaN()

func TestSummarizeOneCard(t *testing.T) {
	tests := []struct {
		why             string
		span            Span
		change          func(*CardSample, float64)
		power, joules   float64
		by              string
		perToken, clock float64
		slowed          []Slowdown
		warns           string
	}{
		{"a card that tells nothing but its memory", Span{at(0), at(10)}, func(*CardSample, float64) {}, nothing, nothing, "", nothing, nothing, nil, ""},
		{"its counter counts, whatever its power says", Span{at(0), at(10)}, func(s *CardSample, x float64) { s.Power, s.Energy = 1, 1e6+300*x }, 1, 3000, "counter", 30, nothing, nil, ""},
		{"without a counter power is integrated", Span{at(0), at(10)}, func(s *CardSample, x float64) { s.Power = 100 + 10*x }, 150, 1500, "power", 15, nothing, nil, ""},
		{"a counter that went back is none", Span{at(0), at(10)}, func(s *CardSample, x float64) { s.Power, s.Energy = 200, 1e6-x }, 200, 2000, "power", 20, nothing, nil, ""},
		{"what lies outside the span is left out", Span{at(4), at(6)}, func(s *CardSample, x float64) {
			s.Power, s.Clock = 100, 1000
			if x < 4 || x > 6 {
				s.Power, s.Clock, s.Slow = 900, 10, Heat
			}
		}, 100, 200, "power", 2, 1000, nil, ""},
		{"the ends of the span between two samples count at the same rate", Span{at(0.1), at(9.9)}, func(s *CardSample, x float64) { s.Energy = 100 * x }, nothing, 980, "counter", 9.8, nothing, nil, ""},
		{"slowed by its power limit for a part of the time", Span{at(0), at(10)}, func(s *CardSample, x float64) {
			if s.Clock = 1980; x >= 6 {
				s.Slow, s.Clock = PowerCap, 1000
			}
		}, nothing, nothing, "", nothing, (12*1980 + 9*1000) / 21., []Slowdown{{"power cap", 9. / 21}}, "card 3 was throttled 43 % of the time: power cap"},
		{"a moment of heat is told and not warned of", Span{at(0), at(10)}, func(s *CardSample, x float64) {
			if x == 5 {
				s.Slow = Heat
			}
		}, nothing, nothing, "", nothing, nothing, []Slowdown{{"heat", 1. / 21}}, ""},
		{"two reasons at once are two", Span{at(0), at(10)}, func(s *CardSample, _ float64) { s.Slow = PowerCap | Hardware }, nothing, nothing, "", nothing, nothing,
			[]Slowdown{{"power cap", 1}, {"hardware slowdown", 1}}, "hardware slowdown"},
		{"errors of its memory that came meanwhile", Span{at(0), at(10)}, func(s *CardSample, x float64) { s.ECC = 5 + math.Floor(x/5) }, nothing, nothing, "", nothing, nothing, nil, "card 3 had 2 memory errors"},
	}
	for _, tt := range tests {
		t.Run(tt.why, func(t *testing.T) {
			c := card(tt.change)
			for i := range c.Samples {
				c.Samples[i].UsedBytes = 7
			}
			l := Summarize([]CardSamples{c}, "", nil, tt.span, 100)
			if len(l.Cards) != 1 || l.PeakBytes != 7 || l.On != nil {
				t.Fatalf("got %+v", l)
			}
			got := l.Cards[0]
			if !near(got.PowerW, tt.power) || !near(got.EnergyJ, tt.joules) || got.EnergyBy != tt.by || !near(l.JoulesPerToken, tt.perToken) || !near(got.ClockMHz, tt.clock) {
				t.Errorf("power %v, energy %v by %q, %v a token, clock %v", got.PowerW, got.EnergyJ, got.EnergyBy, l.JoulesPerToken, got.ClockMHz)
			}
			if !reflect.DeepEqual(got.Slowed, tt.slowed) {
				t.Errorf("slowed %+v, want %+v", got.Slowed, tt.slowed)
			}
			if warns := strings.Join(l.Warnings(), "\n"); (warns == "") != (tt.warns == "") || !strings.Contains(warns, tt.warns) {
				t.Errorf("warnings %q, want %q", warns, tt.warns)
			}
		})
	}
}

func TestSummarizeSeveralCards(t *testing.T) {
	one := card(func(s *CardSample, x float64) { s.Power, s.Energy, s.Link, s.UsedBytes = 100, 100*x, 1e9*x, uint64(x) })
	mute := card(func(s *CardSample, _ float64) { s.UsedBytes = 4 })
	mute.Xids = []Xid{{at(3), 79}, {at(11), 13}}
	span := Span{at(0), at(10)}
	l := Summarize([]CardSamples{one, one}, "", nil, span, 10)
	if !near(l.PowerW, 200) || !near(l.EnergyJ, 2000) || !near(l.JoulesPerToken, 200) || l.PeakBytes != 20 || !near(l.Cards[0].NVLink, 1e9) {
		t.Errorf("two cards: %+v", l)
	}
	l = Summarize([]CardSamples{one, mute}, "", nil, span, 10)
	if l.PowerW != nil || l.EnergyJ != nil || l.JoulesPerToken != nil || l.PeakBytes != 14 {
		t.Errorf("a sum with a card that does not tell: %+v", l)
	}
	if want := []string{"the driver reported error Xid 79 of card 3"}; !slices.Equal(l.Warnings(), want) {
		t.Errorf("warnings %q, want %q", l.Warnings(), want)
	}
	if l := Summarize([]CardSamples{one}, "", nil, Span{at(20), at(30)}, 10); len(l.Cards) != 0 || l.PowerW != nil {
		t.Errorf("a span without a sample: %+v", l)
	}
	if l := Summarize([]CardSamples{one}, "", nil, Span{at(0), at(10)}, 0); l.JoulesPerToken != nil || l.EnergyJ == nil {
		t.Errorf("no token: %+v", l)
	}
}

func TestSummarizeEngine(t *testing.T) {
	var all []EngineSample // busy with 1.5 processors from 2 s on, and throttled for a fifth of the time
	for i := range 11 {
		x := float64(i)
		busy := max(0, x-2)
		all = append(all, EngineSample{At: at(x), CPU: time.Duration(1.5 * busy * 1e9), MemoryBytes: uint64(100 - i), Throttled: time.Duration(.2 * busy * 1e9)})
	}
	tests := []struct {
		why       string
		samples   []EngineSample
		span      Span
		cpus      float64
		throttled float64
		peak      uint64 // 0: nothing is told
	}{
		{"looks within the span", all, Span{at(2), at(8)}, 1.5, .2, 98},
		{"the span's ends lie between two looks", all, Span{at(3.4), at(3.6)}, 1.5, .2, 97},
		{"half of the span idles", all, Span{at(1), at(3)}, .75, .1, 99},
		{"looks that began late and ended early", all[3:5], Span{at(0), at(20)}, 1.5, .2, 97},
		{"one look", all[:1], Span{at(0), at(8)}, nothing, nothing, 100},
		{"looks before it", all, Span{at(20), at(28)}, 0, 0, 0},
		{"looks behind it", all[5:], Span{at(0), at(1)}, 0, 0, 0},
		{"none", nil, Span{at(0), at(1)}, 0, 0, 0},
	}
	for _, tt := range tests {
		t.Run(tt.why, func(t *testing.T) {
			l := Summarize(nil, "container", tt.samples, tt.span, 5)
			if (l.On == nil) != (tt.peak == 0) {
				t.Fatalf("got %+v", l.On)
			}
			if l.On != nil && (l.On.Kind != "container" || !near(l.On.CPUs, tt.cpus) || !near(l.On.Throttled, tt.throttled) || l.On.PeakBytes != tt.peak) {
				t.Errorf("got %+v: %v processors, throttled %v", l.On, l.On.CPUs, l.On.Throttled)
			}
		})
	}
	l := Summarize(nil, "container", all, Span{at(2), at(8)}, 5)
	if w := l.Warnings(); len(w) != 1 || !strings.Contains(w[0], "held the engine back for 20 % of the time") {
		t.Errorf("warnings %q", w)
	}
}

func TestWriteCSV(t *testing.T) {
	var b strings.Builder
	s := Unknown(at(1))
	s.Power, s.UsedBytes = 350.5, 9
	err := WriteHead(&b)
	if err == nil {
		err = WriteCSV(&b, "20 users", []CardSamples{{UUID: "GPU-3", Samples: []CardSample{s}}}, "container", []EngineSample{{At: at(2), CPU: 3 * time.Second, MemoryBytes: 8}}, at(0))
	}
	lines := strings.Split(strings.TrimSpace(b.String()), "\n")
	if err != nil || len(lines) != 3 || lines[1] != "20 users,GPU-3,1,9,,,350.5,,,,,0,,,,,," || lines[2] != "20 users,container,2,8,,,,,,,,,,,,,3,0" {
		t.Errorf("%v:\n%s", err, b.String())
	}
}
