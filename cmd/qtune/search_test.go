package main

import (
	"strings"
	"testing"

	"github.com/qtune/qtune/tuner"
)

func TestSearchLine(t *testing.T) {
	for _, tt := range []struct {
		name   string
		search tuner.Search
		want   string
	}{
		{"a budget, and nothing known", tuner.Search{Strategy: "auto", Candidates: 2592, Exact: true, Most: 40},
			"auto chooses among 2,592 candidates, at most 40 trials"},
		{"no budget", tuner.Search{Strategy: "ofat", Candidates: 16, Exact: true},
			"ofat chooses among 16 candidates, until nothing promises to be better"},
		{"earlier runs lead it", tuner.Search{Strategy: "auto", Candidates: 16, Most: 4, Earlier: 12},
			"auto chooses among about 16 candidates, at most 4 trials; the search starts from 12 trials of earlier runs"},
		{"one trial does", tuner.Search{Strategy: "auto", Candidates: 16, Exact: true, Earlier: 1},
			"auto chooses among 16 candidates, until nothing promises to be better; the search starts from 1 trial of earlier runs"},
	} {
		if got := searchLine(&tt.search); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

// TestAnotherDaysTrialsLead measures on a simulator of one seed, and plans and runs on one
// of another: what was measured leads, unless it is not to.
func TestAnotherDaysTrialsLead(t *testing.T) {
	path, dir := write(t, "small.hcl", small+"search {\n  strategy = \"auto\"\n  finish {\n    starts = 0\n  }\n  budget {\n    trials = 2\n  }\n}\n"), t.TempDir()
	simulated := func(command string, more ...string) string {
		t.Helper()
		c := newConsole(t)
		args := append([]string{command, path, "--simulate", "--simulate-speed", "25", "--dir", dir}, more...)
		if code := c.run(t, args...); !decided(code) {
			t.Fatalf("%v: exit %d\n%s", args, code, c.err.String())
		}
		return c.out.String() + c.err.String()
	}
	const led = "the search starts from "
	if simulated("apply"); len(knownIn(t, dir)) < 2 {
		t.Skip("this machine starved the load client: nothing can lead")
	}
	for _, tt := range []struct {
		name string
		args []string
		led  bool
	}{
		{"the same again is measured already", nil, false},
		{"another day", []string{"--simulate-seed", "2"}, true},
		{"another day, afresh", []string{"--simulate-seed", "2", "--fresh"}, false},
		{"another machine", []string{"--simulate-seed", "2", "--simulate-noise", "1"}, false},
	} {
		if out := simulated("plan", tt.args...); strings.Contains(out, led) != tt.led {
			t.Errorf("%s: led by earlier runs: %v, want %v\n%s", tt.name, !tt.led, tt.led, out)
		}
	}
	if out := simulated("apply", "--simulate-seed", "2"); !strings.Contains(out, led) || strings.Contains(out, "2 reused") {
		t.Errorf("apply does not say that it is led:\n%s", out)
	}
}
