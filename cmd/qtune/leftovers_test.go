package main

import (
	"context"
	"errors"
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

// Each is tried, whatever becomes of the others; what is left is listed, and is exit 5.
func TestWhatCannotBeRemovedIsListed(t *testing.T) {
	remove := func(err error) func(context.Context) error { return func(context.Context) error { return err } }
	all := []ours{
		{Kind: "container", ID: "c1", Run: "r", Trial: "t1", remove: remove(&docker.Error{Op: "removing container c1", Reason: docker.NotRemoved, Err: errors.New("device busy")})},
		{Kind: "process", ID: "77", Name: "vllm", Run: "r", Trial: "t2", remove: remove(nil)},
		{Kind: "folder", ID: "/tmp/x", Run: "r", remove: remove(errors.New("read-only"))},
	}
	c := newConsole(t)
	d := destroyed{Type: "destroy"}
	said := ""
	err := d.remove(t.Context(), all, func(line string) { said += line })
	if code := exitCode(t.Context(), err); code != exitLeft || codeOf(err) != "not_removed" {
		t.Errorf("exit %d, code %s, want %d: %v", code, codeOf(err), exitLeft, err)
	}
	if len(d.Left) != 2 || !strings.Contains(d.Left[0], "container c1 of run r: removing container c1: device busy") || !strings.Contains(d.Left[1], "folder /tmp/x") {
		t.Errorf("left %q", d.Left)
	}
	if said != "removed process 77 (vllm) of run r" {
		t.Errorf("said %q", said)
	}
	if err := d.tell(&c.world, true); err != nil || !strings.Contains(c.out.String(), `"removed":["removed process 77`) || !strings.Contains(c.out.String(), `"left":["`) {
		t.Errorf("%v, %s", err, c.out.String())
	}
}
