package profiles

import (
	"fmt"
	"math"
	"strings"
	"testing"
)

func sweepOf(axes, where string) string {
	return "model { id = \"m\" }\nengine \"vllm\" \"a\" {\n  allow_unknown_flags = true\n  flags = { b-flag = 1, swept-x = 0 }\n  sweep {\n" + axes + "\n  }\n" + where + "\n}\n" +
		"search { max_candidates = 1000000 }\n" + rest
}

func TestCandidateOrder(t *testing.T) {
	e := parsed(t, sweepOf("    swept-y = [1, null]\n    swept-x = [\"a\", \"b\"]", ""), Options{}).Engines[0]
	var got []string
	for c := range e.Candidates() {
		var flags []string
		for _, f := range c.Flags {
			flags = append(flags, f.Name+"="+f.Value.Text)
		}
		got = append(got, strings.Join(flags, " "))
	}
	want := []string{
		"b-flag=1 swept-x=a swept-y=1", "b-flag=1 swept-x=b swept-y=1",
		"b-flag=1 swept-x=a", "b-flag=1 swept-x=b",
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestBaselineCandidateIgnoresSweepAndWhere(t *testing.T) {
	e := parsed(t, sweepOf("    swept-x = [1, 2]", "  where = flags.swept-x == 2"), Options{}).Engines[0]
	c := e.BaselineCandidate()
	if c.Excluded || len(c.Flags) != 2 || c.Flags[1].Value.Text != "0" {
		t.Errorf("got %+v, want the engine's own flags", c)
	}
}

func TestCountOverflows(t *testing.T) {
	e := &Engine{Kind: "vllm"}
	for range 5 {
		e.Axes = append(e.Axes, Axis{Name: fmt.Sprint(len(e.Axes)), Values: make([]Value, 10_000)})
	}
	if n, overflow := e.Count(); !overflow || n != math.MaxInt {
		t.Errorf("got %d, %t; want the overflow", n, overflow)
	}
	for range e.Candidates() {
		break // the first of 10^20 comes at once
	}
	if n, overflow := (&Engine{Axes: []Axis{{Name: "a"}}}).Count(); n != 0 || overflow {
		t.Errorf("an axis without values: got %d, %t", n, overflow)
	}
}

// TestTenThousandCandidates holds the limit that the language states: a where over
// 10,000 candidates takes no more than 0.3 s.
func TestTenThousandCandidates(t *testing.T) {
	text := sweepOf("    swept-x = range(1, 100)\n    swept-y = range(1, 100)", "  where = flags.swept-x + flags.swept-y < 100 || flags.b-flag == null")
	e, kept := parsed(t, text, Options{}).Engines[0], 0
	for c := range e.Candidates() {
		if !c.Excluded {
			kept++
		}
	}
	if counted, _ := e.kept(); kept != 99*98/2 || counted != kept {
		t.Errorf("%d kept, %d counted, want %d", kept, counted, 99*98/2)
	}
}

// TestWhereSeesAliases: a flag has one value whatever it is called.
func TestWhereSeesAliases(t *testing.T) {
	e := parsed(t, `
model { id = "m" }
engine "vllm" "a" {
  flags = { tensor-parallel-size = 1 }
  sweep { tp = [1, 2] }
  where = flags.tensor-parallel-size == 2 && flags["tp"] == 2
}`+rest, Options{}).Engines[0]
	var kept []string
	for c := range e.Candidates() {
		if !c.Excluded {
			kept = append(kept, fmt.Sprint(c.Flags))
		}
	}
	if fmt.Sprint(kept) != "[[{tp 2}]]" {
		t.Errorf("got %s", kept)
	}
}

// TestWhereOverAllFlags: flags can be used as a whole.
func TestWhereOverAllFlags(t *testing.T) {
	e := parsed(t, sweepOf("    swept-x = [1, null]", "  where = length([for k, v in flags : k if v == null]) == 0"), Options{}).Engines[0]
	if kept, _ := e.kept(); kept != 1 {
		t.Errorf("%d kept, want 1", kept)
	}
}
