package predict

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/qtune/qtune/simulator"
)

func calibration(version string, day int, weights float64) Calibration {
	return Calibration{
		Version: StoreVersion, Simulator: simulator.Version, Card: "RTX 5090", Engine: "vllm", EngineVersion: version,
		Time: time.Date(2026, 11, day, 0, 0, 0, 0, time.UTC), Values: map[string]float64{"weights": weights, "layer": 10},
	}
}

func TestStore(t *testing.T) {
	card := site(t).Card
	s := Store{filepath.Join(t.TempDir(), "calibration")}
	if _, found, note := s.Find(card, "vllm", "0.32.0"); found || note != "" {
		t.Error("an empty folder has one", note)
	}
	for _, c := range []Calibration{calibration("0.31.0", 1, .7), calibration("0.32.0", 2, .6), calibration("0.32.0", 3, .65), calibration("0.30.0", 4, .5)} {
		if _, err := s.Keep(&c); err != nil {
			t.Fatal(err)
		}
	}
	tests := []struct {
		name, kind, version string
		found               bool
		weights             float64
		note                string
	}{
		{"its own version, the last that was kept", "vllm", "0.32.0", true, .65, ""},
		{"another version: the newest, and that is said", "vllm", "0.40.0", true, .5, "vllm 0.40.0 is predicted with the calibration of 0.30.0"},
		{"no version known: the newest", "vllm", "", true, .5, ""},
		{"another engine has none", "sglang", "0.32.0", false, 0, ""},
	}
	for _, tt := range tests {
		c, found, note := s.Find(card, tt.kind, tt.version)
		if found != tt.found || note != tt.note || found && c.Apply(card).Weights != tt.weights {
			t.Errorf("%s: %v %q %+v", tt.name, found, note, c)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(s.Dir, ".*")); len(left) > 0 {
		t.Error("files were left half written:", left)
	}
}

func TestApplyScalesWhatHasOneCause(t *testing.T) {
	card := site(t).Card
	c, prior := calibration("1", 1, .5), simulator.EfficiencyOf(card)
	e := c.Apply(card)
	if e.Weights != .5 || e.SmallUS != 10 || e.AttentionUS != prior.AttentionUS*10/prior.SmallUS || e.GEMM != prior.GEMM {
		t.Errorf("%+v", e)
	}
}

func TestBrokenCalibrationIsIgnoredAndSaid(t *testing.T) {
	card := site(t).Card
	good := calibration("0.32.0", 1, .7)
	edit := func(old, replacement string) func(string) string {
		return func(s string) string { return strings.Replace(s, old, replacement, 1) }
	}
	tests := []struct {
		name string
		edit func(string) string
		want string
	}{
		{"no JSON", func(string) string { return "{" }, "unexpected end"},
		{"an empty file", func(string) string { return "" }, "unexpected end"},
		{"the form of a later qtune", edit(`"calibration_version": 1`, `"calibration_version": 2`), "this qtune reads 1"},
		{"fitted to another model", edit(`"simulator": "`+simulator.Version, `"simulator": "999`), "fitted to version 999"},
		{"no values", edit(`"values"`, `"other"`), "holds no values"},
		{"a negative share", edit("0.7", "-0.7"), "cannot be right"},
		{"an absurd share", edit("0.7", "1e9"), "cannot be right"},
		{"more than the whole", edit("0.7", "1.2"), "more than the whole"},
		{"far too long", func(s string) string { return s + strings.Repeat(" ", maxStored) }, "bytes"},
	}
	for _, tt := range tests {
		s := Store{t.TempDir()}
		path, err := s.Keep(&good)
		if err != nil {
			t.Fatal(err)
		}
		text, _ := os.ReadFile(path)
		if err := os.WriteFile(path, []byte(tt.edit(string(text))), 0o644); err != nil {
			t.Fatal(err)
		}
		_, found, note := s.Find(card, "vllm", "0.32.0")
		if found || !strings.Contains(note, tt.want) || !strings.Contains(note, path) {
			t.Errorf("%s: found %v, note %q", tt.name, found, note)
		}
		if _, err := s.Keep(&good); err != nil { // the next run mends it
			t.Errorf("%s: %v", tt.name, err)
		}
		if _, found, _ := s.Find(card, "vllm", "0.32.0"); !found {
			t.Errorf("%s: it stays broken", tt.name)
		}
	}
}

func FuzzCalibrationFile(f *testing.F) {
	f.Add([]byte(`{"calibration_version":1,"simulator":"1","card":"RTX 5090","engine":"vllm","values":{"weights":0.7}}`))
	s, card := Store{f.TempDir()}, site(f).Card
	f.Fuzz(func(t *testing.T, text []byte) {
		if err := os.WriteFile(filepath.Join(s.Dir, fileName(card.Name, "vllm", "1")), text, 0o644); err != nil {
			t.Fatal(err)
		}
		c, found, _ := s.Find(card, "vllm", "1")
		if !found {
			return
		}
		if e := c.Apply(card); !(e.Weights > 0 && e.Weights <= 1+1e-9 && e.StepUS > 0 && e.SmallUS > 0) {
			t.Errorf("%q gives %+v", text, e)
		}
	})
}
