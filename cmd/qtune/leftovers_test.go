package main

import (
	"maps"
	"strings"
	"testing"

	"github.com/qtune/qtune/docker"
	"github.com/qtune/qtune/process"
)

func TestOnlyWhatBearsAllMarksIsOurs(t *testing.T) {
	labels := map[string]string{labelRun: "r", labelTrial: "t", labelRole: "trial", labelDir: "/kept/runs/r", labelVersion: "1"}
	without := func(name string) map[string]string {
		some := maps.Clone(labels)
		delete(some, name)
		return some
	}
	relative := maps.Clone(labels)
	relative[labelDir] = "kept/runs/r"
	containers := []struct {
		name   string
		labels map[string]string
		want   bool
	}{
		{"qtune-r-t", labels, true},
		{"qtune-r-fetch", without(labelTrial), true}, // a fetch is for no trial
		{"somebody", labels, false},                  // made from an image that was made from one of ours
		{"qtune-r2-t", labels, false},
		{"qtune-r-t", nil, false},
		{"qtune-r-t", without(labelRun), false},
		{"qtune-r-t", without(labelRole), false},
		{"qtune-r-t", without(labelDir), false},
		{"qtune-r-t", without(labelVersion), false},
		{"qtune-r-t", relative, false},
	}
	for i, tt := range containers {
		if got := markedContainer(&docker.Summary{Name: tt.name, Labels: tt.labels}); got != tt.want {
			t.Errorf("container %d, %s with %v: got %v", i, tt.name, tt.labels, got)
		}
	}
	env := map[string]string{envRun: "r", envTrial: "t", envRole: "trial", envDir: "/kept/runs/r", process.MarkVariable: "x"}
	if !markedProcess(&process.Found{Env: env}) {
		t.Error("a process with all marks is not taken for ours")
	}
	for _, name := range []string{envRun, envRole, envDir, process.MarkVariable} {
		some := maps.Clone(env)
		delete(some, name)
		if markedProcess(&process.Found{Env: some}) {
			t.Errorf("a process without %s is taken for ours", name)
		}
	}
}

func TestWhatDestroyChooses(t *testing.T) {
	here, there := t.TempDir(), "/no/such/folder/runs/r3"
	all := []ours{
		{ID: "gone", Run: "r1", Dir: here}, {ID: "live", Run: "r2", Dir: here, Live: true},
		{ID: "far", Run: "r3", Dir: there, Elsewhere: true},
	}
	tests := []struct {
		name string
		args []string
		all  bool
		want string
		err  string
	}{
		{"without a run, what is surely dead", nil, false, "gone", ""},
		{"a run whose folder is elsewhere has to be named", []string{"r3"}, false, "far", ""},
		{"a live run is refused", []string{"r2"}, false, "", "still at work"},
		{"all is all", nil, true, "gone live far", ""},
	}
	for _, tt := range tests {
		chosen, err := choose(all, tt.args, tt.all)
		var got []string
		for _, o := range chosen {
			got = append(got, o.ID)
		}
		if strings.Join(got, " ") != tt.want || (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
			t.Errorf("%s: %v, %v; want %q and an error with %q", tt.name, got, err, tt.want, tt.err)
		}
	}
	same := []ours{{ID: "a", Run: "r", Dir: "/x/runs/r"}, {ID: "b", Run: "r", Dir: "/y/runs/r"}, {ID: "c", Run: "q", Dir: "/x/runs/r"}}
	if mine := ofRun(same, "r", "/x/runs/r/"); len(mine) != 1 || mine[0].ID != "a" {
		t.Errorf("of run r in /x: %v", mine)
	}
}
