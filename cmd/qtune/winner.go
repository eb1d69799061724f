package main

import (
	"fmt"
	"maps"
	"slices"

	"github.com/qtune/qtune/engine"
	"github.com/qtune/qtune/profiles"
	"github.com/qtune/qtune/tuner"
)

// winner is the configuration that a run has chosen, as it can be started again.
type winner struct {
	past      *tuner.PastRun
	profile   *profiles.Profile
	engine    *profiles.Engine
	candidate profiles.Candidate
}

// readWinner reads a run back and finds what it has chosen. o are the variables
// that apply was given.
func readWinner(w *world, folder *tuner.Folder, run string, o profiles.Options) (*winner, error) {
	past, diags, err := readPast(folder, run, o)
	if err != nil {
		return nil, err
	}
	switch {
	case past.State == tuner.RunRunning:
		return nil, fmt.Errorf("run %s is still at work: it has no winner yet", run)
	case past.Profile == nil:
		if diags != nil {
			if err := diags.WriteText(w.stderr, w.width(), w.color()); err != nil {
				return nil, err
			}
		}
		return nil, &profileAgainError{run: run, why: "cannot be read again"}
	case past.Outcome.Summary.Winner == nil && past.State != tuner.RunDone:
		return nil, fmt.Errorf("run %s has no winner: it was cut short before it had measured one (`qtune runs` lists the others)", run)
	case past.Outcome.Summary.Winner == nil:
		return nil, fmt.Errorf("run %s has no winner: no trial of it met the constraints", run)
	}
	return newWinner(past)
}

// newWinner finds the engine and the candidate of a run's choice in its profile.
func newWinner(past *tuner.PastRun) (*winner, error) {
	run, choice := past.Outcome.Summary.Run, past.Outcome.Summary.Winner
	p := past.Profile
	if past.Header.Profile != "" {
		p.Name = past.Header.Profile // a run's copy is a file of another name
	}
	i := slices.IndexFunc(p.Engines, func(e *profiles.Engine) bool { return e.Kind == choice.Engine && e.Name == choice.Name })
	if i < 0 {
		return nil, &profileAgainError{run: run, why: fmt.Sprintf("has no engine %s %q any more", choice.Engine, choice.Name)}
	}
	w := &winner{past: past, profile: p, engine: p.Engines[i]}
	w.candidate = withSecrets(w.engine, choice)
	if again := engine.Redacted(w.engine, w.candidate, p.Model, engine.Planned(w.engine)); !slices.Equal(again, choice.Command) {
		return nil, &profileAgainError{run: run, why: "gives another command now"}
	}
	return w, nil
}

// profileAgainError is a kept profile that no longer says what it said.
type profileAgainError struct{ run, why string }

func (e *profileAgainError) Error() string {
	return fmt.Sprintf("the profile of run %s %s", e.run, e.why)
}

// Hint says what to do about it.
func (e *profileAgainError) Hint() string {
	return "give it the variables that `qtune apply` was given: --var, --var-file, and what it reads from the environment"
}

// withSecrets is the recorded candidate with the values of its secrets, which are
// recorded by name alone.
func withSecrets(e *profiles.Engine, c *tuner.Choice) profiles.Candidate {
	var out profiles.Candidate
	for _, f := range c.Flags {
		out.Flags = append(out.Flags, profiles.Flag{Name: f.Name, Value: withSecret(e, f.Name, f.Value, false)})
	}
	for _, v := range c.Env {
		out.Env = append(out.Env, profiles.EnvVar{Name: v.Name, Value: withSecret(e, v.Name, v.Value, true)})
	}
	return out
}

// withSecret is the value of the profile that is recorded like this one.
func withSecret(e *profiles.Engine, name string, recorded profiles.Value, env bool) profiles.Value {
	want := recordedForm(recorded)
	for _, own := range ownValues(e, name, env) {
		if recordedForm(own) == want {
			return own
		}
	}
	return recorded
}

// ownValues are those that a profile has for a flag or a variable.
func ownValues(e *profiles.Engine, name string, env bool) []profiles.Value {
	var all []profiles.Value
	for _, f := range e.Flags {
		if !env && f.Name == name {
			all = append(all, f.Value)
		}
	}
	for _, v := range e.Env {
		if env && v.Name == name {
			all = append(all, v.Value)
		}
	}
	for _, a := range e.Axes {
		if a.Env == env && a.Name == name {
			all = append(all, a.Values...)
		}
	}
	return all
}

// checkSecrets refuses a secret that stood in the profile itself: the copy of a
// run has its name in the place of its value.
func checkSecrets(p *profiles.Profile) error {
	for _, s := range p.Secrets {
		if s.Value == "("+s.Name+")" {
			return &lostSecretError{s.Name}
		}
	}
	return nil
}

// lostSecretError is a secret that the run has not kept.
type lostSecretError struct{ name string }

func (e *lostSecretError) Error() string {
	return "the value of " + e.name + " is a secret, which no run keeps"
}

// Hint says what to do about it.
func (e *lostSecretError) Hint() string {
	return "give it again, by QTUNE_VAR_name in the environment or --var name=…; better, have the profile read it with env(\"…\")"
}

// asGiven are options with the values that the run was given, but where there are
// others.
func asGiven(o profiles.Options, h tuner.RunHeader) profiles.Options {
	o.Dir = h.ProfileDir
	vars := maps.Clone(h.Vars)
	if vars == nil {
		vars = map[string]string{}
	}
	maps.Copy(vars, o.Vars)
	o.Vars = vars
	return o
}

// readPast reads a run back, with its profile as it was read from its own folder.
// The diagnostics are those of the profile; nil where there was none to read.
func readPast(folder *tuner.Folder, run string, o profiles.Options) (*tuner.PastRun, *profiles.Diagnostics, error) {
	var diags *profiles.Diagnostics
	past, err := folder.Past(run, func(text []byte, path string, h tuner.RunHeader) *profiles.Profile {
		var p *profiles.Profile
		p, diags = profiles.Parse(text, path, asGiven(o, h)) // its mistakes were shown when it ran
		return p
	})
	if err != nil {
		return nil, nil, err
	}
	past.Outcome.Summary.Folder = relative(past.Outcome.Summary.Folder)
	return past, diags, nil
}

// image warns of an image that is no longer the one that was measured.
func (win *winner) image(now string) error {
	best := win.past.Outcome.Best
	if best == nil || now == "" || best.Facts.ImageDigest == "" || best.Facts.ImageDigest == now {
		return nil
	}
	return &otherImageError{win.engine.Image, best.Facts.ImageDigest, now}
}

// otherImageError is a tag that has moved since the measurement.
type otherImageError struct{ image, measured, now string }

func (e *otherImageError) Error() string {
	return fmt.Sprintf("image %s is %s now, and the winner was measured with %s", e.image, e.now, e.measured)
}

// Hint says what to do about it.
func (e *otherImageError) Hint() string {
	return "`qtune apply` measures it; `--other-image` deploys it unmeasured"
}
