//go:build chaos

package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/qtune/qtune/bench"
	"github.com/qtune/qtune/tuner"
)

// verdict is how the decision of a run that was disturbed compares with that of one
// that was not.
type verdict int

const (
	same verdict = iota
	excused
	differs
)

// judge compares two decisions. Which trials start and which fail does not hang on
// how busy a machine is, so there is no excuse for that; which one wins may differ
// where a measurement of one of the two winners says itself that the machine was too
// busy for it, and then the winner is the best of what was measured: none where the
// load client was the bottleneck in every trial, since chaotic has no constraint that
// could rule one out.
func judge(got, want tuner.Summary, records func() []tuner.Record) verdict {
	g, w := got.Trials, want.Trials
	switch {
	case g.OK != w.OK || g.Failed != w.Failed || g.Pruned != w.Pruned:
		return differs
	case got.Winner != nil && got.Winner.Trial == want.Winner.Trial:
		return same
	case trialThatWon(got) != bestOf(records()):
		return differs
	case anySpoilt(records(), want.Winner), got.Winner != nil && anySpoilt(records(), got.Winner):
		return excused
	}
	return differs
}

// measurements are what was recorded of each trial, for people.
func measurements(records []tuner.Record) string {
	said := ""
	for i := range records {
		r := records[i].Result
		switch {
		case r == nil:
		case r.Status != tuner.OK:
			said += fmt.Sprintf("\n%s %s: %s", records[i].Type, r.Trial, r.Status)
		default:
			l := &r.Workloads[0].Levels[0]
			said += fmt.Sprintf("\n%s %s: %.1f tok/s, %+v, client %+v, notes %q", records[i].Type, r.Trial, l.OutputThroughput, l.Requests, l.Client, l.Notes)
		}
	}
	return said
}

func trialThatWon(s tuner.Summary) string {
	if s.Winner == nil {
		return ""
	}
	return s.Winner.Trial
}

// bestOf is the trial with the most tokens per second, of those whose load client was
// not the bottleneck: what chaotic asks for. "" is none.
func bestOf(records []tuner.Record) string {
	best, most := "", 0.0
	for i := range records {
		r := records[i].Result
		if r == nil || r.Status != tuner.OK {
			continue
		}
		l := &r.Workloads[0].Levels[0]
		if v := l.OutputThroughput; !l.Client.Bound && v > most {
			best, most = r.Trial, v
		}
	}
	return best
}

// anySpoilt tells whether a result of a configuration says that the load client was
// the bottleneck, or that a simulated engine ran late by its own clock; no other note
// is an excuse.
func anySpoilt(records []tuner.Record, of *tuner.Choice) bool {
	late := func(note string) bool { return strings.Contains(note, "simulated server was late") }
	for i := range records {
		if records[i].Result == nil || records[i].Trial != of.Trial {
			continue
		}
		for _, w := range records[i].Result.Workloads {
			for l := range w.Levels {
				if w.Levels[l].Client.Bound || slices.ContainsFunc(w.Levels[l].Notes, late) {
					return true
				}
			}
		}
	}
	return false
}

// notReused are those of the known trials that a run, by its JSON lines, has not
// taken from an earlier one.
func notReused(known map[string]bool, out string) []string {
	missing := maps.Clone(known)
	for line := range strings.Lines(out) {
		var e struct{ Type, Trial string }
		if json.Unmarshal([]byte(line), &e) == nil && e.Type == tuner.EventTrialReused {
			delete(missing, e.Trial)
		}
	}
	return slices.Sorted(maps.Keys(missing))
}

// The judges of the chaos tests see what they are there to see.
func TestVerdict(t *testing.T) {
	const late = "the simulated server was late by 3 ms"
	want := ended("a", 3, 1)
	for _, tt := range []struct {
		why     string
		got     tuner.Summary
		a, b, c tuner.Record
		want    verdict
	}{
		{"the same winner of the same trials", ended("a", 3, 1), measured("a", 3), measured("b", 2), measured("c", 1), same},
		{"another winner, of measurements that nothing is said against", ended("b", 3, 1), measured("a", 2), measured("b", 3), measured("c", 1), differs},
		{"no winner, of measurements that nothing is said against", ended("", 3, 1), measured("a", 3), measured("b", 2), measured("c", 1), differs},
		{"another note is no excuse", ended("b", 3, 1), measured("a", 2, "card 0 was throttled"), measured("b", 3), measured("c", 1), differs},
		{"another winner, whose measurement says so itself", ended("b", 3, 1), measured("a", 2), measured("b", 3, late), measured("c", 1), excused},
		{"another winner, where that of the one it should be says so", ended("b", 3, 1), measured("a", 2, late), measured("b", 3), measured("c", 1), excused},
		{"another winner, which is not the best of what was measured", ended("b", 3, 1), measured("a", 3, late), measured("b", 2), measured("c", 1), differs},
		{"another winner, where only that of a third says so", ended("b", 3, 1), measured("a", 2), measured("b", 3), measured("c", 1, late), differs},
		{"the load client was the bottleneck in the best", ended("b", 3, 1), bound("a", 3), measured("b", 2), measured("c", 1), excused},
		{"it was in all", ended("", 3, 1), bound("a", 3), bound("b", 2), bound("c", 1), excused},
		{"it was not in all, and none has won", ended("", 3, 1), bound("a", 3), measured("b", 2), bound("c", 1), differs},
		{"a trial more failed, whatever the measurements say", ended("a", 2, 2), measured("a", 3, late), measured("b", 2), measured("c", 1), differs},
		{"a trial is missing, whatever the measurements say", ended("a", 2, 1), measured("a", 3, late), measured("b", 2), measured("c", 1), differs},
	} {
		records := func() []tuner.Record { return []tuner.Record{{Type: tuner.RecordRun}, tt.a, tt.b, tt.c} }
		if got := judge(tt.got, want, records); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.why, got, tt.want)
		}
	}
}

func ended(winner string, ok, failed int) tuner.Summary {
	s := tuner.Summary{Trials: tuner.Counts{OK: ok, Failed: failed}}
	if winner != "" {
		s.Winner = &tuner.Choice{Trial: winner}
	}
	return s
}

func measured(trial string, value float64, notes ...string) tuner.Record {
	levels := []bench.LevelResult{{OutputThroughput: value, Notes: notes}}
	return tuner.Record{Trial: trial, Result: &tuner.TrialResult{Trial: trial, Status: tuner.OK, Workloads: []tuner.WorkloadResult{{Levels: levels}}}}
}

func bound(trial string, value float64) tuner.Record {
	r := measured(trial, value)
	r.Result.Workloads[0].Levels[0].Client.Bound = true
	return r
}

func TestNotReused(t *testing.T) {
	out := `{"type":"trial_started","trial":"b"}` + "\n" + `{"type":"trial_reused","trial":"a"}` + "\n" + `{"type":"trial_reused","trial":"c"}` + "\n"
	got := notReused(map[string]bool{"a": true, "b": true}, out)
	if !slices.Equal(got, []string{"b"}) {
		t.Errorf("got %v: one that nobody had acknowledged does not stand for one that is lost", got)
	}
}
