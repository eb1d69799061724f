package main

import (
	"fmt"
	"math"
	"os"
	"time"

	"github.com/qtune/qtune/predict"
	"github.com/qtune/qtune/profiles"
	"github.com/qtune/qtune/tuner"
)

// learn takes in the starts that earlier runs have measured here, of the profile's model
// by engines of the same kinds. Those of simulated engines take what the model says.
func (f *forecaster) learn(started []tuner.Started) {
	if f.same || f.unknown != "" {
		return
	}
	host, _ := os.Hostname() // "" is no run's
	for _, s := range started {
		e := f.blockOf(s.Kind)
		if e == nil || s.Host != host || s.Model != f.profile.Model.ID {
			continue
		}
		k := f.of(e)
		server, err := k.site.Serve(f.trial(e, s.Candidate))
		if err != nil || server.Refusal() != "" {
			continue
		}
		seen := f.starts[s.Kind]
		if seen == nil {
			seen = &predict.Starts{}
			f.starts[s.Kind] = seen
		}
		seen.See(server.Start(), s.Took)
	}
}

// blockOf is an engine block of a kind; nil: there is none.
func (f *forecaster) blockOf(kind string) *profiles.Engine {
	for _, e := range f.profile.Engines {
		if e.Kind == kind {
			return e
		}
	}
	return nil
}

// start is how long a server would take to come up, and whether that rests on real starts
// of such an engine, here or elsewhere.
func (f *forecaster) start(kind string, server *predict.Server) (took time.Duration, seen bool) {
	if s := f.starts[kind]; s != nil {
		return s.Expect(server.Start()), true
	}
	return server.Start(), f.same || server.StartSeen()
}

// startBasis says what the start times of a kind of engine rest on.
func (f *forecaster) startBasis(kind string) string {
	s := f.starts[kind]
	switch {
	case s == nil && f.site.Card.CPU && kind != "llamacpp":
		return "of " + kind + "'s start are of a real one on two idle cores elsewhere: none was measured here yet"
	case s == nil:
		return "of " + kind + "'s start are guesses: none was measured here yet"
	}
	line := fmt.Sprintf("of %s's start are scaled to the %s of earlier runs on this machine", kind, plural(s.Seen(), "start"))
	if spread := s.Spread(); !math.IsNaN(spread) {
		line += fmt.Sprintf(", half of which lie within %.0f %% of what that gives", 100*spread)
	}
	return line
}
