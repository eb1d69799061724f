package report

import (
	"bytes"
	"encoding/csv"
	"slices"
	"strings"
	"testing"
)

func TestCSVHasTheColumnsThatPeopleKnow(t *testing.T) {
	run := sample(t, true)
	var b bytes.Buffer
	if err := CSV(&b, run); err != nil {
		t.Fatal(err)
	}
	head, rest, _ := strings.Cut(b.String(), "\n")
	if head != "configuration,kind of test,quantity,value,unit,detail" {
		t.Errorf("columns %s", head)
	}
	for line := range strings.Lines(rest) {
		if !strings.Contains(line, "simulated") {
			t.Fatalf("no word of simulation in %s", line)
		}
	}
	if !strings.Contains(rest, "vllm plain,32 users,output_throughput,1548.387097,tok/s,") {
		t.Errorf("the baseline's throughput is not in it: %.600s", rest)
	}
}

func TestFullCSVHasALineForEachLevelAndFailure(t *testing.T) {
	run := sample(t, false)
	var b bytes.Buffer
	if err := FullCSV(&b, run); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(&b).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	levels, failed := 0, 0
	for _, r := range run.Results {
		for _, w := range r.Workloads {
			levels += len(w.Levels)
		}
		if r.Failure != nil {
			failed++
		}
	}
	if len(rows) != 1+levels+failed || failed == 0 {
		t.Errorf("%d rows of %d levels and %d failures", len(rows), levels, failed)
	}
	winner := slices.Index(rows[0], "winner")
	if !slices.ContainsFunc(rows, func(r []string) bool { return r[winner] == "true" }) {
		t.Error("no line is the winner's")
	}
}

func TestNoCellIsAFormula(t *testing.T) {
	got := safe("=1+1", "-1.5", "-x", "@a", "+1", "plain", "")
	want := []string{"'=1+1", "-1.5", "'-x", "'@a", "'+1", "plain", ""}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
