package docker

import (
	"errors"
	"testing"
)

func TestLookup(t *testing.T) {
	f := newFake(t)
	c := f.connect(t)
	ctr, err := c.Run(t.Context(), Spec{Image: "x"})
	if err != nil {
		t.Fatal(err)
	}
	got, ok, err := c.Lookup(t.Context(), ctr.ID())
	if err != nil || !ok || got.ID != ctr.ID() || got.State != "running" {
		t.Errorf("a container that runs: %+v, %v, %v", got, ok, err)
	}
	if err := ctr.Stop(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	if _, ok, err := c.Lookup(t.Context(), ctr.ID()); ok || err != nil {
		t.Errorf("one that is gone: %v, %v", ok, err)
	}
	f.gone()
	if _, _, err := c.Lookup(t.Context(), ctr.ID()); !errors.As(err, new(*Error)) {
		t.Errorf("a daemon that is gone: %v", err)
	}
}
