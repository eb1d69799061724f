package deploy

import (
	"slices"
	"testing"

	"github.com/qtune/qtune/docker"
	"github.com/qtune/qtune/engine"
)

func service(lines ...string) *Service {
	return &Service{
		Name: "qwen", Run: "r2", Dir: "/runs/r2", Trial: "t", Kind: "vllm", Engine: "a", Model: "m", Address: "127.0.0.1:8000",
		Restart: "unless-stopped", Version: "v1", Blueprint: &engine.Blueprint{Lines: lines},
	}
}

// standing is a service as the daemon lists it, under a container's name.
func standing(s *Service, container, state string) Deployed {
	d, _ := read(docker.Summary{ID: "id-" + container, Name: container, State: state, Labels: s.labels()})
	return d
}

func TestPlan(t *testing.T) {
	old, same := service("argument --max-num-seqs 8", "image x"), service("argument --max-num-seqs 16", "image x")
	for _, c := range []struct {
		name    string
		found   []Deployed
		room    Room
		replace bool
		action  Action
		beside  bool
		why     string
		changes []string
	}{
		{"nothing is deployed", nil, Room{Enough: true}, false, Create, false, "", []string{"+ argument --max-num-seqs 16", "+ image x"}},
		{"somebody else's deployment", []Deployed{standing(&Service{Name: "other", Run: "r", Dir: "/r", Version: "v", Blueprint: old.Blueprint}, "other", "running")},
			Room{Enough: true}, false, Create, false, "", []string{"+ argument --max-num-seqs 16", "+ image x"}},
		{"the same", []Deployed{standing(same, "qwen", "running")}, Room{Enough: true}, false, Keep, false, "", nil},
		{"the same, and asked to be replaced", []Deployed{standing(same, "qwen", "running")}, Room{Enough: true}, true, Replace, true, "", nil},
		{"the same, and dead", []Deployed{standing(same, "qwen", "exited")}, Room{Enough: true}, false, Replace, false, "it does not run", []string{"- container qwen, which is exited"}},
		{"another, with room", []Deployed{standing(old, "qwen", "running")}, Room{Enough: true}, false, Replace, true, "",
			[]string{"- argument --max-num-seqs 8", "+ argument --max-num-seqs 16"}},
		{"another, without room", []Deployed{standing(old, "qwen", "running")}, Room{Why: "the card is full"}, false, Replace, false, "the card is full",
			[]string{"- argument --max-num-seqs 8", "+ argument --max-num-seqs 16"}},
		{"one that was cut off does not count", []Deployed{standing(old, coming("r2"), "running")}, Room{Enough: true}, false, Create, false, "",
			[]string{"+ argument --max-num-seqs 16", "+ image x"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := NewPlan(same, c.found, c.room, c.replace)
			if p.Action != c.action || p.Beside != c.beside || p.Why != c.why || !slices.Equal(p.Changes, c.changes) {
				t.Errorf("got %+v", p)
			}
		})
	}
}

func TestRead(t *testing.T) {
	s := service("image x")
	for _, c := range []struct {
		name      string
		container string
		spoil     func(map[string]string)
		ours      bool
	}{
		{"in its place", "qwen", nil, true},
		{"on its way", coming("r2"), nil, true},
		{"making room", going("r2"), nil, true},
		{"renamed by somebody", "mine-now", nil, false},
		{"another run's way", coming("r1"), nil, false},
		{"without a hash", "qwen", func(l map[string]string) { delete(l, labelHash) }, false},
		{"with a folder that is none", "qwen", func(l map[string]string) { l[labelDir] = "runs/r2" }, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			labels := s.labels()
			if c.spoil != nil {
				c.spoil(labels)
			}
			d, ours := read(docker.Summary{Name: c.container, Labels: labels})
			if ours != c.ours || ours && (d.Name != "qwen" || d.Run != "r2" || d.Address != "127.0.0.1:8000" || d.Network != "bridge" || !slices.Equal(d.Lines, []string{"image x"})) {
				t.Errorf("ours %v, %+v", ours, d)
			}
		})
	}
}

// TestSettled: of what a kill has left, a server that had been found ready is known
// by its predecessor, which had made room for it.
func TestSettled(t *testing.T) {
	s, old := service("x"), service("y")
	old.Run = "r1"
	way, room := standing(s, coming("r2"), "running"), standing(old, going("r1"), "running")
	for _, c := range []struct {
		name  string
		found []Deployed
		want  bool
	}{
		{"the first of its name, still starting", []Deployed{way}, false},
		{"beside the old one, which has its place", []Deployed{way, standing(old, "qwen", "running")}, false},
		{"the old one has made room", []Deployed{way, room}, true},
		{"in its place, the old one to be removed", []Deployed{standing(s, "qwen", "running"), room}, false},
	} {
		if got := c.found[0].Settled(c.found); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

func TestURL(t *testing.T) {
	for address, want := range map[string]string{
		"127.0.0.1:8000": "http://127.0.0.1:8000", "0.0.0.0:80": "http://127.0.0.1:80", "10.1.2.3:8000": "http://10.1.2.3:8000",
	} {
		if got := URL(address); got != want {
			t.Errorf("%s: %s", address, got)
		}
	}
}
